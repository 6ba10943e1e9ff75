"""The reference pipe: 1 MiB gRPC messages over TLS, BLAKE3 on both sides, write, fsync. What no product can beat.

The module is rival, server (`serve FOLDER PORT`) and client (`put|get FOLDER PORT NAME PATH`) in one.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import blake3

from benchmarks.harness import free_port
from benchmarks.rivals.base import Rival
from benchmarks.series import HERE

BLOCK = 1 << 20
ADDRESS = ipaddress.IPv4Address("127.0.0.1")
_CERTIFICATE, _KEY = "pipe.crt", "pipe.key"


class Pipe(Rival):
    """Sends each file whole; versions are folders."""

    name: ClassVar[str] = "reference pipe"
    verbs: ClassVar[frozenset[str]] = frozenset({"commit", "checkout"})
    note: ClassVar[str] = "limit: whole files, one after another, from process start"
    port: int

    @classmethod
    def missing(cls) -> str | None:
        """It stands on the product's own dependencies."""
        return None

    def setup(self) -> None:
        """Certificate, server, relay."""
        self.tree.mkdir()
        self.store.mkdir()
        make_certificate(self.home)
        port = free_port()
        self.serve(sys.executable, "-m", "benchmarks.rivals.pipe", "serve", self.home, port, port=port)
        self.port = self.relay(port)

    def environment(self) -> dict[str, str]:
        """Its modules are found from the benchmark's root."""
        return super().environment() | {"PYTHONPATH": str(HERE.parent), "GRPC_VERBOSITY": "ERROR"}

    def transfer(self, verb: str, number: int, folder: Path) -> None:
        """Run the client."""
        program = ("-m", "benchmarks.rivals.pipe", verb, self.home, self.port, number, folder)
        self.tally.inside = float(str(self.run(sys.executable, *program)))

    def commit(self, number: int) -> None:
        """Send every file."""
        self.transfer("put", number, self.tree)

    def checkout(self, number: int, folder: Path) -> None:
        """Receive every file."""
        self.transfer("get", number, folder)

    def update(self, number: int, folder: Path) -> None:
        """Not measured."""
        raise NotImplementedError(self.name)

    def status(self) -> None:
        """Not measured."""
        raise NotImplementedError(self.name)


def make_certificate(folder: Path) -> None:
    """A self-signed certificate for the loopback address, one day."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, str(ADDRESS))])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ADDRESS)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / _CERTIFICATE).write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / _KEY).write_bytes(pem)


def blocks(path: Path, state: blake3.blake3) -> Iterator[bytes]:
    """The file in messages, hashed on the way."""
    with path.open("rb", buffering=0) as source:
        while block := source.read(BLOCK):
            state.update(block)
            yield block


def write(path: Path, data: Iterable[bytes]) -> bytes:
    """Write, hash and fsync; returns the hash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    state = blake3.blake3()
    with path.open("wb", buffering=0) as sink:
        for block in data:
            state.update(block)
            sink.write(block)
        os.fsync(sink.fileno())
    return state.digest()


def serve(home: Path, port: int) -> None:
    """Serve `home`/store until ended."""
    import grpc

    def put(messages: Iterator[bytes], _: grpc.ServicerContext) -> bytes:
        return write(home / "store" / next(messages).decode(), messages)

    def get(name: bytes, _: grpc.ServicerContext) -> Iterator[bytes]:
        state = blake3.blake3()
        yield from blocks(home / "store" / name.decode(), state)
        yield state.digest()

    handlers: dict[str, Any] = {
        "Put": grpc.stream_unary_rpc_method_handler(put),
        "Get": grpc.unary_stream_rpc_method_handler(get),
    }
    server = grpc.server(ThreadPoolExecutor(4), options=_OPTIONS)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("pipe.Pipe", handlers),))
    pair = ((home / _KEY).read_bytes(), (home / _CERTIFICATE).read_bytes())
    server.add_secure_port(f"{ADDRESS}:{port}", grpc.ssl_server_credentials([pair]))
    server.start()
    server.wait_for_termination()


_OPTIONS = (("grpc.max_receive_message_length", 4 * BLOCK),)


def client(verb: str, home: Path, port: int, version: str, folder: Path) -> float:
    """Send or receive the files of a version; returns the seconds from the first content byte to the last answer."""
    import grpc

    credentials = grpc.ssl_channel_credentials((home / _CERTIFICATE).read_bytes())
    with grpc.secure_channel(f"{ADDRESS}:{port}", credentials, options=_OPTIONS) as channel:
        grpc.channel_ready_future(channel).result(10)
        started = time.monotonic()
        if verb == "put":
            call: Any = channel.stream_unary("/pipe.Pipe/Put")
            for path in sorted(folder.iterdir()):
                state = blake3.blake3()

                def messages(path: Path = path, state: blake3.blake3 = state) -> Iterator[bytes]:
                    yield f"{version}/{path.name}".encode()
                    yield from blocks(path, state)

                if call(messages()) != state.digest():
                    raise ValueError(f"{path.name} arrived with other bytes")
        else:
            get: Any = channel.unary_stream("/pipe.Pipe/Get")
            for path in sorted((home / "store" / version).iterdir()):
                receive(get(f"{version}/{path.name}".encode()), folder / path.name)
        return time.monotonic() - started


def receive(messages: Iterable[bytes], path: Path) -> None:
    """Write all messages but the last, which is the hash. Raises ValueError where it is another."""
    last: list[bytes] = []

    def all_but_last() -> Iterator[bytes]:
        for message in messages:
            if last:
                yield last.pop()
            last.append(message)

    if write(path, all_but_last()) != last[0]:
        raise ValueError(f"{path.name} arrived with other bytes")


if __name__ == "__main__":
    _, act, where, at, *rest = sys.argv
    if act == "serve":
        serve(Path(where), int(at))
    else:
        print(client(act, Path(where), int(at), rest[0], Path(rest[1])))
