"""Imports: the outcome of each row, on a real MongoDB."""

import pytest

from resolvers import contacts
from resolvers.caller import Caller
from resolvers.errors import ImportUnreadable
from resolvers.groups import add_contacts, create_group, delete_group, get_groups
from resolvers.imports import jobs, run
from storage.lists.pages import Window
from tests.support.consistency import check
from tests.support.importing import (
    HEADER,
    counts,
    found,
    import_csv,
    import_rows,
    outcomes_of,
    problems_of,
    row,
    table,
    undo,
)
from tests.support.people import person, synced


async def test_documented_file(caller: Caller) -> None:
    """A file with only the documented columns creates cloud contacts, recorded with the channel import."""
    job = await import_csv(caller, f"{HEADER}\nAna Li,ana@a.example,Ana,Li,Acme,CTO,+49 30 1234567\n")
    assert (job["status"], counts(job)) == ("SUCCEEDED", {"created": 1})
    contact = await found(caller, "ana@a.example")
    assert contact["businessPhoneE164"] == "+49301234567"
    assert (contact["source"], contact["gal"], contact["version"]) == ("CLOUD", "VISIBLE", 1)
    history = await contacts.list_history(caller, contact["_id"], Window(5))
    assert [(each["by"], each["through"]) for each in history.documents] == [("tester", "import")]
    await check(caller.db)


async def test_same_file_twice(caller: Caller) -> None:
    """Importing the same file again changes nothing, under any policy."""
    text = table(row("Ana", "ana@a.example", "a@a.example"), row("Ben", "ben@a.example", "", "ana@a.example"))
    assert counts(await import_csv(caller, text)) == {"created": 2}
    before = await found(caller, "ben@a.example")
    assert counts(await import_csv(caller, text)) == {"skipped": 2}
    assert counts(await import_csv(caller, text, on_match="UPDATE")) == {"unchanged": 2}
    job = await import_csv(caller, text, on_match="FAIL")
    assert counts(job) == {"failed": 2}
    assert {code for _, _, code in await problems_of(caller, job)} == {"ALREADY_EXISTS"}
    assert await found(caller, "ben@a.example") == before


async def test_match_by_alias(caller: Caller) -> None:
    """A row can match a contact by an alias, and the matching address is kept."""
    await import_csv(caller, table(row("Ana", "ana@a.example", "a@a.example;b@a.example")))
    text = f"{HEADER}\nAna New,A@a.example,Ana,New,,,\n"
    assert counts(await import_csv(caller, text, on_match="UPDATE")) == {"updated": 1}
    contact = await found(caller, "ana@a.example")
    assert (contact["displayName"], contact["emailAddress"]) == ("Ana New", "ana@a.example")
    assert contact["aliases"] == ["a@a.example", "b@a.example"]
    text = table(row("Ana New", "a@a.example", "c@a.example"))
    assert counts(await import_csv(caller, text, on_match="UPDATE")) == {"updated": 1}
    assert (await found(caller, "ana@a.example"))["aliases"] == ["c@a.example", "a@a.example"]
    assert counts(await import_csv(caller, text, on_match="UPDATE")) == {"unchanged": 1}
    await check(caller.db)


async def test_blank_keeps_and_marker_clears(caller: Caller) -> None:
    """A blank cell leaves a field unchanged; `[clear]` empties it."""
    await import_csv(caller, table(row("Boss", "boss@a.example"), row("Ana", "ana@a.example", "", "boss@a.example")))
    text = table("Ana,ana@a.example,Ana,Li,,,,,,,", "Boss,boss@a.example,Boss,Li,[clear],,,,,,")
    assert counts(await import_csv(caller, text, on_match="UPDATE")) == {"unchanged": 1, "updated": 1}
    assert (await found(caller, "ana@a.example"))["company"] == "Acme"
    assert "company" not in await found(caller, "boss@a.example")
    text = table("[clear],ana@a.example,Ana,Li,,,,,[clear],,")
    job = await import_csv(caller, text, on_match="UPDATE")
    assert await problems_of(caller, job) == [(2, "DisplayName", "REQUIRED")]
    text = table("Ana,ana@a.example,Ana,Li,,,,,[clear],,")
    assert counts(await import_csv(caller, text, on_match="UPDATE")) == {"updated": 1}
    assert "managerId" not in await found(caller, "ana@a.example")


