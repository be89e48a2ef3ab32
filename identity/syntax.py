"""Strict JSON and base64url, in which each value has one spelling only, and how text from outside is shown."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping

Members = Mapping[str, object]
"""The members of a JSON object."""

# Longer names of issuers, audiences and keys are cut in messages.
_SHOWN_CHARACTERS = 120
_BASE64URL = re.compile(rb"[A-Za-z0-9_-]+")


def json_object(data: bytes) -> Members:
    """The JSON object that these bytes contain. Raises ValueError if they contain anything else.

    A member that appears twice is an error at any depth: two readers could pick different ones. So are NaN and
    encodings other than UTF-8, which Python's reader would accept.
    """
    try:
        found: object = _DECODER.decode(data.decode("utf-8"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")
    return found


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate member")
    return found


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_refuse_constant)


def base64url(text: bytes) -> bytes:
    """The bytes that this text encodes. Raises ValueError unless it is their one spelling without padding."""
    if not _BASE64URL.fullmatch(text):
        raise ValueError("not base64url")
    data = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    if urlsafe_b64encode(data).rstrip(b"=") != text:
        raise ValueError("not the shortest base64url")
    return data


def shown(value: object) -> str:
    """A value from outside in a message: short, and without characters that could change how the message reads."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    clean = "".join(each if each.isprintable() else "�" for each in text[: _SHOWN_CHARACTERS + 1])
    return clean if len(clean) <= _SHOWN_CHARACTERS else clean[:_SHOWN_CHARACTERS] + "…"
