"""What fields cost: the directives of the GraphQL Cost Directives specification (IBM, draft of 2021).

A weight of 1 is about the work for one contact of a page. Fields without a directive have the specification's default
weights: 1 for each object and each field with an object or a list of them, 0 for scalars and enums.
"""

import strawberry
from strawberry.schema_directive import Location

from resolvers.paging import DEFAULT_SIZE


@strawberry.schema_directive(
    name="cost",
    locations=[
        Location.ARGUMENT_DEFINITION,
        Location.ENUM,
        Location.FIELD_DEFINITION,
        Location.INPUT_FIELD_DEFINITION,
        Location.OBJECT,
        Location.SCALAR,
    ],
    description="What each use of a field, an argument or a type adds to the cost of an operation.",
)
class Cost:
    weight: str


@strawberry.schema_directive(
    name="listSize",
    locations=[Location.FIELD_DEFINITION],
    description="How many items a list has at most: the largest of the given slicing arguments, or else the assumed "
    "size. A slicing argument that is a list counts by its length. With sized fields, it is about these "
    "fields of the returned object instead.",
)
class ListSize:
    assumed_size: int | None = strawberry.UNSET
    slicing_arguments: list[str] | None = strawberry.UNSET
    sized_fields: list[str] | None = strawberry.UNSET
    require_one_slicing_argument: bool | None = True


def page(*sizes: str, of_each: bool = False) -> list[object]:
    """The directives of a connection, whose length these arguments determine, by default `first`.

    `of_each`: whether it is read separately for each object of a list, such as the history of contacts.
    """
    size = ListSize(
        assumed_size=DEFAULT_SIZE,
        slicing_arguments=list(sizes or ("first",)),
        sized_fields=["edges", "nodes"],
        require_one_slicing_argument=False,
    )
    return [*([Cost(weight="5.0")] if of_each else []), size]


def at_most(size: int) -> list[object]:
    """The directives of a list that never has more items."""
    return [ListSize(assumed_size=size, require_one_slicing_argument=False)]


def as_many_as(argument: str, most: int, *fields: str) -> list[object]:
    """The directives of a field whose list, or whose object's lists `fields`, have an item for each of an argument."""
    sized = list(fields) or strawberry.UNSET
    size = ListSize(
        assumed_size=most, slicing_arguments=[argument], sized_fields=sized, require_one_slicing_argument=False
    )
    return [size]


def weighs(weight: float) -> list[object]:
    """The directives of what costs more than others of its kind."""
    return [Cost(weight=f"{weight:.1f}")]
