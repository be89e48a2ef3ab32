"""The tokens that have been verified."""

from identity.verified import Verified
from resolvers.caller import Identity

ADA = Identity("1", "Ada", "USER", None)


def test_bounded() -> None:
    """The tokens that have not been used for the longest time are forgotten first."""
    verified = Verified(lambda: 0, most=3)
    for name in (b"a", b"b", b"c"):
        verified.add(name, ADA, 1)
    assert verified.get(b"a") is ADA
    verified.add(b"d", ADA, 1)
    assert [name for name in (b"a", b"b", b"c", b"d") if verified.get(name)] == [b"a", b"c", b"d"]
    assert len(verified) == 3


def test_expired() -> None:
    """A token is forgotten when it expires, with the leeway that it was verified with."""
    now = [100.0]
    verified = Verified(lambda: now[0])
    verified.add(b"a", ADA, 110)
    now[0] = 139.9
    assert verified.get(b"a") is ADA
    now[0] = 140
    assert verified.get(b"a") is None
    assert len(verified) == 0


def test_clear() -> None:
    """All are forgotten at once."""
    verified = Verified(lambda: 0)
    verified.add(b"a", ADA, 1)
    verified.clear()
    assert verified.get(b"a") is None
