"""The maximum cost of an operation: the number of items its lists could have, multiplied for nested lists."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NamedTypeNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    Visitor,
    get_named_type,
    get_operation_ast,
    value_from_ast_untyped,
    visit,
)

from resolvers.contacts import MAX_BULK
from resolvers.paging import DEFAULT_SIZE, MAX_SIZE

MAX_ITEMS = 100_000
# Validation compares all fields with the same name in pairs, so its time grows with the square of their number.
MAX_REPEATS = 100

# Variables hold any JSON. None stands for the variables that make the lists longest.
Variables = Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of an operation: a list and the parts inside each item, or a fragment."""

    within: tuple["_Part", ...]
    sizes: tuple[ValueNode, ...] | None = None
    default: int = DEFAULT_SIZE
    most: int = MAX_SIZE

    def items(self, variables: Variables, known: dict[int, int]) -> int:
        """The maximum number of items. `known` caches the numbers of visited parts."""
        if id(self) not in known:
            inner = sum(each.items(variables, known) for each in self.within)
            known[id(self)] = inner if self.sizes is None else self._size(variables) * (1 + inner)
        return known[id(self)]

    def _size(self, variables: Variables) -> int:
        if variables is None and any(isinstance(each, VariableNode) for each in self.sizes or ()):
            return self.most
        found = [size for each in self.sizes or () if (size := _length(each, variables or {})) is not None]
        return max(found, default=self.default)


class Cost:
    """The cost of the operations of a valid document."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._document = document
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self._fragment_parts: dict[str, _Part] = {}
        self._operations: dict[str, tuple[_Part, Mapping[str, Any]]] = {}
        self._always_fits: dict[str | None, bool] = {}

    def always_fits(self, operation_name: str | None) -> bool:
        """Whether an operation stays within `MAX_ITEMS` for any variables, so that requests need no count."""
        if operation_name not in self._always_fits:
            if get_operation_ast(self._document, operation_name) is None:
                return False  # not cached: clients can invent any number of names
            self._always_fits[operation_name] = self.items(operation_name, None) <= MAX_ITEMS
        return self._always_fits[operation_name]

    def items(self, operation_name: str | None, variables: Variables) -> int:
        """The maximum number of items in the response of an operation."""
        operation = get_operation_ast(self._document, operation_name)
        if operation is None:
            return 0
        name = operation.name.value if operation.name else ""
        if name not in self._operations:
            self._operations[name] = self._operation(operation)
        part, defaults = self._operations[name]
        return part.items(None if variables is None else {**defaults, **variables}, {})

    def _operation(self, operation: OperationDefinitionNode) -> tuple[_Part, Mapping[str, Any]]:
        root = self._schema.get_root_type(operation.operation)
        defaults = {
            each.variable.name.value: value_from_ast_untyped(each.default_value)
            for each in operation.variable_definitions or ()
            if each.default_value
        }
        return _Part(tuple(self._parts(root, operation.selection_set))), defaults

    def _parts(self, parent: object, selections: SelectionSetNode | None) -> Iterator[_Part]:
        for each in selections.selections if selections else ():
            match each:
                case FieldNode():
                    yield from self._field(getattr(parent, "fields", {}).get(each.name.value), each)
                case InlineFragmentNode(type_condition=condition, selection_set=inner):
                    yield from self._parts(self._named(condition) if condition else parent, inner)
                case FragmentSpreadNode():
                    yield self._fragment(each.name.value)

    def _field(self, definition: GraphQLField | None, node: FieldNode) -> Iterator[_Part]:
        if definition is None:  # introspection, which reads no data
            return
        within = tuple(self._parts(get_named_type(definition.type), node.selection_set))
        sizes = {each.name.value: each.value for each in node.arguments or ()}
        if "first" in definition.args:
            default = definition.args["first"].default_value
            given = tuple(sizes[name] for name in ("first", "last") if name in sizes)
            yield _Part(within, given, default if isinstance(default, int) else DEFAULT_SIZE)
        elif node.name.value == "nodes" and "ids" in sizes:
            yield _Part(within, (sizes["ids"],), MAX_BULK, MAX_BULK)
        else:
            yield from within

    def _fragment(self, name: str) -> _Part:
        if name not in self._fragment_parts:
            definition = self._fragments[name]
            self._fragment_parts[name] = _Part(
                tuple(self._parts(self._named(definition.type_condition), definition.selection_set))
            )
        return self._fragment_parts[name]

    def _named(self, node: NamedTypeNode) -> object:
        return self._schema.get_type(node.name.value)


def repeats(document: DocumentNode) -> int:
    """How often the most frequent response key appears in one selection set."""
    most = 0

    class Sets(Visitor):
        def enter_selection_set(self, node: SelectionSetNode, *_: object) -> None:
            nonlocal most
            names = Counter(
                (each.alias or each.name).value if isinstance(each, FieldNode) else "" for each in node.selections
            )
            most = max(most, *names.values())

    visit(document, Sets())
    return most


def _length(node: ValueNode, variables: Mapping[str, Any]) -> int | None:
    """The list length that an argument requests, or None. Capped, because other code rejects longer lists."""
    match node:
        case IntValueNode():
            value: object = int(node.value)
        case ListValueNode():
            value = node.values
        case VariableNode():
            value = variables.get(node.name.value)
        case _:
            return None
    if isinstance(value, list | tuple):
        return min(len(value), MAX_BULK)
    return max(0, min(value, MAX_SIZE)) if isinstance(value, int) else None
