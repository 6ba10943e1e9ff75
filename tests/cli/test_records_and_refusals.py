"""Records, comparisons, dry runs and refusals, as a user sees them."""

from __future__ import annotations

from tests.cli.people import Typist, changed


def test_records_come_from_the_command_line_and_from_named_files_with_their_origin(pair):
    first, _ = pair
    first.write("mlv.toml", b'params = ["conf/*.json", "p.toml"]\nmetrics = ["metrics.json"]\n')
    first.write("conf/train.json", b'{\n  "lr": 2e-05,\n  "optimizer": {\n    "name": "adam"\n  }\n}\n')
    first.write("p.toml", b"seed = 7\n[data]\nbatch = 32\n")
    first.write("metrics.json", b'{"val": {"f1": 0.5},\n "val/acc": 1}\n')
    first.mlv("add", ".")
    first.mlv(
        "commit", "-m", "r", "--param", "seed=8", "--metric", "f1=0.7@data/a.txt", "--metric", "fit=0.9@train",
        "--dataset", "train=@1:data/a.txt", "--trained-from", "@1", "--run", "r-1",
    )  # fmt: skip
    records = first.json("show")["records"]
    origins = {p["name"]: (p["value"], p["origin"]) for p in records["params"]}
    assert origins["lr"] == ("2e-05", "conf/train.json:2")
    assert origins["optimizer.name"] == ("adam", "conf/train.json:4")
    assert origins["data.batch"] == ("32", "p.toml:3")
    assert origins["seed"] == ("8", "command line")
    metrics = {m["name"]: m for m in records["metrics"]}
    assert metrics["val/f1"]["origin"] == "metrics.json:1"
    assert metrics["val/acc"]["value"] == 1.0
    assert metrics["f1"]["dataset"]["path"] == "data/a.txt"
    assert metrics["fit"]["dataset"] == metrics["f1"]["dataset"]
    assert records["inputs"][0]["changeset"] == 1
    assert records["trained_from"] == 1
    assert records["run"] == "r-1"
    assert records["environment"]["facts"]["python"]


def test_R5_an_input_names_an_exact_version_that_exists(pair):
    first, _ = pair
    for gone in ("train=data/gone.txt", "train=@1:data/gone.txt"):
        assert first.json("commit", "-m", "r", "--dataset", gone, code=9)["code"] == "NOT_FOUND"
    for wrong in ("train=team/other@have:x", "prod=data/a.txt"):
        assert first.json("commit", "-m", "r", "--dataset", wrong, code=2)["code"] == "USAGE"
    assert first.json("commit", "-m", "r", "--metric", "f1=1@eval", code=2)["code"] == "USAGE"
    assert len(first.json("log")) == 1


def test_records_of_two_versions_are_compared(pair):
    first, _ = pair
    first.write("a.txt", b"torch==2.4\nnumpy==2.1\n")
    first.write("b.txt", b"torch==2.5\nnumpy==2.1\njax==0.5\n")
    data = "--metric=f1=0.5@data/a.txt"
    first.mlv("commit", "-m", "2", "--param=lr=1e-3", "--param=x=1", "--metric=n=nan", data, "--env", "a.txt")
    data = data.replace("0.5", "0.75")
    first.mlv("commit", "-m", "3", "--param=lr=2e-5", "--param=x=1", "--metric=n=nan", data, "--env", "b.txt")
    found = first.json("diff", "@2:@3", "--params", "--metrics", "--env")
    assert found["params"] == [
        {
            "name": "lr",
            "before": "1e-3",
            "after": "2e-5",
            "before_origin": "command line",
            "after_origin": "command line",
        }
    ]
    (f1,) = found["metrics"]
    assert (f1["name"], f1["before"], f1["after"], f1["dataset"]["path"]) == ("f1", 0.5, 0.75, "data/a.txt")
    assert {row["name"]: (row["before"], row["after"]) for row in found["env"]} == {
        "jax": (None, "0.5"),
        "torch": ("2.4", "2.5"),
    }
    shown = first.mlv("diff", "@2:@3", "--params", "--metrics", "--env").splitlines()
    assert "  lr: 1e-3 -> 2e-5  (command line)" in shown
    assert any(line.startswith("  f1: 0.5 -> 0.75  (+0.25, on ") for line in shown)
    assert "+ jax = 0.5" in shown
    assert first.mlv("diff", "@2:@2", "--params").strip() == "params: @2 -> @2: nothing differs"


