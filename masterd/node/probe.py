"""Asking the network itself: what a name stands for, whether a host is there, how large a file is.

Names are looked up on native threads, connections are made by greenlets; only so many at a time,
and each ends within seconds.

Source: Ganeti 3.0.2 lib/netutils.py (Hostname, TcpPing).
"""

import re
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import Final, Protocol

import gevent
from gevent import socket
from gevent.lock import Semaphore

from masterd.config.cluster import IpFamily
from masterd.errors import ECode, OpExecError, OpPrereqError
from masterd.limits import PROBE_AT_ONCE_MAX, PROBE_CONNECT_S, PROBE_LOOK_UP_S

_NAME: Final = re.compile(r"[a-z0-9_-][a-z0-9._-]{0,254}")


@dataclass(frozen=True, slots=True)
class Host:
    """A whole name in lower case, and its address."""

    name: str
    address: str


class Probe(Protocol):
    """Asks the network. All methods switch."""

    def host(self, name: str, family: IpFamily) -> Host:
        """Return what a name stands for.

        Raises:
            OpPrereqError: it cannot be a name, or nobody knows it.
        """
        ...

    def is_there(
        self, address: str, port: int, *, listening: bool, source: str | None = None
    ) -> bool:
        """Tell whether a host answers at an address.

        Args:
            listening: it must accept the connection; refusing it is an answer too, otherwise.
            source: address of ours to ask from, where we have it.
        """
        ...

    def size_bytes(self, url: str) -> int:
        """Return the size of what could be fetched from a URL.

        Raises:
            OpExecError: there is nothing, or nobody tells its size.
        """
        ...


class NetworkProbe:
    """Obeys `Probe`. All methods switch."""

    def __init__(
        self, *, look_up_s: float = PROBE_LOOK_UP_S, connect_s: float = PROBE_CONNECT_S
    ) -> None:
        """Prepare; the arguments bound one look-up and one connection."""
        self._look_up_s = look_up_s
        self._connect_s = connect_s
        self._places = Semaphore(PROBE_AT_ONCE_MAX)

    def host(self, name: str, family: IpFamily) -> Host:
        """Return what a name stands for; see `Probe`."""
        with self._places:
            try:
                with gevent.Timeout(self._look_up_s):
                    whole = normal_name(socket.getfqdn(name))
                    found = socket.getaddrinfo(whole, None, family)
            except gevent.Timeout as error:
                raise _unknown(name, f"no answer within {self._look_up_s} seconds") from error
            except OSError as error:
                raise _unknown(name, error.strerror or str(error)) from error
        return Host(whole, str(found[0][4][0]))

    def is_there(
        self, address: str, port: int, *, listening: bool, source: str | None = None
    ) -> bool:
        """Tell whether a host answers at an address; see `Probe`."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self._places, socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.settimeout(self._connect_s)
            try:
                if source is not None:
                    with suppress(OSError):
                        connection.bind((source, 0))
                connection.connect((address, port))
            except ConnectionRefusedError:
                return not listening
            except OSError:
                return False
            return True

    def size_bytes(self, url: str) -> int:
        """Return the size of what could be fetched from a URL; see `Probe`."""
        request = urllib.request.Request(url, method="HEAD")
        with self._places:
            try:
                with (
                    gevent.Timeout(self._look_up_s),
                    urllib.request.urlopen(request) as answer,
                ):
                    told = answer.headers.get("Content-Length")
            except gevent.Timeout as error:
                text = f"'{url}' is not answered within {self._look_up_s} seconds"
                raise OpExecError(text) from error
            except (OSError, ValueError, HTTPException) as error:
                raise OpExecError(f"'{url}' cannot be fetched: {error}") from error
        if told is None or not told.isdecimal():
            raise OpExecError(f"The size of '{url}' is not told")
        return int(told)


def normal_name(name: str) -> str:
    """Return a host name in lower case, without a final dot.

    Raises:
        OpPrereqError: it cannot be one.
    """
    lower = name.lower()
    if _NAME.fullmatch(lower) is None or ".." in lower:
        raise OpPrereqError(f"'{name}' cannot be the name of a host", ECode.INVAL)
    return lower.removesuffix(".")


def _unknown(name: str, why: str) -> OpPrereqError:
    return OpPrereqError(f"The name '{name}' does not resolve: {why}", ECode.RESOLVER)
