"""What clusters tell each other: only what is signed with their secret is believed."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from masterd.lu.backup import handover
from masterd.lu.backup.handover import Destination
from masterd.testing import certificates

SECRET, SALT = "secret", "a1b2"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PEM = (
    certificates.new_signed_by_itself("a.example.com", int(NOW.timestamp() * 1_000_000), 3600)
    .certificate.public_bytes(Encoding.PEM)
    .decode()
)


def test_a_signature_is_that_of_the_reference() -> None:
    # Computed with Ganeti 3.0.2: utils.Sha1Hmac("secret", "0:Hi, I'm Ganeti", salt="a1b2").
    assert handover.handshake(SECRET, SALT)[1] == "0f8f6258e06111e500eacbdf649f491aaf6f1aa4"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ([], "made of"),
        ([0, "0" * 40, SALT], "hash"),
        ([0, 7, SALT], "hash"),
        ([1, handover.signature(SECRET, "1:Hi, I'm Ganeti", SALT), SALT], "versions"),
    ],
)
def test_a_handshake_of_somebody_else_is_refused(given: list[Any], problem: str) -> None:
    assert problem in (handover.handshake_problem(SECRET, given) or "")
    assert handover.handshake_problem(SECRET, handover.handshake(SECRET, SALT)) is None


def test_a_destination_is_told_and_believed_for_its_disk_only() -> None:
    place = Destination("192.0.2.1", 40_001, "abra")
    told = place.document(SECRET, 3, SALT)
    assert handover.destination(SECRET, 3, told) == place
    for index, secret, changed in ((2, SECRET, told), (3, "x", told), (3, SECRET, told[:4])):
        with pytest.raises(ValueError, match="it"):
            handover.destination(secret, index, changed)


@pytest.mark.parametrize(
    ("host", "port"), [("a b", 1), ("192.0.2.1", 65_536), ("192.0.2.1", "no port"), ("", 1)]
)
def test_a_destination_that_is_no_place_is_refused(host: str, port: Any) -> None:
    with pytest.raises(ValueError, match=r"host|port"):
        handover.destination(SECRET, 0, Destination(host, port, "abra").document(SECRET, 0, SALT))


def test_a_certificate_is_believed_as_long_as_it_is_valid() -> None:
    signed = handover.signed_certificate(SECRET, PEM, SALT)
    assert handover.certificate(SECRET, f"More: above\n{signed}", NOW) == PEM
    for secret, text, days in (("x", signed, 0), (SECRET, PEM, 0), (SECRET, signed, 1)):
        with pytest.raises(ValueError, match="it"):
            handover.certificate(secret, text, NOW + timedelta(days=days))


def test_a_certificate_of_a_version_that_does_not_exist_is_none() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )
    third, ninth = bytes.fromhex("a003020102"), bytes.fromhex("a003020108")
    told = base64.encodebytes(made.replace(third, ninth, 1)).decode()
    header = handover.signed_certificate(SECRET, PEM, SALT).partition("\n")[0]
    pem = f"-----BEGIN CERTIFICATE-----\n{told}-----END CERTIFICATE-----\n"
    with pytest.raises(ValueError, match="version"):
        handover.certificate(SECRET, f"{header}\n{pem}", NOW)
