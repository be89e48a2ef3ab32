"""The provider's keys: rotation, revocation, outages, and how often they are fetched."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from identity import documents
from identity.errors import ProviderUnavailable
from identity.keyring import Pace
from identity.oidc import Provider, opened
from resolvers.errors import Unauthenticated
from tests.support import waiting
from tests.support.signing import rsa_key
from tests.support.simulated_providers import ALWAYS, NEVER, ON_DEMAND, Issuer, Providers


async def fetched_again(providers: Providers, issuer: Issuer) -> None:
    """Wait until a fetch has begun and ended after now."""
    seen = providers.key_fetches(issuer)
    await waiting.reached(lambda: providers.key_fetches(issuer) >= seen + 2)


def tokens(issuer: Issuer, count: int) -> list[str]:
    """Different good tokens, signed with the newest key."""
    return [issuer.bearer(issuer.user(jti=str(number))) for number in range(count)]


async def test_rotation(own_providers: Providers) -> None:
    """When the provider rotates its key, no request fails: those with new tokens wait for one fetch."""
    issuer = own_providers.plain
    async with opened(issuer.settings(), ON_DEMAND) as provider:
        old = tokens(issuer, 100)
        await provider.identify(old[0])
        issuer.rotate()
        mixed = [each for pair in zip(old, tokens(issuer, 100), strict=True) for each in pair]
        found = await asyncio.gather(*map(provider.identify, mixed))
        assert len(found) == 200
        assert own_providers.key_fetches(issuer) == 2


async def test_rotation_during_a_fetch(own_providers: Providers) -> None:
    """A token with a new key is accepted, even if a fetch under way will only bring the old ones."""
    issuer = own_providers.plain
    async with opened(issuer.settings(), ALWAYS) as provider:
        await provider.metadata()
        own_providers.gate.clear()
        await waiting.reached(own_providers.held.is_set)
        issuer.rotate()
        requests = [asyncio.create_task(provider.identify(each)) for each in tokens(issuer, 5)]
        await asyncio.sleep(0)  # now they wait for it
        own_providers.gate.set()
        assert len(await asyncio.gather(*requests)) == 5


async def test_unknown_keys(own_providers: Providers) -> None:
    """A thousand tokens with unknown keys cause one fetch, and leave good tokens alone."""
    issuer = own_providers.plain
    forged = [issuer.bearer(kid=f"unknown-{number}") for number in range(1_000)]
    async with opened(issuer.settings(), ON_DEMAND) as provider:
        await provider.metadata()
        good = asyncio.gather(*map(provider.identify, tokens(issuer, 20)))
        refused = await asyncio.gather(*map(provider.identify, forged), return_exceptions=True)
        assert {type(each) for each in refused} == {Unauthenticated}
        assert len(await good) == 20
        assert own_providers.key_fetches(issuer) == 2


async def test_unknown_keys_one_by_one(own_providers: Providers) -> None:
    """Nor do they cause more if they come one after the other; later, one fetch is allowed again."""
    issuer = own_providers.plain
    async with opened(issuer.settings(), ON_DEMAND) as provider:
        for number in range(20):
            with pytest.raises(Unauthenticated, match="does not list"):
                await provider.identify(issuer.bearer(kid=f"unknown-{number}"))
        assert own_providers.key_fetches(issuer) == 2
    async with opened(issuer.settings(), Pace(NEVER, NEVER, 0)) as provider:
        issuer.rotate()
        await provider.identify(issuer.bearer())
        issuer.rotate()
        await provider.identify(issuer.bearer())


@pytest.mark.parametrize(
    "changes", [{"exp": 1}, {"iss": "https://other.example"}, {"aud": "other"}, {"nonce": "n"}], ids=str
)
async def test_hopeless_tokens(own_providers: Providers, changes: dict[str, Any]) -> None:
    """A token that would be refused anyway causes no fetch."""
    issuer = own_providers.plain
    async with opened(issuer.settings(), ON_DEMAND) as provider:
        await provider.metadata()
        with pytest.raises(Unauthenticated):
            await provider.identify(issuer.bearer(issuer.user(**changes), kid="unknown"))
        assert own_providers.key_fetches(issuer) == 1


async def test_old_keys_stay(own_providers: Providers) -> None:
    """A token of an old key is accepted as long as the provider lists that key."""
    issuer = own_providers.plain
    old = issuer.bearer()
    issuer.rotate()
    async with opened(issuer.settings(), ALWAYS) as provider:
        await provider.identify(old)
        await fetched_again(own_providers, issuer)
        assert provider.known(old.encode()), "the keys have not changed, so no token is forgotten"


async def test_revoked_key(own_providers: Providers) -> None:
    """A key that is no longer listed is refused from the next fetch on, for tokens known before as well."""
    issuer = own_providers.plain
    old = tokens(issuer, 2)
    async with opened(issuer.settings(), ALWAYS) as provider:
        await provider.identify(old[0])
        issuer.rotate(revoke=True)
        await fetched_again(own_providers, issuer)
        for each in old:
            assert provider.known(each.encode()) is None
            with pytest.raises(Unauthenticated, match="does not list"):
                await provider.identify(each)
        await provider.identify(issuer.bearer())


async def test_replaced_key(own_providers: Providers) -> None:
    """A key that is replaced under the same ID is refused, too."""
    issuer = own_providers.plain
    old = issuer.bearer()
    async with opened(issuer.settings(), ALWAYS) as provider:
        await provider.identify(old)
        issuer.keys[:] = []
        issuer.extra_jwks[:] = [rsa_key("new").jwk(kid="plain")]
        await fetched_again(own_providers, issuer)
        with pytest.raises(Unauthenticated, match="signature is wrong"):
            await provider.identify(old)


async def test_no_keys_left(own_providers: Providers) -> None:
    """If the provider lists no keys any more, nobody can sign in."""
    issuer = own_providers.plain
    old = issuer.bearer()
    with capture_logs() as logs:
        async with opened(issuer.settings(), ALWAYS) as provider:
            await provider.identify(old)
            issuer.keys.clear()
            issuer.extra_jwks.clear()
            await fetched_again(own_providers, issuer)
            with pytest.raises(Unauthenticated, match="does not list"):
                await provider.identify(old)
    assert any("lists no keys" in each["event"] for each in logs)


async def test_outage(own_providers: Providers) -> None:
    """While the provider is down, tokens signed with the keys that are here are accepted, known ones and new ones."""
    issuer = own_providers.plain
    known, new = tokens(issuer, 2)
    async with opened(issuer.settings(), ALWAYS) as provider:
        await provider.identify(known)
        own_providers.is_down = True
        seen = own_providers.fetches.total()
        await waiting.reached(lambda: own_providers.fetches.total() > seen + 3)
        assert provider.known(known.encode())
        await provider.identify(new)
        with pytest.raises(Unauthenticated, match="does not list"):
            await provider.identify(issuer.bearer(kid="unknown"))


async def test_start_during_an_outage(own_providers: Providers) -> None:
    """The service starts while the provider is down, says so, and accepts tokens as soon as the provider is back."""
    issuer = own_providers.plain
    own_providers.is_down = True
    with capture_logs() as logs:
        async with opened(issuer.settings(), Pace(NEVER, 0.01, NEVER)) as provider:
            for _ in range(2):  # the second one asks the provider itself, which no other may do again
                with pytest.raises(ProviderUnavailable) as failed:
                    await provider.identify(issuer.bearer())
            assert failed.value.message.endswith("Retry in a minute.")
            assert "answered with status 503. Check that CONTACTS_OIDC_ISSUER is right." in str(failed.value)
            with pytest.raises(Unauthenticated):  # what is wrong without any key
                await provider.identify(issuer.bearer(issuer.user(exp=1)))
            own_providers.is_down = False
            await waiting.until(lambda: accepted(provider, issuer))
    assert {each["log_level"] for each in logs} == {"warning", "info"}
    assert logs[0]["event"] == "keys of the provider not renewed"
    assert "CONTACTS_OIDC_ISSUER" in logs[0]["reason"]


async def accepted(provider: Provider, issuer: Issuer) -> bool:
    """Whether a good token is accepted now."""
    try:
        await provider.identify(issuer.bearer())
    except ProviderUnavailable:
        return False
    return True


async def test_no_connection(own_providers: Providers) -> None:
    """If nobody listens there, the message says what to check."""
    async with opened(own_providers.plain.settings(oidc_issuer="http://127.0.0.1:9"), ON_DEMAND) as provider:
        for _ in range(2):
            with pytest.raises(ProviderUnavailable, match=r"cannot be reached .* Check the network"):
                await provider.metadata()


async def test_silent_provider(own_providers: Providers, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that does not answer is given up after a while."""
    monkeypatch.setattr(documents, "_TIMEOUT_SECONDS", 0.05)
    own_providers.gate.clear()
    async with opened(own_providers.plain.settings(), ON_DEMAND) as provider:
        with pytest.raises(ProviderUnavailable, match=r"cannot be reached .TimeoutError"):
            await provider.metadata()


