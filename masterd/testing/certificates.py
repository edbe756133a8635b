"""Certificates in the forms Ganeti makes them.

One file holds a private key and a certificate. `server.pem` is signed by itself, `client.pem` by
`server.pem`. They are X.509 version 1, so they have no extensions; TLS libraries treat that form
differently from version 3, which is why it is kept here.

Source: Ganeti 3.0.2 lib/utils/x509.py, lib/utils/security.py; certificates of a running cluster.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

#: Name in the cluster's certificate. Source: constants X509_CERT_CN.
SERVER_NAME: Final = "ganeti.example.com"

#: Source: constants RSA_KEY_BITS and X509_CERT_DEFAULT_VALIDITY.
KEY_BITS: Final = 2048
VALIDITY_DAYS: Final = 1825

#: Modes of `server.pem` and `client.pem`.
PEM_MODE: Final = 0o440

_DAY_S: Final = 24 * 3600

_SEQUENCE: Final = 0x30
_BIT_STRING: Final = 0x03
#: DER of the field that says "version 3", which version 1 certificates lack.
_VERSION_3: Final = bytes.fromhex("a003020102")
#: DER of the algorithm identifier sha256WithRSAEncryption.
_SHA256_RSA: Final = bytes.fromhex("300d06092a864886f70d01010b0500")


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A private key and its certificate."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    def pem(self) -> bytes:
        """Return the content of the file: the key, then the certificate."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key + self.certificate.public_bytes(Encoding.PEM)

    def digest(self) -> str:
        """Return the SHA1 digest, as in `ssconf_master_candidates_certs`."""
        return digest(self.certificate.public_bytes(Encoding.DER))

    def write(self, path: Path) -> None:
        """Put the file in place in one step, with Ganeti's mode."""
        new = path.with_name(path.name + ".new")
        new.unlink(missing_ok=True)
        new.touch(mode=0o600)
        new.write_bytes(self.pem())
        new.chmod(PEM_MODE)
        new.rename(path)


def new_server(now_us: int, *, serial: int = 1, key_bits: int = KEY_BITS) -> KeyPair:
    """Make the certificate of a cluster, valid from `now_us` (microseconds since the epoch)."""
    key = new_key(key_bits)
    return KeyPair(key, _certificate(SERVER_NAME, key, SERVER_NAME, key, serial, now_us))


def new_client(
    name: str, server: KeyPair, now_us: int, *, serial: int, key: rsa.RSAPrivateKey | None = None
) -> KeyPair:
    """Make the certificate of the node `name`, with a new key or, to save time, with `key`."""
    own = key or new_key(server.key.key_size)
    return KeyPair(own, _certificate(name, own, SERVER_NAME, server.key, serial, now_us))


def new_signed_by_itself(
    name: str, now_us: int, valid_s: int, *, key: rsa.RSAPrivateKey | None = None
) -> KeyPair:
    """Make a certificate for `valid_s` seconds that vouches for itself, with a new key or `key`."""
    own = key or new_key()
    serial = now_us // 1_000_000
    return KeyPair(own, _certificate(name, own, name, own, serial, now_us, valid_s=valid_s))


def new_key(bits: int = KEY_BITS) -> rsa.RSAPrivateKey:
    """Make a private key; about 0.1 s for 2048 bits."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def digest(certificate: bytes) -> str:
    """Return the SHA1 digest of a certificate (DER): upper-case hex, colons between bytes."""
    return hashlib.sha1(certificate, usedforsecurity=False).digest().hex(":").upper()


def read_digest(path: Path) -> str:
    """Return the digest of the certificate in a file."""
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return digest(certificate.public_bytes(Encoding.DER))


def _certificate(
    subject: str,
    key: rsa.RSAPrivateKey,
    issuer: str,
    issuer_key: rsa.RSAPrivateKey,
    serial: int,
    now_us: int,
    *,
    valid_s: int = VALIDITY_DAYS * _DAY_S,
) -> x509.Certificate:
    start = datetime.fromtimestamp(now_us // 1_000_000, UTC)
    version_3 = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(seconds=valid_s))
        .sign(issuer_key, hashes.SHA256())
    )
    return _as_version_1(version_3, issuer_key)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _as_version_1(certificate: x509.Certificate, issuer_key: rsa.RSAPrivateKey) -> x509.Certificate:
    """Drop the version field and sign again; the library makes version 3 only."""
    signed = certificate.tbs_certificate_bytes
    content = signed[_header_length(signed) :]
    assert content.startswith(_VERSION_3), "The version comes first"
    signed = _der(_SEQUENCE, content[len(_VERSION_3) :])
    signature = issuer_key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    whole = _der(_SEQUENCE, signed + _SHA256_RSA + _der(_BIT_STRING, b"\0" + signature))
    return x509.load_der_x509_certificate(whole)


def _header_length(encoded: bytes) -> int:
    first = encoded[1]
    return 2 if first < 0x80 else 2 + (first & 0x7F)


def _der(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content
