"""Differences of versions, records and texts."""

from __future__ import annotations

import math
import shutil
import subprocess
from pathlib import Path

import pytest

from mlv_core.diffs import (
    ValueChange,
    diff_environments,
    diff_metrics,
    diff_params,
    diff_properties,
    unified_diff,
)
from mlv_core.entities import DatasetReference, Environment, Metric, Param
from mlv_core.ids import ChangesetNumber


def test_params_that_differ_name_where_they_came_from():
    before = [Param("lr", "1e-3", "a.yaml:1"), Param("same", "1"), Param("gone", "x")]
    after = [Param("lr", "2e-5", "command line"), Param("same", "1", "sdk"), Param("new", "y")]
    assert diff_params(before, after) == (
        ValueChange("gone", "x", None),
        ValueChange("lr", "1e-3", "2e-5", "a.yaml:1", "command line"),
        ValueChange("new", None, "y"),
    )


def test_metrics_on_other_data_are_not_compared():
    one = DatasetReference("a/b", ChangesetNumber(1), "x")
    two = DatasetReference("a/b", ChangesetNumber(2), "x")
    changes = diff_metrics(
        [
            Metric("f1", 0.5, dataset=one),
            Metric("loss", 3.0, step=1),
            Metric("loss", 2.0, step=9),
            Metric("n", math.nan),
        ],
        [Metric("f1", 0.75, dataset=one), Metric("f1", 0.9, dataset=two), Metric("loss", 2.0), Metric("n", math.nan)],
    )
    assert [(c.name, c.dataset, c.before, c.after, c.difference) for c in changes] == [
        ("f1", one, 0.5, 0.75, 0.25),
        ("f1", two, None, 0.9, None),
    ]


def test_metrics_on_the_same_bytes_of_two_versions_are_compared():
    one, two = (DatasetReference("a/b", ChangesetNumber(n), "x", b"digest") for n in (1, 2))
    (change,) = diff_metrics([Metric("f1", 0.5, dataset=one)], [Metric("f1", 0.75, dataset=two)])
    assert (change.before, change.after, change.dataset) == (0.5, 0.75, two)


def test_packages_that_came_went_or_changed():
    before = Environment((("python", "3.11"),), (("numpy", "2.3"), ("torch", "2.5")))
    after = Environment((("python", "3.12"),), (("numpy", "2.4"), ("jax", "0.5")))
    difference = diff_environments(before, after)
    assert difference.facts == (ValueChange("python", "3.11", "3.12"),)
    assert difference.packages == (
        ValueChange("jax", None, "0.5"),
        ValueChange("numpy", "2.3", "2.4"),
        ValueChange("torch", "2.5", None),
    )
    assert diff_properties((("a", "1"),), (("a", "1"),)) == ()


@pytest.mark.skipif(shutil.which("patch") is None, reason="this machine has no patch program")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"a\nb\nc\n", b"a\nB\nc\n"),
        (b"", b"new\n"),
        (b"gone\n", b""),
        (b"a\nb", b"a\nb\n"),
        (b"1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n", b"1\n2\n3\nX\n5\n6\n7\n8\n9\n10\n11\n12"),
        (b"caf\xc3\xa9\tx\n", b"cafe\tx\n"),
    ],
)
def test_the_patch_program_understands_a_diff(before: bytes, after: bytes, tmp_path: Path):
    file = tmp_path / "f"
    file.write_bytes(before)
    lines = "\n".join(unified_diff(before, after, "f", "f")) + "\n"
    done = subprocess.run(["patch", "-s", "-p0", str(file)], input=lines.encode(), cwd=tmp_path, check=False)
    assert done.returncode == 0
    assert (file.read_bytes() if file.exists() else b"") == after


def test_control_characters_are_shown_escaped():
    lines = list(unified_diff(b"a\x1b[31m\r\n\xff\n", None, "n\x07", "n"))
    assert all(line.isprintable() for line in lines)
    assert "-a\\x1b[31m\\r" in lines


def test_equal_texts_give_nothing():
    assert list(unified_diff(b"a", b"a", "x", "y")) == []
