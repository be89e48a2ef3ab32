"""What the provider publishes: its discovery document and its keys, fetched over HTTPS within limits."""

import asyncio
from dataclasses import dataclass

import httpx

from identity.errors import DocumentUnusable
from identity.keys import KeySet, key_set
from identity.syntax import Members, json_object, shown
from settings import is_confidential

_PATH = "/.well-known/openid-configuration"
_MAX_BYTES = 1024 * 1024
_TIMEOUT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Metadata:
    """The provider's addresses, from its discovery document. None for those that it does not have."""

    issuer: str
    jwks_uri: str
    authorization_endpoint: str | None
    token_endpoint: str | None
    end_session_endpoint: str | None


@dataclass(frozen=True, slots=True)
class Published:
    """All that is used of what a provider publishes."""

    metadata: Metadata
    keys: KeySet


async def fetch(client: httpx.AsyncClient, issuer: str, marks: frozenset[str]) -> Published:
    """What the issuer publishes now. Raises `DocumentUnusable`. `marks`: the issuers that keys may be marked with."""
    metadata = _metadata(await _get(client, issuer.removesuffix("/") + _PATH), issuer)
    document = await _get(client, metadata.jwks_uri)
    try:
        return Published(metadata, key_set(document, marks))
    except ValueError:
        raise DocumentUnusable(
            f"{shown(metadata.jwks_uri)} is not a set of keys. Check that CONTACTS_OIDC_ISSUER is right."
        ) from None


def _metadata(document: Members, issuer: str) -> Metadata:
    if document.get("issuer") != issuer:
        raise DocumentUnusable(
            f"CONTACTS_OIDC_ISSUER is {issuer}, but the provider calls itself {shown(document.get('issuer'))}. "
            f"Set it to exactly that, if this is the right provider."
        )
    keys = document.get("jwks_uri")
    if not isinstance(keys, str) or not _is_as_confidential(keys, issuer):
        raise DocumentUnusable(
            f"The provider's keys are at {shown(keys)}, which is not an https address. "
            f"Check that CONTACTS_OIDC_ISSUER is right."
        )
    return Metadata(
        issuer,
        keys,
        _address(document, "authorization_endpoint"),
        _address(document, "token_endpoint"),
        _address(document, "end_session_endpoint"),
    )


def _is_as_confidential(url: str, issuer: str) -> bool:
    """Whether this address uses https. On loopback it needs it only if the issuer, too, has it."""
    return is_confidential(url) and (url.startswith("https:") or issuer.startswith("http:"))


def _address(document: Members, name: str) -> str | None:
    found = document.get(name)
    return found if isinstance(found, str) and is_confidential(found) else None


async def _get(client: httpx.AsyncClient, url: str) -> Members:
    """The JSON object at this address. Redirects are not followed: they could lead anywhere."""
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS), client.stream("GET", url) as response:
            if response.status_code != 200:
                raise DocumentUnusable(
                    f"{url} answered with status {response.status_code}. Check that CONTACTS_OIDC_ISSUER is right."
                )
            return json_object(await _body(response))
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise DocumentUnusable(
            f"{url} cannot be reached ({str(error) or type(error).__name__}). Check the network, and that "
            f"SSL_CERT_FILE names the provider's authority if it is not a public one."
        ) from None
    except ValueError as error:
        raise DocumentUnusable(f"{url} is not JSON ({error}). Check that CONTACTS_OIDC_ISSUER is right.") from None


async def _body(response: httpx.Response) -> bytes:
    data = bytearray()
    async for chunk in response.aiter_raw():
        data += chunk
        if len(data) > _MAX_BYTES:
            raise ValueError(f"it has more than {_MAX_BYTES:,} bytes")
    return bytes(data)