async def test_update_with_few_columns(caller: Caller) -> None:
    """To update, a file needs only the address and the changed fields. A row without a matching contact fails alone."""
    await import_csv(caller, table(row("Ana", "ana@a.example")))
    text = "EmailAddress,Department\nana@a.example,Sales\nben@a.example,Sales\n"
    with pytest.raises(ImportUnreadable, match="no column DisplayName"):
        await import_csv(caller, text)
    job = await import_csv(caller, text, on_match="UPDATE")
    assert counts(job) == {"updated": 1, "failed": 1}
    assert {code for _, _, code in await problems_of(caller, job)} == {"REQUIRED"}
    assert (await found(caller, "ana@a.example"))["department"] == "Sales"


async def test_two_rows_of_one_address(caller: Caller) -> None:
    """If several rows name one address, primary or alias, only the first is imported; the others fail."""
    text = table(
        row("Ana", "ana@a.example", "a@a.example"),
        row("Other", "ANA@a.example"),
        row("Third", "third@a.example", "A@A.example"),
    )
    job = await import_csv(caller, text)
    assert counts(job) == {"created": 1, "failed": 2}
    assert {code for _, _, code in await problems_of(caller, job)} == {"DUPLICATE_ROW"}
    again = await import_csv(caller, text, on_match="UPDATE")
    assert counts(again) == {"unchanged": 1, "failed": 2}


async def test_duplicates_do_not_depend_on_batches(caller: Caller) -> None:
    """A row is a duplicate of an earlier row, even if that is many batches earlier or failed."""
    rows = [row(f"P {n}", f"p{n}@a.example") for n in range(1_500)]
    job = await import_csv(caller, table("Bad,x@a.example,,,,,,,,,", *rows, row("X", "x@a.example"), rows[3]))
    assert counts(job) == {"created": 1_500, "failed": 3}
    problems = await problems_of(caller, job)
    assert [(line, code) for line, _, code in problems[-2:]] == [(1503, "DUPLICATE_ROW"), (1504, "DUPLICATE_ROW")]
    await check(caller.db)


async def test_two_rows_of_one_contact(caller: Caller) -> None:
    """If two rows match one contact by different addresses, only the first is imported."""
    await import_csv(caller, table(row("Ana", "ana@a.example", "a@a.example")))
    text = f"{HEADER}\nAna One,ana@a.example,Ana,One,,,\nAna Two,a@a.example,Ana,Two,,,\n"
    job = await import_csv(caller, text, on_match="UPDATE")
    assert counts(job) == {"updated": 1, "failed": 1}
    assert (await found(caller, "a@a.example"))["displayName"] == "Ana One"


async def test_taken_addresses(caller: Caller) -> None:
    """A row fails if its address belongs to another contact or a group."""
    await create_group(caller, {"displayName": "Partners", "emailAddress": "partners@a.example"})
    await import_csv(caller, table(row("Ana", "ana@a.example")))
    job = await import_csv(caller, table(row("Ben", "ben@a.example", "ana@a.example"), row("P", "partners@a.example")))
    assert await problems_of(caller, job) == [
        (2, "Aliases", "EMAIL_ADDRESS_TAKEN"),
        (3, "EmailAddress", "EMAIL_ADDRESS_TAKEN"),
    ]


