"""How long a certificate is still good, whether it is strong enough, and its digest. Pure.

Source: Ganeti 3.0.2 lib/utils/x509.py (rules), lib/utils/security.py (digest), constants
(days, bits, clock skew).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

#: A certificate that ends in so many days is told of; in the second number of days it is an error.
_WARN_DAYS: Final = 30
_ERROR_DAYS: Final = 7
#: How far the clocks of nodes may be apart.
_CLOCK_SKEW: Final = timedelta(seconds=150)
_RSA_BITS_MIN: Final = 2048
_WEAK_HASHES: Final = frozenset({"md5", "sha1"})


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a certificate; `fatal` when it cannot be used (much longer)."""

    text: str
    fatal: bool


def inspect(pem: bytes, now: datetime) -> Finding | None:
    """Return the worst that is to be said of a certificate, None if it is good.

    Args:
        pem: The certificate in PEM form; what else stands there (its key) does not matter.
        now: The time, with a time zone.
    """
    try:
        certificate = x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        return Finding(f"it is no certificate: {error}", fatal=True)
    found = out_of_time(certificate, now)
    if found is not None:
        return found
    days = (certificate.not_valid_after_utc - now - _CLOCK_SKEW).days
    if days <= _ERROR_DAYS:
        return Finding(f"it expires in about {days} days", fatal=True)
    weak = _weaknesses(certificate)
    if days <= _WARN_DAYS:
        weak.insert(0, f"it expires in about {days} days")
    return Finding(", ".join(weak), fatal=False) if weak else None


def out_of_time(certificate: x509.Certificate, now: datetime) -> Finding | None:
    """Return what is to be said of a certificate that is not valid now, None if it is.

    Args:
        now: The time, with a time zone.
    """
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if ends <= now:
        return Finding(f"it expired at {ends:%Y-%m-%d %H:%M:%S} UTC", fatal=True)
    if begins > now + _CLOCK_SKEW:
        return Finding(f"it is not valid before {begins:%Y-%m-%d %H:%M:%S} UTC", fatal=False)
    return None


def digest(pem: bytes) -> str:
    """Return what a node daemon knows a client's certificate by, as `AB:01:...`, 20 bytes.

    Args:
        pem: The certificate in PEM form; what else stands there (its key) does not matter.

    Raises:
        ValueError: there is no certificate.
    """
    # It names the certificate in files that Ganeti reads; nothing is signed with this hash.
    found = x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA1())
    return found.hex(":").upper()


def _weaknesses(certificate: x509.Certificate) -> list[str]:
    found = []
    algorithm = certificate.signature_hash_algorithm
    if algorithm is not None and algorithm.name in _WEAK_HASHES:
        found.append(f"it is signed with the weak hash {algorithm.name}")
    key = certificate.public_key()
    if isinstance(key, RSAPublicKey) and key.key_size < _RSA_BITS_MIN:
        found.append(f"its key has {key.key_size} bits, less than {_RSA_BITS_MIN}")
    return found
