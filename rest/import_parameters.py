"""Query parameters of imports and of the export."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from resolvers import paging
from resolvers.errors import FieldProblem, InvalidInput, InvalidRequest
from resolvers.files.columns import COLUMNS
from resolvers.files.export import chosen
from resolvers.files.records import DELIMITER_NAMES, DELIMITERS
from resolvers.files.text import ENCODINGS
from resolvers.imports.options import Options
from resolvers.imports.state import ErrorPolicy, OnMatch
from rest import parameters
from rest.problems import InvalidParameters
from storage.lists.pages import Ordering, Window
from storage.lists.selection import Selection

ON_MATCH: dict[str, OnMatch] = {"SKIP": "SKIP", "UPDATE": "UPDATE", "FAIL": "FAIL"}
ERROR_POLICY: dict[str, ErrorPolicy] = {"SKIP_FAILED_ROWS": "SKIP_FAILED_ROWS", "REJECT_ALL": "REJECT_ALL"}
FLAGS = {"true": True, "false": False}
IMPORT = ("dryRun", "onMatch", "errorPolicy", "columns", "encoding", "delimiter", "fileName")
PAGE = ("limit", "cursor")
EXPORT = (*parameters.FILTERS, "orderBy", "columns", "bom")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Export:
    """What to export, in which order, which columns, and whether with a byte-order mark."""

    selection: Selection
    ordering: Ordering
    columns: Sequence[str]
    bom: bool


def options(pairs: Iterable[tuple[str, str]]) -> Options:
    """The options of an import. Raises `InvalidParameters`."""
    given = parameters.distinct(pairs, IMPORT)
    encodings = {name: name for name in ENCODINGS}
    return Options(
        dry_run=_one_of(given, "dryRun", FLAGS, False),
        on_match=_one_of(given, "onMatch", ON_MATCH, "SKIP"),
        error_policy=_one_of(given, "errorPolicy", ERROR_POLICY, "SKIP_FAILED_ROWS"),
        columns=_mapping(given.get("columns", "")),
        encoding=_one_of(given, "encoding", encodings, None) if "encoding" in given else None,
        delimiter=_one_of(given, "delimiter", DELIMITER_NAMES | {each: each for each in DELIMITERS}, None)
        if "delimiter" in given
        else None,
        file_name=given.get("fileName", "")[:256] or None,
    )


def page(pairs: Iterable[tuple[str, str]], ordering: Ordering, most: int) -> Window:
    """The requested page, of at most `most` items. Raises `InvalidParameters`."""
    given = parameters.distinct(pairs, PAGE)
    limit = given.get("limit", str(paging.DEFAULT_SIZE))
    if not (limit.isascii() and limit.isdecimal() and len(limit) < 4 and 1 <= int(limit) <= most):
        raise _problem("limit", f"limit must be a number from 1 to {most}.")
    try:
        return paging.window(ordering, first=int(limit), after=given.get("cursor"))
    except InvalidRequest as problem:
        raise _problem("cursor", problem.message) from problem


def bom(pairs: Iterable[tuple[str, str]]) -> bool:
    """Whether to write a byte-order mark. Raises `InvalidParameters`."""
    return _one_of(parameters.distinct(pairs, ("bom",)), "bom", FLAGS, False)


def export(pairs: Iterable[tuple[str, str]]) -> Export:
    """What to export. Raises `InvalidParameters`."""
    given = parameters.distinct(pairs, EXPORT)
    named = given.get("columns", "")
    try:
        columns = chosen(named.split(",")) if named else [*COLUMNS]
    except InvalidInput as problem:
        raise InvalidParameters(problem.fields) from problem
    asked = parameters.listing((name, value) for name, value in given.items() if name not in ("columns", "bom"))
    return Export(asked.selection, asked.ordering, columns, _one_of(given, "bom", FLAGS, False))


def _mapping(text: str) -> dict[str, str]:
    """The column mapping in a text such as `Firma:Company,Shoe size:`. A column mapped to nothing is ignored.

    The text is a line of CSV, so that names can contain commas: `"Name, full:DisplayName"`.
    """
    found = {}
    try:
        pairs = next(csv.reader([text], skipinitialspace=True), [])
    except csv.Error as error:
        raise _problem("columns", f"columns must be a single line of CSV: {error}.") from error
    for pair in filter(None, pairs):
        name, colon, column = pair.rpartition(":")
        if not colon:
            raise _problem("columns", f"columns must be pairs such as Firma:Company, not {pair[:80]!r}.")
        found[name.strip()] = column.strip()
    return found


def _one_of(given: Mapping[str, str], name: str, values: Mapping[str, T], default: T) -> T:
    if name not in given:
        return default
    by_name = {each.lower(): value for each, value in values.items()}
    if given[name].lower() not in by_name:
        raise _problem(name, f"{name} must be one of {', '.join(values)}, not {given[name][:80]!r}.")
    return by_name[given[name].lower()]


def _problem(name: str, message: str) -> InvalidParameters:
    return InvalidParameters([FieldProblem(name, "SYNTAX", message)])
