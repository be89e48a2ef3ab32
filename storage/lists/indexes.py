"""The indexes of contacts, and what they are for.

- `list_*`: source and GAL, then one ordering. A list that does not filter by source or GAL asks for both values,
  and MongoDB merges the sorted scans. `list_id` is the ordering by creation, because IDs are time-ordered.
- `facets_*`: equality filters (company, department, job title, country, domain), then like `list_*`.
- `members`, `reports`: the members of a group and the reports of a manager, in display-name order.
- `search`: search by the beginning of a word, in display-name order.
- `words`: search for words that few contacts have.
"""

from pymongo import ASCENDING, IndexModel

ORDERINGS = ("keys.name", "keys.emailAddress", "keys.company", "keys.updated", "_id")


def _names(kind: str) -> dict[str, str]:
    return {ordering: f"{kind}_{ordering.removeprefix('keys.').removeprefix('_')}" for ordering in ORDERINGS}


LIST_INDEX = _names("list")
FACETS_INDEX = _names("facets")

CONTACT_INDEXES = [
    *(
        IndexModel([("source", ASCENDING), ("gal", ASCENDING), (ordering, ASCENDING)], name=name)
        for ordering, name in LIST_INDEX.items()
    ),
    *(
        IndexModel(
            [("keys.facets", ASCENDING), ("source", ASCENDING), ("gal", ASCENDING), (ordering, ASCENDING)], name=name
        )
        for ordering, name in FACETS_INDEX.items()
    ),
    IndexModel([("keys.prefixes", ASCENDING), ("keys.name", ASCENDING)], name="search"),
    IndexModel([("keys.words", ASCENDING)], name="words"),
    IndexModel(
        [("groupIds", ASCENDING), ("keys.name", ASCENDING)],
        name="members",
        partialFilterExpression={"groupIds": {"$exists": True}},
    ),
    IndexModel(
        [("managerId", ASCENDING), ("keys.name", ASCENDING)],
        name="reports",
        partialFilterExpression={"managerId": {"$exists": True}},
    ),
]
