"""Addresses of callers and the networks of rules."""

from __future__ import annotations

import pytest

from mlv_server.domain.networks import address_of, comes_from, is_narrower, parse_network


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:10.0.0.7:51234", "10.0.0.7"),
        ("ipv6:%5B::1%5D:443", "::1"),
        ("ipv6:[fd00::7]:443", "fd00::7"),
        ("ipv6:%5B::ffff:10.0.0.7%5D:443", "10.0.0.7"),
        ("unix:/run/mlv.sock", ""),
        ("bench", ""),
        ("", ""),
    ],
)
def test_P3_the_address_of_a_peer(peer: str, address: str) -> None:
    assert address_of(peer) == address


def test_P3_an_address_lies_in_one_of_the_networks_or_nobody_knows() -> None:
    inside = (("from", "10.0.0.0/8"), ("from", "fd00::/8"))
    assert comes_from(inside, "10.9.8.7") is True
    assert comes_from(inside, "fd00::1") is True
    assert comes_from(inside, "11.0.0.1") is False
    assert comes_from(inside, "") is None
    assert comes_from((("approvals", "2"),), "") is True


def test_a_network_with_bits_below_its_prefix_is_none() -> None:
    assert parse_network("10.0.0.1/8") is None
    assert parse_network("10.0.0.1") is not None
    assert is_narrower("10.0.0.1", "10.0.0.0/8")
    assert not is_narrower("10.0.0.0/8", "nonsense")
