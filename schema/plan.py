"""Plans: a query compiled into shapes, for one choice of what `@skip` and `@include` leave of it.

The compiler goes by what Strawberry and graphql-core know of the schema, not by the names of types and fields. A
field is one of four kinds:

- read straight from the document: part of the generated function;
- computed by a resolver that takes nothing but the document: called by the generated function;
- resolved for many at once (`schema.reads`), as managers and groups are: a column, one query for all;
- resolved by any other resolver: a column, the resolver called for each object as graphql-core would.

What it does not understand (abstract types, introspection, `@defer`) makes the whole operation graphql-core's.
"""

from collections.abc import Callable
from dataclasses import dataclass
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

from schema.columns import Computed, Embedded, Field, Gathered, Itself, Resolved
from schema.completion import Completer, Connections, Lists, Objects, Plain
from schema.connections import Connection
from schema.documents import stored_name
from schema.reads import Reads, Wanted, together, within
from schema.run import Operation
from schema.shape import Column, Shape, Text

_DEFINITION = "strawberry-definition"


class NotUnderstood(Exception):
    """Raised when an operation is not for the fast path."""


@dataclass(frozen=True, slots=True)
class Inline:
    """What needs no more than the value itself: how to write its expression, and what that wants of the value."""

    wanted: Wanted
    write: Callable[[Text, str], str]

    def completer(self) -> Plain:
        """The same for the values of a column."""
        text = Text()
        return Plain(self.wanted, text.function(["value"], self.write(text, "value")))


