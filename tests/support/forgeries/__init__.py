"""Tokens that must be refused, by name: send each one at every place that takes a token.

    for forgery in FORGERIES["entra"]:
        authorization = forgery.authorization(providers)

`forgery.because` is a part of the message with which the token is refused, so that it is refused for the right reason.
"""

from tests.support.forgeries import claims, form, keys
from tests.support.forgeries.forgery import Forgery
from tests.support.simulated_providers import Kind

_ALL = [*form.FORGERIES, *keys.FORGERIES, *claims.FORGERIES]
_KINDS: tuple[Kind, ...] = ("plain", "entra")

FORGERIES: dict[Kind, list[Forgery]] = {kind: [each.at(kind) for each in _ALL if kind in each.kinds] for kind in _KINDS}
"""The forgeries for each kind of provider."""
assert all(len({each.name for each in found}) == len(found) for found in FORGERIES.values())
