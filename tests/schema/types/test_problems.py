"""Refusals as GraphQL data."""

from collections.abc import Iterator

import pytest

from resolvers import errors
from schema.types.problems import Problem, problem

CONTACT = {"_id": "1", "displayName": "Ana", "version": 2}
GROUP = {"_id": "2", "displayName": "Partners", "version": 2, "memberCount": 0}
# One of each. Those without arguments are added below.
EXAMPLES = [
    errors.InvalidInput([errors.FieldProblem("company", "TOO_LONG", "Shorten it.")]),
    errors.InvalidRequest("There is no such page."),
    errors.EmailAddressTaken("ana@a.example", CONTACT, "contact"),
    errors.ContactReadOnly(CONTACT, "Edit it there."),
    errors.GroupReadOnly(GROUP, "Edit it there."),
    errors.VersionConflict(CONTACT, 1),
    errors.VersionConflict(GROUP, 1),
    errors.NotFound("contact", "1"),
    errors.ManagerCycle([CONTACT, CONTACT]),
    errors.ImportUnreadable("It has no header.", 1),
    errors.ImportNotUndoable("It changed nothing."),
    errors.SyncNotConfigured(),
    errors.SyncAlreadyRunning(),
    errors.EventsMissed(),
    errors.Busy(),
    errors.Unauthenticated("Sign in."),
    errors.Forbidden("Ask an administrator.", "START_SYNC"),
    errors.RateLimited(3),
    errors.IdempotencyKeyInvalid("Send another one."),
    errors.IdempotencyKeyInUse(),
    errors.IdempotencyKeyReused(),
]
NO_DATA = (
    errors.InvalidRequest,
    errors.EventsMissed,
    errors.Busy,
    errors.Unauthenticated,
    errors.Forbidden,
    errors.RateLimited,
    errors.IdempotencyKeyInvalid,
    errors.IdempotencyKeyInUse,
    errors.IdempotencyKeyReused,
)


def kinds(base: type[errors.Problem] = errors.Problem) -> Iterator[type[errors.Problem]]:
    """All kinds of refusals that resolvers raise."""
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield kind
            yield from kinds(kind)


def test_every_kind_has_an_example() -> None:
    """The tests below know all kinds of refusals."""
    assert set(kinds()) == {type(each) for each in EXAMPLES}


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda each: type(each).__name__)
def test_every_refusal_is_data_or_itself(error: errors.Problem) -> None:
    """A refusal becomes its GraphQL object, or is raised again if there is none."""
    if isinstance(error, NO_DATA):
        with pytest.raises(type(error)) as raised:
            problem(error)
        assert raised.value is error
    else:
        shown = problem(error)
        assert isinstance(shown, Problem)
        assert (shown.code.name, shown.message) == (error.code, error.message)
