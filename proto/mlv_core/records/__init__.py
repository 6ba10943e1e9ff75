"""Params, metrics, inputs and environment of a changeset: canonical bytes, stored form, and how users write them."""

from mlv_core.records.canonical import Reader, Writer, canonical_records, load_records, store_records
from mlv_core.records.expressions import (
    DatasetSpec,
    MetricExpression,
    ParsedMetric,
    parse_dataset,
    parse_input,
    parse_metric,
    parse_metric_expression,
    parse_param,
)
from mlv_core.records.files import read_metrics, read_params

__all__ = [
    "DatasetSpec",
    "MetricExpression",
    "ParsedMetric",
    "Reader",
    "Writer",
    "canonical_records",
    "load_records",
    "parse_dataset",
    "parse_input",
    "parse_metric",
    "parse_metric_expression",
    "parse_param",
    "read_metrics",
    "read_params",
    "store_records",
]
