"""A webhook is told of every event, in order, wherever the server dies (N1); secrets are in no log."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.receivers import SECRET, Receiver, receiving
from tests.servers import Team, running_team

from mlv_core.failpoints import EXIT_CODE


def branches(team: Team, *names: str) -> None:
    for name in names:
        team.admin.mlv("branch", name, "--repo", "n/r")


def told(receiver: Receiver) -> list[str]:
    """The new branches that came, each once, in the order of their first coming; bodies of one event are equal."""
    bodies: dict[int, bytes] = {}
    for one in receiver.got:
        assert one.is_signed(SECRET)
        assert bodies.setdefault(one.json["sequence"], one.body) == one.body
    assert list(bodies) == sorted(bodies)
    events = {one.json["sequence"]: one.json for one in receiver.got}
    return [one["facts"]["branch"] for one in events.values() if one["kind"] == "branch.created"]


def hooked(team: Team, receiver: Receiver, folder: Path) -> str:
    """A repository whose webhook tells the receiver."""
    secret = folder / "secret"
    secret.write_text(SECRET)
    team.admin.mlv("repo", "create", "n/r")
    made = team.admin.mlv("webhook", "add", "n/r", receiver.url, "--secret-file", str(secret), "--json").json
    return str(made["id"])


def restart(team: Team, environment: dict[str, str]) -> None:
    team.server.stop()
    team.server.environment = environment
    team.server.start()


@pytest.mark.parametrize("point", ["webhook.sending", "webhook.sent", "webhook.noted"])
def test_N1_a_server_killed_while_it_tells_misses_no_event(tmp_path: Path, point: str) -> None:
    with receiving(tmp_path / "receiver") as receiver, running_team(tmp_path / "team") as team:
        restart(team, receiver.environment())
        hook = hooked(team, receiver, tmp_path)
        team.admin.mlv("webhook", "pause", "n/r", hook)
        branches(team, "one", "two", "three")
        restart(team, receiver.dying_at(point))
        died = team.server.process
        assert died is not None
        team.admin.mlv("webhook", "resume", "n/r", hook, code=None)
        assert died.wait(60) == EXIT_CODE
        assert len(receiver.got) == (0 if point == "webhook.sending" else 1)
        team.server.environment = receiver.environment()
        team.server.start()
        branches(team, "four")
        receiver.wait(lambda: told(receiver) == ["one", "two", "three", "four"])
        assert len(receiver.got) == (5 if point == "webhook.sent" else 4)
        assert SECRET not in "".join(team.server.log)
        team.server.stop()
        assert team.server.verify()["damaged"] == []
        team.server.start()


def test_a_copy_of_a_server_can_be_kept_from_telling_anybody(tmp_path: Path) -> None:
    with receiving(tmp_path / "receiver") as receiver, running_team(tmp_path / "team") as team:
        restart(team, {**receiver.environment(), "MLV_OUTGOING_WEBHOOKS": "false"})
        hook = hooked(team, receiver, tmp_path)
        branches(team, "one")
        team.admin.mlv("webhook", "test", "n/r", hook)
        assert [one.json["kind"] for one in receiver.got] == ["ping"]
        restart(team, receiver.environment())
        receiver.wait(lambda: told(receiver) == ["one"])


def test_N1_a_killed_server_goes_on_where_it_was_and_retries(tmp_path: Path) -> None:
    with receiving(tmp_path / "receiver") as receiver, running_team(tmp_path / "team") as team:
        restart(team, receiver.environment())
        hook = hooked(team, receiver, tmp_path)
        receiver.answer = lambda _: (503, b"not yet")
        branches(team, "one", "two")
        receiver.wait(lambda: bool(receiver.got))
        team.server.crash()
        team.server.start()
        branches(team, "three")
        assert told(receiver) == ["one"]
        receiver.answer = lambda _: (200, b"")
        receiver.wait(lambda: told(receiver) == ["one", "two", "three"])
        shown = team.admin.mlv("webhook", "deliveries", "n/r", hook, "--json").json
        assert {one["status"] for one in shown} == {503, 200}
