"""Properties of imports and exports, for any file and any directory."""

import string

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resolvers import contacts, groups, rules
from resolvers.caller import Caller
from resolvers.files import export
from resolvers.imports import results
from storage.documents import Document
from storage.lists.pages import Ordering, Window
from storage.lists.selection import Selection
from tests.support.consistency import check
from tests.support.importing import import_csv, import_rows, job_of, outcomes_of, problems_of

ORDER = Ordering("keys.name")
WILD = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

# Valid values of a contact, including text that is special in CSV files, spreadsheets or our own marker.
CHARACTERS = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffd")
TEXT = st.one_of(
    st.text(CHARACTERS, min_size=1, max_size=20),
    st.text(st.sampled_from("'=+-@;,\"|\ufeff\u2028 a[]clear"), min_size=1, max_size=12),
    st.sampled_from(["[clear]", "'[CLEAR]", "=1+1", "''+49", "sep=;", "#TYPE x", "true", "nul", '"', "\ufeffBOM"]),
).filter(lambda text: text.strip())
NOTES = st.text(CHARACTERS | st.sampled_from("\r\n\t"), max_size=30)
LOCAL = st.text(string.ascii_lowercase + string.digits + "+-=_'", min_size=1, max_size=6)


@st.composite
def directories(draw: st.DrawFn) -> list[Document]:
    """The fields of some contacts with distinct addresses. Their managers are earlier contacts."""
    found: list[Document] = []
    for number in range(draw(st.integers(1, 4))):
        fields: Document = {
            "displayName": draw(TEXT),
            "firstName": draw(TEXT),
            "lastName": draw(TEXT),
            "emailAddress": f"{draw(LOCAL)}.{number}@a.example",
            "aliases": [f"{draw(LOCAL)}.{number}.{n}@b.example" for n in range(draw(st.integers(0, 2)))],
            "showInGal": draw(st.booleans()),
            "notes": draw(NOTES),
            "businessPhone": draw(st.sampled_from(["+49 30 123", "0800 FLOWERS 1", "=5", "-12", "@7"])),
            "address": {name: draw(TEXT) for name in draw(st.sets(st.sampled_from([*rules.ADDRESS_LENGTHS])))},
        }
        for name in draw(st.sets(st.sampled_from(["company", "jobTitle", "department"]))):
            fields[name] = draw(TEXT)
        if draw(st.booleans()) and found:
            fields["manager"] = draw(st.sampled_from(found))["emailAddress"]
        fields["groups"] = draw(
            st.lists(st.sampled_from(["g0@c.example", "g1@c.example", "g2@c.example"]), unique=True)
        )
        found.append(fields)
    return found


@WILD
@given(directories(), st.tuples(TEXT, TEXT))
async def test_export_and_import_change_nothing(caller: Caller, people: list[Document], names: tuple[str, str]) -> None:
    """Importing an export changes nothing, whatever the fields contain."""
    await clear(caller)
    for number, name in enumerate([*names, names[0]]):
        await groups.create_group(caller, {"displayName": name, "emailAddress": f"g{number}@c.example"})
    job = await import_rows(caller, people)
    assert job["created"] == len(people), await problems_of(caller, job)
    before = await everyone(caller)
    file = b"".join([piece async for piece in await export.export(caller, Selection(), ORDER)])
    job = await import_csv(caller, file, on_match="UPDATE")
    assert (job["rows"], job["unchanged"]) == (len(people), len(people)), await problems_of(caller, job)
    assert await everyone(caller) == before


# Few different values, so that rows conflict with each other and with existing contacts in every way.
ADDRESS = st.sampled_from([f"p{n}@a.example" for n in range(6)] + ["P1@a.example", "g@c.example", "none", ""])
CELL = st.sampled_from(["", "", "Acme", "Bmce", "[clear]", "x" * 200])
ROW = st.fixed_dictionaries(
    {
        "DisplayName": st.sampled_from(["Ana", "Ben", "", "[clear]"]),
        "EmailAddress": ADDRESS,
        "FirstName": st.just("A"),
        "LastName": st.sampled_from(["B", "C"]),
        "Company": CELL,
        "BusinessPhone": st.sampled_from(["", "+49 30 1234567", "none"]),
        "Aliases": st.lists(ADDRESS, max_size=2).map(";".join),
        "Manager": ADDRESS,
        "Groups": st.sampled_from(["", "", "Group", "g@c.example", "Nobody", "[clear]"]),
        "ShowInGAL": st.sampled_from(["", "true", "no", "perhaps"]),
    }
)
FILE = st.lists(ROW, min_size=1, max_size=7)
POLICY = st.sampled_from(["SKIP", "UPDATE", "FAIL"])
ERRORS = st.sampled_from(["SKIP_FAILED_ROWS", "REJECT_ALL"])


