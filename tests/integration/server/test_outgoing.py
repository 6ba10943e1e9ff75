"""Requests that a server makes: over real sockets, real TLS and the real resolver."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration.server.conftest import House
from tests.receivers import Receiver, receiving

from mlv_server.outgoing.caller import ANSWER_LIMIT, Caller, Reply

LOOPBACK = ("127.0.0.0/8",)


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with receiving(tmp_path / "receiver", names=("127.0.0.1", "127.1", "localhost")) as made:
        yield made


def post(
    house: House, receiver: Receiver | None, url: str, *, seconds: float = 20, allow=LOOPBACK, plaintext=False
) -> Reply:
    authority = None if receiver is None else receiver.authority
    settings = replace(
        house.settings, outgoing_allow=tuple(allow), outgoing_authority=authority, outgoing_plaintext=plaintext
    )
    caller = Caller(settings)
    try:
        return asyncio.run(caller.post(url, b'{"a":1}', {"X-Mlv-Kind": "test"}, seconds))
    finally:
        caller.close()


@contextlib.contextmanager
def raw(answer: bytes, *, hold: bool = False) -> Iterator[str]:
    """The URL of somebody who sends these bytes to whoever connects, and then hangs up, or never does."""
    done = threading.Event()
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def serve() -> None:
            with contextlib.suppress(OSError):
                line, _ = server.accept()
                with line:
                    line.recv(65536)
                    line.sendall(answer)
                    if hold:
                        done.wait(60)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        done.set()
        thread.join(60)


def test_a_request_is_one_post_of_json_to_a_trusted_server(house: House, receiver: Receiver) -> None:
    reply = post(house, receiver, receiver.url + "?a=b")
    assert (reply.status, reply.body, reply.fault) == (200, b"ok", "")
    (got,) = receiver.got
    assert (got.path, got.json) == ("/hook?a=b", {"a": 1})
    assert got.headers["host"] == receiver.url.split("/")[2]
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"].startswith("mlv/")
    assert got.headers["x-mlv-kind"] == "test"
    assert "authorization" not in got.headers


def test_a_certificate_of_nobody_we_trust_is_refused(house: House, receiver: Receiver) -> None:
    assert post(house, None, receiver.url).fault == "its certificate is not trusted"
    assert receiver.got == []


def test_authorities_that_cannot_be_read_are_named(house: House, receiver: Receiver, tmp_path: Path) -> None:
    receiver.authority = tmp_path / "gone.pem"
    assert "outgoing.authority" in post(house, receiver, receiver.url).fault
    receiver.authority.write_text("no certificate")
    assert "outgoing.authority" in post(house, receiver, receiver.url).fault


def test_a_certificate_for_another_name_is_refused(house: House, tmp_path: Path) -> None:
    with receiving(tmp_path / "other", names=("elsewhere.example",)) as other:
        url = other.url.replace("elsewhere.example", "127.0.0.1")
        assert post(house, other, url).fault == "its certificate is not trusted"
        assert other.got == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "127.1", "2130706433"])
def test_loopback_is_not_called_by_default(house: House, receiver: Receiver, host: str) -> None:
    """The last two are names to us, and the resolver makes 127.0.0.1 of them."""
    reply = post(house, receiver, receiver.url.replace("127.0.0.1", host), allow=())
    assert "it is a loopback address" in reply.fault
    assert receiver.got == []


def test_a_host_that_the_settings_name_may_lead_anywhere(house: House, receiver: Receiver) -> None:
    url = receiver.url.replace("127.0.0.1", "localhost")
    assert post(house, receiver, url, allow=("localhost",)).status == 200
    assert "loopback" in post(house, receiver, receiver.url, allow=("localhost",)).fault


def test_the_address_that_was_checked_is_the_one_that_is_called(
    house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is asked for twice could lead elsewhere the second time: it is asked for once."""
    asked = []
    real = socket.getaddrinfo

    def once(host, *arguments, **named):
        asked.append(host)
        return real("127.0.0.1" if len(asked) == 1 else "192.0.2.1", *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", once)
    assert post(house, receiver, receiver.url.replace("127.0.0.1", "localhost")).status == 200
    assert asked == ["localhost"]


def test_what_a_name_leads_to_besides_is_left_out(
    house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(receiver.url.split(":")[2].split("/")[0])
    places = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in ("169.254.169.254", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: places)
    assert post(house, receiver, receiver.url.replace("127.0.0.1", "localhost")).status == 200
    assert "link-local" in post(house, receiver, receiver.url.replace("127.0.0.1", "x.example"), allow=()).fault


def test_a_redirect_is_an_answer_and_is_not_followed(house: House, receiver: Receiver, tmp_path: Path) -> None:
    with receiving(tmp_path / "inner") as inner:
        receiver.answer = lambda _: (302, inner.url.encode())
        reply = post(house, receiver, receiver.url)
        assert (reply.status, len(receiver.got), inner.got) == (302, 1, [])


def test_proxies_of_the_environment_are_not_asked(
    house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    assert post(house, receiver, receiver.url).status == 200


def test_plaintext_needs_the_setting(house: House, tmp_path: Path) -> None:
    with receiving(tmp_path / "plain", tls=False) as plain:
        assert "without TLS" in post(house, plain, plain.url).fault
        assert plain.got == []
        assert post(house, plain, plain.url, plaintext=True).status == 200


def test_whoever_does_not_answer_is_given_up_on_in_time(house: House) -> None:
    with raw(b"", hold=True) as url:
        reply = post(house, None, url, seconds=0.3, plaintext=True)
    assert (reply.status, reply.fault) == (0, "no answer within 0.3 s")
    assert 250 <= reply.milliseconds < 20_000


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "its answer is no HTTP"),
        (b"", "it hung up without an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab", "its answer is no HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000, "its answer is no HTTP"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000, "its answer is too long"),
    ],
    ids=["other-protocol", "nothing", "cut", "endless-header", "endless-continue"],
)
def test_an_answer_that_is_none_is_a_fault(house: House, answer: bytes, fault: str) -> None:
    with raw(answer) as url:
        assert post(house, None, url, plaintext=True).fault in {fault, "the connection failed"}


def test_an_endless_answer_is_read_up_to_a_bound(house: House) -> None:
    with raw(b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * (3 << 20), hold=True) as url:
        reply = post(house, None, url, plaintext=True)
    assert (reply.status, len(reply.body)) == (200, ANSWER_LIMIT)


def test_nobody_there_is_a_fault_in_our_own_words(house: House) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{free.getsockname()[1]}/"
    assert post(house, None, url).fault == "it cannot be reached"
    assert post(house, None, "https://no.such.host.invalid/").fault == "its name leads to no address"
