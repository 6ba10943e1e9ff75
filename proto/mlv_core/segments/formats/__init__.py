"""Parsers of typed containers: each finds tensors by bounded reads and refuses every oddity."""
