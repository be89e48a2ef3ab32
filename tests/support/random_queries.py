"""Random queries for a schema, for property-based tests: anything its types allow, most of it valid."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_input_object_type,
    is_interface_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from hypothesis import strategies as st

T = TypeVar("T")
Draw = Callable[[st.SearchStrategy[Any]], Any]  # draws any value of the strategy

_DIRECTIVES = ["", "", "", " @skip(if: $yes)", " @skip(if: $no)", " @include(if: $yes)", " @include(if: $no)"]
_VARIABLES = {"$yes": "Boolean! = true", "$no": "Boolean!", "$size": "Int = 3"}


@dataclass
class Writer:
    """Writes a random query. `ids` are the IDs to use."""

    schema: GraphQLSchema
    draw: Draw
    ids: list[str]
    fragments: list[str] = field(default_factory=list)

    def query(self) -> str:
        """The text of the query, which can use the variables `$yes`, `$no` and `$size`."""
        assert self.schema.query_type
        selection = self._selection(self.schema.query_type, depth=4)
        text = "\n".join([selection, *self.fragments])
        declared = [f"{name}: {kind}" for name, kind in _VARIABLES.items() if name in text]
        return f"query ({', '.join(declared)}) {text}" if declared else f"query {text}"

    def _selection(self, kind: GraphQLObjectType, depth: int) -> str:
        parts = [self._part(kind, depth) for _ in range(self._number(1, 3))]
        return "{ " + " ".join(parts) + " }"

    def _part(self, kind: GraphQLObjectType, depth: int) -> str:
        match self._number(0, 9):
            case 0:
                return "__typename" + self._one(_DIRECTIVES)
            case 1 if depth:
                return f"... {self._one(['', f'on {kind.name}'])}{self._one(_DIRECTIVES)} " + self._selection(
                    kind, depth - 1
                )
            case 2 if depth:
                name = f"F{len(self.fragments)}"
                self.fragments.append("")
                text = self._selection(kind, depth - 1)
                self.fragments[int(name[1:])] = f"fragment {name} on {kind.name} {text}"
                return f"...{name}{self._one(_DIRECTIVES)}"
            case 3 if kind.interfaces:
                interface = self._one([each for each in kind.interfaces if is_interface_type(each)])
                return f"... on {interface.name} {{ {self._one(list(interface.fields))} }}"
            case _:
                return self._field(kind, depth)

    def _field(self, kind: GraphQLObjectType, depth: int) -> str:
        fields = {
            name: each for name, each in kind.fields.items() if depth > 0 or is_leaf_type(get_named_type(each.type))
        }
        if not fields:
            return "__typename"
        name = self._one(list(fields))
        given = self._arguments(fields[name])
        alias = self._one(["", f"x{self._number(0, 999)}: "])
        return f"{alias}{name}{given}{self._one(_DIRECTIVES)}{self._below(fields[name], depth)}"

    def _below(self, definition: GraphQLField, depth: int) -> str:
        kind = get_named_type(definition.type)
        if is_object_type(kind):
            return " " + self._selection(kind, depth - 1)
        return " { __typename id }" if is_interface_type(kind) else ""

    def _arguments(self, definition: GraphQLField) -> str:
        given = {
            name: self._value(argument.type)
            for name, argument in definition.args.items()
            if self._required(argument) or self._number(0, 3) == 0
        }
        return f"({', '.join(f'{name}: {value}' for name, value in given.items())})" if given else ""

    def _required(self, argument: GraphQLArgument) -> bool:
        return is_non_null_type(argument.type)

    def _value(self, kind: GraphQLInputType) -> str:
        inner = get_nullable_type(kind)
        if is_list_type(inner):
            return f"[{self._value(inner.of_type)}]"
        if isinstance(inner, GraphQLEnumType):
            return str(self._one(list(inner.values)))
        if is_input_object_type(inner):
            chosen = self._one(
                [each for each in inner.fields if not is_list_type(get_nullable_type(inner.fields[each].type))]
            )
            required = {each for each, part in inner.fields.items() if is_non_null_type(part.type)}
            values = {each: self._value(inner.fields[each].type) for each in sorted({chosen, *required})}
            return "{" + ", ".join(f"{each}: {value}" for each, value in values.items()) + "}"
        return self._scalar(get_named_type(inner).name)

    def _scalar(self, kind: str) -> str:
        match kind:
            case "Int":
                return str(self._one(["$size", "0", "1", "2", "50", "-1"]))
            case "ID":
                return f'"{self._one(self.ids)}"'
            case "DateTime":
                return '"2024-01-01T00:00:00Z"'
            case "Boolean":
                return str(self._one(["true", "$no"]))
            case _:
                return str(self._one(['"a"', '"Acme"', '"nobody@nowhere.example"', "null"]))

    def _one(self, choices: list[T]) -> T:
        found: T = self.draw(st.sampled_from(choices))
        return found

    def _number(self, least: int, most: int) -> int:
        found: int = self.draw(st.integers(least, most))
        return found


@st.composite
def queries(draw: Draw, schema: GraphQLSchema, ids: list[str]) -> str:
    """Random queries for the schema."""
    return Writer(schema, draw, ids).query()