@WILD
@given(FILE, FILE, POLICY, ERRORS)
async def test_a_dry_run_is_what_the_run_does(
    caller: Caller, first: list[dict[str, str]], second: list[dict[str, str]], on_match: str, errors: str
) -> None:
    """A run does exactly what its dry run reported, and running it again changes nothing."""
    await clear(caller)
    await groups.create_group(caller, {"displayName": "Group", "emailAddress": "g@c.example"})
    await import_csv(caller, text(first))
    options = {"on_match": on_match, "error_policy": errors}
    before = await everyone(caller)
    planned = await import_csv(caller, text(second), dry_run=True, **options)
    assert await everyone(caller) == before
    run = await import_csv(caller, text(second), **options)
    assert await problems_of(caller, run) == await problems_of(caller, planned)
    assert all(run[name] == planned[name] for name in ("status", "message", *results.COUNTS))
    after = await everyone(caller)
    if errors == "REJECT_ALL" and planned["failed"]:
        assert (run["status"], after) == ("FAILED", before)
    else:
        assert await actions(caller, run) == await actions(caller, planned)
        await check_changes(caller, planned, before, after)
    await check(caller.db)
    await import_csv(caller, text(second), **options)
    assert await everyone(caller) == after


@WILD
@given(FILE, FILE, POLICY)
async def test_undo_leaves_no_trace(
    caller: Caller, first: list[dict[str, str]], second: list[dict[str, str]], on_match: str
) -> None:
    """After an import is undone, every contact is as before."""
    await clear(caller)
    await groups.create_group(caller, {"displayName": "Group", "emailAddress": "g@c.example"})
    await import_csv(caller, text(first))
    before = {identifier: values(contact) for identifier, contact in (await everyone(caller)).items()}
    job = await import_csv(caller, text(second), on_match=on_match)
    from resolvers.imports import jobs
    from resolvers.imports.runner import run_one

    await jobs.undo(caller, job["_id"])
    await run_one(caller, job["_id"])
    job = await job_of(caller, job)
    assert (job["status"], job["notUndone"]) == ("UNDONE", 0)
    assert {identifier: values(contact) for identifier, contact in (await everyone(caller)).items()} == before
    await check(caller.db)


async def check_changes(
    caller: Caller, planned: Document, before: dict[str, Document], after: dict[str, Document]
) -> None:
    """The fields and new contacts that the dry run reported are those that the run changed."""
    outcomes = await outcomes_of(caller, planned)
    named = {
        each["contactId"]: {change["field"] for change in each["fields"]} for each in outcomes if each["contactId"]
    }
    for identifier, contact in before.items():
        changed = {
            name for name in contact.keys() | after[identifier].keys() if differs(name, contact, after[identifier])
        }
        assert changed == named.get(identifier, set())
    assert len(after) - len(before) == sum(each["action"] == "CREATED" for each in outcomes)


def differs(name: str, before: Document, after: Document) -> bool:
    if name == "groups":
        return set(before.get(name, ())) != set(after.get(name, ()))
    return name not in ("_id", "version", "updatedAt") and before.get(name) != after.get(name)


def values(contact: Document) -> Document:
    return {name: value for name, value in contact.items() if name not in ("version", "updatedAt")}


def text(rows: list[dict[str, str]]) -> str:
    return "\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows), ""])


async def actions(caller: Caller, job: Document) -> list[tuple[int, str]]:
    return [(each["row"], each["action"]) for each in await outcomes_of(caller, job)]


async def everyone(caller: Caller) -> dict[str, Document]:
    """All contacts as stored, without derived fields."""
    page = await contacts.list_contacts(caller, Selection(), ORDER, Window(500))
    return {
        each["_id"]: {
            {"groupIds": "groups", "managerId": "manager"}.get(name, name): value
            for name, value in each.items()
            if name != "keys" and not name.endswith("E164")
        }
        for each in page.documents
    }


async def clear(caller: Caller) -> None:
    """An empty directory for the next example."""
    for name in ("contacts", "claims", "groups", "history", "deletedContacts"):
        await caller.db.mongo[name].delete_many({})
    await caller.db.statistics.update_many({}, [{"$replaceWith": {"_id": "$_id"}}])
