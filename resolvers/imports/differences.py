"""How a row differs from the contact that it matches."""

from collections.abc import Mapping
from typing import Any

from resolvers import rules
from resolvers.files.rows import ImportRow
from storage.changes import altered
from storage.documents import Document
from storage.keys import address_key


def differing(row: ImportRow, before: Document) -> dict[str, Any]:
    """The fields of a row, as `resolvers.rules` takes them, that differ from the contact.

    The address that the row matched by never changes, whether it is primary or an alias: it doesn't count as a
    difference, and an alias is kept among the aliases.
    """
    fields = {
        name: value for name, value in row.fields.items() if name != "emailAddress" and not _same(name, value, before)
    }
    if "aliases" in fields and (kept := _matched_alias(row, before)) is not None:
        fields["aliases"] = _with(fields["aliases"], kept)
        if _same("aliases", fields["aliases"], before):
            del fields["aliases"]
    return fields


def changed_fields(before: Document, after: Document, managers: Mapping[str, str]) -> list[dict[str, str | None]]:
    """The recorded fields that a change alters, as text: `{field, before, after}`.

    A postal address is compared part by part. A manager is shown by email address, which `managers` has for each ID.
    """
    found: list[dict[str, str | None]] = []
    for name, (old, new) in altered(before, after).items():
        if name == "address":
            parts = altered(old if isinstance(old, dict) else {}, new if isinstance(new, dict) else {})
            found += [_shown(f"address.{part}", *pair) for part, pair in parts.items()]
        elif name == "managerId":
            found.append(_shown("manager", *(managers.get(str(each), each) for each in (old, new))))
        else:
            found.append(_shown(name, old, new))
    return found


def _same(name: str, value: object, before: Document) -> bool:
    if name in rules.LENGTHS:
        return bool((value.strip() if isinstance(value, str) else value) == before.get(name))
    if name == "showInGal":
        return bool(("HIDDEN" if value is False else "VISIBLE") == before["gal"])
    if name == "aliases":
        return isinstance(value, list) and _others(value, before) == before.get("aliases", [])
    if name == "address":
        return isinstance(value, Mapping) and _same_parts(value, before.get("address", {}))
    return False


def _same_parts(value: Mapping[str, object], before: Mapping[str, str]) -> bool:
    return all((part.strip() if isinstance(part, str) else part) == before.get(name) for name, part in value.items())


def _others(aliases: list[object], before: Document) -> list[object]:
    """The aliases without the primary address, which Exchange includes among them."""
    primary = address_key(before["emailAddress"])
    return [alias for alias in aliases if not (isinstance(alias, str) and address_key(alias) == primary)]


def _matched_alias(row: ImportRow, before: Document) -> str | None:
    """The contact's alias that the row matched by, or None if it matched by the primary address."""
    return next((alias for alias in before.get("aliases", ()) if address_key(alias) == row.email_address), None)


def _with(aliases: object, kept: str) -> object:
    if aliases is None:
        return [kept]
    if not isinstance(aliases, list):
        return aliases
    there = {address_key(alias) for alias in aliases if isinstance(alias, str)}
    return aliases if address_key(kept) in there else [*aliases, kept]


def _shown(field: str, old: object, new: object) -> dict[str, str | None]:
    return {"field": field, "before": _text(old), "after": _text(new)}


def _text(value: object) -> str | None:
    if value is None:
        return None
    text = ";".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 200 else f"{text[:199]}…"
