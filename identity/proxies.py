"""What trusted proxies say about the clients they forward requests of: address, scheme and host."""

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

_MAX_HOPS = 32


@dataclass(frozen=True, slots=True)
class Forwarded:
    """The client of a request: its address, and the scheme and host that it used, None if the proxy does not say."""

    address: str
    scheme: str | None = None
    host: bytes | None = None


def trusting(proxies: Sequence[str]) -> Callable[[str], bool]:
    """A function that returns whether an address is one of these proxies, given as addresses and networks."""
    networks = [ipaddress.ip_network(each) for each in proxies]

    @lru_cache(maxsize=1024)
    def is_trusted(address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        plain = getattr(parsed, "ipv4_mapped", None) or parsed
        return any(plain in network for network in networks)

    return is_trusted


def forwarded(peer: str, headers: Iterable[tuple[bytes, bytes]], is_trusted: Callable[[str], bool]) -> Forwarded:
    """The client of a request that the trusted proxy `peer` sent.

    Proxies append to X-Forwarded-For, so the client is the last address that is no trusted proxy: what comes before it,
    the client may have made up.
    """
    hops: list[str] = []
    schemes: list[str] = []
    host = None
    for name, value in headers:
        if name == b"x-forwarded-for":
            hops += value.decode("latin-1").split(",")
        elif name == b"x-forwarded-proto":
            schemes += value.decode("latin-1").lower().split(",")
        elif name == b"x-forwarded-host":
            host = value.rpartition(b",")[2].strip()
    scheme = None
    if schemes:
        scheme = "https" if all(each.strip() in ("https", "wss") for each in schemes) else "http"
    return Forwarded(_client(peer, hops, is_trusted), scheme, host)


def _client(peer: str, hops: Sequence[str], is_trusted: Callable[[str], bool]) -> str:
    client = peer
    for hop in reversed(hops[-_MAX_HOPS:]):
        address = _without_port(hop.strip())
        if address is None:
            return client
        client = address
        if not is_trusted(address):
            return client
    return client


def _without_port(text: str) -> str | None:
    """The address in `10.0.0.1`, `10.0.0.1:80`, `2001:db8::1` or `[2001:db8::1]:80`. None if it is none."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
