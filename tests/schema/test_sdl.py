"""The committed schema: it agrees with the code and is fully described."""

from collections.abc import Iterator

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
)

from schema.build import SDL, schema


def test_committed_sdl_is_what_the_code_says() -> None:
    """schema.graphql agrees with the code. To update it, run `python -m schema.build`."""
    assert SDL.read_text(encoding="utf-8") == schema.as_str() + "\n"


def test_everything_is_described() -> None:
    """Every type, field, argument and enum value has a description."""
    assert list(_undescribed(build_schema(SDL.read_text(encoding="utf-8")))) == []


def _undescribed(sdl: GraphQLSchema) -> Iterator[str]:
    for name, kind in sdl.type_map.items():
        if name.startswith("__") or name in ("Boolean", "Float", "ID", "Int", "String"):
            continue
        if not kind.description:
            yield name
        match kind:
            case GraphQLObjectType() | GraphQLInterfaceType():
                for field_name, field in kind.fields.items():
                    if not field.description:
                        yield f"{name}.{field_name}"
                    yield from (
                        f"{name}.{field_name}({arg})" for arg, each in field.args.items() if not each.description
                    )
            case GraphQLInputObjectType():
                yield from (f"{name}.{each}" for each, field in kind.fields.items() if not field.description)
            case GraphQLEnumType():
                yield from (f"{name}.{each}" for each, value in kind.values.items() if not value.description)
