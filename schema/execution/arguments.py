"""Arguments: functions, built once per field, that convert graphql-core's values to the resolvers' arguments.

Strawberry's own conversion inspects the types for each request, which takes a fifth of the time of a page. Operations
with unsupported arguments (`Maybe`, inputs with their own constructor) are executed by graphql-core.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING
from typing import Any, TypeAlias, cast

from strawberry.schema.compat import is_scalar
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import (
    StrawberryList,
    StrawberryMaybe,
    StrawberryObjectDefinition,
    StrawberryOptional,
    get_object_definition,
)
from strawberry.types.enum import StrawberryEnumDefinition, has_enum_definition
from strawberry.types.lazy_type import LazyType

from schema.build import schema
from schema.execution.shape import Unsupported

# Any: arguments have any type.
Arguments: TypeAlias = dict[str, Any]
_Convert: TypeAlias = Callable[[Any], Any]

_CONFIG = schema.config
_SCALARS = schema.schema_converter.scalar_registry


def converter(arguments: Sequence[StrawberryArgument]) -> Callable[[Mapping[str, Any]], Arguments]:
    """The function that converts a field's arguments by GraphQL name to arguments by Python name.

    Raises `Unsupported`.
    """
    parts = {_CONFIG.name_converter.from_argument(each): (each.python_name, _of(each.type)) for each in arguments}
    return lambda given: _converted(given, parts)


def _converted(given: Mapping[str, Any], parts: Mapping[str, tuple[str, _Convert]]) -> Arguments:
    converted = {}
    for name, value in given.items():
        python, convert = parts[name]
        converted[python] = value if convert is _same else convert(value)
    return converted


def _of(kind: object) -> _Convert:
    """The conversion for values of this type."""
    match kind:
        case StrawberryMaybe():
            raise Unsupported
        case StrawberryOptional():
            return _of(kind.of_type)
        case StrawberryList():
            return _of_list(_of(kind.of_type))
        case LazyType():
            return _of(kind.resolve_type())
    if isinstance(kind, StrawberryEnumDefinition) or has_enum_definition(kind):
        return _same
    if is_scalar(cast("type", kind), _SCALARS):
        return _same
    definition = get_object_definition(kind)
    if definition is None or definition.from_input is not None:
        raise Unsupported
    return _of_input(definition)


def _same(value: object) -> object:
    return value


def _of_list(convert: _Convert) -> _Convert:
    return lambda value: None if value is None else [convert(each) for each in value]


def _of_input(definition: StrawberryObjectDefinition) -> _Convert:
    """The conversion for an input object. Omitted fields without a default are None."""
    fields = definition.fields
    required = [each for each in fields if each.default_value is MISSING and each.default_factory is MISSING]
    absent = {each.python_name: None for each in required}
    parts = {
        _CONFIG.name_converter.from_field(each): (
            each.python_name,
            _of(each.resolve_type(type_definition=definition)),
        )
        for each in fields
    }
    make = cast("Callable[..., object]", definition.origin)

    def convert(value: Mapping[str, object] | None) -> object:
        return None if value is None else make(**(absent | _converted(value, parts)))

    return convert
