"""History on a real database: revisions, logs over renames and branches, differences."""

from __future__ import annotations

import pytest
from tests.integration.server.commit_kit import (
    add,
    files,
    modify,
    move,
    publish,
    request_for,
)
from tests.integration.server.conftest import DETECTOR, House

from mlv_core.errors import (
    HeadMoved,
    NotFound,
    PathClash,
)
from mlv_core.ids import ChangesetNumber
from mlv_core.requests import HistoryFilter
from mlv_server.services import branches, history, labels, logs


def test_a_branch_shares_history_and_goes_on_by_itself(detector: House):
    detector.run(branches.create(detector.call("alice"), DETECTOR, "trial", None, "1", "", dry_run=False))
    publish(detector, "alice", request_for(add("a.txt", b"a"), contents=(b"a",), branch="trial"))
    publish(detector, "bob", request_for(add("b.txt", b"b"), contents=(b"b",), workspace="wb"))
    assert "a.txt" in files(detector, 2)
    assert "a.txt" not in files(detector, 3)

    def numbers(**what):
        found, more = detector.run(logs.list_changesets(detector.call("rita"), DETECTOR, HistoryFilter(**what)))
        return [changeset.number for changeset in found], more

    assert numbers() == ([3, 2, 1], 0)
    assert numbers(branch="main") == ([3, 1], 0)
    assert numbers(branch="trial") == ([2, 1], 0)
    assert numbers(author="bob") == ([3], 0)
    assert numbers(page_size=1) == ([3], 3)
    assert numbers(page_size=1, before=3) == ([2], 2)
    assert numbers(first=2, last=2) == ([2], 0)


def test_log_of_a_path_follows_its_file_over_renames(detector: House):
    publish(detector, "alice", request_for(modify("train.py", b"2\n"), contents=(b"2\n",)))
    publish(detector, "alice", request_for(*move("train.py", "src/t.py", b"2\n", 2), prepared=2))
    publish(detector, "alice", request_for(add("other.txt", b"o", 3), contents=(b"o",), prepared=3))
    detector.grant("releaser", "rita")
    detector.run(labels.create(detector.call("rita"), DETECTOR, "v1.0", "@2", "first", dry_run=False))

    def log(**what):
        return detector.run(logs.list_changesets(detector.call("rita"), DETECTOR, HistoryFilter(**what)))[0]

    assert [changeset.number for changeset in log(path="src/t.py")] == [3, 2, 1]
    assert [changeset.number for changeset in log(path="train.py")] == [3, 2, 1]
    assert [changeset.number for changeset in log(path="src")] == [3]
    assert [(changeset.number, changeset.labels) for changeset in log(labelled=True)] == [(2, ("v1.0",))]
    with pytest.raises(NotFound, match="nowhere"):
        log(path="nowhere")


def test_revisions_name_versions(detector: House):
    publish(detector, "alice", request_for(add("a.txt", b"a"), contents=(b"a",)))
    detector.grant("releaser", "rita")
    detector.run(labels.create(detector.call("rita"), DETECTOR, "v1.0", "@1", "", dry_run=False))

    def resolve(text: str, branch: str = ""):
        return detector.run(history.resolve(detector.call("rita"), DETECTOR, text, branch))

    assert resolve("@2") == (2, "main")
    assert resolve("0") == (0, "main")
    assert resolve("main") == resolve("head") == (2, "main")
    assert resolve("prev") == (1, "main")
    assert resolve("V1.0") == (1, "main")
    assert resolve("2023-11-14") == (2, "main")
    assert resolve("2023-11-14T22:13") == (2, "main")
    for missing in ("@9", "nobody", "2020-01-01"):
        with pytest.raises(NotFound):
            resolve(missing)


def test_differences_name_moves(detector: House):
    publish(detector, "alice", request_for(*move("train.py", "src/t.py", b"print()\n"), contents=(b"print()\n",)))

    call = detector.call("rita")

    async def collect(first: int, second: int, *paths: str):
        stream = history.diff_versions(call, DETECTOR, ChangesetNumber(first), ChangesetNumber(second), paths)
        return [
            (one.path, one.before is None, one.after is None, one.moved_from) async for part in stream for one in part
        ]

    assert detector.run(collect(1, 2)) == [("src/t.py", True, False, "train.py"), ("train.py", False, True, "")]
    assert detector.run(collect(2, 1)) == [("src/t.py", False, True, ""), ("train.py", True, False, "src/t.py")]
    assert detector.run(collect(1, 2, "src")) == [("src/t.py", True, False, "train.py")]
    assert len(detector.run(collect(0, 1))) == 3


def test_a_large_commit_is_found_by_path_without_a_row_for_each(detector: House):
    many = [add(f"bulk/{number:05}.txt", b"x") for number in range(4200)]
    publish(detector, "alice", request_for(*many, contents=(b"x",)))
    publish(detector, "alice", request_for(modify("bulk/00007.txt", b"y", 2), contents=(b"y",), prepared=2))

    def log(path: str):
        wanted = HistoryFilter(path=path)
        return [one.number for one in detector.run(logs.list_changesets(detector.call("rita"), DETECTOR, wanted))[0]]

    assert log("bulk/00007.txt") == [3, 2]
    assert log("bulk/00008.txt") == [2]
    assert log("bulk") == [3, 2]
    assert log("train.py") == [1]
    assert len(files(detector, 3)) == 4203
    with pytest.raises(HeadMoved, match=r"bulk/00009\.txt changed in @2 by alice"):
        publish(detector, "bob", request_for(add("bulk/00009.txt", b"x"), contents=(b"x",), workspace="wb"))
    with pytest.raises(PathClash, match=r"bulk/00000\.txt and BULK/1"):
        publish(detector, "bob", request_for(add("BULK/1", b"x", 3), contents=(b"x",), workspace="wb"))
