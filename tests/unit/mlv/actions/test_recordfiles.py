"""Params, metrics and environments read from files (R1, R2)."""

from __future__ import annotations

import pytest

from mlv.actions import environment
from mlv.actions.recordfiles import read_record_files
from mlv_core.errors import UsageError


def test_R2_values_keep_file_and_line(tmp_path):
    (tmp_path / "mlv.toml").write_text('params = ["p.yaml", "p.toml"]\nmetrics = ["m/*.json"]\n')
    (tmp_path / "p.yaml").write_text("optimizer:\n  name: adam\n  lr: 0.1\nlayers: [1, 2]\n")
    (tmp_path / "p.toml").write_text("a = 1\n[b]\na = 2\n")
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "x.json").write_text('{"f1": 0.5, "note": "text",\n "loss": NaN}\n')
    params, metrics = read_record_files(str(tmp_path))
    assert {p.name: (p.value, p.origin) for p in params} == {
        "optimizer.name": ("adam", "p.yaml:2"),
        "optimizer.lr": ("0.1", "p.yaml:3"),
        "layers": ("[1, 2]", "p.yaml:4"),
        "a": ("1", "p.toml:1"),
        "b.a": ("2", "p.toml:3"),
    }
    assert [(m.name, m.origin) for m in metrics] == [("f1", "m/x.json:1"), ("loss", "m/x.json:2")]


def test_a_workspace_without_settings_has_no_records(tmp_path):
    assert read_record_files(str(tmp_path)) == ((), ())


@pytest.mark.parametrize(
    ("settings", "file", "text"),
    [
        ('params = ["gone.json"]', "x", ""),
        ('params = ["../x.json"]', "x", ""),
        ("params = 3", "x", ""),
        ('params = ["x.json"]', "x.json", "{"),
        ('params = ["x.csv"]', "x.csv", "a,b"),
        ("params = [", "x", ""),
    ],
)
def test_bad_files_of_records_are_named(tmp_path, settings, file, text):
    (tmp_path / "mlv.toml").write_text(settings)
    (tmp_path / file).write_text(text)
    with pytest.raises(UsageError):
        read_record_files(str(tmp_path))


def test_R1_the_active_environment_is_captured(tmp_path, monkeypatch):
    packages = tmp_path / "lib" / "python3.12" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "Scikit_Learn-1.5.0.dist-info").mkdir()
    (packages / "numpy-2.1.0.dist-info").mkdir()
    (tmp_path / "pyvenv.cfg").write_text("version = 3.12.4\n")
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path))
    found = environment.capture()
    assert found.packages == (("numpy", "2.1.0"), ("scikit-learn", "1.5.0"))
    assert dict(found.facts)["python"] == "3.12.4"
    assert found.origin == "VIRTUAL_ENV"


def test_R1_an_environment_is_read_from_a_file(tmp_path):
    frozen = tmp_path / "requirements.txt"
    frozen.write_text("# made by pip\nnumpy==2.1.0\nTorch[cuda]==2.4 ; python_version > '3'\n-e .\n")
    assert environment.read(str(frozen)).packages == (("numpy", "2.1.0"), ("torch", "2.4"))
    described = tmp_path / "env.json"
    described.write_text('{"facts": {"python": "3.13"}, "packages": {"numpy": "2.2"}}')
    assert environment.read(str(described)).facts == (("python", "3.13"),)
    with pytest.raises(UsageError):
        environment.read(str(tmp_path / "gone.txt"))
