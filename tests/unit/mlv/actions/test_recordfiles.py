"""Params, metrics and environments read from files (R1, R2)."""

from __future__ import annotations

import pytest

from mlv.actions import environment, recordfiles
from mlv.actions.recordfiles import read_record_files
from mlv_core.errors import LimitExceeded, UsageError


def test_R2_values_keep_file_and_line(tmp_path):
    (tmp_path / "mlv.toml").write_text('params = ["p.yaml", "p.toml"]\nmetrics = ["m/*.json"]\n')
    (tmp_path / "p.yaml").write_text("optimizer:\n  name: adam\n  lr: 2e-5\nlayers: [1, 2]\n")
    (tmp_path / "p.toml").write_text("a = 1\n[b]\na = 2\n")
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "x.json").write_text('{"f1": 0.5, "note": "text",\n "loss": NaN}\n')
    params, metrics = read_record_files(str(tmp_path))
    assert {p.name: (p.value, p.origin) for p in params} == {
        "optimizer.name": ("adam", "p.yaml:2"),
        "optimizer.lr": ("2e-5", "p.yaml:3"),
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
        ('params = ["x.bin"]', "x.bin", "\udcff"),
        ('params = ["x"]', "x/y", ""),
        ('parms = ["x.json"]', "x.json", "{}"),
        ("params = [", "x", ""),
    ],
)
def test_bad_files_of_records_are_named(tmp_path, settings, file, text):
    (tmp_path / "mlv.toml").write_text(settings)
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError, match=r"mlv\.toml|x"):
        read_record_files(str(tmp_path))


def test_a_file_that_is_no_set_of_values_is_told(tmp_path):
    (tmp_path / "mlv.toml").write_text('metrics = ["m*.csv"]\n')
    with (tmp_path / "m1.csv").open("wb") as stream:
        stream.truncate(recordfiles.SIZE_LIMIT_BYTES + 1)
    with pytest.raises(LimitExceeded, match=r"m1\.csv"):
        read_record_files(str(tmp_path))
    for number in (1, 2):
        rows = ",".join(f"a{i}" for i in range(6000)), ",".join("1" for _ in range(6000))
        (tmp_path / f"m{number}.csv").write_text("\n".join(rows))
    with pytest.raises(LimitExceeded, match=r"mlv\.toml"):
        read_record_files(str(tmp_path))


def test_a_pattern_takes_each_file_once_and_no_folder(tmp_path):
    (tmp_path / "mlv.toml").write_text('params = ["conf/**", "conf/a/b.json"]\n')
    (tmp_path / "conf" / "a").mkdir(parents=True)
    (tmp_path / "conf" / "a" / "b.json").write_text('{"x": 1}')
    assert [p.origin for p in read_record_files(str(tmp_path))[0]] == ["conf/a/b.json:1"]


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


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("print('hello')\n", "line 1"),
        ("torch==2.4\nnumpy>=2\n", "line 2"),
        ("# nothing\n", "no line"),
        ("", "no line"),
        ("{}", "neither"),
        ('{"packages": {}}', "neither"),
        ("[1]", "line 1"),
    ],
)
def test_R1_a_file_that_describes_no_environment_is_refused(tmp_path, text, reason):
    file = tmp_path / "some.txt"
    file.write_text(text)
    with pytest.raises(UsageError, match=reason):
        environment.read(str(file))


def test_R1_a_frozen_list_may_hold_comments_options_and_packages_from_elsewhere(tmp_path):
    file = tmp_path / "frozen.txt"
    file.write_text("# made today\n-e .\n\nlocal @ file:///tmp/x\nTorch[cuda]==2.4 ; python_version > '3'\n")
    assert environment.read(str(file)).packages == (("torch", "2.4"),)
