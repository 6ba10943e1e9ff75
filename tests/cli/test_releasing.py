"""Labels and freezes of release managers, branches that end, repositories from a template: as they are typed."""

from __future__ import annotations

import json

import pytest
from tests.cli.conftest import typist


@pytest.fixture
def line(pair, member, workspace):
    """Two workspaces at @2 of main: the admin's and a contributor's."""
    first, second = pair
    first.write("train.py", b"two\n")
    first.mlv("commit", "-m", "second")
    second.mlv("update")
    return first, second


def test_a_label_moves_with_a_reason_and_its_history_tells_where_it_was(line):
    first, _ = line
    assert first.json("label", "v1", "@1", "-m", "the first")["moves"] == 0
    assert first.json("log", "-l", "2")[1]["labels"] == ["v1"]
    assert first.json("label", "v1", "@2", "--move", code=2)["code"] == "INVALID_REQUEST"
    dry = first.json("label", "v1", "@2", "--move", "-m", "the data was wrong", "-n")
    assert dry["dry_run"]
    assert first.json("labels")[0]["changeset"] == 1

    moved = first.json("label", "v1", "@2", "--move", "-m", "the data was wrong")

    assert (moved["changeset"], moved["moves"], moved["message"]) == (2, 1, "the first")
    assert [one["labels"] for one in first.json("log", "-l", "2")] == [["v1"], []]
    assert first.json("show", "@v1")["changeset"] == 2
    assert first.json("show", "@1")["labels"] == []
    history = first.json("labels", "--history", "v1")
    assert [(one["act"], one["changeset"], one["by"], one["why"]) for one in history] == [
        ("created", 1, "admin", "the first"),
        ("moved", 2, "admin", "the data was wrong"),
    ]
    assert "moved" in first.mlv("labels")
    text = first.mlv("labels", "--history")
    assert "made on @1" in text
    assert "moved to @2" in text
    kinds = [json.loads(row)["kind"] for row in first.mlv("watch", "--once", "--kind", "label", "--json").splitlines()]
    assert kinds == ["label.created", "label.moved"]


def test_a_deleted_label_never_names_another_version_silently(line):
    first, _ = line
    first.mlv("label", "v1", "@1", "-m", "the first")
    assert first.json("label", "v1", "--delete", code=2)["code"] == "INVALID_REQUEST"
    assert first.json("label", "v1", "--delete", "-m", "too early")["deleted"]

    assert first.json("labels") == []
    assert first.json("show", "@v1", code=9)["code"] == "NOT_FOUND"
    refused = first.json("label", "V1", "@2", code=9)
    assert refused["code"] == "ALREADY_EXISTS"
    assert "too early" in refused["message"]
    assert first.json("branch", "v1", code=9)["code"] == "ALREADY_EXISTS"
    assert first.json("label", "v1", "@1", "-m", "again")["name"] == "v1"
    first.mlv("label", "v1", "--delete", "-m", "no")
    assert first.json("label", "v1", "@2", "--move", "-m", "the real one")["changeset"] == 2
    acts = [(one["act"], one["changeset"]) for one in first.json("labels", "--history", "v1")]
    assert acts == [("created", 1), ("deleted", 1), ("created", 1), ("deleted", 1), ("moved", 2)]
    assert first.json("labels", "--history", "nothing", code=9)["code"] == "NOT_FOUND"


def test_moving_needs_a_right_of_its_own_and_making_another(line, member, workspace):
    first, second = line
    keeper = workspace(member("maintainer"))
    assert second.json("label", "v1", "@1", code=5)["code"] == "DENIED"
    keeper.mlv("label", "v1", "@1")
    assert keeper.json("label", "v1", "@2", "--move", "-m", "x", code=5)["code"] == "DENIED"
    assert keeper.json("label", "v1", "--delete", "-m", "x", code=5)["code"] == "DENIED"
    first.mlv("label", "v1", "@2", "--move", "-m", "x")
    assert keeper.json("label", "v2", "--move", "--delete", "-m", "x", code=2)["code"] == "USAGE"
    assert keeper.json("label", code=2)["code"] == "USAGE"


