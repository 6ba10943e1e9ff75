"""Records: what users write, what files hold, what canonical bytes promise."""

from __future__ import annotations

import math
import struct

import pytest

from mlv_core.entities import DatasetReference, DatasetRole, Environment, Input, Metric, Param, Records
from mlv_core.errors import DamagedContent, InvalidPath, InvalidSettings, LimitExceeded, UsageError
from mlv_core.ids import ChangesetNumber, RepositoryName, Revision, RevisionKind
from mlv_core.records import (
    DatasetSpec,
    ParsedMetric,
    Project,
    canonical_records,
    environment_digest,
    load_environment,
    load_records,
    parse_input,
    parse_metric,
    parse_metric_expression,
    parse_param,
    read_metrics,
    read_params,
    read_project,
    store_environment,
    store_records,
)

JSON = '{\n  "lr": 2e-5,\n  "optimizer": {"name": "adamw",\n    "betas": [0.9, 0.95]},\n  "amp": true\n}\n'
TOML = 'lr = 2e-5\n\n[optimizer]\nname = "adamw"\nbetas = [0.9, 0.95]\n[[stage]]\nsteps = 10\n'
YAML = "lr: 2e-5\noptimizer:\n  name: adamw\n  betas: [0.9, 0.95]\namp: true\n"


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        (
            "params.json",
            JSON,
            [
                ("lr", "2e-5", 2),
                ("optimizer.name", "adamw", 3),
                ("optimizer.betas", "[0.9, 0.95]", 4),
                ("amp", "true", 5),
            ],
        ),
        (
            "conf/train.toml",
            TOML,
            [
                ("lr", "2e-5", 1),
                ("optimizer.name", "adamw", 4),
                ("optimizer.betas", "[0.9, 0.95]", 5),
                ("stage.0.steps", "10", 7),
            ],
        ),
        (
            "a.yaml",
            YAML,
            [
                ("lr", "2e-5", 1),
                ("optimizer.name", "adamw", 3),
                ("optimizer.betas", "[0.9, 0.95]", 4),
                ("amp", "true", 5),
            ],
        ),
        (".env", "# c\nexport LR=2e-5\n\nNAME: 'x'\n", [("LR", "2e-5", 2), ("NAME", "x", 4)]),
        ("p.csv", "lr,wd\n1e-3,0.1\n2e-5,0.2\n", [("lr", "2e-5", 3), ("wd", "0.2", 3)]),
    ],
)
def test_R2_each_param_keeps_file_and_line(file: str, text: str, expected: list[tuple[str, str, int]]):
    assert read_params(file, text) == tuple(Param(name, value, f"{file}:{line}") for name, value, line in expected)


def test_R2_metrics_are_the_numbers_of_a_file():
    metrics = read_metrics("m.json", '{"val": {"f1": 0.871, "note": "good"},\n "loss": NaN}')
    assert [(m.name, m.origin) for m in metrics] == [("val/f1", "m.json:1"), ("loss", "m.json:2")]
    assert metrics[0].value == 0.871
    assert math.isnan(metrics[1].value)


def test_R2_of_a_table_the_last_row_counts():
    (metric, step) = read_metrics("log.csv", "loss,step\n3.5,1\n2.5,20\n")
    assert (metric.value, metric.step, metric.origin) == (2.5, 20, "log.csv:3")
    assert step.name == "step"
    (line,) = read_metrics("log.jsonl", '{"loss": 2}\n{"loss": 1}\n')
    assert (line.value, line.origin) == (1.0, "log.jsonl:2")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("a.json", "{"),
        ("a.json", "[" * 100_000),
        ("a.json", '{"a":' * 90 + "1" + "}" * 90),
        ("a.toml", "a = "),
        ("a.yaml", "a: ["),
        ("a.yaml", "a: &x\n  b: *x\n"),
        ("a.yaml", "- " * 500 + "x"),
        ("a.yaml", "a: \x07\n"),
        ("a.txt", "just words"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(file: str, text: str):
    with pytest.raises(UsageError, match=file):
        read_params(file, text)


def test_a_bomb_of_aliases_is_stopped():
    bomb = "a: &a {x: 1, y: 2}\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} {{" + ", ".join(f"k{j}: *{chr(97 + i)}" for j in range(9)) + "}\n"
        for i in range(12)
    )
    with pytest.raises(LimitExceeded):
        read_params("a.yaml", bomb)


def test_what_the_command_line_takes():
    assert parse_param("lr=2e-5=x") == Param("lr", "2e-5=x", "command line")
    assert parse_metric("val/f1=0.871") == ParsedMetric("val/f1", 0.871)
    spec = DatasetSpec("eval.csv", RepositoryName("fraud", "data"), Revision(RevisionKind.NUMBER, 3))
    assert parse_metric("val/f1=0.9@fraud/data@3:eval.csv") == ParsedMetric("val/f1", 0.9, spec)
    assert parse_metric("val/f1=0.9@eval").dataset is DatasetRole.EVAL
    assert parse_input("train=fraud/data@3:eval.csv") == (DatasetRole.TRAIN, spec)
    assert parse_input("test=@main:a/b") == (
        DatasetRole.TEST,
        DatasetSpec("a/b", None, Revision(RevisionKind.NAME, text="main")),
    )
    assert parse_input("dev=a/b") == (DatasetRole.DEV, DatasetSpec("a/b"))


