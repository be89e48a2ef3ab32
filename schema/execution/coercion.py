"""Input coercion: variables and arguments become values, by functions made once per operation and field.

graphql-core goes through types and nodes anew for each request, which took longer than showing a page of contacts.
The values are the same. What is not as its type says raises, for graphql-core to tell what is wrong and where.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLLeafType,
    GraphQLSchema,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    Undefined,
    ValueNode,
    VariableNode,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_literal

from schema.execution.shape import Unexpected

# Any: what a variable or an argument is, its type says, not ours.
_Coerce: TypeAlias = Callable[[Any], Any]
_Coerced: TypeAlias = Mapping[str, Any]
_Evaluate: TypeAlias = Callable[[_Coerced], Any]


@dataclass(frozen=True, slots=True)
class _Constant:
    """A value that is the same for each request."""

    value: Any

    def __call__(self, coerced: _Coerced) -> Any:
        return self.value


class Variables:
    """The variables of an operation."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        found = [get_variable_signature(schema, each) for each in operation.variable_definitions or ()]
        signatures = [each for each in found if isinstance(each, GraphQLVariableSignature)]  # all, of a valid document
        self._parts = [(each, _of(each.type), _default(each), is_non_null_type(each.type)) for each in signatures]

    def coerce(self, given: Mapping[str, Any]) -> VariableValues:
        """The values of these variables. Raises `Unexpected`, or what the type of a value raises."""
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for signature, convert, default, required in self._parts:
            name = signature.name
            if name in given:
                value = given[name]
                sources[name] = VariableValueSource(signature, value)
                coerced[name] = convert(value)
                continue
            sources[name] = VariableValueSource(signature)
            if default is not Undefined:
                coerced[name] = default
            elif required:
                raise Unexpected
        return VariableValues(sources, coerced)


@dataclass(frozen=True, slots=True)
class Given:
    """Named values as a node has them: those that are the same for each request, and those that depend on variables."""

    fixed: Mapping[str, Any]
    varying: Sequence[tuple[str, _Evaluate]]

    def values(self, coerced: _Coerced) -> dict[str, Any]:
        """The varying ones that there are. Raises `Unexpected`."""
        return {name: value for name, part in self.varying if (value := part(coerced)) is not Undefined}

    def all(self, coerced: _Coerced) -> dict[str, Any]:
        """All of them, which nobody changes. Raises `Unexpected`."""
        return {**self.fixed, **self.values(coerced)}


def arguments(field: GraphQLField, node: FieldNode) -> Given:
    """A field's arguments. Raises `Unexpected` if those that depend on no variable are not as their types say."""
    given = {each.name.value: each.value for each in node.arguments or ()}
    return _given({each.out_name or name: _argument(each, given.get(name)) for name, each in field.args.items()})


def _given(parts: Mapping[str, _Evaluate]) -> Given:
    constants = {name: part.value for name, part in parts.items() if isinstance(part, _Constant)}
    return Given(
        {name: value for name, value in constants.items() if value is not Undefined},
        [(name, part) for name, part in parts.items() if name not in constants],
    )


def _argument(argument: GraphQLArgument, node: ValueNode | None) -> _Evaluate:
    return _member(argument, node, is_required_argument(argument))


def _member(member: GraphQLArgument | GraphQLInputField, node: ValueNode | None, required: bool) -> _Evaluate:
    """The value of an argument or of a field of an input object; `Undefined` if it has none."""
    absent = _required if required else _Constant(_default(member))
    if node is None:
        return absent
    if not isinstance(node, VariableNode):
        return _literal(member.type, node)
    name, of_variable = node.name.value, _literal(member.type, node)
    return lambda coerced: of_variable(coerced) if name in coerced else absent(coerced)


