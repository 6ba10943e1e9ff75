"""The server's own certificate authority, on real files."""

from __future__ import annotations

import datetime as dt
import stat

import pytest
from cryptography import x509

from mlv_core.errors import InvalidSettings
from mlv_server.auth import certificates
from mlv_server.settings import load_settings

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def settings(tmp_path):
    file = tmp_path / "mlv-server.toml"
    file.write_text("[tls]\nnames = 'models.example, 10.1.2.3'\n")
    return load_settings(file, {})


def leaf_of(settings):
    return x509.load_pem_x509_certificate(settings.certificate.read_bytes())


def test_the_leaf_names_this_host_and_is_issued_by_the_authority(settings):
    certificates.create_authority(settings, NOW)
    assert certificates.ensure_leaf(settings, (), NOW)
    leaf = leaf_of(settings)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "models.example"} <= set(names.get_values_for_type(x509.DNSName))
    assert {"127.0.0.1", "::1", "10.1.2.3"} <= {str(a) for a in names.get_values_for_type(x509.IPAddress)}
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(settings.authority.read_bytes()))


def test_keys_can_be_read_by_their_owner_alone(settings):
    certificates.create_authority(settings, NOW)
    certificates.ensure_leaf(settings, (), NOW)
    for key in (settings.key, settings.authority.with_suffix(".key")):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_leaf_near_its_end_is_renewed_and_the_fingerprint_stays(settings):
    certificates.create_authority(settings, NOW)
    certificates.ensure_leaf(settings, (), NOW)
    first, fingerprint = leaf_of(settings), certificates.fingerprint(certificates.authority_der(settings))
    assert not certificates.ensure_leaf(settings, (), NOW)
    assert certificates.ensure_leaf(settings, (), NOW + dt.timedelta(days=certificates.LEAF_DAYS - 30))
    assert leaf_of(settings).serial_number != first.serial_number
    assert certificates.fingerprint(certificates.authority_der(settings)) == fingerprint


def test_a_new_name_makes_a_new_leaf(settings):
    certificates.create_authority(settings, NOW)
    certificates.ensure_leaf(settings, (), NOW)
    assert certificates.ensure_leaf(settings, ("10.9.9.9",), NOW)


def test_a_certificate_of_the_admins_own_is_used_and_never_replaced(settings):
    certificates.create_authority(settings, NOW)
    certificates.ensure_leaf(settings, (), NOW)
    settings.authority.with_suffix(".key").unlink()
    before = settings.certificate.read_bytes()
    assert not certificates.ensure_leaf(settings, ("10.9.9.9",), NOW)
    assert settings.certificate.read_bytes() == before
    with pytest.raises(InvalidSettings, match="ended on"):
        certificates.ensure_leaf(settings, (), NOW + dt.timedelta(days=certificates.LEAF_DAYS + 1))


def test_without_any_certificate_the_admin_is_told_what_to_do(settings):
    with pytest.raises(InvalidSettings) as caught:
        certificates.ensure_leaf(settings, (), NOW)
    assert "mlv-server init" in caught.value.advice
