"""Query parameters of the REST lists."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from resolvers import paging
from resolvers.contacts import MAX_TEXT, ORDERINGS
from resolvers.errors import FieldProblem, InvalidRequest
from rest.problems import InvalidParameters
from storage.fields import FACETS, python_name
from storage.lists.pages import Ordering, Window
from storage.lists.selection import Selection

SOURCES = {"all": None, "synced": "SYNCED", "cloud": "CLOUD"}
GALS = {"all": None, "visible": "VISIBLE", "hidden": "HIDDEN"}
ORDER_VALUES = [sign + name for name in ORDERINGS for sign in ("", "-")]

# Turns a parameter's text into the value of a field of `Selection`, which has a type of its own.
Parse = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class ListRequest:
    """The contacts that a list contains, their order, and the requested page."""

    selection: Selection
    ordering: Ordering
    window: Window


def listing(pairs: Iterable[tuple[str, str]], most: int = paging.MAX_SIZE) -> ListRequest:
    """Parse the parameters of a list with pages of at most `most` items.

    Raises `InvalidParameters` with all that are invalid.
    """
    given = distinct(pairs, LIST)
    values = parsed(given, FILTERS | PAGE | {"limit": page_size(most)})
    ordering: Ordering = values.pop("orderBy", Ordering(ORDERINGS["displayName"]))
    limit, cursor = values.pop("limit", paging.DEFAULT_SIZE), given.get("cursor")
    try:
        window = paging.window(ordering, first=limit, after=cursor)
    except InvalidRequest as problem:
        raise InvalidParameters([FieldProblem("cursor", "SYNTAX", problem.message)]) from problem
    return ListRequest(_selection(values), ordering, window)


def selection(given: Mapping[str, str]) -> Selection:
    """The contacts that match the filters among these parameters. Raises `InvalidParameters`."""
    return _selection(parsed(given, FILTERS))


def distinct(pairs: Iterable[tuple[str, str]], known: Collection[str]) -> dict[str, str]:
    """The parameters by name. Raises `InvalidParameters` for unknown and repeated ones."""
    given: dict[str, str] = {}
    problems = []
    for name, value in pairs:
        if name not in known:
            message = f"There is no parameter {name!r}. Supported parameters: {', '.join(known)}."
            problems.append(FieldProblem(name, "UNKNOWN_PARAMETER", message))
        elif name in given:
            problems.append(FieldProblem(name, "DUPLICATE", f"{name} is given more than once. Give it once."))
        given.setdefault(name, value)
    if problems:
        raise InvalidParameters(problems)
    return given


def parsed(given: Mapping[str, str], known: Mapping[str, Parse]) -> dict[str, Any]:
    """The values of the given parameters that are `known`."""
    values, problems = {}, []
    for name, parse in known.items():
        if name in given:
            try:
                values[name] = parse(given[name])
            except ValueError as error:
                problems.append(FieldProblem(name, "SYNTAX", f"{name} must be {error}, not {given[name][:80]!r}."))
    if problems:
        raise InvalidParameters(problems)
    return values


def _selection(values: Mapping[str, Any]) -> Selection:
    return replace(Selection(), **{python_name(name): value for name, value in values.items()})


def one_of(values: Mapping[str, Any]) -> Parse:
    def parse(text: str) -> Any:
        if text not in values:
            raise ValueError(f"one of {', '.join(values)}")
        return values[text]

    return parse


def _search(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise ValueError(f"at most {MAX_TEXT} characters long")
    return text


def text(text: str) -> str:
    if not text.strip() or len(text) > MAX_TEXT:
        raise ValueError(f"1 to {MAX_TEXT} characters long or omitted")
    return text


def moment(text: str) -> datetime:
    """An RFC 3339 date and time."""
    expected = "a date and time with a time zone, such as 2026-11-23T17:49:05Z (in a URL, encode + as %2B)"
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", text, re.ASCII | re.IGNORECASE):
        raise ValueError(expected)
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        raise ValueError(expected) from None


def page_size(most: int) -> Callable[[str], int]:
    """Parses a page size of at most `most`."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"0*\d{1,3}", text, re.ASCII) or not 1 <= int(text) <= most:
            raise ValueError(f"a number from 1 to {most}")
        return int(text)

    return parse


def _orderings() -> Iterator[tuple[str, Ordering]]:
    for value in ORDER_VALUES:
        yield value, Ordering(ORDERINGS[value.removeprefix("-")], descending=value.startswith("-"))


# The filters, which the export also has, and the parameters of a page.
FILTERS: dict[str, Parse] = {
    "source": one_of(SOURCES),
    "gal": one_of(GALS),
    "search": _search,
    **{field.part: text for field in FACETS},
    "emailDomain": text,
    "managerId": text,
    "groupId": text,
    "updatedSince": moment,
}
PAGE: dict[str, Parse] = {"orderBy": one_of(dict(_orderings())), "limit": page_size(paging.MAX_SIZE)}
LIST = (*FILTERS, *PAGE, "cursor")