def test_labels_are_kept_for_some_and_the_admin_is_bound_too(line, member, workspace):
    first, _ = line
    releaser = member("releaser")
    office = workspace(releaser)
    keeper = workspace(member("maintainer"))
    assert first.json("label", "--reserve", "v*", "--for", "somebody", code=2)["code"] == "INVALID_REQUEST"
    assert first.json("label", "--reserve", "v*", "--for", "group:nobody", code=9)["code"] == "NOT_FOUND"
    assert first.json("label", "--reserve", "v*", code=2)["code"] == "USAGE"
    assert keeper.json("label", "--reserve", "v*", "--for", f"user:{releaser.name}", code=5)["code"] == "DENIED"

    kept = first.json("label", "--reserve", "v*", "--for", f"user:{releaser.name}")

    assert (kept["pattern"], kept["for"], kept["version"]) == ("v*", [f"user:{releaser.name}"], 1)
    for other in (first, keeper):
        refused = other.json("label", "V2", "@1", code=5)
        assert refused["code"] == "DENIED"
        assert releaser.name in refused["message"]
    keeper.mlv("label", "nightly", "@1")
    office.mlv("label", "v2", "@1")
    assert first.json("label", "v2", "@2", "--move", "-m", "x", code=5)["code"] == "DENIED"
    assert office.json("labels", "--reserved")[0]["pattern"] == "v*"
    assert "kept for" in office.mlv("labels", "--reserved")
    assert first.json("label", "--unreserve", "V*")["for"] == []
    assert first.json("labels", "--reserved") == []
    assert first.json("label", "--unreserve", "v*", code=9)["code"] == "NOT_FOUND"
    keeper.mlv("label", "v3", "@1")


def test_L2_a_freeze_stops_everybody_whoever_set_it_too_until_it_is_lifted(line, member, workspace, repository):
    first, second = line
    keeper = workspace(member("maintainer"))
    first.mlv("branch", "dev", "@1")
    assert second.json("freeze", "main", "-m", "x", code=5)["code"] == "DENIED"
    assert keeper.json("freeze", "main", "-m", "release week", "-n")["dry_run"]
    assert keeper.json("freezes") == []

    set_ = keeper.json("freeze", "main", "-m", "release week", "--until", "7d")

    assert (set_["branch"], set_["reason"], set_["by"]) == ("main", "release week", keeper.name)
    for who in (first, second, keeper):
        who.write("train.py", b"three\n")
        refused = who.json("commit", "-m", "late", code=4)
        assert refused["code"] == "FROZEN"
        assert keeper.name in refused["message"]
        assert "release week" in refused["message"]
        assert "until 20" in refused["message"]
        assert "mlv unfreeze main" in refused["advice"]
        assert who.read("train.py") == b"three\n"
        assert who.json("edit", "w.safetensors", code=4)["code"] == "FROZEN"
        assert who.json("lock", "train.py", code=4)["code"] == "FROZEN"
    assert first.json("undo", "@2", code=4)["code"] == "FROZEN"
    assert first.json("merge", "dev", "--into", "main", code=4)["code"] == "FROZEN"
    first.mlv("label", "v1", "@2")

    assert "release week" in second.mlv("status", "-u")
    assert second.json("status", "-u")["freezes"][0]["branch"] == "main"
    assert "freezes" not in second.json("status")
    assert "release week" in second.mlv("branches")
    assert second.json("branches")[0]["freezes"][0]["by"] == keeper.name
    assert "release week" in second.mlv("locks")
    held = second.json("locks")
    assert [(one["mode"], one["owner"], one["path"], one["branch"]) for one in held] == [
        ("freeze", keeper.name, "**", "main")
    ]

    assert second.json("unfreeze", "main", code=5)["code"] == "DENIED"
    lifted = first.json("unfreeze", "main", "-m", "released")
    assert (lifted["lifted_by"], lifted["lifted_why"]) == ("admin", "released")
    assert first.json("unfreeze", "main", code=9)["code"] == "NOT_FOUND"
    assert second.json("commit", "-m", "late")["changeset"] == 3
    assert second.json("freezes") == []
    assert second.json("locks") == []
    assert "lifted by admin" in second.mlv("freezes", "--all")
    kinds = [json.loads(row)["kind"] for row in first.mlv("watch", "--once", "--kind", "freeze", "--json").splitlines()]
    assert kinds == ["freeze.set", "freeze.lifted"]
    audited = [one["action"] for one in first.json("audit", "log", repository) if one["action"].startswith("freeze.")]
    assert sorted(audited) == ["freeze.lifted", "freeze.set"]