async def test_an_address_moves_within_a_file(caller: Caller) -> None:
    """A later row can use an alias that an earlier row removes, as if each row were written immediately."""
    await import_csv(caller, table(row("Ana", "ana@a.example", "old@a.example")))
    text = table(row("Ana", "ana@a.example", "new@a.example"), row("Ben", "ben@a.example", "old@a.example"))
    for dry_run in (True, False):
        job = await import_csv(caller, text, on_match="UPDATE", dry_run=dry_run)
        assert counts(job) == {"updated": 1, "created": 1}
    await check(caller.db)


async def test_synced_contacts_are_read_only(caller: Caller, sync_caller: Caller) -> None:
    """A row that would change a synced contact fails; a row with the same values does not."""
    await synced(sync_caller, "Ivo Horvat")
    text = f"{HEADER}\nIvo New,ivo.horvat@partner.example,Ivo,Horvat,,,\n"
    job = await import_csv(caller, text, on_match="UPDATE")
    assert await problems_of(caller, job) == [(2, None, "CONTACT_READ_ONLY")]
    assert counts(await import_csv(caller, text)) == {"skipped": 1}
    assert counts(await import_csv(caller, text.replace("New", "Horvat"), on_match="UPDATE")) == {"unchanged": 1}


async def test_managers(caller: Caller) -> None:
    """A manager is found by address, also in later rows over several levels. A row without its manager fails."""
    text = table(
        row("A", "a@a.example", "", "b@a.example"),
        row("B", "b@a.example", "", "C@a.example"),
        row("C", "c@a.example"),
        row("D", "d@a.example", "", "a@a.example"),
        row("E", "e@a.example", "", "nobody@a.example"),
        row("F", "f@a.example", "", "g@a.example"),
        row("G", "g@a.example", "", "f@a.example"),
        row("H", "h@a.example", "", "h@a.example"),
        row("I", "i@a.example", "", "e@a.example"),
        row("J", "j@a.example", "", "f@a.example"),
    )
    dry_run = await import_csv(caller, text, dry_run=True)
    job = await import_csv(caller, text)
    expected = [
        (6, "Manager", "MANAGER_NOT_FOUND"),
        (7, "Manager", "MANAGER_CYCLE"),
        (8, "Manager", "MANAGER_NOT_FOUND"),
        (9, "Manager", "MANAGER_CYCLE"),
        (10, "Manager", "MANAGER_NOT_FOUND"),
        (11, "Manager", "MANAGER_NOT_FOUND"),
    ]
    assert await problems_of(caller, job) == expected
    assert await problems_of(caller, dry_run) == expected
    assert (job["processed"], counts(job)) == (10, {"created": 4, "failed": 6})
    ids = {name: (await found(caller, f"{name}@a.example"))["_id"] for name in "abc"}
    assert (await found(caller, "a@a.example"))["managerId"] == ids["b"]
    assert (await found(caller, "b@a.example"))["managerId"] == ids["c"]
    assert (await found(caller, "d@a.example"))["managerId"] == ids["a"]
    await check(caller.db)


async def test_long_chain_of_later_managers(caller: Caller) -> None:
    """Each contact can be managed by that of the next row, over many batches, in a few passes over the file."""
    rows = [row(f"P {n}", f"p{n}@a.example", "", f"p{n + 1}@a.example") for n in range(2_499)]
    job = await import_csv(caller, table(*rows, row("P 2499", "p2499@a.example")))
    assert (job["step"], counts(job)) == (3, {"created": 2_500})
    await check(caller.db)


