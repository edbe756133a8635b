"""What two clusters tell each other of an instance that goes from one to the other. Pure.

Both know the same domain secret. A client carries what one tells to the other, which believes it
because it is signed: with a keyed hash of a salt and the text.

Source: Ganeti 3.0.2 lib/masterd/instance.py, lib/utils (hash.py, x509.py); constants RIE_VERSION,
RIE_HANDSHAKE, X509_CERT_SIGNATURE_HEADER.
"""

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from masterd import certificates
from masterd.errors import OpPrereqError
from masterd.node.probe import normal_name

#: Of what clusters tell each other; both must speak the same one.
_VERSION: Final = 0
_GREETING: Final = "Hi, I'm Ganeti"

_SIGNATURE: Final = "X-Ganeti-Signature"
#: The line before a certificate, whatever stands above it.
_SIGNED: Final = re.compile(
    rf"\s*{_SIGNATURE}:\s*(?P<salt>[a-f0-9]+)/(?P<hash>[a-f0-9]+)\s*", re.IGNORECASE
)
_SERVICE: Final = re.compile(r"[-_.a-zA-Z0-9]{1,128}")
_PORTS: Final = 1 << 16


def signature(secret: str, text: str, salt: str) -> str:
    """Return the keyed hash of a text, 40 digits."""
    # The other side may be Ganeti's own master daemon, which takes this hash only.
    return hmac.new(secret.encode(), (salt + text).encode(), hashlib.sha1).hexdigest()


def _is_signed(secret: str, text: str, given: object, salt: object) -> bool:
    if not isinstance(given, str) or not isinstance(salt, str | None):
        return False
    wanted = signature(secret, text, salt or "")
    return hmac.compare_digest(given.lower().encode(), wanted.encode())


# --- which clusters -------------------------------------------------------------------------------


def handshake(secret: str, salt: str) -> list[object]:
    """Return what shows that a cluster knows the secret: version, hash, salt."""
    return [_VERSION, signature(secret, _greeting(_VERSION), salt), salt]


def _greeting(version: object) -> str:
    return f"{version}:{_GREETING}"


def handshake_problem(secret: str, given: Sequence[object]) -> str | None:
    """Return why a handshake shows nothing; None where it is good."""
    if len(given) != 3:
        return "it is not made of a version, a hash and a salt"
    version, told, salt = given
    if not _is_signed(secret, _greeting(version), told, salt):
        return "its hash does not match, the clusters do not share a domain secret"
    if version != _VERSION:
        return f"the clusters speak different versions (here {_VERSION}, there {version})"
    return None


# --- which key ------------------------------------------------------------------------------------


def key(secret: str, name: str, salt: str) -> list[str]:
    """Return the name of a key, signed: name, hash, salt."""
    return [name, signature(secret, name, salt), salt]


def key_name(secret: str, given: Sequence[object]) -> str:
    """Return the name of a key as it was told.

    Raises:
        ValueError: nobody who knows the secret has told it.
    """
    if len(given) != 3:
        raise ValueError("it is not made of a name, a hash and a salt")
    name, told, salt = given
    if not isinstance(name, str) or not _is_signed(secret, name, told, salt):
        raise ValueError("its hash does not match")
    return name


# --- where disks go -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a disk is awaited, and what shows there that it is the right one."""

    host: str
    port: int | str
    magic: str

    def document(self, secret: str, index: int, salt: str) -> list[object]:
        """Return it as the other cluster is told it, signed."""
        told = _disk(index, self.host, self.port, self.magic)
        return [self.host, self.port, self.magic, signature(secret, told, salt), salt]


def _disk(index: int, host: object, port: object, magic: object) -> str:
    return f"{index}:{host}:{port}:{magic}"


def destination(secret: str, index: int, given: object) -> Destination:
    """Return where a disk is to go as it was told.

    Args:
        index: of the disk.

    Raises:
        ValueError: nobody who knows the secret has told it, or it is no place.
    """
    if not isinstance(given, list | tuple) or len(given) != 5:
        raise ValueError("it is not made of host, port, magic, hash and salt")
    host, port, magic, told, salt = given
    if not (isinstance(host, str) and isinstance(port, int | str) and isinstance(magic, str)):
        raise ValueError("host, port and magic are not what they should be")
    if not (host and port and magic):
        raise ValueError("host, port or magic is missing")
    if not _is_signed(secret, _disk(index, host, port, magic), told, salt):
        raise ValueError("its hash does not match")
    return Destination(_host(host), _port(port), magic)


def is_ipv6(host: str) -> bool:
    """Tell whether a host is an IPv6 address."""
    return _version(host) == 6


def _version(host: str) -> int | None:
    try:
        return ipaddress.ip_address(host).version
    except ValueError:
        return None


def _host(host: str) -> str:
    if _version(host) is not None:
        return host
    try:
        return normal_name(host)
    except OpPrereqError as error:
        raise ValueError(error.message) from error


def _port(port: int | str) -> int | str:
    try:
        valid = 0 <= int(port) < _PORTS
    except ValueError:
        valid = _SERVICE.fullmatch(str(port)) is not None
    if not valid:
        raise ValueError(f"{port} is no port")
    return port


# --- whom to believe ------------------------------------------------------------------------------


def signed_certificate(secret: str, pem: str, salt: str) -> str:
    """Return a certificate with its signature above it.

    Args:
        pem: it in PEM form.
        salt: hexadecimal digits.

    Raises:
        ValueError: it is none.
    """
    plain = _plain(x509.load_pem_x509_certificate(pem.encode()))
    return f"{_SIGNATURE}: {salt}/{signature(secret, plain, salt)}\n\n{plain}"


def certificate(secret: str, signed: str, now: datetime) -> str:
    """Return a certificate in PEM form that was told with its signature.

    Args:
        now: the time, with a time zone.

    Raises:
        ValueError: it is none, is not valid now, or nobody who knows the secret has told it.
    """
    salt, told = _found_signature(signed)
    try:
        found = x509.load_pem_x509_certificate(signed.encode())
    except x509.InvalidVersion as error:
        raise ValueError(str(error)) from error
    plain = _plain(found)
    if not _is_signed(secret, plain, told, salt):
        raise ValueError("its signature is wrong")
    wrong = certificates.out_of_time(found, now)
    if wrong is not None:
        raise ValueError(wrong.text)
    return plain


def _found_signature(signed: str) -> tuple[str, str]:
    for line in signed.splitlines():
        if line.startswith("---"):
            break
        found = _SIGNED.fullmatch(line)
        if found is not None:
            return found["salt"], found["hash"]
    raise ValueError("its signature is missing")


def _plain(of: x509.Certificate) -> str:
    return of.public_bytes(Encoding.PEM).decode()
