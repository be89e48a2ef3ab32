"""Which changes of a batch may have the addresses they ask for, when others hold or ask for the same."""

from collections.abc import Mapping, Sequence

from storage.changes import Change
from storage.keys import addresses


def conflicts(batch: Sequence[Change], holders: Mapping[str, str]) -> dict[int, tuple[str, str]]:
    """The changes that cannot be made, by their place in the batch, each with an address and its holder's id.

    `holders` are the ids of those who hold the batch's addresses now. What one change gives up another may take;
    of two changes that ask for one address, the earlier has it. A change that cannot be made gives nothing up,
    which may stop others: the search goes on until the rest fits together.
    """
    refused: dict[int, tuple[str, str]] = {}
    while found := _first_conflict(batch, holders, refused):
        place, address, holder = found
        refused[place] = (address, holder)
    return refused


def _first_conflict(
    batch: Sequence[Change], holders: Mapping[str, str], refused: Mapping[int, object]
) -> tuple[int, str, str] | None:
    held = dict(holders)
    going_on = [(place, change) for place, change in enumerate(batch) if place not in refused]
    for _, change in going_on:
        for address in addresses(change.before) if change.before else ():
            held.pop(address, None)
    for place, change in going_on:
        owner = change.contact["_id"]
        for address in addresses(change.after) if change.after else ():
            if held.setdefault(address, owner) != owner:
                return place, address, held[address]
    return None
