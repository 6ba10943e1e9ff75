"""The server's own certificate authority and the leaf it issues: made at `init`, renewed without breaking a client."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import socket
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mlv_core.errors import InvalidSettings

if TYPE_CHECKING:
    from pathlib import Path

    from mlv_server.settings import Settings

AUTHORITY_DAYS = 3650
"""The authority is what clients remember: it must outlive many leaves."""
LEAF_DAYS = 397
"""The longest life that common TLS stacks accept for a leaf."""
RENEW_DAYS = 60
"""A leaf with less life left is renewed at start."""
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


def create_authority(settings: Settings, now: dt.datetime) -> None:
    """Write a new certificate authority and its key (mode 0600) where the settings say.

    Raises: OSError.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"mlv authority of {socket.gethostname()}"[:64])])
    certificate = (
        _builder(name, name, key.public_key(), now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(settings.authority, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    _write(authority_key(settings), _private(key), 0o600)


def ensure_leaf(settings: Settings, names: tuple[str, ...], now: dt.datetime) -> bool:
    """Issue the server's certificate if it is missing, near its end or lacks one of its names; says whether it did.

    With a certificate of the admin's own (no authority key beside it) nothing is issued.
    Raises: InvalidSettings when the files are absent or do not fit together.
    """
    wanted = tuple(dict.fromkeys((*LOCAL_NAMES, socket.gethostname(), *settings.names, *names)))
    own = authority_key(settings).exists()
    if settings.certificate.exists() and settings.key.exists():
        leaf = _load(settings.certificate)
        left = leaf.not_valid_after_utc - now
        if not own:
            if left.total_seconds() <= 0:
                message = f"The certificate {settings.certificate} ended on {leaf.not_valid_after_utc:%Y-%m-%d}."
                raise InvalidSettings(message, advice="Put a new one in its place.")
            return False
        if left.days >= RENEW_DAYS and set(wanted) <= _names(leaf):
            return False
    elif not own:
        message = f"There is no certificate {settings.certificate} with key {settings.key}."
        raise InvalidSettings(message, advice="Run 'mlv-server init', or name your own files in [tls].")
    authority = _load(settings.authority)
    signer = serialization.load_pem_private_key(authority_key(settings).read_bytes(), password=None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        message = f"{authority_key(settings)} is not the key that 'init' made."
        raise InvalidSettings(message)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mlv server")])
    leaf = (
        _builder(subject, authority.subject, key.public_key(), now, LEAF_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(n) for n in wanted]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    _write(settings.key, _private(key), 0o600)
    _write(settings.certificate, leaf.public_bytes(serialization.Encoding.PEM), 0o644)
    return True


def authority_der(settings: Settings) -> bytes:
    """The authority's certificate as DER; its SHA-256 is the fingerprint that clients confirm.

    Raises: InvalidSettings.
    """
    return _load(settings.authority).public_bytes(serialization.Encoding.DER)


def fingerprint(der: bytes) -> str:
    """`SHA256:` and the hexadecimal digest of a certificate's DER."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(der)
    return "SHA256:" + digest.finalize().hex()


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: dt.datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=days))
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names(leaf: x509.Certificate) -> set[str]:
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(names.get_values_for_type(x509.DNSName)) | {str(a) for a in names.get_values_for_type(x509.IPAddress)}


def authority_key(settings: Settings) -> Path:
    """Where the authority's private key lies; absent with certificates of the admin's own."""
    return settings.authority.with_suffix(".key")


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _load(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        message = f"Cannot read the certificate {path}: {error}."
        raise InvalidSettings(message, advice="Run 'mlv-server init', or name your own files in [tls].") from error


def _write(path: Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    for folder in (path.parent, path.parent.parent):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
