"""Signatures, and what follows from an attempt to tell a webhook."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from mlv_core.errors import InvalidRequest
from mlv_core.hooks import HookState
from mlv_server.domain.delivering import (
    FIRST_PAUSE_MS,
    GIVE_UP_MS,
    LONGEST_PAUSE_MS,
    SHORTEST_PAUSE_MS,
    Letter,
    Progress,
    after_attempt,
    body_of,
    fault_of,
    shown_answer,
)
from mlv_server.domain.signing import check_secret, make_id, make_secret, signature


def test_a_signature_is_the_hmac_of_time_dot_body_under_each_secret() -> None:
    def one(secret: str) -> str:
        return hmac.new(secret.encode(), b'1700000000.{"a":1}', hashlib.sha256).hexdigest()

    assert signature(("new", "old"), 1_700_000_000, b'{"a":1}') == f"t=1700000000,v1={one('new')},v1={one('old')}"


def test_secrets_are_made_of_what_is_handed_in_and_ids_do_not_tell_them() -> None:
    first, second = make_secret(bytes(32)), make_secret(b"\1" * 32)
    assert first != second
    assert check_secret(first) == first
    assert make_secret(bytes(32)) == first
    assert make_id(bytes(32)) not in first


@pytest.mark.parametrize("secret", ["short", "x" * 257, "a" * 20 + "\n", "\u00e4" * 20])
def test_a_secret_that_cannot_sign_is_refused_without_being_repeated(secret: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_secret(secret)
    assert secret not in refused.value.message


def test_the_body_is_the_same_at_each_attempt_and_the_signature_is_not() -> None:
    body = body_of("a/b", "w", 7, 1_700_000_000_123, "lock.broken", {"path": "\u00e9", "by": "al", "branch": None})
    assert json.loads(body) == {
        "sequence": 7,
        "time": "2023-11-14T22:13:20.123Z",
        "kind": "lock.broken",
        "repository": "a/b",
        "webhook": "w",
        "facts": {"path": "\u00e9", "by": "al", "branch": None},
    }
    letter = Letter("w", "https://x", 7, "lock.broken", body, ("s",), 3)
    first, second = letter.headers(1_000_000), letter.headers(2_000_000)
    assert (first["X-Mlv-Event"], first["X-Mlv-Attempt"], first["X-Mlv-Timestamp"]) == ("7", "3", "1000")
    assert first["X-Mlv-Signature"] != second["X-Mlv-Signature"]


def test_only_a_status_2xx_takes_an_event() -> None:
    assert [fault_of(status, "") for status in (200, 204, 299)] == ["", "", ""]
    assert all(fault_of(status, "") for status in (0, 199, 300, 302, 404, 500))
    assert fault_of(200, "broken off") == "broken off"


def test_what_is_shown_of_an_answer_is_short_and_harmless() -> None:
    assert shown_answer(b"\x1b[31mred\xff") == "\\x1b[31mred\ufffd"
    assert len(shown_answer(b"a" * 10_000)) == 500


def test_pauses_double_up_to_an_hour_with_full_jitter() -> None:
    longest, none = Progress(6), Progress(6)
    pauses = []
    for _ in range(14):
        now = 1_000
        longest = after_attempt(longest, 7, "no", now, 1.0)
        none = after_attempt(none, 7, "no", now, 0.0)
        assert longest.next_at is not None
        assert none.next_at == now + SHORTEST_PAUSE_MS
        pauses.append(longest.next_at - now)
    assert pauses == [min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2**n) for n in range(14)]
    assert (longest.position, longest.attempts, longest.state) == (6, 14, HookState.ACTIVE)


def test_success_goes_on_and_forgets_the_failures() -> None:
    failed = after_attempt(Progress(6), 9, "no", 5, 0.5)
    assert after_attempt(failed, 9, "", 10, 0.5) == Progress(9)


def test_a_day_of_failures_stops_it_before_the_event() -> None:
    at = after_attempt(Progress(6), 7, "no", 0, 0.5)
    at = after_attempt(at, 7, "no", GIVE_UP_MS - 1, 0.5)
    assert at.state is HookState.ACTIVE
    at = after_attempt(at, 7, "still no", GIVE_UP_MS, 0.5)
    assert (at.state, at.reason, at.position, at.attempts, at.next_at) == (HookState.FAILING, "still no", 6, 3, None)
