"""Somebody outside whom a server tells or asks: a real HTTPS receiver on the loopback, trusted by a CA of the tests."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import hmac
import http.server
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mlv_core.failpoints import VARIABLE

WAIT_SECONDS = 60
SECRET = "a secret of the tests"
Answer = tuple[int, bytes]


@dataclass(frozen=True)
class Got:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def is_signed(self, secret: str) -> bool:
        """As docs/webhooks.md tells a receiver to look, without the look at the clock."""
        parts = [part.partition("=")[::2] for part in self.headers["x-mlv-signature"].split(",")]
        (seconds,) = [value for name, value in parts if name == "t"]
        wanted = hmac.new(secret.encode(), f"{seconds}.".encode() + self.body, hashlib.sha256).hexdigest()
        return any(name == "v1" and hmac.compare_digest(value, wanted) for name, value in parts)


@dataclass
class Receiver:
    """A receiver that is running. `answers` are given in turn, the last one for ever; each may wait for an event."""

    url: str
    authority: Path
    answer: Callable[[Got], Answer] = lambda _: (200, b"ok")
    got: list[Got] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, one: Got) -> Answer:
        with self.changed:
            self.got.append(one)
            self.changed.notify_all()
        return self.answer(one)

    def wait(self, enough: Callable[[], bool]) -> list[Got]:
        """The requests, once they are enough."""
        with self.changed:
            assert self.changed.wait_for(enough, WAIT_SECONDS), [one.body for one in self.got]
            return list(self.got)

    def environment(self) -> dict[str, str]:
        """What lets a server call it."""
        return {"MLV_OUTGOING_ALLOW": "127.0.0.0/8", "MLV_OUTGOING_AUTHORITY": str(self.authority)}

    def dying_at(self, point: str) -> dict[str, str]:
        """As `environment`, for a server that ends at a point."""
        return {**self.environment(), VARIABLE: f"{point}=exit"}


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    receiver: Receiver

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hung up is no error of ours."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, answer = self.server.receiver.take(Got(self.path, headers, body))
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", answer.decode())
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


@contextlib.contextmanager
def receiving(folder: Path, *, tls: bool = True, names: tuple[str, ...] = ("127.0.0.1",)) -> Iterator[Receiver]:
    """A receiver on the loopback whose certificate is for `names`."""
    folder.mkdir(parents=True, exist_ok=True)
    server = _Server(("127.0.0.1", 0), _Handler)
    authority, chain = make_certificate(folder, names)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.receiver = Receiver(f"http{'s' if tls else ''}://{names[0]}:{server.server_address[1]}/hook", authority)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def make_certificate(folder: Path, names: tuple[str, ...]) -> tuple[Path, Path]:
    """The certificate of a new authority, and key and certificate of a server that it vouches for (PEM)."""
    now = dt.datetime.now(dt.UTC)
    issuer, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    title = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority of the tests")])

    def built(subject: x509.Name, key: Any, *extensions: x509.ExtensionType) -> bytes:
        made = x509.CertificateBuilder(title, subject, key.public_key(), x509.random_serial_number())
        made = made.not_valid_before(now - dt.timedelta(hours=1)).not_valid_after(now + dt.timedelta(days=1))
        for extension in extensions:
            made = made.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return made.sign(issuer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    root = built(title, issuer, x509.BasicConstraints(ca=True, path_length=0))
    alternatives = x509.SubjectAlternativeName([_general(name) for name in names])
    leaf = built(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]), own, alternatives)
    key = own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    authority, chain = folder / "authority.pem", folder / "server.pem"
    authority.write_bytes(root)
    chain.write_bytes(key + leaf)
    return authority, chain


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
