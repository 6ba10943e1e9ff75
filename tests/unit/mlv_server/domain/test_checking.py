"""Which checks are asked, what they are told and what their answers come to."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mlv_core.entities import Change, FileMode, FileState, Operation
from mlv_core.hashing import hash_content
from mlv_core.hooks import Check, CheckAnswer, Moment
from mlv_core.ids import ChangesetNumber, FileId
from mlv_server.domain.checking import PATHS_LIMIT, Subject, Verdict, answer_of, concerns, question, refusal

BEGIN, PUBLISH, LABEL, MERGE = Moment


def change(path: str, data: bytes = b"x", file_id: int = 1, source: str = "") -> Change:
    state = FileState(FileId(file_id), FileMode.REGULAR, True, len(data), hash_content(data))
    return Change(path, Operation.MOVE if source else Operation.ADD, FileId(file_id), state, source)


def check(*moments: Moment, ref: str = "*", paths: tuple[str, ...] = (), fail_open: bool = False, name: str = "ci"):
    return Check("id", name, "https://ci.example/", moments, ref, paths, 5000, fail_open, "root", 0)


def subject(moment: Moment = PUBLISH, ref: str = "branch/main", *changes: Change) -> Subject:
    return Subject(moment, "commit", "a/b", ref, "alice", ChangesetNumber(4), "why", changes or (change("w/x.bin"),))


def verdict(allowed: bool | None, message: str = "", **more) -> Verdict:
    return Verdict(check(PUBLISH, **more), CheckAnswer(allowed, message, 200, 3))


def test_C1_a_check_at_begin_is_asked_at_publish_again() -> None:
    asked = {m: {at for at in Moment if concerns(check(m), subject(at))} for m in Moment}
    assert asked == {BEGIN: {BEGIN, PUBLISH}, PUBLISH: {PUBLISH}, LABEL: {LABEL}, MERGE: {MERGE}}


def test_refs_and_paths_narrow() -> None:
    assert concerns(check(PUBLISH, ref="branch/main"), subject())
    assert not concerns(check(PUBLISH, ref="branch/main"), subject(PUBLISH, "branch/dev"))
    assert concerns(check(LABEL, ref="label/v*"), subject(LABEL, "label/v1"))
    assert concerns(check(PUBLISH, paths=("w/**",)), subject())
    assert not concerns(check(PUBLISH, paths=("other/**",)), subject())
    assert concerns(check(PUBLISH, paths=("old/**",)), subject(PUBLISH, "branch/main", change("w", source="old/w")))
    assert concerns(check(LABEL, paths=("w/**",)), replace(subject(LABEL), changes=()))


def test_C4_a_yes_is_valid_for_what_was_asked_wherever_it_lands() -> None:
    one = subject()
    assert replace(one, base=ChangesetNumber(9)).digest() == one.digest()
    assert subject(PUBLISH, "branch/main", change("w/x.bin", file_id=99)).digest() == one.digest()
    others = [
        subject(PUBLISH, "branch/main", change("w/x.bin", b"y")),
        subject(PUBLISH, "branch/main", change("w/y.bin")),
        subject(PUBLISH, "branch/dev"),
        subject(BEGIN),
        replace(one, by="bob"),
        replace(one, message="other"),
        replace(one, act="undo"),
        replace(one, names=(("merged", 3),)),
    ]
    assert len({other.digest() for other in others} | {one.digest()}) == len(others) + 1


def test_a_question_names_paths_and_sizes_up_to_a_bound_and_no_content() -> None:
    many = tuple(change(f"f{n:05}") for n in range(PATHS_LIMIT + 5))
    asked = json.loads(question(check(PUBLISH), subject(PUBLISH, "branch/main", *many), 1_000, dry_run=True))
    assert (len(asked["changes"]), asked["changes_count"], asked["truncated"]) == (PATHS_LIMIT, PATHS_LIMIT + 5, True)
    assert asked["changes"][0] == {"path": "f00000", "operation": "add", "size": 1}
    told = {key: asked[key] for key in ("check", "at", "act", "ref", "by", "base", "message", "dry_run")}
    assert told == {
        "check": "ci", "at": "publish", "act": "commit", "ref": "branch/main", "by": "alice", "base": 4,
        "message": "why", "dry_run": True,
    }  # fmt: skip
    assert hash_content(b"x").hex() not in json.dumps(asked)


@pytest.mark.parametrize(
    ("status", "body", "fault", "allowed"),
    [
        (200, b'{"allow": true}', "", True),
        (200, b'{"allow": false, "message": "no"}', "", False),
        (200, b'{"allow": 1}', "", None),
        (200, b'{"allow": "true"}', "", None),
        (200, b"[]", "", None),
        (200, b"", "", None),
        (200, b"[" * 100_000, "", None),
        (200, b"\xff", "", None),
        (201, b'{"allow": true}', "", None),
        (302, b'{"allow": true}', "", None),
        (500, b'{"allow": true}', "", None),
        (0, b'{"allow": true}', "no answer within 5 s", None),
    ],
)
def test_only_status_200_with_a_boolean_is_an_answer(
    status: int, body: bytes, fault: str, allowed: bool | None
) -> None:
    assert answer_of(status, body, fault, 1).allowed is allowed


def test_a_refusal_names_the_check_and_its_text_escaped_and_bounded() -> None:
    error = refusal([verdict(True), verdict(False, "licence \x1b[31mmissing\nsee wiki\n\n" + "x\n" * 100)])
    assert error is not None
    assert (error.code, error.exit_code) == ("CHECK_REFUSED", 4)
    assert error.message == "The check 'ci' refused it: licence \\x1b[31mmissing"
    assert error.items[0] == "see wiki"
    assert len(error.items) == 19
    silent = refusal([verdict(False)])
    assert silent is not None
    assert silent.message == "The check 'ci' refused it and gave no reason."


def test_no_answer_refuses_unless_the_check_fails_open_and_a_no_goes_first() -> None:
    assert refusal([verdict(None, "dead", fail_open=True), verdict(True)]) is None
    error = refusal([verdict(None, "it cannot be reached", name="a")])
    assert error is not None
    assert (error.code, error.exit_code) == ("CHECK_UNANSWERED", 4)
    assert error.message == "The check 'a' gave no answer: it cannot be reached."
    both = refusal([verdict(None, "dead"), verdict(False, "no", fail_open=True)])
    assert both is not None
    assert both.code == "CHECK_REFUSED"
