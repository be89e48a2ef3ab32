"""The columns of contact files: our own, and those of the programs that people import contacts from.

Header names are compared by letters and digits only, ignoring case: `E-mail 1 - Value` is `email1value`. If several
columns of a file stand for the same field, the name that is listed first here is read, and the others are reported.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import shorten

from resolvers import rules
from resolvers.errors import ImportUnreadable
from storage import fields

# The documented header: our name of each column, and the field. Two columns are special: a manager is given by email
# address, and groups aren't a field of a contact.
COLUMNS = {
    **{field.column: "manager" if field.name == "managerId" else field.name for field in fields.FIELDS},
    "Source": "source",
    "Groups": "groups",
}
NAME_OF = {field: name for name, field in COLUMNS.items()}
FAILURE_COLUMNS = ("ImportLine", "ImportCode", "ImportReason", "ImportRow")
"""Additional columns of a file of failed rows. An import ignores them."""
MANAGER_ID = "ImportManagerId"
"""A column in a file of failed rows, for managers that JSON rows give by ID."""
MAX_COLUMNS = 1_000
_UNREAD = frozenset({"source"})
"""Columns of our own export that an import ignores: it cannot change where a contact is managed."""


def plain(name: str) -> str:
    """A header name in the form that is compared."""
    return "".join(char for char in name.casefold() if char.isalnum())


# Exchange (Get-MailContact, Get-Contact), Microsoft 365, Outlook, Google Contacts (before and since 2024), HubSpot.
_OTHER_NAMES: dict[str, tuple[str, ...]] = {
    **{COLUMNS[field.column]: field.headers for field in fields.FIELDS},
    "groups": ("distributiongroups", "memberof"),
    # Special columns.
    "managerId": (plain(MANAGER_ID),),
    "managerName": ("managersname",),
    "hiddenFromGal": ("hiddenfromaddresslistsenabled", "hiddenfromgal", "hidefromgal"),
    "proxyAddresses": ("emailaddresses", "proxyaddresses"),
    "secondAddress": ("email2address", "email2value"),
    "thirdAddress": ("email3address", "email3value"),
    "phone1": ("phone1value",),
    "phone1Label": ("phone1label", "phone1type"),
    "phone2": ("phone2value",),
    "phone2Label": ("phone2label", "phone2type"),
    "phone3": ("phone3value",),
    "phone3Label": ("phone3label", "phone3type"),
}


_ALL_NAMES = {field: (plain(name), *_OTHER_NAMES.get(field, ())) for name, field in COLUMNS.items()}
_NAMES: dict[str, tuple[str, int]] = {
    known: (field, rank) for field, names in (_OTHER_NAMES | _ALL_NAMES).items() for rank, known in enumerate(names)
}
_NAMES |= {plain(name): (name, 0) for name in FAILURE_COLUMNS}


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a file: its header, and the place of each field.

    `unknown` are the columns that are ignored. In files of other programs, rows without a display name get one from
    the first and last name (`derives_display_name`). Rows of Exchange's `Get-MailContact`, which has no first and last
    name, get these from the display name (`derives_names`). Both apply to new contacts only.
    """

    header: Sequence[str]
    places: Mapping[str, int]
    unknown: Sequence[str]
    derives_display_name: bool
    derives_names: bool

    def name(self, field: str) -> str | None:
        """The file's own name for the column of a field such as `aliases[2]`. None if there is no such column."""
        base = field.partition("[")[0]
        for each in (base, *_READ_BY.get(base, ())):
            if (place := self.places.get(each)) is not None:
                return self.header[place]
        return None


_READ_BY = {
    "manager": ("managerName",),
    "showInGal": ("hiddenFromGal",),
    "aliases": ("proxyAddresses", "secondAddress", "thirdAddress"),
    "businessPhone": ("phone1", "phone2", "phone3"),
    "mobilePhone": ("phone1", "phone2", "phone3"),
    "managerId": ("manager", "managerName"),
    "address": tuple(field.name for field in fields.ADDRESS_PARTS),
}


def known(header: Iterable[str]) -> int:
    """The number of known column names among these."""
    return sum(plain(name) in _NAMES for name in header)


def recognize(header: Sequence[str], mapping: Mapping[str, str], needed: Sequence[str] = rules.REQUIRED) -> Columns:
    """The columns of a file. `mapping` maps header names to our columns, or to nothing to ignore them.

    Raises `ImportUnreadable` if the header contains no known column or lacks a needed one.
    """
    if len(header) > MAX_COLUMNS:
        raise ImportUnreadable(f"The file has {len(header):,} columns. The maximum is {MAX_COLUMNS:,}.", 1)
    places = _places(header, _overrides(header, mapping))
    if not places:
        raise ImportUnreadable(
            "The first line contains no known column name. Start the file with a header such as "
            f"{','.join([*COLUMNS][:7])}, or map its columns.",
            1,
        )
    exchange = "externalemailaddress" in map(plain, header)
    read = {place for field, place in places.items() if field not in _UNREAD}
    has_names = {"firstName", "lastName"} <= places.keys()
    columns = Columns(
        header,
        places,
        [name for place, name in enumerate(header) if name and place not in read],
        has_names and "emailaddress" not in map(str.casefold, header),
        exchange and not {"firstName", "lastName"} & places.keys() and "displayName" in places,
    )
    _require(columns, needed)
    return columns


def _overrides(header: Sequence[str], mapping: Mapping[str, str]) -> dict[int, str | None]:
    """The field that the mapping assigns to each place, None for no field."""
    found: dict[int, str | None] = {}
    by_name = {name.strip().casefold(): place for place, name in reversed(list(enumerate(header)))}
    ours = {plain(name): field for name, field in COLUMNS.items()}
    for name, wanted in mapping.items():
        place = by_name.get(name.strip().casefold())
        if place is None:
            raise ImportUnreadable(f"The file has no column {name!r}. Correct the name in the column mapping.", 1)
        if wanted and plain(wanted) not in ours:
            raise ImportUnreadable(
                f"There is no column {wanted!r} to map {name!r} to. Use one of {', '.join(COLUMNS)}."
            )
        found[place] = ours.get(plain(wanted))
    return found


def _places(header: Sequence[str], overrides: Mapping[int, str | None]) -> dict[str, int]:
    """The place of each field: the one in the mapping, or the one with the best of its known names."""
    places = {field: place for place, field in overrides.items() if field}
    best: dict[str, tuple[int, int]] = {}
    for place, name in enumerate(header):
        if place not in overrides and (found := _NAMES.get(plain(name))):
            field, rank = found
            if field not in places:
                best[field] = min(best.get(field, (rank, place)), (rank, place))
    return places | {field: place for field, (_, place) in best.items()}


def _require(columns: Columns, needed: Sequence[str]) -> None:
    derived = {
        *(["displayName"] if columns.derives_display_name else []),
        *(["firstName", "lastName"] if columns.derives_names else []),
    }
    if missing := [NAME_OF[field] for field in needed if field not in columns.places and field not in derived]:
        there = shorten(", ".join(filter(None, columns.header)), 300, placeholder=" …")
        raise ImportUnreadable(
            f"The file has no column {' or '.join(missing)}. Add it, or map one of the file's columns: {there}.",
            1,
        )