def test_a_freeze_of_paths_stops_them_alone_and_one_of_labels_their_making_and_moving(line):
    first, second = line
    first.mlv("label", "v1", "@1")
    first.mlv("branch", "dev", "@2")
    first.mlv("freeze", "--path", "data", "-m", "the audit looks at it")
    second.write("data/a.txt", b"other\n")
    assert second.json("commit", "-m", "x", code=4)["code"] == "FROZEN"
    second.mlv("revert", "data/a.txt")
    second.write("train.py", b"three\n")
    second.mlv("commit", "-m", "elsewhere")
    second.mlv("switch", "dev")
    second.write("data/b.txt", b"new\n")
    second.mlv("add", "data/b.txt")
    assert "data/b.txt" in second.json("commit", "-m", "x", code=4)["message"]
    assert "every branch" in second.mlv("freezes", "--json") or second.json("freezes")[0]["branch"] is None

    first.mlv("freeze", "label/v*", "-m", "signed off")
    assert first.json("label", "v1", "@2", "--move", "-m", "x", code=4)["code"] == "FROZEN"
    assert first.json("label", "v1", "--delete", "-m", "x", code=4)["code"] == "FROZEN"
    assert first.json("label", "v9", "@2", code=4)["code"] == "FROZEN"
    first.mlv("label", "nightly", "@2")
    first.mlv("unfreeze", "label/v*")
    first.mlv("label", "v9", "@2")

    assert first.json("freeze", "-m", "x", code=2)["code"] == "USAGE"
    assert first.json("freeze", "label/v1", "--path", "x", "-m", "x", code=2)["code"] == "USAGE"
    assert first.json("freeze", "main", "--until", "soon", "-m", "x", code=2)["code"] == "USAGE"
    assert first.json("freeze", "main", "--until", "2020-01-01", "-m", "x", code=2)["code"] == "INVALID_REQUEST"
    assert first.json("freeze", "nowhere", "-m", "x", code=9)["code"] == "NOT_FOUND"


