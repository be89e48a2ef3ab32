"""No forgery is accepted, and each is refused for the right reason."""

import string
from collections.abc import AsyncIterator

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from identity.errors import ProviderUnavailable
from identity.oidc import Provider, opened
from resolvers.errors import Problem, Unauthenticated
from tests.support.forgeries import FORGERIES
from tests.support.forgeries.forgery import Forgery
from tests.support.simulated_providers import Kind, Providers

LETTERS = string.ascii_letters + string.digits + "-_.= ,"


@pytest.fixture(scope="session")
async def verifiers(shared_providers: Providers) -> AsyncIterator[dict[Kind, Provider]]:
    """What verifies the tokens of each provider."""
    async with (
        opened(shared_providers.plain.settings()) as plain,
        opened(shared_providers.contoso.settings()) as entra,
    ):
        yield {"plain": plain, "entra": entra}


@pytest.mark.parametrize(
    "forgery", [each for kind in FORGERIES.values() for each in kind], ids=lambda each: f"{each.kind}-{each}"
)
async def test_forgery(forgery: Forgery, shared_providers: Providers, verifiers: dict[Kind, Provider]) -> None:
    """A forged token is refused with a message that says why, and is not remembered."""
    provider = verifiers[forgery.kind]
    authorization = forgery.authorization(shared_providers)
    for _ in range(2):
        with pytest.raises(Unauthenticated) as refused:
            await provider.identify(authorization)
        assert forgery.because in refused.value.message
        assert refused.value.has_token == forgery.has_token
        assert refused.value.message.isprintable()
        assert len(refused.value.message) < 600
        assert provider.known(authorization.encode()) is None


def test_enough_forgeries() -> None:
    """The catalogue has many forgeries for each kind of provider."""
    assert {kind: len(found) > 150 for kind, found in FORGERIES.items()} == {"plain": True, "entra": True}


@given(data=st.data())
async def test_no_changed_token_is_accepted(
    data: st.DataObject, provider: Provider, shared_providers: Providers, kind: Kind
) -> None:
    """However characters of a good token are changed, added or removed, it is refused."""
    good = shared_providers.of(kind).bearer().removeprefix("Bearer ")
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(len(good), start + 3)))
    changed = good[:start] + data.draw(st.text(LETTERS, max_size=3)) + good[end:]
    assume(changed.lstrip(" ") != good)
    with pytest.raises(Problem):
        await provider.identify(f"Bearer {changed}")


@given(st.one_of(st.text(max_size=200), st.from_regex(r"bearer [\w-]*\.[\w-]*\.[\w-]*", fullmatch=True)))
async def test_no_text_is_accepted(provider: Provider, text: str) -> None:
    """Any text is refused, without an unexpected error."""
    with pytest.raises((Unauthenticated, ProviderUnavailable)):
        await provider.identify(text)
