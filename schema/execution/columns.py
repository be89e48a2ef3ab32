"""Columns: the fields that need more than the object they belong to, resolved for many objects at once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from graphql import FieldNode, GraphQLField, GraphQLFieldResolver, GraphQLObjectType, get_argument_values
from strawberry.types.field import StrawberryField

from schema.build import schema
from schema.documents import read
from schema.execution.arguments import converter
from schema.execution.completion import Completer
from schema.execution.run import Execution
from schema.reads import Batched, Wanted

# Any: what a resolver takes and gives is its own affair.
_Resolve: TypeAlias = Callable[[object], Any]


class Field:
    """A selected field: what Strawberry and graphql-core know of it, and its nodes in the document."""

    def __init__(
        self, parent: GraphQLObjectType, definition: GraphQLField, strawberry: StrawberryField, nodes: list[FieldNode]
    ) -> None:
        self.strawberry = strawberry
        self._parent = parent
        self.definition = definition
        self._nodes = nodes
        self._convert = converter(strawberry.arguments)

    def arguments(self, run: Execution) -> dict[str, Any]:
        """The arguments given to the field, as its resolver takes them. Nobody may change them."""
        found = run.arguments.get(self)
        if found is None:
            found = run.arguments[self] = self._convert(self._given(run))
        return found

    def resolver(self, run: Execution) -> _Resolve:
        """The function that resolves the field for an object."""
        info = run.info(self._parent, self.definition, self._nodes)
        own = self.strawberry.base_resolver
        if own is None or own.self_parameter or self.strawberry.extensions or self.strawberry.permission_classes:
            resolve = cast("GraphQLFieldResolver", self.definition.resolve)
            given = self._given(run)
            return lambda source: resolve(source, info, **given)
        arguments = self.arguments(run).copy()
        if own.info_parameter:
            arguments[own.info_parameter.name] = schema.config.info_class(_raw_info=info, _field=self.strawberry)
        function, root = own.wrapped_func, own.root_parameter or own.parent_parameter
        if root is None:
            return lambda source: function(**arguments)  # type: ignore[operator] # not a static method
        return lambda source: function(**arguments, **{root.name: source})  # type: ignore[operator] # as above

    def _given(self, run: Execution) -> dict[str, Any]:
        """The arguments as graphql-core has them. Raises `GraphQLError` if one is not as its type says."""
        return get_argument_values(self.definition, self._nodes[0], run.variables)


@dataclass(frozen=True, slots=True)
class Embedded:
    """A field read from the document itself, in which something needs more."""

    wanted: Wanted
    name: str
    completer: Completer

    async def values(self, run: Execution, objects: Sequence[object]) -> Sequence[object]:
        """See `Column`."""
        return await self.completer.complete(run, [read(each, self.name) for each in objects])


@dataclass(frozen=True, slots=True)
class Computed:
    """A field whose resolver takes nothing but the document, and gives something in which something needs more."""

    wanted: Wanted
    compute: Callable[[object], object]
    completer: Completer

    async def values(self, run: Execution, objects: Sequence[object]) -> Sequence[object]:
        """See `Column`."""
        return await self.completer.complete(run, [self.compute(each) for each in objects])


@dataclass(frozen=True, slots=True)
class Resolved:
    """A field whose resolver is called for each object, as graphql-core would."""

    wanted: Wanted
    field: Field
    completer: Completer

    async def values(self, run: Execution, objects: Sequence[object]) -> Sequence[object]:
        """See `Column`."""
        resolve = self.field.resolver(run)
        return await self.completer.complete(run, await _awaited([resolve(each) for each in objects]))


@dataclass(frozen=True, slots=True)
class Gathered:
    """A field whose resolver takes all objects at once (see `schema.reads`)."""

    wanted: Wanted
    field: Field
    batched: Batched[object]
    completer: Completer

    async def values(self, run: Execution, objects: Sequence[object]) -> Sequence[object]:
        """See `Column`."""
        given = self.field.arguments(run)
        found = await self.batched.many(run.context, objects, self.completer.wanted, **given)
        return await self.completer.complete(run, found)


@dataclass(frozen=True, slots=True)
class Itself:
    """The node of an edge, which is the very document that the edge is made of."""

    wanted: Wanted
    completer: Completer

    async def values(self, run: Execution, objects: Sequence[object]) -> Sequence[object]:
        """See `Column`."""
        return await self.completer.complete(run, objects)


async def _awaited(values: list[object]) -> list[object]:
    """The values, those that are awaitable awaited, at the same time if there are several."""
    pending = {place: value for place, value in enumerate(values) if isinstance(value, Awaitable)}
    if len(pending) == 1:
        for place, value in pending.items():
            values[place] = await value
    elif pending:
        for place, found in zip(pending, await asyncio.gather(*pending.values()), strict=True):
            values[place] = found
    return values
