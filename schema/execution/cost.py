"""What operations could cost at most, before they run: static query analysis of the GraphQL Cost Directives
specification.

The type cost is the weight of all objects in the response, the field cost that of all fields that are resolved for
them. Fields that `@skip` leaves out, or that are selected twice, count nevertheless, so that the cost of an operation
depends on the lengths of its lists alone.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    InlineFragmentNode,
    NamedTypeNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    print_ast,
    value_from_ast_untyped,
)

from resolvers.contacts import MAX_BULK
from resolvers.paging import MAX_SIZE
from schema.execution.introspection import OWN
from schema.execution.weights import Weights, list_size
from schema.types.cost import ListSize

# Costs that are kept of each operation, by the lengths of its lists.
_KEPT = 64
_NONE: frozenset[str] = frozenset()

# Variables hold any JSON.
Variables = Mapping[str, Any]


class Cost(NamedTuple):
    """The field cost and the type cost of an operation."""

    field: float
    type: float

    @property
    def total(self) -> float:
        """Both together, which is what limits are about."""
        return self.field + self.type


@dataclass(frozen=True, slots=True)
class _Length:
    """The length of a list: the greatest of the given values, as far as allowed, or the assumed one."""

    texts: tuple[str, ...]
    assumed: float
    given: tuple[ValueNode, ...] = field(default=(), compare=False)

    def of(self, variables: Variables) -> float:
        """The length with these variables."""
        lengths = [length for each in self.given if (length := _items(_value(each, variables))) is not None]
        return max(0, min(max(lengths), max(self.assumed, MAX_SIZE))) if lengths else self.assumed


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of an operation: a field with the parts inside each of its objects, or a fragment, which costs nothing."""

    within: tuple["_Part", ...]
    field: float = 0
    type: float = 0
    length: _Length | None = None

    def cost(self, variables: Variables, known: dict[int, Cost]) -> Cost:
        """The cost of this part of one object. `known` has the costs of parts that were visited before."""
        found = known.get(id(self))
        if found is None:
            inner = [each.cost(variables, known) for each in self.within]
            count = 1 if self.length is None else self.length.of(variables)
            found = known[id(self)] = Cost(
                self.field + count * sum(each.field for each in inner),
                count * (self.type + sum(each.type for each in inner)),
            )
        return found


class Analysis:
    """An operation of a valid document, ready to be analyzed with any variables."""

    def __init__(self, root: _Part, operation: OperationDefinitionNode, lengths: list[_Length]) -> None:
        self._root = root
        self._given = [value for each in lengths for value in each.given]
        names = dict.fromkeys(each.name.value for each in self._given if isinstance(each, VariableNode))
        defaults = {
            each.variable.name.value: value_from_ast_untyped(each.default_value)
            for each in operation.variable_definitions or ()
            if each.default_value
        }
        self._defaults = {name: defaults.get(name) for name in names}
        self._known: dict[tuple[object, ...], Cost] = {}

    def cost(self, variables: Variables) -> Cost:
        """The cost with these variables."""
        chosen = self._chosen(variables)
        key = tuple([_items(each) for each in chosen.values()])
        found = self._known.get(key)
        if found is None:
            if len(self._known) == _KEPT:
                self._known.clear()
            found = self._known[key] = Cost(*map(_rounded_up, self._root.cost(chosen, {})))
        return found

    def longest_page(self, variables: Variables) -> int:
        """The greatest page size that is asked for."""
        chosen = self._chosen(variables)
        values = [_value(each, chosen) for each in self._given]
        return max((_items(each) or 0 for each in values if not isinstance(each, list)), default=0)

    def _chosen(self, variables: Variables) -> Variables:
        """The values of the variables that lengths depend on."""
        return {name: variables.get(name, default) for name, default in self._defaults.items()}


