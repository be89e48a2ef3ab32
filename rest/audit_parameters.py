"""Query parameters of the audit log."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from resolvers.caller import Action
from rest import import_parameters, parameters
from storage.audit.entries import LATEST_FIRST, AuditSelection
from storage.changes import Channel
from storage.lists.pages import Window

OUTCOMES = ("DONE", "REFUSED")
FILTERS: dict[str, parameters.Parse] = {
    "actorId": parameters.text,
    "action": parameters.one_of({name: name for name in get_args(Action)}),
    "outcome": parameters.one_of({name: name for name in OUTCOMES}),
    "channel": parameters.one_of({name.upper(): name.upper() for name in get_args(Channel)}),
    "targetId": parameters.text,
    "address": parameters.text,
    "since": parameters.moment,
    "until": parameters.moment,
}
_NAMES = {"actorId": "actor_id", "targetId": "target_id"}


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """The entries that a list contains, and the requested page."""

    selection: AuditSelection
    window: Window


def page(pairs: Iterable[tuple[str, str]], most: int) -> AuditRequest:
    """The requested page, of at most `most` items. Raises `InvalidParameters`."""
    given = parameters.distinct(pairs, [*FILTERS, *import_parameters.PAGE])
    paged = [(name, given[name]) for name in import_parameters.PAGE if name in given]
    return AuditRequest(_selection(given), import_parameters.page(paged, LATEST_FIRST, most))


def selection(pairs: Iterable[tuple[str, str]]) -> AuditSelection:
    """The entries that match the filters. Raises `InvalidParameters`."""
    return _selection(parameters.distinct(pairs, FILTERS))


def _selection(given: Mapping[str, str]) -> AuditSelection:
    values: dict[str, Any] = parameters.parsed(given, FILTERS)  # Any: each field of the selection has a type of its own
    return AuditSelection(**{_NAMES.get(name, name): value for name, value in values.items()})