def test_a_diff_cannot_drive_a_terminal_and_tells_of_a_missing_newline(pair):
    first, _ = pair
    first.write("train.py", b"\x1b[31mred\r\n\tlast")
    shown = first.mlv("diff", "train.py")
    assert "\x1b" not in shown
    assert "+\\x1b[31mred\\r" in shown
    assert "+\tlast\n\\ No newline at end of file" in shown


def test_R3_metrics_that_are_no_numbers_are_kept_and_shown(pair):
    first, _ = pair
    first.mlv("commit", "-m", "diverged", "--metric", "loss=nan", "--metric", "big=inf")
    assert first.json("log", "-l", "1")[0]["metrics"] == {"loss": "nan", "big": "inf"}


def test_log_filters_by_metric_and_keeps_records(pair):
    first, _ = pair
    for value in (0.5, 0.4, 0.7):
        first.mlv("commit", "-m", str(value), "--metric", f"f1={value}", "--metric", f"loss={value}")
    assert [c["changeset"] for c in first.json("log", "--metric", "f1>0.45")] == [4, 2]
    assert [c["changeset"] for c in first.json("log", "--metric", "f1", "--records")] == [4, 2]
    assert [c["changeset"] for c in first.json("log", "--metric", "loss", "--records")] == [3, 2]


def test_every_writing_verb_has_a_dry_run_that_changes_nothing(pair, repository):
    first, _ = pair
    first.write("train.py", changed(3, b"x"))
    first.write("new.txt", b"n")
    here = first.files(), first.states(), first.json("log"), first.json("locks"), first.json("branches")
    for line in (
        "add new.txt", "commit -m x", "edit w.safetensors", "lock w.safetensors", "branch b", "label l @1",
        "revert train.py", "undo @1", "update @1", "switch main", "move data/a.txt b.txt", "copy data/a.txt c.txt",
        "delete data/a.txt", "meta set . a=b", "reconcile", "repo create cli/dry", "user add dryrun",
        f"policy grant reader admin {repository}", "token create", "config timeout 3",
    ):  # fmt: skip
        first.mlv(*line.split(), "-n")
    assert (first.files(), first.states(), first.json("log"), first.json("locks"), first.json("branches")) == here


def test_exit_codes_and_codes_of_refusals(pair, member, tmp_path):
    first, second = pair
    first.mlv("edit", "w.safetensors")
    assert second.json("edit", "w.safetensors", code=4)["code"] == "LOCK_HELD"
    assert second.json("label", "v1", code=5)["code"] == "DENIED"
    first.mlv("label", "v1", "@1")
    assert first.json("label", "v1", "@1", code=9)["code"] == "ALREADY_EXISTS"
    assert first.json("show", "@99", code=9)["code"] == "NOT_FOUND"
    assert first.json("cat", "nothing.txt", code=9)["code"] == "NOT_FOUND"
    assert first.json("branch", "123", code=2)["code"] == "INVALID_NAME"
    assert first.json("commit", code=2)["code"] == "USAGE"


def test_an_expired_or_wrong_token_and_a_wrong_fingerprint_are_told_apart(team, tmp_path):
    stranger = Typist("stranger", tmp_path / "config", tmp_path)
    url, right = team.server.url, team.server.fingerprint
    wrong = "SHA256:" + "0" * 64
    assert (
        stranger.json("login", url, "--token", "mlv_x_y", "--fingerprint", wrong, code=5)["code"] == "UNTRUSTED_SERVER"
    )
    assert stranger.json("login", url, "--token", "mlv_x_y", "--fingerprint", right, code=5)["code"] == "NOT_SIGNED_IN"
    assert stranger.json("login", url, "--token", "mlv_x_y", code=5)["code"] == "UNTRUSTED_SERVER"
    assert stranger.json("whoami", code=5)["code"] == "NOT_SIGNED_IN"
    gone = "mlv://127.0.0.1:9"
    assert stranger.json("login", gone, "--token", "x", "--timeout", "1", code=6)["code"] == "UNREACHABLE"


def test_verbose_says_what_went_over_the_wire(pair):
    first, _ = pair
    assert " sent, " in first.mlv("show", "@99", "-v", code=9)


def test_reverting_a_large_text_fetches_its_base_and_leaves_nothing_behind(pair):
    first, _ = pair
    large = b"a line of a large text\n" * 20_000
    first.write("large.txt", large)
    first.mlv("add", "large.txt")
    first.mlv("commit", "-m", "large")
    first.write("large.txt", b"short\n")
    first.mlv("revert", "large.txt")
    assert first.read("large.txt") == large
    assert list((first.here / ".mlv" / "incoming").iterdir()) == []
    assert first.states() == {}