class Costs:
    """The analyses of a valid document's operations."""

    def __init__(self, weights: Weights, document: DocumentNode) -> None:
        self._weights = weights
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self._fragment_parts: dict[tuple[object, ...], _Part] = {}
        self._lengths: list[_Length] = []

    def of(self, operation: OperationDefinitionNode) -> Analysis:
        """The analysis of an operation of the document."""
        self._lengths, self._fragment_parts = [], {}
        root = self._weights.schema.get_root_type(operation.operation)
        parts = tuple(self._parts(_Place(root), operation.selection_set))
        return Analysis(_Part(parts, type=self._weights.of_type(root)), operation, self._lengths)

    def _parts(self, place: "_Place", selections: SelectionSetNode | None) -> Iterator[_Part]:
        for each in selections.selections if selections else ():
            match each:
                case FieldNode() if each.name.value != "__typename":
                    yield self._field(place, each)
                case InlineFragmentNode(type_condition=condition, selection_set=inner):
                    narrowed = replace(place, kind=self._named(condition)) if condition else place
                    yield from self._parts(narrowed, inner)
                case FragmentSpreadNode():
                    yield self._fragment(place, each.name.value)

    def _field(self, place: "_Place", node: FieldNode) -> _Part:
        name, given = node.name.value, {each.name.value: each.value for each in node.arguments or ()}
        definition = self._weights.schema.get_field(place.kind, name)
        if definition is None:
            raise LookupError(name)  # valid documents have no other fields
        kind, listed = get_named_type(definition.type), list_size(definition)
        own = self._length(listed, given) if listed else None
        sized = frozenset(listed.sized_fields or ()) if listed else _NONE
        inner = _Place(kind, place.once and name in OWN, sized, own)
        weight = self._weights.of_field(place.kind, name, definition)
        return _Part(
            tuple(self._parts(inner, node.selection_set)),
            max(0, weight + sum(self._weights.of_argument(definition.args[each]) for each in given)),
            self._weights.of_type(kind),
            self._of_list(place, name, own) if _lists_objects(definition) else None,
        )

    def _of_list(self, place: "_Place", name: str, own: _Length | None) -> _Length:
        if place.length and name in place.sized:
            return place.length
        return own or _Length((), self._weights.introspected(place.kind, name, once=place.once))

    def _length(self, listed: ListSize, given: Mapping[str, ValueNode]) -> _Length:
        chosen = tuple(given[name] for name in listed.slicing_arguments or () if name in given)
        assumed = MAX_BULK if listed.assumed_size is None else listed.assumed_size
        length = _Length(tuple(map(print_ast, chosen)), assumed, chosen)
        self._lengths.append(length)
        return length

    def _fragment(self, place: "_Place", name: str) -> _Part:
        """A fragment, measured once for each length of the lists that it selects, however often it is spread."""
        key = (name, place.once, place.sized, place.length)
        if key not in self._fragment_parts:
            definition = self._fragments[name]
            inner = replace(place, kind=self._named(definition.type_condition))
            self._fragment_parts[key] = _Part(tuple(self._parts(inner, definition.selection_set)))
        return self._fragment_parts[key]

    def _named(self, node: NamedTypeNode) -> object:
        return self._weights.schema.get_type(node.name.value)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where fields are selected: the type, and the lists of it whose length the field above determines.

    `once`: whether the objects here appear nowhere else (see `introspection.Sizes`).
    """

    kind: Any  # a type with fields, since the document is valid
    once: bool = True
    sized: frozenset[str] = _NONE
    length: _Length | None = None


def _rounded_up(cost: float) -> float:
    """A cost with one decimal: sums of weights such as 0.1 are inexact."""
    return math.ceil(10 * cost - 1e-6) / 10


def _lists_objects(definition: GraphQLField) -> bool:
    return is_list_type(get_nullable_type(definition.type)) and not is_leaf_type(get_named_type(definition.type))


def _value(node: ValueNode, variables: Variables) -> object:
    return variables.get(node.name.value) if isinstance(node, VariableNode) else value_from_ast_untyped(node)


def _items(value: object) -> int | None:
    """A number, or the length of a list. Like graphql-core, takes a float without a fraction as an integer."""
    match value:
        case bool():
            return None
        case int():
            return value
        case float():
            return int(max(-1, min(value, MAX_SIZE + 1)))
        case list() | tuple():
            return len(value)
    return None
