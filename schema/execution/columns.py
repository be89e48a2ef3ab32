"""Columns: fields that need more data than their object has, resolved for many objects at once."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import FieldNode, GraphQLField, GraphQLObjectType, get_argument_values
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

from schema.build import schema
from schema.context import Info
from schema.execution.arguments import converter
from schema.execution.completion import Completer
from schema.execution.run import Execution
from schema.reads import Batched, Wanted


class Field:
    """A selected field: its Strawberry and graphql-core definitions, and its nodes in the document."""

    def __init__(
        self, parent: GraphQLObjectType, definition: GraphQLField, strawberry: StrawberryField, nodes: list[FieldNode]
    ) -> None:
        self.strawberry = strawberry
        self._parent = parent
        self.definition = definition
        self._nodes = nodes
        self._convert = converter(strawberry.arguments)

    def arguments(self, run: Execution) -> dict[str, Any]:  # Any: arguments have any type
        """The arguments of the field's resolver. They are shared: do not modify them."""
        found = run.arguments.get(self)
        if found is None:
            given = get_argument_values(self.definition, self._nodes[0], run.variables)
            found = run.arguments[self] = self._convert(given)
        return found

    def info(self, run: Execution) -> Info:
        """The `info` argument of the field's resolver."""
        info = run.info(self._parent, self.definition, self._nodes)
        return schema.config.info_class(_raw_info=info, _field=self.strawberry)


@dataclass(frozen=True, slots=True)
class Derived:
    """A field that is derived from the object alone, with a selected field inside that needs more data."""

    wanted: Wanted
    derive: Callable[[object], object]
    completer: Completer

    async def values(self, run: Execution, objects: Sequence[object]) -> Sequence[object]:
        """See `Column`."""
        return await self.completer.complete(run, [self.derive(each) for each in objects])


@dataclass(frozen=True, slots=True)
class Resolved:
    """A field whose resolver is called for each object in turn. Fields that wait for I/O should be `Gathered`."""

    wanted: Wanted
    field: Field
    resolver: StrawberryResolver[object]
    completer: Completer

    async def values(self, run: Execution, objects: Sequence[object]) -> Sequence[object]:
        """See `Column`."""
        resolver, given = self.resolver, self.field.arguments(run)
        if resolver.info_parameter:
            given = {**given, resolver.info_parameter.name: self.field.info(run)}
        values = []
        for each in objects:
            value = resolver(**given, root=each) if resolver.root_parameter else resolver(**given)
            values.append(await value if isinstance(value, Awaitable) else value)
        return await self.completer.complete(run, values)


@dataclass(frozen=True, slots=True)
class Gathered:
    """A field whose resolver takes all objects in one call (see `schema.reads`)."""

    wanted: Wanted
    field: Field
    batched: Batched[object]
    completer: Completer

    async def values(self, run: Execution, objects: Sequence[object]) -> Sequence[object]:
        """See `Column`."""
        given = self.field.arguments(run)
        found = await self.batched.many(run.context, objects, self.completer.wanted, **given)
        return await self.completer.complete(run, found)
