"""Where an address leads: to this machine, through a proxy, or nowhere; and whether a server can have it."""

from __future__ import annotations

import dataclasses
import errno
import ipaddress
import os
import socket
import urllib.parse

from mer_tf.errors import BadInputError, PortInUseError

PROXIES = ("grpc_proxy", "https_proxy", "http_proxy")  # in gRPC's order; it reads no names in capitals
EXCEPTIONS = ("no_grpc_proxy", "no_proxy")
_PROBE_SECONDS = 2.0


@dataclasses.dataclass(frozen=True)
class Proxy:
    """A proxy that gRPC takes.

    Attributes:
        variable: The environment variable that names it.
        place: Its host and port, without user and password.
    """

    variable: str
    place: str

    def phrase(self, host: str) -> str:
        """How a host was asked and how to do without."""
        return (
            f"through the proxy {self.place} that the environment variable {self.variable} names; if the server can be "
            f"reached without it, add its host to no_proxy: export no_proxy={host}"
        )


@dataclasses.dataclass(frozen=True)
class Fault:
    """What a try to connect showed.

    Attributes:
        text: What the system says.
        unknown_host: Whether the name cannot be resolved.
        listens: Whether something accepted the connection.
    """

    text: str = ""
    unknown_host: bool = False
    listens: bool = False


def proxy_for(host: str) -> Proxy | None:
    """The proxy that gRPC would ask for a host; None where there is none, or the host is this machine.

    A proxy's own loopback is not ours, and it knows none of the names by which a machine calls itself.
    """
    variable = next((name for name in PROXIES if os.environ.get(name)), None)
    if variable is None:
        return None
    spared = next((os.environ[name] for name in EXCEPTIONS if os.environ.get(name)), "")
    entries = [entry.strip().lower() for entry in spared.split(",") if entry.strip()]
    if any(host.lower().endswith(entry) for entry in entries) or is_here(host):
        return None
    parts = urllib.parse.urlsplit(os.environ[variable])
    return Proxy(variable, parts.netloc.rpartition("@")[2]) if parts.scheme == "http" else None  # gRPC knows no other


def is_here(host: str) -> bool:
    """Whether a host is this machine: loopback in any spelling, ``0.0.0.0``, its own names and addresses."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost") or name == socket.gethostname().lower():
        return True
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return all(_is_own(str(address[0])) for *_, address in found)


def _is_own(text: str) -> bool:
    address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(text.partition("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_loopback or address.is_unspecified:
        return True
    if address.is_multicast:
        return False
    try:
        with socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind((str(address), 0))  # the system lets nobody bind an address that is not its own
    except OSError:
        return False
    return True


def fault_of(host: str, port: int) -> Fault:
    """What happens when this machine connects to a port."""
    try:
        with socket.create_connection((host, port), timeout=_PROBE_SECONDS):
            return Fault(listens=True)
    except (socket.gaierror, UnicodeError) as error:
        return Fault(getattr(error, "strerror", None) or str(error), unknown_host=True)
    except OSError as error:
        return Fault((error.strerror or str(error)).lower())


def is_loopback(host: str) -> bool:
    """Whether a server that binds this address is reached from this machine alone."""
    return host == "localhost" or host == "::1" or host.startswith("127.")


def check_port(host: str, port: int) -> None:
    """Tries to bind an address and lets it go again.

    Raises:
        PortInUseError: Another process listens there.
        BadInputError: The address is none of this machine, or may not be bound.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise BadInputError(
            f"--host {host!r} is no address of this machine: {error.strerror}; try 127.0.0.1"
        ) from error
    with socket.socket(family, kind, protocol) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            raise port_error(host, port, error.errno) from error


def port_error(host: str, port: int, number: int) -> BadInputError:
    """The named error of the system's error ``number`` in binding an address."""
    if number == errno.EADDRINUSE:
        return PortInUseError(
            f"port {port} on {host} is in use; stop what listens there, give another --port, or --port 0 for a free one"
        )
    return BadInputError(f"cannot listen on {host} port {port}: {os.strerror(number)}; give another --host or --port")
