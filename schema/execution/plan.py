"""Plans: a query compiled into shapes, for one combination of `@skip` and `@include` conditions.

The compiler relies on the schema definitions of Strawberry and graphql-core, not on the names of types and fields. A
field is one of four kinds:

- read directly from the document: part of the generated function;
- computed by a resolver that takes only the document: called by the generated function;
- resolved for many objects at once (`schema.reads`), such as managers and groups: a column, one query for all;
- resolved by any other resolver: a column, calling the resolver for each object as graphql-core would.

If an operation uses anything unsupported, graphql-core executes all of it: abstract types, introspection, `@defer`,
field extensions, lists of objects with fields that need more data.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

from graphql import (
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetails, GroupedFieldSet, collect_fields, collect_subfields
from graphql.execution.values import VariableValues
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

from schema.documents import read, stored_name
from schema.execution.columns import Derived, Field, Gathered, Resolved
from schema.execution.completion import Completer, Connections, Objects, Plain
from schema.execution.run import Operation
from schema.execution.shape import Column, Display, Names, Shape, Text, Unsupported
from schema.reads import Batched, Wanted, together, within
from schema.types.connections import Connection

_DEFINITION = "strawberry-definition"


@dataclass(frozen=True, slots=True)
class Inline:
    """A value that needs no more data: how to write its expression, and the stored fields that it reads."""

    wanted: Wanted
    write: Callable[[Text, str], str]

    def completer(self) -> Plain:
        """The completer of a column with such values."""
        text = Text()
        return Plain(self.wanted, text.function(["value"], self.write(text, "value")))


@dataclass(frozen=True, slots=True)
class Part:
    """A field that needs no more data than its object has.

    `read`: the name of the field that it reads from the object as a document, if any.
    """

    wanted: Wanted
    write: Callable[[Text, Names], str]
    read: str | None = None


@dataclass(frozen=True, slots=True)
class Selected:
    """The selection on an object type, before it is compiled to a function."""

    wanted: Wanted
    columns: Sequence[Column]
    display: Display

    def shape(self, *known: str) -> Shape:
        """The compiled shape, for callers that pass the values of `known` themselves."""
        columns = [_column(number) for number in range(len(self.columns))]
        return Shape(self.wanted, self.columns, self.display.function(*known, *columns))


class Compiler:
    """Compiles a query for these variables. Only variables in `@skip` and `@include` matter."""

    def __init__(self, operation: Operation, variables: VariableValues) -> None:
        self._operation = operation
        self._variables = variables

    def query(self) -> Shape:
        """The shape of the response: one object with the root fields as columns. Raises `Unsupported`."""
        operation = self._operation
        root = operation.schema.query_type
        if root is None:
            raise Unsupported
        collected = collect_fields(operation.schema, operation.fragments, self._variables, root, operation.definition)
        return self._selected(root, collected.grouped_field_set, self._of_document).shape()

    def _selected(self, parent: GraphQLObjectType, grouped: GroupedFieldSet, place: "_Place") -> Selected:
        """The selection on an object type. `place` determines where its fields come from."""
        fields: dict[str, Callable[[Text, Names], str]] = {}
        columns: list[Column] = []
        wants: list[Wanted] = []
        read: list[str] = []
        for key, details in grouped.items():
            if details[0].node.name.value == "__typename":
                fields[key] = _verbatim(repr(parent.name))
                continue
            field = self._field(parent, details)
            made = place(field, self._output(field.definition.type, details))
            wants.append(made.wanted)
            if isinstance(made, Part):
                fields[key] = made.write
                read += [made.read] if made.read else []
            else:
                fields[key] = _verbatim(_column(len(columns)))
                columns.append(made)
        return Selected(together(wants), columns, Display(fields, read))

    def _of_document(self, field: Field, output: "Inline | Completer") -> "Part | Column":
        """How to show a field of a document."""
        if field.strawberry.is_basic_field:
            own = field.strawberry.python_name
            name = stored_name(own)
            within_it = within(name, output.wanted)
            if isinstance(output, Inline):
                # A required field is read with [], which is faster; if it is missing, graphql-core takes over.
                found = f"[{name!r}]" if is_non_null_type(field.definition.type) else f".get({name!r})"
                write = output.write
                return Part(within_it, lambda text, names: write(text, names.document + found), own)
            return Derived(within_it, partial(read, name=own), output)
        wanted: Wanted = field.strawberry.metadata.get("reads")
        resolver = field.strawberry.base_resolver
        if resolver is None or field.strawberry.extensions:
            raise Unsupported
        if _computes(resolver):
            compute = cast("Callable[[object], object]", resolver.wrapped_func)
            if isinstance(output, Inline):
                return Part(wanted, lambda text, names: output.write(text, f"{text.name(compute)}({names.object})"))
            return Derived(wanted, compute, output)
        completer = output.completer() if isinstance(output, Inline) else output
        if isinstance(resolver.wrapped_func, Batched):
            return Gathered(wanted, field, resolver.wrapped_func, completer)
        return Resolved(wanted, field, resolver, completer)

    def _of_edge(self, field: Field, output: "Inline | Completer") -> "Part | Column":
        """How to show a field of an edge, which consists of its node's document and a cursor."""
        if field.strawberry.python_name == "cursor":
            return Part((), _verbatim("cursor"))
        if isinstance(output, Inline):
            return Part(output.wanted, lambda text, names: output.write(text, names.object))
        return Derived(output.wanted, lambda node: node, output)

    def _field(self, parent: GraphQLObjectType, details: list[FieldDetails]) -> Field:
        definition = self._operation.schema.get_field(parent, details[0].node.name.value)
        strawberry = definition.extensions.get(_DEFINITION) if definition else None
        if definition is None or not isinstance(strawberry, StrawberryField):
            raise Unsupported
        return Field(parent, definition, strawberry, [each.node for each in details])

    def _output(
        self, kind: GraphQLOutputType, details: list[FieldDetails], nullable: bool = True
    ) -> "Inline | Completer":
        """How to complete the values of a type."""
        if is_non_null_type(kind):
            return self._output(kind.of_type, details, nullable=False)
        if is_leaf_type(kind):
            return Inline((), lambda text, value: text.leaf(kind, nullable, value))
        if is_list_type(kind):
            return _listed(self._output(kind.of_type, details), nullable)
        if not is_object_type(kind):
            raise Unsupported
        grouped = self._grouped(kind, details)
        if _is_connection(kind):
            return Connections({key: self._connection_field(kind, each) for key, each in grouped.items()}, kind.name)
        selected = self._selected(kind, grouped, self._of_document)
        if selected.columns:
            return Objects(selected.shape(), nullable)
        return Inline(selected.wanted, lambda text, value: text.nested(selected.display, nullable, value))

    def _connection_field(self, parent: GraphQLObjectType, details: list[FieldDetails]) -> tuple[str, Shape | None]:
        """The name of a connection's field, and the shape of its objects if it has any."""
        name = details[0].node.name.value
        definition = self._operation.schema.get_field(parent, name)
        kind = get_named_type(definition.type) if definition else None
        if not is_object_type(kind):
            return name, None
        grouped = self._grouped(kind, details)
        if name == "edges":
            return name, self._selected(kind, grouped, self._of_edge).shape("cursor")
        return name, self._selected(kind, grouped, self._of_document).shape()

    def _grouped(self, kind: GraphQLObjectType, details: list[FieldDetails]) -> GroupedFieldSet:
        operation = self._operation
        return collect_subfields(
            operation.schema, operation.fragments, self._variables, operation.definition, kind, details
        ).grouped_field_set


_Place = Callable[[Field, "Inline | Completer"], "Part | Column"]


def _verbatim(expression: str) -> Callable[[Text, Names], str]:
    return lambda text, names: expression


def _column(number: int) -> str:
    return f"column{number}"


def _listed(item: "Inline | Completer", nullable: bool) -> Inline:
    if not isinstance(item, Inline):
        raise Unsupported
    return Inline(item.wanted, lambda text, value: text.items(nullable, value, lambda each: item.write(text, each)))


def _is_connection(kind: GraphQLObjectType) -> bool:
    definition = kind.extensions.get(_DEFINITION)
    if not isinstance(definition, StrawberryObjectDefinition) or definition.concrete_of is None:
        return False
    return definition.concrete_of.origin is Connection


def _computes(resolver: StrawberryResolver[object]) -> bool:
    """Whether the resolver takes only the document."""
    return not resolver.is_async and resolver.root_parameter is not None and len(resolver.signature.parameters) == 1