class Compiler:
    """Compiles a query for these variables, of which only those in `@skip` and `@include` matter."""

    def __init__(self, operation: Operation, variables: VariableValues) -> None:
        self._operation = operation
        self._variables = variables

    def query(self) -> Shape:
        """The shape of the response: the fields of the query type are columns of one object. Raises `NotUnderstood`."""
        operation = self._operation
        root = operation.schema.query_type
        if root is None:
            raise NotUnderstood
        collected = collect_fields(operation.schema, operation.fragments, self._variables, root, operation.definition)
        return self._shape(root, collected.grouped_field_set, self._of_document)

    def _shape(self, parent: GraphQLObjectType, grouped: GroupedFieldSet, place: "_Place", *known: str) -> Shape:
        """The shape of the objects of a type, whose fields are found as `place` says."""
        text, columns, wants = Text(), list[Column](), list[Wanted]()
        shown: list[str] = []
        plain: list[str] = []
        for key, details in grouped.items():
            if details[0].node.name.value == "__typename":
                shown.append(f"{key!r}: {parent.name!r}")
                continue
            field = self._field(parent, details)
            made = place(field, self._output(field.definition.type, details))
            wants.append(made.wanted)
            if isinstance(made, Inline):
                shown.append(f"{key!r}: {made.write(text, 'document')}")
                plain += [field.strawberry.python_name] if field.strawberry.is_basic_field else []
            else:
                shown.append(f"{key!r}: column{len(columns)}")
                columns.append(made)
        given = ["object", *known, *(f"column{number}" for number in range(len(columns)))]
        return Shape(together(wants), columns, text.display(given, shown, plain))

    def _of_document(self, field: Field, output: "Inline | Completer") -> "Inline | Column":
        """How a field is shown of the document that it belongs to."""
        completer = output.completer() if isinstance(output, Inline) else output
        if field.strawberry.is_basic_field:
            name = stored_name(field.strawberry.python_name)
            within_it = within(name, completer.wanted)
            if isinstance(output, Inline):
                # What must be there is looked up as such, which is quicker, and left to graphql-core if it is not.
                found = f"[{name!r}]" if is_non_null_type(field.definition.type) else f".get({name!r})"
                return Inline(within_it, lambda text, document: output.write(text, document + found))
            return Embedded(within_it, field.strawberry.python_name, completer)
        reads = _reads(field.strawberry)
        wanted: Wanted = reads.stored if reads else None
        if compute := _computes(field.strawberry):
            if isinstance(output, Inline):
                return Inline(wanted, lambda text, _: output.write(text, f"{text.name(compute)}(object)"))
            return Computed(wanted, compute, completer)
        if reads and reads.many:
            return Gathered(wanted, field, reads.many, completer)
        return Resolved(wanted, field, completer)

    def _of_edge(self, field: Field, output: "Inline | Completer") -> "Inline | Column":
        """How a field is shown of an edge, which is its node's document and a cursor."""
        if field.strawberry.python_name == "cursor":
            return Inline((), lambda text, document: "cursor")
        if isinstance(output, Inline):
            return Inline(output.wanted, lambda text, document: output.write(text, "object"))
        return Itself(output.wanted, output)

    def _field(self, parent: GraphQLObjectType, details: list[FieldDetails]) -> Field:
        definition = self._operation.schema.get_field(parent, details[0].node.name.value)
        strawberry = definition.extensions.get(_DEFINITION) if definition else None
        if definition is None or not isinstance(strawberry, StrawberryField):
            raise NotUnderstood
        return Field(parent, definition, strawberry, [each.node for each in details])

    def _output(
        self, kind: GraphQLOutputType, details: list[FieldDetails], nullable: bool = True
    ) -> "Inline | Completer":
        """How the values of a type are completed."""
        if is_non_null_type(kind):
            return self._output(kind.of_type, details, nullable=False)
        if is_leaf_type(kind):
            return Inline((), lambda text, value: text.leaf(kind, nullable, value))
        if is_list_type(kind):
            return _listed(self._output(kind.of_type, details), nullable)
        if not is_object_type(kind):
            raise NotUnderstood
        selected = self._selected(kind, details)
        if _is_connection(kind):
            return Connections({key: self._connection_field(kind, each) for key, each in selected.items()}, kind.name)
        shape = self._shape(kind, selected, self._of_document)
        if shape.columns:
            return Objects(shape, nullable)
        return Inline(shape.wanted, lambda text, value: text.nested(shape.make, nullable, value))

    def _connection_field(self, parent: GraphQLObjectType, details: list[FieldDetails]) -> tuple[str, Shape | None]:
        """A field of a connection, and the shape of the objects it holds."""
        name = details[0].node.name.value
        definition = self._operation.schema.get_field(parent, name)
        kind = get_named_type(definition.type) if definition else None
        if not is_object_type(kind):
            return name, None
        selected = self._selected(kind, details)
        if name == "edges":
            return name, self._shape(kind, selected, self._of_edge, "cursor")
        return name, self._shape(kind, selected, self._of_document)

    def _selected(self, kind: GraphQLObjectType, details: list[FieldDetails]) -> GroupedFieldSet:
        operation = self._operation
        return collect_subfields(
            operation.schema, operation.fragments, self._variables, operation.definition, kind, details
        ).grouped_field_set


_Place = Callable[[Field, "Inline | Completer"], "Inline | Column"]


def _listed(item: "Inline | Completer", nullable: bool) -> "Inline | Completer":
    if not isinstance(item, Inline):
        return Lists(item, nullable)
    return Inline(item.wanted, lambda text, value: text.items(nullable, value, lambda each: item.write(text, each)))


def _is_connection(kind: GraphQLObjectType) -> bool:
    definition = kind.extensions.get(_DEFINITION)
    if not isinstance(definition, StrawberryObjectDefinition) or definition.concrete_of is None:
        return False
    return definition.concrete_of.origin is Connection


def _reads(field: StrawberryField) -> Reads | None:
    """What the field's resolver is declared to read."""
    found = dict(field.metadata).get("reads")
    return found if isinstance(found, Reads) else None


def _computes(field: StrawberryField) -> Callable[[object], object] | None:
    """The field's resolver, if it takes nothing but the document."""
    resolver = field.base_resolver
    if resolver is None or resolver.is_async or field.extensions or field.permission_classes:
        return None
    alone = resolver.root_parameter is not None and len(resolver.signature.parameters) == 1
    return cast("Callable[[object], object]", resolver.wrapped_func) if alone else None