def _literal(kind: GraphQLInputType, node: ValueNode) -> _Evaluate:
    """The value of a literal, in which there may be variables."""
    if isinstance(node, VariableNode):
        name = node.name.value
        return (lambda coerced: _present(coerced[name])) if is_non_null_type(kind) else (lambda coerced: coerced[name])
    if is_non_null_type(kind):
        kind = kind.of_type
        if isinstance(node, NullValueNode):
            raise Unexpected
    if isinstance(node, NullValueNode):
        return _Constant(None)
    if is_list_type(kind):
        return _list_literal(kind.of_type, node.values if isinstance(node, ListValueNode) else [node])
    if is_input_object_type(kind):
        return _object_literal(kind, node)
    if isinstance(node, ObjectValueNode | ListValueNode):  # a scalar's own, in which there may be variables
        raise Unexpected
    return _Constant(_known(coerce_input_literal(node, kind)))


def _list_literal(kind: GraphQLInputType, nodes: Sequence[ValueNode]) -> _Evaluate:
    items = [_literal(kind, each) for each in nodes]
    constants = [each.value for each in items if isinstance(each, _Constant)]
    if len(constants) == len(items):
        return _Constant(constants)
    return lambda coerced: [each(coerced) for each in items]


def _object_literal(kind: GraphQLInputObjectType, node: ValueNode) -> _Evaluate:
    if not isinstance(node, ObjectValueNode) or kind.is_one_of:
        raise Unexpected
    given = {each.name.value: each.value for each in node.fields}
    if given.keys() - kind.fields.keys():
        raise Unexpected
    fields = _given(
        {
            each.out_name or name: _member(each, given.get(name), is_required_input_field(each))
            for name, each in kind.fields.items()
        }
    )
    if not fields.varying:
        return _Constant(kind.out_type(dict(fields.fixed)))
    return lambda coerced: kind.out_type(fields.all(coerced))


def _of(kind: GraphQLInputType) -> _Coerce:
    """The coercion of a variable's value, which is JSON, to this type."""
    if is_non_null_type(kind):
        inner = _of(kind.of_type)
        return lambda value: inner(_present(value))
    if is_list_type(kind):
        return _of_list(_of(kind.of_type))
    if is_input_object_type(kind):
        return _of_object(kind)
    coerce = cast("GraphQLLeafType", kind).coerce_input_value
    return lambda value: None if value is None else _known(coerce(value))


def _of_list(item: _Coerce) -> _Coerce:
    def coerce(value: object) -> list[object] | None:
        if value is None:
            return None
        if not isinstance(value, list):  # a single item is a list of one, which is seldom sent
            raise Unexpected
        return [item(each) for each in value]

    return coerce


def _of_object(kind: GraphQLInputObjectType) -> _Coerce:
    if kind.is_one_of:
        return _unexpected
    # Made on first use, as input types may hold themselves.
    parts: list[tuple[str, str, _Coerce, object, bool]] = []

    def coerce(value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, dict) or value.keys() - kind.fields.keys():
            raise Unexpected
        if not parts:
            parts.extend(_field(name, each) for name, each in kind.fields.items())
        found = {}
        for name, shown, convert, default, required in parts:
            if name in value:
                found[shown] = convert(value[name])
            elif default is not Undefined:
                found[shown] = default
            elif required:
                raise Unexpected
        return kind.out_type(found)

    return coerce


def _field(name: str, field: GraphQLInputField) -> tuple[str, str, _Coerce, object, bool]:
    return name, field.out_name or name, _of(field.type), _default(field), is_required_input_field(field)


def _default(member: GraphQLVariableSignature | GraphQLArgument | GraphQLInputField) -> object:
    """The default value, `Undefined` if there is none. Nobody changes it: resolvers get values made from it."""
    return coerce_default_value(member)


def _present(value: Any) -> Any:
    if value is None:
        raise Unexpected
    return value


def _known(value: object) -> object:
    if value is Undefined:
        raise Unexpected
    return value


def _required(coerced: _Coerced) -> object:
    raise Unexpected


def _unexpected(value: object) -> object:
    raise Unexpected
