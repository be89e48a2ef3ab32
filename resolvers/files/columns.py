"""The columns of contact files: our own, and those of the programs that people bring their contacts from.

Header names are compared by their letters and digits alone, without case: `E-mail 1 - Value` is `email1value`. Where
several columns of a file mean one field, the one named first here is read and the others are reported.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import shorten

from resolvers import rules
from resolvers.errors import ImportUnreadable
from storage import fields

# The documented header: our name for each column, and what it fills. Two columns are read and written in ways of their
# own: a manager is named by address, and groups are no field of a contact.
COLUMNS = {
    **{field.column: "manager" if field.name == "managerId" else field.name for field in fields.FIELDS},
    "Source": "source",
    "Groups": "groups",
}
NAME_OF = {field: name for name, field in COLUMNS.items()}
FAILURE_COLUMNS = ("ImportLine", "ImportCode", "ImportReason", "ImportRow")
"""What a file of refused rows has besides; nothing is read from them."""
MANAGER_ID = "ImportManagerId"
"""Its column for managers that rows in JSON name by id."""
MAX_COLUMNS = 1_000
_UNREAD = frozenset({"source"})
"""What our own export tells besides: where a contact is mastered, which no import decides."""


def plain(name: str) -> str:
    """A header name as it is compared."""
    return "".join(char for char in name.casefold() if char.isalnum())


# Exchange (Get-MailContact, Get-Contact), Microsoft 365, Outlook, Google Contacts (before and since 2024), HubSpot.
_OTHER_NAMES: dict[str, tuple[str, ...]] = {
    **{COLUMNS[field.column]: field.headers for field in fields.FIELDS},
    "groups": ("distributiongroups", "memberof"),
    # Columns that are read in a way of their own.
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
    """What is read from a file: its header, and which cell fills which field.

    `unknown` are the columns that nothing is read from. Rows of another program's file that have no display name get
    one of first and last name (`derives_display_name`), and those of Exchange's `Get-MailContact`, which has no first
    and last name, get these from the display name (`derives_names`); both for new contacts only.
    """

    header: Sequence[str]
    places: Mapping[str, int]
    unknown: Sequence[str]
    derives_display_name: bool
    derives_names: bool

    def name(self, field: str) -> str | None:
        """The file's own name for the column of a field such as `aliases[2]`, None if it has none."""
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
    """How many of these names are those of columns we know."""
    return sum(plain(name) in _NAMES for name in header)


def recognise(header: Sequence[str], mapping: Mapping[str, str], needed: Sequence[str] = rules.REQUIRED) -> Columns:
    """The columns of a file. `mapping` says of header names which of our columns they are; empty: ignore it.

    Raises `ImportUnreadable` when the header is none, or lacks a needed column.
    """
    if len(header) > MAX_COLUMNS:
        raise ImportUnreadable(f"The first line has {len(header):,} cells; {MAX_COLUMNS:,} columns are the most.", 1)
    places = _places(header, _overrides(header, mapping))
    if not places:
        raise ImportUnreadable(
            "The first line names no column that we know. Start the file with a header such as "
            f"{','.join([*COLUMNS][:7])}, or say which column is which.",
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
    """The field that the caller gives each of these cells, None for none."""
    found: dict[int, str | None] = {}
    by_name = {name.strip().casefold(): place for place, name in reversed(list(enumerate(header)))}
    ours = {plain(name): field for name, field in COLUMNS.items()}
    for name, wanted in mapping.items():
        place = by_name.get(name.strip().casefold())
        if place is None:
            raise ImportUnreadable(f"The file has no column {name!r}, which the mapping of columns names.", 1)
        if wanted and plain(wanted) not in ours:
            raise ImportUnreadable(f"{name!r} cannot be {wanted!r}: choose one of {', '.join(COLUMNS)}.")
        found[place] = ours.get(plain(wanted))
    return found


def _places(header: Sequence[str], overrides: Mapping[int, str | None]) -> dict[str, int]:
    """The cell that fills each field: the one that the caller says, else the best known of its names."""
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
            f"The file has no column {' and none '.join(missing)}. Add it, or say which of its columns it is: {there}.",
            1,
        )
