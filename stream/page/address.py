"""The page's address, and the check of Host headers against DNS rebinding.

Another site can make its own name resolve to 127.0.0.1, and so have a browser read from here. It cannot change the Host
header that the browser sends, so every request's header is checked.
"""

import errno
import ipaddress
import socket
from typing import NamedTuple

from posestream.stream.errors import ConfigError, RunError

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
OTHERWISE = "choose another with --page HOST:PORT, or do without with --page off"


class Address(NamedTuple):
    """Host, a name or an IP address without brackets, and port (0: any free one)."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(text: str) -> Address:
    """Parses `HOST:PORT`, an IPv6 address in brackets. Raises ConfigError where it is something else."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ConfigError(f"{text}: an address of the page is HOST:PORT with a port up to 65535, like 127.0.0.1:8000")
    return Address(host, int(port))


def listen(address: Address) -> socket.socket:
    """A listening socket. Raises RunError where the port is in use or the host is not of this machine."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, where = min(found, key=lambda one: one[0] != socket.AF_INET)  # IPv4 where a name has both
        return socket.create_server(where[:2], family=family)
    except socket.gaierror:
        raise RunError(f"page: {address.host} is no address of this machine; {OTHERWISE}") from None
    except OSError as error:
        why = "the port is in use" if error.errno == errno.EADDRINUSE else error.strerror
        raise RunError(f"page: cannot listen on {address}: {why}; {OTHERWISE}") from None


def allowed(host_header: str, bound: str) -> bool:
    """True if a page bound to the host `bound` accepts that Host header; its port is ignored.

    A page on loopback accepts loopback's names. Others also accept this machine's names and all IP addresses, which
    cannot be rebound.
    """
    name = _name(host_header)
    if name in LOOPBACK_NAMES or name == bound.lower():
        return True
    if bound.lower() in LOOPBACK_NAMES:
        return False
    return _is_ip(name) or name in _names_of_this_machine()


def _name(host_header: str) -> str:
    """The header's host: without port, brackets and the final dot of a fully qualified name."""
    host = host_header.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].removesuffix(".")


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _names_of_this_machine() -> set[str]:
    full = socket.gethostname().lower()
    short = full.partition(".")[0]
    return {full, short, f"{short}.local"}
