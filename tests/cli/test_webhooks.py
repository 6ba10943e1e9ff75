"""mlv webhook and mlv check as people type them, against a real receiver; the page that tells receivers what to do."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import typist
from tests.cli.people import Typist
from tests.receivers import SECRET, Receiver, receiving
from tests.servers import RunningServer, Team

PAGE = Path(__file__).parents[2] / "docs" / "webhooks.md"
REPO = "out/side"


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Team, Receiver]]:
    """A server that may call a receiver on the loopback, and the receiver."""
    folder = tmp_path_factory.mktemp("outside")
    with receiving(folder / "receiver") as receiver:
        server = RunningServer.create(folder / "server")
        server.environment = receiver.environment()
        try:
            team = Team(server.start(), folder / "people")
            team.admin.mlv("repo", "create", REPO)
            yield team, receiver
        finally:
            server.stop()


@pytest.fixture
def receiver(outside: tuple[Team, Receiver]) -> Receiver:
    found = outside[1]
    found.got.clear()
    found.answer = lambda _: (200, b'{"allow": true}')
    return found


@pytest.fixture
def admin(outside: tuple[Team, Receiver], receiver: Receiver) -> Iterator[Typist]:
    team, _ = outside
    who = typist(team.admin, team.admin.home)
    yield who
    for one in who.json("webhook", "list", REPO):
        who.mlv("webhook", "delete", REPO, one["id"])
    for one in who.json("check", "list", REPO):
        who.mlv("check", "delete", REPO, one["id"])


@pytest.fixture(scope="module")
def verify() -> Callable[..., bool]:
    """The function that docs/webhooks.md gives to receivers."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), names)
    return names["verify"]


def workspace(admin: Typist, folder: Path) -> Typist:
    admin.mlv("checkout", REPO, str(folder))
    here = Typist(admin.name, admin.config, folder)
    number = len(list(folder.iterdir()))
    here.write(f"f{number}-{folder.parent.name}.txt", b"x\n")
    here.mlv("add", ".")
    return here


def test_a_receiver_verifies_as_the_page_says(admin: Typist, receiver: Receiver, verify: Callable[..., bool]) -> None:
    made = admin.json("webhook", "add", REPO, receiver.url, "--event", "branch,label")
    assert made["secret"].startswith("mlvs_")
    assert (made["events"], made["state"], made["dry_run"]) == (["branch", "label"], "active", False)
    admin.mlv("branch", "verified", "--repo", REPO)
    (got,) = receiver.wait(lambda: bool(receiver.got))
    signature = got.headers["x-mlv-signature"]
    assert verify(made["secret"], signature, got.body)
    assert not verify(made["secret"], signature, got.body + b" ")
    assert not verify("mlvs_another", signature, got.body)
    assert not verify(made["secret"], signature, got.body, tolerance=-1)
    assert not verify(made["secret"], "", got.body)
    watched = [json.loads(line) for line in admin.mlv("watch", REPO, "--once", "--json").splitlines()]
    said = {name: got.json[name] for name in ("sequence", "time", "kind", "facts")}
    assert said in watched


