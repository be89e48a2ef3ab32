"""How large answers to introspection are, which reads no data but takes time for each part of the schema."""

from collections.abc import Collection

from graphql import (
    FieldNode,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    is_abstract_type,
    is_enum_type,
)

# The lists whose objects belong to the object with the list. Other fields lead to objects that also appear elsewhere.
OWN = frozenset({"__schema", "types", "directives", "fields", "inputFields", "enumValues", "args"})


class Sizes:
    """The lengths of introspection's lists in a schema, by the names of types and fields.

    Where each object appears once, as in the types of the schema and their fields, the average length gives the exact
    number of all items together. Elsewhere a type may appear any number of times, and the greatest length counts.
    """

    def __init__(self, schema: GraphQLSchema) -> None:
        lengths = _lengths(schema)
        self._average = {name: sum(each) / max(1, len(each)) for name, each in lengths.items()}
        self._greatest = {name: max(each, default=0) for name, each in lengths.items()}

    def of(self, kind: str, name: str, *, once: bool) -> float:
        """The length of a list. Raises `KeyError` for lists that are not introspection's."""
        return (self._average if once else self._greatest)[f"{kind}.{name}"]


def is_alone(operation: OperationDefinitionNode) -> bool:
    """Whether an operation selects nothing but introspection, so that its answer never changes."""
    selected = operation.selection_set.selections
    return not operation.variable_definitions and all(
        isinstance(each, FieldNode) and each.name.value.startswith("__") and not each.directives for each in selected
    )


def _lengths(schema: GraphQLSchema) -> dict[str, Collection[int]]:
    types, directives = list(schema.type_map.values()), schema.directives
    outputs = [each for each in types if isinstance(each, GraphQLObjectType | GraphQLInterfaceType)]
    inputs = [each for each in types if isinstance(each, GraphQLInputObjectType)]
    fields = [field for each in outputs for field in each.fields.values()]
    others = len(types) - len(outputs)
    return {
        "__Schema.types": [len(types)],
        "__Schema.directives": [len(directives)],
        "__Type.fields": [*(len(each.fields) for each in outputs), *[0] * others],
        "__Type.interfaces": [*(len(each.interfaces) for each in outputs), *[0] * others],
        "__Type.possibleTypes": [
            len(schema.get_possible_types(each)) if is_abstract_type(each) else 0 for each in types
        ],
        "__Type.enumValues": [len(each.values) if is_enum_type(each) else 0 for each in types],
        "__Type.inputFields": [*(len(each.fields) for each in inputs), *[0] * (len(types) - len(inputs))],
        "__Field.args": [len(each.args) for each in fields],
        "__Directive.args": [len(each.args) for each in directives],
    }
