"""Tracked files are read once for several questions, and again whenever somebody may have changed them."""

from contextlib import closing

import pytest

from mlv.workspace.state import State, TrackedFile

ONE, TWO = (TrackedFile(path, 1, 0, 1, 5, b"\1" * 32, 0, 0) for path in ("one", "two"))


@pytest.fixture(autouse=True)
def _tracked(state):
    state.put_files([ONE])


def test_F3_what_another_process_wrote_is_seen(place, state):
    assert state.files() == {"one": ONE}
    with closing(State.open(place.state)) as other:
        other.put_files([TWO])
    assert state.files() == {"one": ONE, "two": TWO}


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.put_files([ONE._replace(size=6)]),
        lambda state: state.set_stamps([(1, 2, 3, 0, "one")]),
        lambda state: state.drop_files(["one"]),
        lambda state: state.put_files([TWO]),
    ],
)
def test_what_was_written_here_is_seen_within_its_transaction_and_after_it(state, change):
    before = state.files()
    inside = []

    def fail():
        with state.transaction():
            change(state)
            inside.append(state.files())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert inside != [before]
    assert state.files() == before
    with state.transaction():
        change(state)
    assert [state.files()] == [state.files()] == inside


def test_an_answer_that_its_caller_changes_is_nobody_elses(state):
    state.files().clear()
    state.files()["x"] = TWO
    assert state.files() == {"one": ONE}
