"""Shapes: functions, generated for one selection, that convert the objects of a type to the response.

A shape's function takes objects, usually documents as stored, and the values of their columns (the fields that need
more data than their object has). It returns the objects' parts of the response. It is generated as source text: a loop
with a dict display, which contains the displays of embedded objects, because that is the fastest way to build dicts in
Python. No outside name enters the text unchecked: response keys are quoted, and everything else is referred to by
generated names.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from graphql import GraphQLEnumType, GraphQLID, GraphQLLeafType, GraphQLString

from schema.documents import read, stored_name
from schema.reads import Wanted
from storage.documents import Document


class Unsupported(Exception):
    """Raised when the fast path does not support an operation."""


class Unexpected(Exception):
    """Raised when a value does not match its type. graphql-core then reports the error with its path."""


class Column(Protocol):
    """A field that needs more data than its object has."""

    @property
    def wanted(self) -> Wanted:
        """The stored fields to read of the objects' documents."""

    async def values(
        self, run: Any, objects: Sequence[object]
    ) -> Sequence[object]:  # Any: a `schema.execution.run.Execution`
        """The field's part of the response for each object."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How to show objects: the stored fields to read, the columns, and the generated function.

    The function takes sequences: the objects, the values that the caller passes, and the values of the columns.
    """

    wanted: Wanted
    columns: Sequence[Column]
    make: Callable[..., list[Document]]

    async def show(self, run: Any, objects: Sequence[object], *known: Sequence[object]) -> list[Document]:
        """The objects' parts of the response. `known`: values that the caller passes, one sequence per name."""
        match self.columns:
            case []:
                return self.make(objects, *known)
            case [only]:
                return self.make(objects, *known, await only.values(run, objects))
            case several:
                columns = await asyncio.gather(*(column.values(run, objects) for column in several))
                return self.make(objects, *known, *columns)


class Names(NamedTuple):
    """The names of an object in the text of a function: the object itself, and the object as a document."""

    object: str
    document: str


@dataclass(frozen=True, slots=True)
class Display:
    """How to show an object: the expressions of its fields by response key, and the field names read as a document."""

    fields: Mapping[str, "Callable[[Text, Names], str]"]
    read: Sequence[str]

    def write(self, text: "Text", names: Names) -> str:
        """The expression for the shown object."""
        return f"{{{', '.join(f'{key!r}: {write(text, names)}' for key, write in self.fields.items())}}}"

    def function(self, *others: str) -> Callable[..., list[Document]]:
        """The function that shows objects, given sequences of objects and of the values for the other names."""
        text, names = Text(), Names("object", "document" if self.read else "object")
        first = f"document = {text.document(self, 'object', 'object')}" if self.read else ""
        return text.function(["object", *others], self.write(text, names), first)


class Text:
    """The text of a function being written, and the values that it refers to."""

    def __init__(self) -> None:
        self._names: dict[str, object] = {}

    def name(self, value: object = None) -> str:
        """A new unique name, for this value or for a variable that the text assigns."""
        name = f"n{len(self._names)}"
        self._names[name] = value
        return name

    def function(self, names: Sequence[str], expression: str, first: str = "") -> Callable[..., list[Any]]:
        """The function that evaluates the expression for each item, given one sequence per name."""
        given = [f"{name}s" for name in names]
        every = given[0] if len(given) == 1 else f"zip({', '.join(given)})"
        lines = [
            f"def made({', '.join(given)}):",
            "    shown = []",
            f"    for {', '.join(names)} in {every}:",
            f"        {first}",
            f"        shown.append({expression})",
            "    return shown",
        ]
        made: dict[str, Any] = {}  # Any: defined by the text
        exec(compile("\n".join(lines), "<selection>", "exec"), self._names, made)
        function: Callable[..., list[Any]] = made["made"]
        return function

    def document(self, display: Display, held: str, value: str) -> str:
        """The expression for a value as a document. `held`: the name that the value is assigned to."""
        other = f"{self.name(_as_document(display.read))}({held})"
        return f"{held} if {value}.__class__ is dict or {held} is None else {other}"

    def leaf(self, kind: GraphQLLeafType, nullable: bool, value: str) -> str:
        """The expression for a scalar or enum value, given the expression for the stored value."""
        if isinstance(kind, GraphQLEnumType):
            return f"{self.name(_EnumValues(kind, nullable))}[{value}]"
        other = self.name(_coercion(kind, nullable))
        if kind not in (GraphQLString, GraphQLID):
            return f"{other}({value})"
        held = self.name()
        plain = f"({held} := {value}).__class__ is str" + (f" or {held} is None" if nullable else "")
        return f"({held} if {plain} else {other}({held}))"

    def items(self, nullable: bool, value: str, item: Callable[[str], str]) -> str:
        """The expression for a list. `item` writes the expression for one item."""
        each, held = self.name(), self.name()
        shown = f"[{item(each)} for {each} in {self.name(_listed)}({held})]"
        return f"({self._none(nullable)} if ({held} := {value}) is None else {shown})"

    def nested(self, display: Display, nullable: bool, value: str) -> str:
        """The expression for an embedded object."""
        held = document = self.name()
        found = f"{held} := {value}"
        if display.read:
            document = self.name()
            found = f"{document} := {self.document(display, held, f'({found})')}"
        shown = display.write(self, Names(held, document))
        return f"({shown} if ({found}) is not None else {self._none(nullable)})"

    def _none(self, nullable: bool) -> str:
        return "None" if nullable else f"{self.name(_refuse_null)}()"


class _EnumValues(dict[Any, "str | None"]):
    """The shown names of an enum's values, added on first use."""

    def __init__(self, kind: GraphQLEnumType, nullable: bool) -> None:
        self._coerce = _coercion(kind, nullable)

    def __missing__(self, value: object) -> "str | None":
        shown: str | None = self._coerce(value)
        self[value] = shown
        return shown


def _coercion(kind: GraphQLLeafType, nullable: bool) -> Callable[[object], Any]:
    """The function that converts a stored value to the shown one. Raises graphql-core's errors or `Unexpected`."""

    def coerce(value: object) -> object:
        if value is None:
            if not nullable:
                raise Unexpected
            return None
        shown = kind.coerce_output_value(value)
        if shown is None:
            raise Unexpected
        return shown

    return coerce


def _as_document(names: Sequence[str]) -> Callable[[object], Mapping[str, object]]:
    def as_document(source: object) -> Mapping[str, object]:
        return {stored_name(name): read(source, name) for name in names}

    return as_document


def _listed(value: object) -> Sequence[object]:
    if not isinstance(value, list | tuple):
        raise Unexpected
    return value


def _refuse_null() -> None:
    raise Unexpected
