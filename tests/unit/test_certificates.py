"""How certificates are judged: by their dates, their key and their signature."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from masterd import certificates
from masterd.testing.certificates import new_key, new_server

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
END = BEGIN + timedelta(days=100)


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return new_key(2048)


def pem(key: rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cluster")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(BEGIN)
        .not_valid_after(END)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM)


@pytest.mark.parametrize(
    ("now", "text", "fatal"),
    [
        (BEGIN - timedelta(seconds=149), None, False),
        (BEGIN - timedelta(seconds=151), "not valid before 2026-01-01 00:00:00 UTC", False),
        (END - timedelta(days=31, hours=1), None, False),
        (END - timedelta(days=30, hours=1), "expires in about 30 days", False),
        (END - timedelta(days=8, hours=1), "expires in about 8 days", False),
        (END - timedelta(days=7, hours=1), "expires in about 7 days", True),
        (END, "expired at 2026-04-11 00:00:00 UTC", True),
    ],
)
def test_dates(key: rsa.RSAPrivateKey, now: datetime, text: str | None, fatal: bool) -> None:
    found = certificates.inspect(pem(key), now)
    if text is None:
        assert found is None
    else:
        assert found is not None
        assert (text in found.text, found.fatal) == (True, fatal)


def test_a_weak_key_is_told() -> None:
    found = certificates.inspect(pem(new_key(1024)), BEGIN)
    assert found == certificates.Finding("its key has 1024 bits, less than 2048", fatal=False)


def test_a_cluster_s_own_certificate_is_good() -> None:
    made = new_server(int(BEGIN.timestamp() * 1e6))
    assert certificates.inspect(made.pem(), BEGIN + timedelta(days=1)) is None


@pytest.mark.parametrize("content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\n"])
def test_something_else_is_no_certificate(content: bytes) -> None:
    found = certificates.inspect(content, BEGIN)
    assert found is not None
    assert found.fatal
    assert found.text.startswith("it is no certificate")