def test_an_abandoned_branch_is_read_and_nothing_lands_on_it(line):
    first, second = line
    first.mlv("branch", "dev", "@2", "--kind", "release")
    second.mlv("switch", "dev")
    second.mlv("edit", "w.safetensors")
    second.write("w.safetensors", b"\0weights of dev")
    second.mlv("commit", "-m", "on dev", "--keep-locks")
    assert second.json("branch", "dev", "--abandon", "-m", "x", code=5)["code"] == "DENIED"
    assert first.json("branch", "dev", "--abandon", code=2)["code"] == "INVALID_REQUEST"
    assert first.json("branch", "main", "--abandon", "-m", "x", code=2)["code"] == "INVALID_REQUEST"
    shown = {one["name"]: one for one in first.json("branches")}
    assert (shown["dev"]["ahead"], shown["dev"]["behind"], shown["dev"]["kind"]) == (1, 0, "release")
    assert shown["dev"]["last"]["by"] == second.name
    assert len(first.json("locks", "--all-branches")) == 1

    closed = first.json("branch", "dev", "--abandon", "-m", "it led nowhere")

    assert (closed["locks_released"], closed["abandoned"]["why"]) == (1, "it led nowhere")
    assert first.json("locks", "--all-branches") == []
    assert [one["name"] for one in first.json("branches")] == ["main"]
    assert "abandoned by admin: it led nowhere" in first.mlv("branches", "--all")
    assert second.json("show", "@3")["branch"] == "dev"
    assert first.json("show", "@dev")["changeset"] == 3
    second.write("train.py", b"more\n")
    for refused in (
        second.json("commit", "-m", "x", code=4),
        second.json("edit", "w.safetensors", code=4),
        first.json("merge", "dev", code=4),
        first.json("branch", "dev", "--abandon", "-m", "again", code=4),
    ):
        assert refused["code"] == "BRANCH_ABANDONED"
        assert "it led nowhere" in refused["message"]
    assert first.json("branch", "dev", "@2", code=9)["code"] == "ALREADY_EXISTS"
    assert first.json("branch", "other", "@dev", "--into", "dev", code=4)["code"] == "BRANCH_ABANDONED"
    assert first.json("branch", "rescue", "@dev")["target"] == "main"

    assert first.json("branch", "dev", "--reopen")["abandoned"] is None
    assert first.json("branch", "dev", "--reopen", code=2)["code"] == "INVALID_REQUEST"
    second.json("commit", "-m", "it goes on")
    assert first.json("merge", "dev")["changeset"] == 5


def test_a_repository_from_the_template_works_through_its_first_merge(team, tmp_path, member):
    admin = typist(team.admin, tmp_path)
    assert [one["name"] for one in admin.json("repo", "create", "--template")] == ["model"]
    assert "integration" in admin.mlv("repo", "create", "--template")
    assert admin.json("repo", "create", "team/none", "--template", "nothing", code=2)["code"] == "INVALID_REQUEST"
    assert admin.json("repo", "create", "team/dry", "--template", "model", "-n")["dry_run"]
    assert admin.json("repo", "show", "team/dry", code=9)["code"] == "NOT_FOUND"
    assert admin.json("repo", "create", code=2)["code"] == "USAGE"

    made = admin.json("repo", "create", "team/model", "--template", "model")

    assert {one["kind"] for one in made["set_up"]} == {"branch", "locks", "labels", "rule"}
    branches = {one["name"]: one for one in admin.json("branches", "--repo", "team/model")}
    assert (branches["integration"]["kind"], branches["integration"]["target"]) == ("integration", "main")
    assert admin.json("labels", "--reserved", "--repo", "team/model")[0]["for"] == ["group:releasers"]
    admin.mlv("user", "add", "newcomer")
    admin.mlv("policy", "grant", "contributor", "newcomer", "team/model")

    main = tmp_path / "main"
    admin.mlv("checkout", "team/model", str(main))
    there = typist(team.admin, main)
    there.write("train.py", b"one\n")
    there.mlv("add", "train.py")
    refused = there.json("commit", "-m", "straight to main", code=5)
    assert (refused["code"], "only by a merge" in refused["message"]) == ("DENIED", True)
    there.mlv("revert", "train.py")
    (main / "train.py").unlink()
    there.mlv("switch", "integration")
    there.write("train.py", b"one\n")
    there.write("weights/w.txt", b"text as weights\n")
    there.write("data/rows.txt", b"a row\n")
    there.mlv("add", ".")
    assert there.json("commit", "-m", "base")["branch"] == "integration"
    merged = there.json("merge", "integration", "--into", "main")
    assert (merged["branch"], merged["files"]) == ("main", 3)
    assert len(there.json("ls", "@main")) == 3

    there.write("weights/w.txt", b"changed\n")
    assert there.json("commit", "-m", "no lock", code=4)["code"] == "LOCK_NEEDED"
    there.mlv("edit", "weights/w.txt")
    there.mlv("commit", "-m", "with its lock")
    assert there.json("merge", "integration", "--into", "main")["branch"] == "main"
    refused = there.json("label", "v1", "@main", code=5)
    assert "group:releasers" in refused["message"]