@pytest.mark.parametrize("text", ["f1", "f1=high", "=0.5", "f1=0.5@fraud/data:x"])
def test_a_metric_that_is_none_is_refused(text: str):
    with pytest.raises(UsageError):
        parse_metric(text)


@pytest.mark.parametrize("text", ["train", "prod=a/b@3:x", "train=a/b@3:../x"])
def test_an_input_that_is_none_is_refused(text: str):
    with pytest.raises((UsageError, InvalidPath)):
        parse_input(text)


@pytest.mark.parametrize(
    ("text", "value", "matches"),
    [
        ("val/f1", float("nan"), True),
        ("val/f1>=0.9", 0.9, True),
        ("val/f1 > 0.9", 0.9, False),
        ("val/f1<0.9", 0.8, True),
        ("val/f1=0.5", 0.5, True),
        ("val/f1!=0.5", float("nan"), True),
        ("val/f1>=0.9", float("nan"), False),
    ],
)
def test_conditions_on_metrics(text: str, value: float, matches: bool):
    expression = parse_metric_expression(text)
    assert expression.name == "val/f1"
    assert expression.matches(value) is matches


@pytest.mark.parametrize("text", ["", ">=1", "a>=b", "a>=", "a>1>2"])
def test_a_condition_that_is_none_is_refused(text: str):
    with pytest.raises(UsageError):
        parse_metric_expression(text)


def test_R3_nan_and_infinities_are_kept_and_nan_has_one_bit_pattern():
    odd = struct.unpack("<d", struct.pack("<Q", 0xFFF8_0000_0000_0123))[0]
    values = [odd, math.nan, math.inf, -math.inf]
    loaded = load_records(store_records(Records(metrics=tuple(Metric(f"m{i}", v) for i, v in enumerate(values)))))
    assert math.isnan(loaded.metrics[0].value)
    assert [metric.value for metric in loaded.metrics[2:]] == [math.inf, -math.inf]
    one, other = (canonical_records(Records(metrics=(Metric("m", value),))) for value in values[:2])
    assert one == other


def test_R1_records_survive_storage_sorted():
    dataset = DatasetReference("fraud/data", ChangesetNumber(3), "train.csv", b"\x01" * 32)
    records = Records(
        (Param("lr", "2e-5", "a:1"), Param("bs", "8", "sdk")),
        (Metric("val/f1", 0.5, dataset=dataset, step=4, context=(("b", "2"), ("a", "1"))), Metric("loss", 1.0)),
        (Input(DatasetRole.TRAIN, dataset),),
        ChangesetNumber(7),
        Environment((("python", "3.11"),), (("numpy", "2.4"),), "active"),
        "run-1",
    )
    loaded = load_records(store_records(records))
    assert [param.name for param in loaded.params] == ["bs", "lr"]
    assert loaded.metrics[1].context == (("a", "1"), ("b", "2"))
    assert (loaded.inputs, loaded.trained_from, loaded.environment.digest, loaded.run_id) == (
        records.inputs,
        records.trained_from,
        environment_digest(records.environment),
        records.run_id,
    )
    assert canonical_records(loaded) == canonical_records(records)


@pytest.mark.parametrize("cut", [0, 3, 8, 20])
def test_damaged_records_are_told(cut: int):
    with pytest.raises(DamagedContent):
        load_records(store_records(Records(params=(Param("lr", "1"),)))[:cut])


def test_R2_the_project_file_names_the_files():
    project = read_project('params = ["params.yaml", "conf/*.toml"]\nmetrics = ["metrics.json"]\n')
    assert project == Project(("params.yaml", "conf/*.toml"), ("metrics.json",))
    assert read_project("") == Project()


@pytest.mark.parametrize("text", ["[", "x = 1", "params = 1", "param = []", "params = [1]"])
def test_R2_a_wrong_project_file_is_told(text: str):
    with pytest.raises(InvalidSettings, match=r"mlv\.toml"):
        read_project(text)


def test_R1_an_environment_is_named_by_what_it_says_and_read_back_from_its_name():
    stated = Environment((("python", "3.11.7"),), (("numpy", "2.4.0"),), "active environment")
    digest = environment_digest(stated)
    assert load_environment(store_environment(stated), digest) == stated
    assert environment_digest(Environment(digest=digest)) == digest
    assert canonical_records(Records(environment=stated)) == canonical_records(
        Records(environment=Environment(digest=digest))
    )
    assert environment_digest(Environment()) == b""
    other = Environment((("python", "3.12.0"),), stated.packages, stated.origin)
    assert environment_digest(other) != digest
    with pytest.raises(DamagedContent):
        load_environment(store_environment(other), digest)
    with pytest.raises(DamagedContent):
        load_environment(store_environment(stated)[:-3], digest)
