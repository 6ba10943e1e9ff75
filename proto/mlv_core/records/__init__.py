"""Params, metrics, inputs and environment of a changeset: canonical bytes, stored form, and how users write them."""

from mlv_core.records.canonical import (
    Reader,
    Writer,
    canonical_records,
    environment_digest,
    load_environment,
    load_records,
    store_environment,
    store_records,
)
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
from mlv_core.records.project import PROJECT_FILE, Project, read_project

__all__ = [
    "PROJECT_FILE",
    "DatasetSpec",
    "MetricExpression",
    "ParsedMetric",
    "Project",
    "Reader",
    "Writer",
    "canonical_records",
    "environment_digest",
    "load_environment",
    "load_records",
    "parse_dataset",
    "parse_input",
    "parse_metric",
    "parse_metric_expression",
    "parse_param",
    "read_metrics",
    "read_params",
    "read_project",
    "store_environment",
    "store_records",
]
