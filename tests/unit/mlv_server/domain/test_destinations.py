"""Where a server may send a request, decided without a network."""

from __future__ import annotations

import pytest

from mlv_core.errors import InvalidRequest
from mlv_server.domain.destinations import Allowed, address_fault, parse_destination

NOTHING = Allowed()


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("64:ff9b::7f00:1", "loopback"),
        ("2002:7f00:1::", "loopback"),
        ("169.254.169.254", "link-local"),
        ("::ffff:169.254.169.254", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("224.0.1.1", "multicast"),
        ("ff02::1", "multicast"),
        ("0.0.0.0", "unspecified"),
        ("::", "unspecified"),
        ("10.1.2.3", "no public"),
        ("172.16.0.1", "no public"),
        ("192.168.1.1", "no public"),
        ("100.64.0.1", "no public"),
        ("240.0.0.1", "no public"),
        ("fd00::1", "no public"),
        ("::7f00:1", "no public"),
        ("nonsense", "no address"),
    ],
)
def test_an_address_inside_is_out_of_bounds(address: str, reason: str) -> None:
    assert reason in address_fault("hook.example", address, NOTHING)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_a_public_address_is_called(address: str) -> None:
    assert address_fault("hook.example", address, NOTHING) == ""


def test_networks_and_names_that_the_settings_name_are_called() -> None:
    allowed = Allowed.of(("10.0.0.0/8", "ci.Example", "::1"), plaintext=False)
    assert address_fault("x", "10.9.9.9", allowed) == ""
    assert address_fault("x", "::ffff:10.9.9.9", allowed) == ""
    assert address_fault("CI.example", "127.0.0.1", allowed) == ""
    assert address_fault("x", "::1", allowed) == ""
    assert address_fault("other.example", "127.0.0.1", allowed) != ""
    assert address_fault("x", "11.0.0.1", allowed) == ""
    assert address_fault("x", "192.168.0.1", allowed) != ""


def test_a_url_is_taken_apart() -> None:
    found = parse_destination("https://hook.example:8443/a/b?c=d", NOTHING)
    assert (found.host, found.port, found.resource, found.tls) == ("hook.example", 8443, "/a/b?c=d", True)
    assert found.authority == "hook.example:8443"
    bare = parse_destination("https://Hook.Example", NOTHING)
    assert (bare.authority, bare.port, bare.resource) == ("hook.example", 443, "/")
    assert parse_destination("https://[2606:4700::1111]/", NOTHING).authority == "[2606:4700::1111]"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hook.example",
        "ftp://hook.example/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://user:word@hook.example/",
        "https://user@hook.example/",
        "https://hook.example/#fragment",
        "https://hook.example:0/",
        "https://hook.example:70000/",
        "https://hook.example/a b",
        "https://hook.example/\r\nX: y",
        "https://h\u00f6\u00f6k.example/",
        "https://[::1",
        "https://hook..example/" + "a" * 2000,
        "http://hook.example/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/",
        "https://deep.localhost./",
    ],
)
def test_what_is_no_url_that_a_server_calls_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_destination(url, NOTHING)


def test_plaintext_and_loopback_are_called_where_the_settings_say_so() -> None:
    allowed = Allowed.of(("127.0.0.0/8",), plaintext=True)
    assert not parse_destination("http://127.0.0.1:8080/x", allowed).tls
    assert parse_destination("http://127.0.0.1/x", allowed).port == 80
    assert parse_destination("https://localhost/", allowed).host == "localhost"