async def test_chain_that_takes_too_long(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of passes over a file is limited. Rows that are still waiting then fail."""
    monkeypatch.setattr(run, "MAX_STEPS", 2)
    rows = [row(f"P {n}", f"p{n}@a.example", "", f"p{n + 1}@a.example") for n in range(2_499)]
    job = await import_csv(caller, table(*rows, row("P 2499", "p2499@a.example")))
    assert (job["step"], job["processed"], job["status"]) == (2, 2_500, "SUCCEEDED")
    assert job["created"] == 1_500
    await check(caller.db)


async def test_manager_cycles_of_existing_contacts(caller: Caller) -> None:
    """A row that would create a cycle of managers fails; the others are written."""
    await import_csv(caller, table(row("A", "a@a.example"), row("B", "b@a.example", "", "a@a.example")))
    text = table(row("A", "a@a.example", "", "c@a.example"), row("C", "c@a.example", "", "b@a.example"))
    job = await import_csv(caller, text, on_match="UPDATE")
    assert await problems_of(caller, job) == [(2, "Manager", "MANAGER_CYCLE")]
    assert counts(job) == {"created": 1, "failed": 1}


async def test_groups(caller: Caller) -> None:
    """Rows refer to groups by name or address and replace the contact's groups. The member counts stay exact."""
    partners = await create_group(caller, {"displayName": "Partners", "emailAddress": "partners@a.example"})
    vendors = await create_group(caller, {"displayName": "Vendors", "emailAddress": "vendors@a.example"})
    for number in range(2):
        await create_group(caller, {"displayName": "Twins", "emailAddress": f"twins{number}@a.example"})
    text = table(
        row("A", "a@a.example", "", "", "PARTNERS; vendors@a.example"),
        row("B", "b@a.example", "", "", "Twins"),
        row("C", "c@a.example", "", "", "Nobody"),
    )
    job = await import_csv(caller, text)
    assert await problems_of(caller, job) == [(3, "Groups", "AMBIGUOUS_GROUP"), (4, "Groups", "GROUP_NOT_FOUND")]
    assert set((await found(caller, "a@a.example"))["groupIds"]) == {partners["_id"], vendors["_id"]}
    text = table(row("A", "a@a.example", "", "", "Vendors"))
    assert counts(await import_csv(caller, text, on_match="UPDATE")) == {"updated": 1}
    assert counts(await import_csv(caller, text, on_match="UPDATE")) == {"unchanged": 1}
    group = (await get_groups(caller, [partners["_id"]])).get(partners["_id"])
    assert group
    assert group["memberCount"] == 0
    await check(caller.db)


async def test_members_of_a_synced_group(caller: Caller) -> None:
    """A row cannot change the members of a synced group, but may name the current ones."""
    group = await create_group(caller, {"displayName": "Synced", "emailAddress": "synced@a.example"})
    await import_csv(caller, table(row("A", "a@a.example", "", "", "Synced")))
    await caller.db.groups.update_one({"_id": group["_id"]}, {"$set": {"source": "SYNCED"}})
    text = table(row("A", "a@a.example", "", "", "Synced"), row("B", "b@a.example", "", "", "Synced"))
    job = await import_csv(caller, text, on_match="UPDATE")
    assert counts(job) == {"unchanged": 1, "failed": 1}
    assert await problems_of(caller, job) == [(3, "Groups", "GROUP_READ_ONLY")]
    job = await import_csv(caller, "EmailAddress,Groups\na@a.example,[clear]\n", on_match="UPDATE")
    assert await problems_of(caller, job) == [(2, "Groups", "GROUP_READ_ONLY")]


async def test_group_membership_of_a_synced_contact(caller: Caller, sync_caller: Caller) -> None:
    """An import can add a synced contact to cloud groups."""
    await synced(sync_caller, "Ivo Horvat")
    await create_group(caller, {"displayName": "Partners", "emailAddress": "partners@a.example"})
    text = "EmailAddress,Groups\nivo.horvat@partner.example,Partners\n"
    assert counts(await import_csv(caller, text, on_match="UPDATE")) == {"updated": 1}
    await check(caller.db)


async def test_reject_all(caller: Caller) -> None:
    """Under REJECT_ALL nothing is written unless every row is valid. All problems are listed."""
    bad = table(row("A", "a@a.example"), row("B", "nowhere"), row("C", "nor here"))
    job = await import_csv(caller, bad, error_policy="REJECT_ALL")
    assert (job["status"], counts(job)) == ("FAILED", {"failed": 2})
    assert [line for line, _, _ in await problems_of(caller, job)] == [3, 4]
    assert await contacts.contact_by_address(caller, "a@a.example") is None
    good = table(row("A", "a@a.example", "", "b@a.example"), row("B", "b@a.example"))
    job = await import_csv(caller, good, error_policy="REJECT_ALL")
    assert (job["status"], counts(job), job["processed"]) == ("SUCCEEDED", {"created": 2}, 2)
    await check(caller.db)


async def test_dry_run_of_changes(caller: Caller) -> None:
    """A dry run lists the fields that would change, with their values before and after."""
    await import_csv(caller, table(row("Ana", "ana@a.example")))
    text = "EmailAddress,Company,City\nana@a.example,Bmce,Rome\n"
    job = await import_csv(caller, text, on_match="UPDATE", dry_run=True)
    (outcome,) = await outcomes_of(caller, job)
    assert outcome["action"] == "UPDATED"
    assert outcome["fields"] == [
        {"field": "address.city", "before": None, "after": "Rome"},
        {"field": "company", "before": "Acme", "after": "Bmce"},
    ]


async def test_dry_run_of_managers_and_groups(caller: Caller) -> None:
    """A dry run shows managers by address, including those that don't exist yet, and groups by name."""
    for name in ("Partners", "Vendors"):
        await create_group(caller, {"displayName": name, "emailAddress": f"{name.lower()}@a.example"})
    await import_csv(
        caller, table(row("Boss", "boss@a.example"), row("Ana", "ana@a.example", "", "boss@a.example", "Partners"))
    )
    text = table(row("Ana", "ana@a.example", "", "New@a.example", "Vendors"), row("New", "new@a.example"))
    job = await import_csv(caller, text, on_match="UPDATE", dry_run=True)
    ana, _ = await outcomes_of(caller, job)
    assert ana["fields"] == [
        {"field": "manager", "before": "boss@a.example", "after": "New@a.example"},
        {"field": "groups", "before": "Partners", "after": "Vendors"},
    ]


async def test_rows_as_objects(caller: Caller) -> None:
    """Rows can be objects like `CreateContactInput`: null clears a field, and managers are given by ID or address."""
    boss = await contacts.create_contact(caller, person("Boss Li"))
    rows = [{**person("Ana Li"), "managerId": boss["_id"]}, {**person("Ben Li"), "manager": boss["emailAddress"]}]
    assert counts(await import_rows(caller, rows)) == {"created": 2}
    for name in ("ana.li", "ben.li"):
        assert (await found(caller, f"{name}@partner.example"))["managerId"] == boss["_id"]
    rows = [{"emailAddress": "ana.li@partner.example", "managerId": None}]
    assert counts(await import_rows(caller, rows, on_match="UPDATE")) == {"updated": 1}
    assert "managerId" not in await found(caller, "ana.li@partner.example")
    job = await import_rows(caller, [{**person("Cy Li"), "managerId": "nobody"}, {**person("Di Li"), "shoe": 43}])
    assert await problems_of(caller, job) == [(1, "managerId", "MANAGER_NOT_FOUND"), (2, "shoe", "UNKNOWN_FIELD")]


async def test_undo_updates(caller: Caller) -> None:
    """Undo restores the old values and groups of updated contacts and deletes created contacts."""
    group = await create_group(caller, {"displayName": "Partners", "emailAddress": "partners@a.example"})
    first = "EmailAddress,DisplayName,FirstName,LastName,BusinessPhone,Aliases\n"
    await import_csv(caller, first + "ana@a.example,Ana,Ana,Li,+49 30 1234567,x@a.example\n")
    old = await found(caller, "ana@a.example")
    await add_contacts(caller, group["_id"], [old["_id"]])
    old = await found(caller, "ana@a.example")
    text = table(
        "Anna,ana@a.example,Ana,Li,Acme,,+49 30 7654321,y@a.example,ben@a.example,[clear],false",
        row("Ben", "ben@a.example", "", "", "Partners"),
    )
    job = await import_csv(caller, text, on_match="UPDATE")
    assert counts(job) == {"updated": 1, "created": 1}
    undone = await undo(caller, job)
    assert (undone["status"], undone["undone"], undone["notUndone"]) == ("UNDONE", 2, 0)
    new = await found(caller, "ana@a.example")
    derived = ("version", "updatedAt", "keys")
    assert {k: v for k, v in new.items() if k not in derived} == {k: v for k, v in old.items() if k not in derived}
    assert await contacts.contact_by_address(caller, "ben@a.example") is None
    await check(caller.db)


async def test_undo_when_a_group_is_gone(caller: Caller) -> None:
    """Undo does not restore the membership of a group that has been deleted, but restores everything else."""
    group = await create_group(caller, {"displayName": "Gone", "emailAddress": "gone@a.example"})
    kept = await create_group(caller, {"displayName": "Kept", "emailAddress": "kept@a.example"})
    await import_csv(caller, table(row("A", "a@a.example", "", "", "Gone;Kept")))
    job = await import_csv(caller, "EmailAddress,Groups\na@a.example,[clear]\n", on_match="UPDATE")
    await delete_group(caller, group["_id"])
    undone = await undo(caller, job)
    assert (undone["undone"], undone["notUndone"]) == (1, 0)
    assert (await found(caller, "a@a.example"))["groupIds"] == [kept["_id"]]
    await check(caller.db)


async def test_undo_keeps_later_changes(caller: Caller) -> None:
    """A contact that was changed after the import is kept and reported by name."""
    job = await import_csv(caller, table(row("Ana", "ana@a.example"), row("Ben", "ben@a.example")))
    ana = await found(caller, "ana@a.example")
    await contacts.update_contact(caller, ana["_id"], {"company": "Other"})
    undone = await undo(caller, job)
    assert (undone["status"], undone["undone"], undone["notUndone"]) == ("UNDONE", 1, 1)
    page = await jobs.list_problems(caller, job["_id"], Window(5))
    assert [each["code"] for each in page.documents] == ["CHANGED_SINCE"]
    assert "Ana" in page.documents[0]["message"]
    assert (await found(caller, "ana@a.example"))["company"] == "Other"


async def test_undo_of_managers(caller: Caller) -> None:
    """Undo handles a whole file of several batches, including managers."""
    rows = [
        row(f"P {n}", f"p{n}@a.example", "", f"p{n // 2 + 700}@a.example" if n < 1400 else "") for n in range(1_400)
    ]
    job = await import_csv(caller, table(*rows, *(row(f"P {n}", f"p{n}@a.example") for n in range(1400, 1401))))
    created = job["created"]
    undone = await undo(caller, job)
    assert (undone["undone"], undone["notUndone"]) == (created, 0)
    await check(caller.db)


async def test_undo_when_an_old_address_is_taken(caller: Caller) -> None:
    """A contact is kept unchanged if its old alias now belongs to another contact; the others are restored."""
    await import_csv(caller, table(row("Ana", "ana@a.example", "old@a.example"), row("Ben", "ben@a.example")))
    text = "EmailAddress,Aliases,Company\nana@a.example,new@a.example,\nben@a.example,,Other\n"
    job = await import_csv(caller, text, on_match="UPDATE")
    await contacts.create_contact(caller, person(aliases=["old@a.example"]))
    undone = await undo(caller, job)
    assert (undone["undone"], undone["notUndone"]) == (1, 1)
    assert (await found(caller, "ben@a.example"))["company"] == "Acme"
    assert (await found(caller, "ana@a.example"))["aliases"] == ["new@a.example"]
