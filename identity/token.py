"""A token as it was sent: its form, its header and its claims. Nothing here is verified yet."""

import re
from dataclasses import dataclass

from identity.syntax import Members, base64url, json_object
from resolvers.errors import Unauthenticated

# Tokens of providers have one to four kilobytes.
_LONGEST = 16 * 1024
# ASCII: without it, the long s (ſ) would count as an s.
_BEARER = re.compile(r"bearer(?: +(.*))?", re.IGNORECASE | re.ASCII)
# They bring a key, say where to find one, or change what the signature covers. RFC 8725 advises against all of them.
_REFUSED_HEADERS = ("jwk", "jku", "x5u", "x5c", "crit", "b64", "zip")


@dataclass(frozen=True, slots=True)
class Token:
    """A signed JSON Web Token (RFC 7519). `algorithm` and `key_id` are those that its header claims."""

    text: str
    header: Members
    claims: Members
    algorithm: str
    key_id: str | None


def parse(authorization: str) -> Token:
    """The token in the value of an `Authorization` header. Raises `Unauthenticated` if it is not exactly one."""
    text = _bearer(authorization)
    parts = text.encode("ascii", "replace").split(b".")
    if len(parts) == 5:
        raise Unauthenticated("The token is encrypted. Request a signed access token (JWS).")
    if len(parts) != 3:
        raise Unauthenticated(
            "The token is not a JSON Web Token. Request an access token for this service's audience: without one, "
            "some providers issue tokens that only they can read."
        )
    try:
        header, claims = (json_object(base64url(part)) for part in parts[:2])
        base64url(parts[2])
    except ValueError:
        raise Unauthenticated("The token is damaged or was not issued by a provider. Sign in again.") from None
    return Token(text, header, claims, *_named_key(header))


def _bearer(authorization: str) -> str:
    """The one token, still unread."""
    if len(authorization) > _LONGEST:
        raise Unauthenticated(f"The token is larger than {_LONGEST // 1024} KiB. Request a token with fewer claims.")
    found = _BEARER.fullmatch(authorization)
    if not found:
        raise Unauthenticated("Sign in with a bearer token: `Authorization: Bearer TOKEN`.", has_token=False)
    text: str = found[1] or ""
    if not text or re.search(r"[\s,]", text):
        raise Unauthenticated("Send exactly one token, without spaces or commas: `Authorization: Bearer TOKEN`.")
    return text


def _named_key(header: Members) -> tuple[str, str | None]:
    """The algorithm and the key's ID that the header claims."""
    for name in _REFUSED_HEADERS:
        if name in header:
            raise Unauthenticated(
                f"The token's header contains {name}, which is not accepted. Request an access token without it."
            )
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or not isinstance(key_id, str | None) or ("kid" in header and key_id is None):
        raise Unauthenticated("The token's header is invalid. Sign in again.")
    return algorithm, key_id
