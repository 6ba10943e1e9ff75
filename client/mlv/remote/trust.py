"""Trust on first use: learn a server's certificate authority without giving anything away, and compare fingerprints."""

from __future__ import annotations

import contextlib
import socket
import ssl

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization

from mlv.remote.channel import Channel
from mlv_core.deferred import dataclass
from mlv_core.errors import Unreachable, UntrustedServer
from mlv_core.ids import ServerAddress
from mlv_proto.v1 import server_pb2 as pb

PREFIX = "SHA256:"


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority; its `fingerprint` is `SHA256:` and the hexadecimal digest of its DER."""

    der: bytes
    pem: bytes
    fingerprint: str


def fetch_authority(address: ServerAddress, timeout_seconds: float) -> Authority:
    """The authority that `address` names, after checking that it issued the certificate that `address` serves with.

    Nothing secret is sent. The answer comes over a channel that trusts the served certificate alone, so that nobody
    between can put in another authority without holding that certificate's key.
    Raises: Unreachable, UntrustedServer.
    """
    leaf = _served_certificate(address, timeout_seconds)
    pem = leaf.public_bytes(serialization.Encoding.PEM)
    channel = Channel(address, None, pem, timeout_seconds=timeout_seconds)
    try:
        answer = channel.unary("ServerService/GetServer", pb.GetServerRequest(), pb.GetServerResponse)
    finally:
        channel.close()
    try:
        authority = x509.load_der_x509_certificate(answer.certificate_authority)
        leaf.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise UntrustedServer(f"{address} does not serve with a certificate of its own authority.") from error
    return Authority(
        answer.certificate_authority,
        authority.public_bytes(serialization.Encoding.PEM),
        fingerprint_of(answer.certificate_authority),
    )


def fingerprint_of(der: bytes) -> str:
    """`SHA256:` and the hexadecimal digest of a certificate's DER."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(der)
    return PREFIX + digest.finalize().hex()


def same_fingerprint(given: str, actual: str) -> bool:
    """Whether a fingerprint as a person writes it (any case, with or without colons and prefix) is `actual`."""

    def plain(text: str) -> str:
        return text.strip().lower().removeprefix(PREFIX.lower()).replace(":", "").replace(" ", "")

    return plain(given) == plain(actual)


def _served_certificate(address: ServerAddress, timeout_seconds: float) -> x509.Certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        with (
            socket.create_connection((address.host, address.port), timeout_seconds) as plain,
            context.wrap_socket(plain, server_hostname=address.host) as secure,
        ):
            der = secure.getpeercert(binary_form=True)
            with contextlib.suppress(OSError):
                secure.unwrap()
    except ssl.SSLError as error:
        raise Unreachable(
            f"{address} does not speak TLS.", advice="A plaintext server is named mlv+plain://127.0.0.1:PORT."
        ) from error
    except OSError as error:
        raise Unreachable(f"{address} does not answer: {error.strerror or error}.") from error
    if der is None:
        raise UntrustedServer(f"{address} showed no certificate.")
    return x509.load_der_x509_certificate(der)
