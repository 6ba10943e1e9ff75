"""A small real gRPC server in this process, with certificates of its own, that does what a test tells it."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mlv_core.ids import ServerAddress

Handler = Callable[[Any, grpc.ServicerContext], Any]


@dataclass
class Seen:
    """One call as it arrived."""

    method: str
    metadata: dict[str, str]
    deadline: float | None


@dataclass
class LittleServer:
    """`answers` holds a function for each method; it gets the raw request and gives raw bytes, or an iterator."""

    port: int = 0
    answers: dict[str, Handler] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)

    def address(self, *, plaintext: bool = False) -> ServerAddress:
        return ServerAddress("127.0.0.1", self.port, plaintext=plaintext)

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        name = details.method.rpartition("/")[2]
        answer = self.answers.get(name)
        if answer is None:
            return None

        def handle(request: Any, context: grpc.ServicerContext) -> Any:
            self.seen.append(Seen(name, dict(context.invocation_metadata()), context.time_remaining()))
            return answer(request, context)

        if name == "PutPack":
            return grpc.stream_unary_rpc_method_handler(handle)
        if name == "Begin":
            return grpc.stream_stream_rpc_method_handler(handle)
        if name in {"GetRanges", "PlanDownload", "ListFiles", "DiffVersions"}:
            return grpc.unary_stream_rpc_method_handler(handle)
        return grpc.unary_unary_rpc_method_handler(handle)


class _Generic(grpc.GenericRpcHandler):
    def __init__(self, little: LittleServer) -> None:
        self._little = little

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        return self._little.service(handler_call_details)


@dataclass(frozen=True)
class Certificates:
    """A certificate authority and a leaf it issued for 127.0.0.1; PEM, and the authority's DER."""

    authority: bytes
    authority_der: bytes
    leaf: bytes
    key: bytes


def make_certificates() -> Certificates:
    now = dt.datetime.now(dt.UTC)
    signer, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])

    def build(subject: x509.Name, public: ec.EllipticCurvePublicKey, *, ca: bool) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )

    authority = build(issuer, signer.public_key(), ca=True).sign(signer, hashes.SHA256())
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test server")])
    leaf = build(subject, key.public_key(), ca=False).add_extension(names, critical=False).sign(signer, hashes.SHA256())
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    der = authority.public_bytes(serialization.Encoding.DER)
    return Certificates(authority.public_bytes(pem), der, leaf.public_bytes(pem), private)


@pytest.fixture(scope="session")
def certificates() -> Certificates:
    return make_certificates()


@pytest.fixture(scope="session")
def other_certificates() -> Certificates:
    return make_certificates()


@pytest.fixture
def plain() -> Iterator[LittleServer]:
    """A server without TLS on the loopback."""
    little = LittleServer()
    with futures.ThreadPoolExecutor(4) as pool:
        server = grpc.server(pool, handlers=(_Generic(little),))
        little.port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield little
        server.stop(None).wait()


@pytest.fixture
def secure(certificates: Certificates) -> Iterator[LittleServer]:
    """A server with TLS."""
    little = LittleServer()
    with futures.ThreadPoolExecutor(4) as pool:
        server = grpc.server(pool, handlers=(_Generic(little),))
        credentials = grpc.ssl_server_credentials([(certificates.key, certificates.leaf)])
        little.port = server.add_secure_port("127.0.0.1:0", credentials)
        server.add_secure_port(f"127.0.0.2:{little.port}", credentials)  # a name that the leaf does not have
        server.start()
        yield little
        server.stop(None).wait()
