"""Others write while an import plans a batch: none of their changes is lost."""

from collections.abc import Awaitable, Callable, Iterable

import pytest

from resolvers import contacts
from resolvers.caller import Caller
from resolvers.groups import create_group, delete_group
from resolvers.imports import source
from resolvers.imports.plan import BatchPlan
from storage import claims
from storage.driver import Database, Session
from tests.support.consistency import check
from tests.support.importing import counts, import_csv, outcomes_of, problems_of
from tests.support.people import person

BATCH = 3
HEADER = "DisplayName,EmailAddress,FirstName,LastName,Company,Manager,Groups"


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows make several batches."""
    monkeypatch.setattr(source, "BATCH_ROWS", BATCH)


def meanwhile(monkeypatch: pytest.MonkeyPatch, row: int, happens: Callable[[], Awaitable[object]]) -> None:
    """Run `happens` once, after the batch that starts with this row is planned and before it is written."""
    make = BatchPlan.make
    done = False

    async def followed(plan: BatchPlan, session: Session | None = None) -> None:
        nonlocal done
        await make(plan, session)
        if plan.rows[0].number == row and not done:
            done = True
            await happens()

    monkeypatch.setattr(BatchPlan, "make", followed)


def table(*rows: tuple[int, str, str]) -> str:
    """A file with these rows: number, manager and groups."""
    lines = [f"P {n},p{n}@a.example,P,Li,Acme,{manager},{groups}" for n, manager, groups in rows]
    return "\n".join([HEADER, *lines, ""])


async def test_an_address_is_taken_meanwhile(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """If others create a contact after the plan, the row matches it instead of creating it again."""
    meanwhile(monkeypatch, 4, lambda: contacts.create_contact(caller, person("Q Q", emailAddress="p5@a.example")))
    job = await import_csv(caller, table(*((n, "", "") for n in range(1, 8))), on_match="FAIL")
    assert counts(job) == {"created": 6, "failed": 1}
    assert [line for line, _, _ in await problems_of(caller, job)] == [6]
    await check(caller.db)


async def test_a_contact_is_changed_meanwhile(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes that others make after the plan are kept, except in the fields of the row."""
    made = await contacts.create_contact(caller, person("Q Q", emailAddress="p5@a.example"))
    meanwhile(monkeypatch, 4, lambda: contacts.update_contact(caller, made["_id"], {"notes": "theirs"}))
    job = await import_csv(caller, table(*((n, "", "") for n in range(1, 8))), on_match="UPDATE")
    assert counts(job) == {"created": 6, "updated": 1}
    found = await contacts.get_contact(caller, made["_id"])
    assert found
    assert (found["notes"], found["displayName"], found["version"]) == ("theirs", "P 5", 3)
    await check(caller.db)


async def test_a_manager_and_a_group_are_deleted_meanwhile(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row fails if its manager or group is deleted after the plan."""
    boss = await contacts.create_contact(caller, person("Q Q", emailAddress="boss@a.example"))
    group = await create_group(caller, {"displayName": "All", "emailAddress": "all@a.example"})

    async def both() -> None:
        await contacts.delete_contact(caller, boss["_id"])
        await delete_group(caller, group["_id"])

    meanwhile(monkeypatch, 4, both)
    rows = [(n, "boss@a.example" if n == 5 else "", "All" if n == 6 else "") for n in range(1, 8)]
    job = await import_csv(caller, table(*rows))
    assert counts(job) == {"created": 5, "failed": 2}
    assert {code for _, _, code in await problems_of(caller, job)} == {"MANAGER_NOT_FOUND", "GROUP_NOT_FOUND"}
    await check(caller.db)


@pytest.mark.parametrize("dry_run", [True, False], ids=["dry run", "run"])
async def test_a_contact_is_deleted_between_two_reads(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, dry_run: bool
) -> None:
    """A dry run reads without a snapshot: the contact that holds an address may be deleted before the next read."""
    made = await contacts.create_contact(caller, person("Q Q", emailAddress="p5@a.example"))
    holders = claims.holders
    done = False

    async def late(db: Database, some: Iterable[str], session: Session | None = None) -> dict[str, claims.Holder]:
        nonlocal done
        found = await holders(db, some, session)
        if not done and "p5@a.example" in found:
            done = True
            await contacts.delete_contact(caller, made["_id"])
        return found

    monkeypatch.setattr(claims, "holders", late)
    job = await import_csv(caller, table(*((n, "", "") for n in range(1, 8))), on_match="UPDATE", dry_run=dry_run)
    assert counts(job) == {"created": 7}
    assert [outcome["action"] for outcome in await outcomes_of(caller, job)] == ["CREATED"] * 7