async def test_canceled_request(own_providers: Providers) -> None:
    """A request that is canceled while it waits for the keys does not take the others with it."""
    issuer = own_providers.plain
    own_providers.gate.clear()
    async with opened(issuer.settings(), ON_DEMAND) as provider:
        first, second = (asyncio.create_task(provider.identify(each)) for each in tokens(issuer, 2))
        await waiting.reached(own_providers.fetches.total)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        own_providers.gate.set()
        assert (await second).name == "ada@contoso.example"
        assert own_providers.key_fetches(issuer) == 1


async def test_canceled_request_with_a_new_key(own_providers: Providers) -> None:
    """Nor does one that waits because the provider has rotated its key."""
    issuer = own_providers.plain
    async with opened(issuer.settings(), ON_DEMAND) as provider:
        await provider.metadata()
        own_providers.gate.clear()
        issuer.rotate()
        first, second = (asyncio.create_task(provider.identify(each)) for each in tokens(issuer, 2))
        await waiting.reached(own_providers.held.is_set)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        own_providers.gate.set()
        assert (await second).name == "ada@contoso.example"
        assert own_providers.key_fetches(issuer) == 2


async def test_end_during_a_fetch(own_providers: Providers) -> None:
    """The service can stop while a fetch is under way."""
    own_providers.gate.clear()
    async with opened(own_providers.plain.settings(), ON_DEMAND):
        await waiting.reached(own_providers.fetches.total)


async def test_tokens_are_not_logged(own_providers: Providers) -> None:
    """No part of a token, good or bad, is in the logs or in messages."""
    issuer = own_providers.plain
    with capture_logs() as logs:
        async with opened(issuer.settings(), Pace(0.01, 0.01, 0)) as provider:
            good = issuer.bearer()
            await provider.identify(good)
            forged = issuer.bearer(kid="unknown")
            with pytest.raises(Unauthenticated) as refused:
                await provider.identify(forged)
            issuer.rotate()
            await provider.identify(issuer.bearer())
    written = f"{logs} {refused.value.message}"
    for part in [*good.split(".")[1:], *forged.split(".")[1:]]:
        assert part not in written
        assert part[:40] not in written
