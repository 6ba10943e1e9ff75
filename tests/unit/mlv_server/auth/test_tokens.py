"""Tokens as text."""

from __future__ import annotations

import pytest

from mlv_server.auth.tokens import is_secret, make_token, split_token


def test_P8_a_token_is_kept_as_a_hash_that_only_its_secret_fits() -> None:
    token = make_token(bytes(range(32)))
    parts = split_token(token.text)
    assert parts is not None
    token_id, secret = parts
    assert token_id == token.id
    assert is_secret(secret, token.secret_hash)
    assert not is_secret(secret[:-1] + ("a" if secret[-1] != "a" else "b"), token.secret_hash)
    assert secret.encode() not in token.secret_hash
    assert len(secret) * 5 >= 256


def test_two_tokens_share_nothing() -> None:
    one, two = make_token(bytes(32)), make_token(bytes(31) + b"\1")
    assert one.id != two.id
    assert one.secret_hash != two.secret_hash


@pytest.mark.parametrize("text", ["", "mlv_", "mlv_a_b", "ghp_abc", "mlv_" + "a" * 12 + "_" + "A" * 52, "x" * 10_000])
def test_what_is_no_token_is_told_apart(text: str) -> None:
    assert split_token(text) is None
