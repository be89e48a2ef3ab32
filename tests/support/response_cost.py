"""The actual cost of a response, by the weights in the committed SDL: query response analysis of the GraphQL Cost
Directives specification.

It shares no code with the service's own estimate.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_input_object_type,
    is_leaf_type,
    is_object_type,
    parse,
    value_from_ast_untyped,
)

# Responses have the structure of their operations.
Data = Mapping[str, Any]


class Response:
    """A response to the only operation of a document. The operation must select `__typename` of abstract types."""

    def __init__(self, schema: GraphQLSchema, document: str, variables: Data) -> None:
        self._schema = schema
        self._variables = variables
        definitions = parse(document).definitions
        self._fragments = {each.name.value: each for each in definitions if isinstance(each, FragmentDefinitionNode)}
        (self._operation,) = (each for each in definitions if isinstance(each, OperationDefinitionNode))

    def cost(self, data: Data | None) -> tuple[float, float]:
        """The field cost and the type cost of this data."""
        root = self._schema.get_root_type(self._operation.operation)
        assert root
        return (0, 0) if data is None else self._of_object(root, [self._operation.selection_set], data)

    def _of_object(self, kind: GraphQLObjectType, selected: list[SelectionSetNode], data: Data) -> tuple[float, float]:
        fields, types = 0.0, _weight(kind, 1)
        nodes: dict[str, list[FieldNode]] = {}
        for each in selected:
            for node in self._nodes(kind, each):
                nodes.setdefault((node.alias or node.name).value, []).append(node)
        for key, value in data.items():
            name = nodes[key][0].name.value
            definition = self._schema.get_field(kind, name)
            if name == "__typename" or definition is None:
                continue
            fields += self._of_field(definition, nodes[key][0])
            inner = [node.selection_set for node in nodes[key] if node.selection_set]
            for item in _objects(value) if inner else ():  # a scalar can be a JSON object
                more = self._of_object(self._kind(definition, item), inner, item)
                fields, types = fields + more[0], types + more[1]
        return fields, types

    def _kind(self, definition: GraphQLField, item: Data) -> GraphQLObjectType:
        kind = get_named_type(definition.type)
        found = kind if is_object_type(kind) else self._schema.type_map[item["__typename"]]
        assert is_object_type(found)
        return found

    def _nodes(self, kind: GraphQLObjectType, selected: SelectionSetNode) -> Iterator[FieldNode]:
        for each in selected.selections:
            match each:
                case FieldNode():
                    yield each
                case InlineFragmentNode(type_condition=None):
                    yield from self._nodes(kind, each.selection_set)
                case InlineFragmentNode(type_condition=condition) if condition and self._fits(
                    kind, condition.name.value
                ):
                    yield from self._nodes(kind, each.selection_set)
                case FragmentSpreadNode(name=name):
                    fragment = self._fragments[name.value]
                    if self._fits(kind, fragment.type_condition.name.value):
                        yield from self._nodes(kind, fragment.selection_set)

    def _fits(self, kind: GraphQLObjectType, condition: str) -> bool:
        return condition in {kind.name, *(each.name for each in kind.interfaces)} or kind in getattr(
            self._schema.type_map[condition], "types", ()
        )

    def _of_field(self, definition: GraphQLField, node: FieldNode) -> float:
        """The weight of a field and of the arguments that are used."""
        weight = _weight(definition, 0 if is_leaf_type(get_named_type(definition.type)) else 1)
        for argument in node.arguments or ():
            value = value_from_ast_untyped(argument.value, dict(self._variables))
            weight += self._of_argument(definition.args[argument.name.value], value)
        return weight

    def _of_argument(self, definition: Any, value: object) -> float:  # Any: an argument or an input's field
        kind = get_named_type(definition.type)
        weight = _weight(definition, 0 if is_leaf_type(kind) else 1)
        if is_input_object_type(kind) and isinstance(value, dict):
            weight += sum(self._of_argument(kind.fields[name], each) for name, each in value.items())
        return weight


def _objects(value: object) -> Iterator[Data]:
    match value:
        case dict():
            yield value
        case list():
            for each in value:
                yield from _objects(each)


def _weight(definition: Any, default: float) -> float:  # Any: definitions have nothing in common but their nodes
    for directive in getattr(definition.ast_node, "directives", None) or ():
        if directive.name.value == "cost":
            return float(directive.arguments[0].value.value)
    return default