def test_the_life_of_a_webhook(admin: Typist, receiver: Receiver, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n")
    rehearsed = admin.json("webhook", "add", REPO, receiver.url, "-n")
    assert (rehearsed["dry_run"], rehearsed["secret"]) == (True, None)
    assert admin.json("webhook", "list", REPO) == []
    assert admin.mlv("webhook", "list", REPO) == "No webhooks.\n"
    made = admin.json("webhook", "add", REPO, receiver.url, "--secret-file", str(secret), "--path", "*.bin")
    assert made["secret"] is None
    hook = made["id"]
    tested = admin.json("webhook", "test", REPO, hook)
    assert (tested["status"], tested["kind"], tested["fault"], tested["number"]) == (200, "ping", None, 1)
    assert receiver.got[0].is_signed(SECRET)
    receiver.answer = lambda _: (500, b"no \x1b[31m")
    shown = admin.mlv("webhook", "test", REPO, hook, code=1)
    assert "not taken: it answered with status 500" in shown
    assert "\x1b" not in shown
    assert admin.mlv("webhook", "test", REPO, hook, "-n") == "dry run: ping would be sent\n"
    listed = admin.json("webhook", "deliveries", REPO, hook)
    assert [one["status"] for one in listed] == [500, 200]
    assert "it answered with status 500" in admin.mlv("webhook", "deliveries", REPO, hook)
    assert admin.json("webhook", "pause", REPO, hook)["state"] == "paused"
    assert "paused by admin" in admin.mlv("webhook", "show", REPO, hook)
    assert admin.json("webhook", "resume", REPO, hook, "--from-now")["state"] == "active"
    rotated = admin.json("webhook", "rotate", REPO, hook, "--overlap", "1h")
    assert rotated["secret"].startswith("mlvs_")
    assert rotated["old_secret_until"] is not None
    assert admin.json("webhook", "test", REPO, hook, code=1)["status"] == 500
    assert receiver.got[-1].is_signed(SECRET)
    assert receiver.got[-1].is_signed(rotated["secret"])
    admin.mlv("branch", "lived", "--repo", REPO)
    assert admin.json("webhook", "redeliver", REPO, hook, "1", code=1)["sequence"] == 1
    refused = admin.json("webhook", "redeliver", REPO, hook, "9999", code=9)
    assert refused["code"] == "NOT_FOUND"
    assert admin.json("webhook", "delete", REPO, hook)["id"] == hook
    assert admin.json("webhook", "show", REPO, hook, code=9)["code"] == "NOT_FOUND"


def test_secrets_are_in_no_log_and_no_list(admin: Typist, receiver: Receiver, outside: tuple[Team, Receiver]) -> None:
    made = admin.json("webhook", "add", REPO, receiver.url)
    check = admin.json("check", "add", REPO, receiver.url, "--at", "label", "--name", "gate")
    admin.mlv("branch", "logged", "--repo", REPO)
    receiver.wait(lambda: bool(receiver.got))
    seen = "".join(
        [
            admin.mlv("webhook", "list", REPO, "--json"),
            admin.mlv("webhook", "show", REPO, made["id"]),
            admin.mlv("webhook", "deliveries", REPO, made["id"], "--json"),
            admin.mlv("check", "list", REPO, "--json"),
            admin.mlv("check", "show", REPO, "gate"),
            admin.mlv("audit", "log", REPO, "--json"),
            *outside[0].server.log,
        ]
    )
    assert made["secret"] not in seen
    assert check["secret"] not in seen


def test_what_cannot_be_called_is_refused_with_what_to_do(admin: Typist) -> None:
    for url, words in (
        ("https://10.0.0.1/", "it is no public address"),
        ("https://169.254.169.254/x", "it is a link-local address"),
        ("http://ci.example/", "without TLS"),
        ("ci.example", "no URL"),
    ):
        refused = admin.json("webhook", "add", REPO, url, code=2)
        assert refused["code"] == "INVALID_REQUEST"
        assert words in refused["message"]
        assert admin.json("check", "add", REPO, url, "--at", "label", code=2)["message"] == refused["message"]
    assert "outgoing.allow" in admin.json("webhook", "add", REPO, "https://10.0.0.1/", code=2)["advice"]
    missing = admin.json("webhook", "add", REPO, "https://ci.example/", "--secret-file", "/nonexistent", code=2)
    assert "/nonexistent" in missing["message"]


def test_P4_a_stranger_finds_no_webhooks_and_a_member_may_not(
    admin: Typist, receiver: Receiver, outside: tuple[Team, Receiver]
) -> None:
    made = admin.json("webhook", "add", REPO, receiver.url)
    team, _ = outside
    stranger, member = team.member("stranger"), team.member("member", contributor=REPO.replace("/", "__"))
    for verbs in (("webhook", "list"), ("webhook", "show"), ("webhook", "deliveries"), ("check", "list")):
        more = (made["id"],) if verbs[1] in {"show", "deliveries"} else ()
        hidden = stranger.mlv(*verbs, REPO, *more, "--json", code=9).json
        absent = stranger.mlv(*verbs, "no/where", *more, "--json", code=9).json
        assert hidden["message"].replace(REPO, "no/where") == absent["message"]
        assert member.mlv(*verbs, REPO, *more, "--json", code=5).json["code"] == "DENIED"


def test_a_check_refuses_with_its_text_and_the_same_command_lands_later(
    admin: Typist, receiver: Receiver, tmp_path: Path
) -> None:
    made = admin.json(
        "check", "add", REPO, receiver.url, "--at", "publish", "--at", "begin", "--name", "licences",
        "--ref", "branch/main", "--path", "*.txt", "--deadline", "9s",
    )  # fmt: skip
    assert (made["at"], made["deadline_ms"], made["fail_open"]) == (["begin", "publish"], 9000, False)
    here = workspace(admin, tmp_path / "w")
    before = here.json("log")
    receiver.answer = lambda _: (200, b'{"allow": false, "message": "no licence\\nsee \\u001b[31mthe wiki"}')
    text = here.mlv("commit", "-m", "one", code=4)
    assert "mlv: The check 'licences' refused it: no licence\n  see \\x1b[31mthe wiki\n" in text
    refused = here.json("commit", "-m", "one", code=4)
    assert (refused["code"], refused["exit"], refused["items"]) == ("CHECK_REFUSED", 4, ["see \\x1b[31mthe wiki"])
    assert here.json("log") == before
    assert set(here.states().values()) == {"added"}
    receiver.answer = lambda _: (503, b"")
    silent = here.json("commit", "-m", "one", code=4)
    assert silent["code"] == "CHECK_UNANSWERED"
    receiver.answer = lambda _: (200, b'{"allow": true}')
    here.mlv("commit", "-m", "one")
    assert [one["message"] for one in here.json("log")[: -len(before) or None]] == ["one"]
    actions = [one["action"] for one in admin.json("audit", "log", REPO)]
    assert {"check.add", "check.refused", "check.unanswered"} <= set(actions)


def test_a_large_commit_that_is_refused_at_its_end_lands_later(
    admin: Typist, receiver: Receiver, tmp_path: Path
) -> None:
    here = workspace(admin, tmp_path / "w")
    here.mlv("commit", "-m", "before")
    before = here.json("log")
    here.write("large.bin", random.Random(1).randbytes(3_000_000))
    here.mlv("add", "large.bin")
    admin.mlv("check", "add", REPO, receiver.url, "--at", "publish", "--at", "merge", "--name", "last-word")
    receiver.answer = lambda _: (200, b'{"allow": false, "message": "too large"}')
    refused = here.json("commit", "-m", "large", code=4)
    assert refused["message"] == "The check 'last-word' refused it: too large"
    assert here.json("log") == before
    assert here.states() == {"large.bin": "added"}
    here.mlv("branch", "beside")
    receiver.answer = lambda got: (200, json.dumps({"allow": got.json["act"] != "merge"}).encode())
    here.mlv("commit", "-m", "large")
    assert here.json("log")[0]["message"] == "large"
    assert here.states() == {}
    assert here.json("merge", "main", "--into", "beside", code=4)["code"] == "CHECK_REFUSED"


def test_a_check_is_listed_tested_and_deleted(admin: Typist, receiver: Receiver) -> None:
    assert admin.mlv("check", "list", REPO) == "No checks.\n"
    made = admin.json("check", "add", REPO, receiver.url, "--at", "label", "--fail-open")
    assert made["name"] == "127.0.0.1"
    assert made["fail_open"] is True
    assert admin.json("check", "list", REPO) == [
        {name: value for name, value in made.items() if name not in {"secret", "dry_run"}}
    ]
    assert "lets pass" in admin.mlv("check", "show", REPO, made["id"])
    tested = admin.json("check", "test", REPO, made["name"])
    assert (tested["allowed"], tested["status"]) == (True, 200)
    receiver.answer = lambda _: (404, b"")
    assert "no answer: it answered with status 404" in admin.mlv("check", "test", REPO, made["id"], code=1)
    assert "would be asked" in admin.mlv("check", "test", REPO, made["id"], "-n")
    rotated = admin.json("check", "rotate", REPO, made["name"], "--overlap", "1h")
    assert rotated["secret"].startswith("mlvs_")
    assert (rotated["id"], rotated["old_secret_until"] is None) == (made["id"], False)
    admin.mlv("check", "test", REPO, made["id"], code=1)
    assert receiver.got[-1].is_signed(made["secret"])
    assert receiver.got[-1].is_signed(rotated["secret"])
    assert rotated["secret"] not in admin.mlv("check", "show", REPO, made["id"])
    assert "another secret" in admin.mlv("check", "rotate", REPO, made["id"], "-n", "-q")
    taken = admin.json("check", "add", REPO, receiver.url, "--at", "label", code=9)
    assert taken["code"] == "ALREADY_EXISTS"
    assert admin.mlv("check", "delete", REPO, made["name"], "-n") == "dry run: deleted check 127.0.0.1\n"
    admin.mlv("check", "delete", REPO, made["name"])
    assert admin.json("check", "show", REPO, made["id"], code=9)["code"] == "NOT_FOUND"
