"""Releases: the changelog announces, by name, everything that breaks clients of the last one."""

import re
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, find_breaking_changes

from schema.build import SDL

ROOT = Path(__file__).parents[2]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
RELEASES = {path.stem: path for path in SDL.parent.glob("releases/*.graphql")}
COORDINATE = re.compile(r"@?\w+(?:\.\w+)?(?:\(\w+:\))?")  # a type, Type.field, Type.field(argument:), @directive


def newest() -> GraphQLSchema:
    """The schema of the newest release."""
    version = max(RELEASES, key=lambda each: [int(number) for number in each.split(".")])
    return build_schema(RELEASES[version].read_text(encoding="utf-8"))


def unreleased(changelog: str) -> str:
    """The section of the changelog about unreleased changes."""
    return changelog.partition("\n## Unreleased\n")[2].partition("\n## ")[0]


def unannounced(old: GraphQLSchema, new: GraphQLSchema, text: str) -> list[str]:
    """The breaking changes between two schemas that a text doesn't mention."""
    changes = [each.description for each in find_breaking_changes(old, new)]
    return [each for each in changes if not all(is_in(text, name) for name in names(each, old))]


def names(change: str, old: GraphQLSchema) -> list[str]:
    """The subject of a change: a member of a type or a directive, or else each type that it names."""
    found = COORDINATE.findall(change)
    members = [each for each in found if not each.isidentifier()]
    return members[:1] or [each for each in found if each in old.type_map]


def is_in(text: str, name: str) -> bool:
    """Whether a text contains the whole name: `Contact` is not in `Contact.notes`."""
    return re.search(rf"(?<![\w.@]){re.escape(name)}(?![\w(]|\.\w)", text) is not None


def test_breaking_changes_are_announced() -> None:
    """The changelog mentions, under Unreleased, everything in the last release that is gone or requires more."""
    now = build_schema(SDL.read_text(encoding="utf-8"))
    assert unannounced(newest(), now, unreleased(CHANGELOG)) == []


def test_every_release_has_its_schema() -> None:
    """The schema of each release in the changelog is in `schema/releases`, to compare the next one with."""
    assert set(re.findall(r"^## (\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d$", CHANGELOG, re.MULTILINE)) == RELEASES.keys()


OLD = """
    union Pet = Cat | Dog
    enum Colour { RED BLUE }
    input New { name: String }
    type Cat { name: String, colour: Colour }
    type Dog { name: String }
    type Query { pet(name: String): Pet, dog: Dog }
"""


@pytest.mark.parametrize(
    ("before", "after", "announced"),
    [
        ("name: String, colour: Colour", "name: String", "Cat.colour"),
        ("colour: Colour", "colour: Int", "Cat.colour"),
        ("RED BLUE", "RED", "Colour.BLUE"),
        ("{ name: String }\n    type Cat", "{ name: String, age: Int! }\n    type Cat", "New.age"),
        ("(name: String)", "", "Query.pet(name:)"),
        ("Cat | Dog", "Cat", "Dog and Pet"),
    ],
)
def test_changes_are_named(before: str, after: str, announced: str) -> None:
    """A breaking change must be mentioned by its whole name; the name of its type isn't enough."""
    old, new = build_schema(OLD), build_schema(OLD.replace(before, after))
    assert len(unannounced(old, new, "Cat, Colour, New, Query.pet, Pet, and Cat.colours.")) == 1
    assert unannounced(old, new, f"Removed {announced}.") == []


def test_additions_need_no_announcement() -> None:
    """Changes that clients of the last release don't notice are not breaking."""
    old, new = build_schema(OLD), build_schema(OLD.replace("type Dog {", "type Dog { age: Int, "))
    assert unannounced(old, new, "") == []
