"""An OpenID Connect provider whose access tokens sign users and apps in. `opened` is where to start."""

import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx

from identity import claims, documents, entra, people, purpose, roles, token
from identity.documents import Metadata, Published
from identity.keyring import USUAL, Keyring, Pace
from identity.syntax import shown
from identity.token import Token
from identity.verified import Verified
from resolvers.caller import Identity
from resolvers.errors import Unauthenticated
from settings import Settings, is_loopback

_TIMEOUT_SECONDS = 5
# Compressed documents could be larger than they seem.
_HEADERS = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "contacts-service"}


class Provider:
    """Verifies the access tokens of one provider.

    `issuer` and `audiences` are those of the settings: a token must name the issuer and at least one audience.
    """

    def __init__(self, settings: Settings, client: httpx.AsyncClient, pace: Pace, clock: Callable[[], float]) -> None:
        self.issuer = settings.oidc_issuer or ""
        self.audiences = tuple((settings.oidc_audience or "").split())
        self._client = client
        self._clock = clock
        self._roles_claim = settings.oidc_roles_claim
        self._tenant = entra.tenant_of(self.issuer)
        issuers = entra.issuers_of(self.issuer, self._tenant) if self._tenant else frozenset({self.issuer})
        self._marks = entra.marks_of(issuers, self._tenant) if self._tenant else issuers
        self._expected = claims.Expected(issuers, self.audiences, self._tenant)
        self._verified = Verified(clock)
        self.keyring = Keyring(self._fetch, self._verified.clear, pace)

    def known(self, authorization: bytes) -> Identity | None:
        """Who sends this `Authorization` header, if its token has been verified before and is still valid."""
        return self._verified.get(authorization)

    async def identify(self, authorization: str) -> Identity:
        """Who sends this `Authorization` header (`Bearer` and a token).

        Raises `Unauthenticated` if the token is not valid or lacks roles that the provider could not list, and
        `ProviderUnavailable` if it cannot be verified. A role of None means that the token grants none.
        """
        key = authorization.encode("utf-8", "replace")
        if found := self._verified.get(key):
            return found
        parsed = token.parse(authorization)
        # Before the signature: tokens that are out of date or for others must not make us ask for new keys.
        expires_at = claims.check(parsed.claims, self._expected, self._clock())
        purpose.check(parsed, self._tenant)
        await self._check_signature(parsed)
        role = roles.role_of(parsed.claims, self._roles_claim, self._tenant)
        identity = people.identity_of(parsed.claims, role, self._tenant, expires_at)
        self._verified.add(key, identity, expires_at)
        return identity

    async def metadata(self) -> Metadata:
        """The provider's addresses. Raises `ProviderUnavailable` if it has never been reached."""
        return (await self.keyring.published()).metadata

    async def _fetch(self) -> Published:
        return await documents.fetch(self._client, self.issuer, self._marks)

    async def _check_signature(self, parsed: Token) -> None:
        keys = await self.keyring.candidates(parsed.key_id)
        fitting = [key for key in keys if parsed.algorithm in key.algorithms]
        if parsed.key_id is None and len(fitting) > 1:
            raise Unauthenticated("The token does not say which key signed it (kid), and there are several. Add kid.")
        if keys and not fitting:
            raise Unauthenticated(
                f"The token is signed with {shown(parsed.algorithm)}, which does not fit the provider's key. "
                f"Sign in again."
            )
        if not keys:
            raise Unauthenticated(
                f"The token is signed with a key ({shown(parsed.key_id)}) that the provider does not list. "
                f"Sign in again."
            )
        if not any(key.verifies(parsed) for key in fitting):
            raise Unauthenticated("The token's signature is wrong. Sign in again.")


@asynccontextmanager
async def opened(
    settings: Settings, pace: Pace = USUAL, clock: Callable[[], float] = time.time
) -> AsyncIterator[Provider]:
    """The provider of the settings, with its keys renewed in the background until the end of the block.

    Does not wait for the provider: without keys, `identify` does.
    """
    own = is_loopback(urlsplit(settings.oidc_issuer or "").hostname or "")
    async with httpx.AsyncClient(
        verify=ssl.create_default_context(),
        timeout=_TIMEOUT_SECONDS,
        headers=_HEADERS,
        trust_env=not own,  # a proxy in HTTPS_PROXY does not reach this machine's loopback
    ) as client:
        provider = Provider(settings, client, pace, clock)
        async with provider.keyring.renewed():
            yield provider
