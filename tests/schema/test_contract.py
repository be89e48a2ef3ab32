"""The contract with frontend teams: every promised name is in the committed SDL, as promised."""

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    build_schema,
    is_required_argument,
    parse_type,
    print_ast,
    type_from_ast,
)
from graphql.utilities import is_type_sub_type_of

from schema.build import SDL

SCHEMA = build_schema(SDL.read_text(encoding="utf-8"))
LINE = re.compile(
    r"(?P<owner>\w+)( & (?P<interface>\w+)| \| (?P<member>\w+)| = (?P<value>\w+)| @(?P<directive>\w+)"
    r"|\.(?P<field>\w+)(\((?P<argument>\w+)\))?: (?P<type>[\w!\[\]]+)( = (?P<default>.+))?)?"
)
Promise = dict[str, str | None]


def promises() -> Iterator[Promise]:
    """The promises, line by line."""
    for line in Path(__file__).with_name("promised.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            found = LINE.fullmatch(line)
            assert found, line
            yield {"line": line, **found.groupdict()}


PROMISES = {owner: list(some) for owner, some in groupby(promises(), lambda each: str(each["owner"]))}


def is_kept(promise: Promise) -> bool:
    """Whether the schema contains what was promised."""
    owner = SCHEMA.type_map.get(str(promise["owner"]))
    match owner:
        case GraphQLEnumType():
            return promise["value"] in owner.values
        case GraphQLUnionType():
            return promise["member"] in {each.name for each in owner.types}
        case GraphQLInputObjectType() if promise["directive"]:
            return owner.is_one_of
        case GraphQLInputObjectType():
            return takes(owner.fields.get(str(promise["field"])), promise)
        case GraphQLObjectType() | GraphQLInterfaceType() if promise["interface"]:
            return promise["interface"] in {each.name for each in owner.interfaces}
        case GraphQLObjectType() | GraphQLInterfaceType():
            return has_field(owner, promise)
        case _:
            return owner is not None


def has_field(owner: GraphQLObjectType | GraphQLInterfaceType, promise: Promise) -> bool:
    """Whether a field has the promised type, or the promised argument."""
    field = owner.fields.get(str(promise["field"]))
    if field is None:
        return False
    if promise["argument"]:
        return takes(field.args.get(promise["argument"]), promise)
    promised = type_from_ast(SCHEMA, parse_type(str(promise["type"])))
    return promised is not None and is_type_sub_type_of(SCHEMA, field.type, promised)


def takes(given: GraphQLArgument | GraphQLInputField | None, promise: Promise) -> bool:
    """Whether an argument or input field has the promised type and default. Null is no default."""
    if given is None or given.ast_node is None:
        return False
    default = given.ast_node.default_value
    shown = print_ast(default) if default else "null"
    return (str(given.type), shown) == (promise["type"], promise["default"] or "null")


@pytest.mark.parametrize("owner", PROMISES)
def test_promises_are_kept(owner: str) -> None:
    """A type has all promised members, as promised."""
    assert [each["line"] for each in PROMISES[owner] if not is_kept(each)] == []


@pytest.mark.parametrize("owner", PROMISES)
def test_nothing_more_is_demanded(owner: str) -> None:
    """Anything that was not promised to frontends is optional."""
    told = {f"{each['field']}({each['argument']})" for each in PROMISES[owner]}
    fields = {str(each["field"]) for each in PROMISES[owner]}
    match SCHEMA.type_map.get(owner):
        case GraphQLObjectType() | GraphQLInterfaceType() as kind:
            demanded = {
                f"{name}({argument})"
                for name in fields & kind.fields.keys()
                for argument, each in kind.fields[name].args.items()
                if is_required_argument(each)
            }
            assert demanded <= told
        case GraphQLInputObjectType() as kind:
            assert {name for name, each in kind.fields.items() if is_required_argument(each)} <= fields
