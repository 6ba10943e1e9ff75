"""Trust on first use (P7): the fingerprint is compared before a secret is sent."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path
from typing import Any

import pytest

from mlv.remote import connect
from mlv.remote.credentials import Credential, load, store
from mlv.remote.trust import fetch_authority, same_fingerprint
from mlv_core.errors import InvalidSettings, Unreachable, UntrustedServer
from mlv_core.ids import RepositoryName, ServerAddress
from mlv_proto.v1 import repositories_pb2, server_pb2

REPO = RepositoryName("fraud", "detector")
NO_LABELS = repositories_pb2.ListLabelsResponse().SerializeToString()


def announce(der: bytes) -> Any:
    answer = server_pb2.GetServerResponse(certificate_authority=der).SerializeToString()
    return lambda _request, _context: answer


def test_P7_the_fingerprint_is_sha256_of_the_authoritys_der(secure: Any, certificates: Any):
    secure.answers["GetServer"] = announce(certificates.authority_der)
    found = fetch_authority(secure.address(), 5.0)
    assert same_fingerprint(hashlib.sha256(certificates.authority_der).hexdigest().upper(), found.fingerprint)
    assert found.pem == certificates.authority
    assert all("authorization" not in call.metadata for call in secure.seen)


def test_P7_the_token_is_sent_to_a_leaf_of_the_confirmed_authority_only(
    secure: Any, certificates: Any, other_certificates: Any
):
    secure.answers["ListLabels"] = lambda _request, _context: NO_LABELS
    good = connect(secure.address(), "secret", certificates.authority)
    assert good.list_labels(REPO) == ()
    good.close()
    secure.seen.clear()
    bad = connect(secure.address(), "secret", other_certificates.authority, timeout_seconds=1.0)
    with pytest.raises(UntrustedServer) as caught:
        bad.list_labels(REPO)
    bad.close()
    assert caught.value.exit_code == 5
    assert secure.seen == []


def test_P7_an_authority_that_did_not_issue_the_leaf_is_refused(secure: Any, other_certificates: Any):
    secure.answers["GetServer"] = announce(other_certificates.authority_der)
    with pytest.raises(UntrustedServer):
        fetch_authority(secure.address(), 5.0)


def test_an_authority_that_is_no_certificate_is_refused(secure: Any):
    secure.answers["GetServer"] = announce(b"nonsense")
    with pytest.raises(UntrustedServer):
        fetch_authority(secure.address(), 5.0)


def test_a_server_without_tls_is_told_as_that(plain: Any):
    with pytest.raises(Unreachable, match="does not speak TLS"):
        fetch_authority(plain.address(), 5.0)


def test_tls_to_a_server_without_tls_is_told_as_that(plain: Any, certificates: Any):
    server = connect(plain.address(), "secret", certificates.authority, timeout_seconds=0.3)
    with pytest.raises(Unreachable, match="does not speak TLS"):
        server.list_labels(REPO)
    server.close()


def test_P7_a_leaf_for_another_host_is_refused(secure: Any, certificates: Any):
    server = connect(ServerAddress("127.0.0.2", secure.port), "secret", certificates.authority, timeout_seconds=0.3)
    with pytest.raises(UntrustedServer):
        server.list_labels(REPO)
    server.close()
    assert secure.seen == []


def test_nobody_listens():
    with pytest.raises(Unreachable):
        fetch_authority(ServerAddress("127.0.0.1", 1), 1.0)


def test_credentials_are_for_the_user_alone(tmp_path: Path):
    folder = tmp_path / "config"
    store(str(folder), Credential("mlv://a:1", "t1", "bob"))
    store(str(folder), Credential("mlv://b:1", "t2", "bob", "SHA256:x", "pem"))
    assert list(load(str(folder))) == ["mlv://b:1", "mlv://a:1"]
    file = folder / "credentials.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("{")
    with pytest.raises(InvalidSettings):
        load(str(folder))
