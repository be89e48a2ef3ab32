"""What the schema's `@cost` and `@listSize` directives say, with the specification's default weights."""

from collections.abc import Iterable
from typing import Any, TypeVar

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_input_object_type,
    is_leaf_type,
)

from schema.execution.introspection import Sizes
from schema.types.cost import Cost, ListSize

T = TypeVar("T")
_DEFINITION = "strawberry-definition"


class Weights:
    """The weights and list sizes of a schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self._introspection = Sizes(schema)

    def of_type(self, kind: object) -> float:
        """The weight of a type: of an abstract one, the greatest weight of its types."""
        if is_abstract_type(kind):
            return max(self.of_type(each) for each in self.schema.get_possible_types(kind))
        return _weight(kind, 0 if is_leaf_type(kind) else 1)

    def of_field(self, parent: object, name: str, definition: GraphQLField) -> float:
        """The weight of a field, without its arguments: of an abstract type, the greatest one of its types."""
        if is_abstract_type(parent):
            every = self.schema.get_possible_types(parent)
            return max(self.of_field(each, name, each.fields[name]) for each in every)
        return _weight(definition, 0 if is_leaf_type(get_named_type(definition.type)) else 1)

    def of_argument(self, definition: GraphQLArgument | GraphQLInputField, within: tuple[object, ...] = ()) -> float:
        """The weight of an argument, or of a field of an input, with all that its value could contain."""
        kind = get_named_type(definition.type)
        return _weight(definition, _default(kind)) + self._of_input(kind, within)

    def introspected(self, kind: GraphQLObjectType, name: str, *, once: bool) -> float:
        """The length of a list in introspection (see `Sizes`)."""
        return self._introspection.of(kind.name, name, once=once)

    def _of_input(self, kind: GraphQLNamedType, within: tuple[object, ...]) -> float:
        if not is_input_object_type(kind) or kind in within:
            return 0
        return sum(self.of_argument(each, (*within, kind)) for each in kind.fields.values())


def list_size(definition: GraphQLField) -> ListSize | None:
    """A field's list size, None if the schema says nothing about it."""
    return _directive(definition, ListSize)


def _default(kind: object) -> float:
    return 0 if is_leaf_type(kind) else 1


# Any: graphql-core's definitions have nothing in common but their extensions.
def _weight(definition: Any, default: float) -> float:
    cost = _directive(definition, Cost)
    return default if cost is None else float(cost.weight)


def _directive(definition: Any, kind: type[T]) -> T | None:
    found: Iterable[object] = getattr(definition.extensions.get(_DEFINITION), "directives", None) or ()
    return next((each for each in found if isinstance(each, kind)), None)
