"""The `contacts` command: serve, import, export, sync, stats."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from pydantic import ValidationError

from cli import serve as server
from cli import sync as sync_command
from cli import transfer
from connector.errors import ExtraMissing
from connector.library import ldap_library
from resolvers import statistics
from resolvers.caller import Caller
from resolvers.contacts import ORDERINGS
from resolvers.errors import Problem
from resolvers.files import columns as csv_columns
from resolvers.files import export, filters
from resolvers.imports.jobs import Options
from resolvers.imports.state import ErrorPolicy, OnMatch
from resolvers.sync.request import SyncRequest
from runtime import logs, tuning
from settings import Settings
from storage import migrations
from storage.changes import Author
from storage.documents import Gal, Source
from storage.driver import UnsuitableServer, opened
from storage.embedded.mongod import DataDirectoryInUse, MongodError, NoDataDirectory, embedded
from storage.lists.pages import Ordering
from storage.lists.selection import Selection

app = typer.Typer(no_args_is_help=True, add_completion=False, help="A company's external contacts.")

_BOM = "Begin files with a byte-order mark, by which Excel knows them for UTF-8."


@app.callback()
def _command() -> None:
    """A company's external contacts: the service and what administrators do with it.

    Every option can be set by the environment variable shown with it, and further settings by CONTACTS_* variables
    alone: `contacts settings` lists them all.
    """


DataDir = Annotated[
    Path | None,
    typer.Option(envvar="CONTACTS_DATA_DIR", help="Where the embedded MongoDB keeps its data. Default: .contacts"),
]
MongodbUri = Annotated[
    str | None,
    typer.Option(
        envvar="CONTACTS_MONGODB_URI", help="MongoDB replica set or sharded cluster to use instead of the embedded one."
    ),
]


@app.command()
def serve(
    host: Annotated[
        str | None,
        typer.Option(envvar="CONTACTS_HOST", help="Loopback address or name to listen on. Default: 127.0.0.1"),
    ] = None,
    port: Annotated[int | None, typer.Option(envvar="CONTACTS_PORT", help="Port to listen on. Default: 8000")] = None,
    data_dir: DataDir = None,
    mongodb_uri: MongodbUri = None,
    workers: Annotated[
        int | None, typer.Option(envvar="CONTACTS_WORKERS", help="Processes that serve, on one port. Default: 1")
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Load a few hundred demo contacts, if they are not there yet.")
    ] = False,
) -> None:
    """Serve GraphQL, GraphiQL and REST, on an embedded MongoDB unless another one is given.

    GraphiQL is at http://127.0.0.1:8000/graphql, for exploring in a browser.

    Nobody has to sign in. Therefore only loopback addresses are listened on, which no other machine reaches.

    More settings are CONTACTS_* variables without an option: `contacts settings` lists all of them.
    """
    settings = read_settings(host=host, port=port, data_dir=data_dir, mongodb_uri=mongodb_uri, workers=workers)
    server.check_address(settings)
    logs.configure(settings)
    server.end_on_signals()
    if settings.ad_urls:
        ldap_library()
    with mongodb(settings, exclusive=True) as running:
        asyncio.run(_prepare(running, demo))
        os.environ["CONTACTS_MONGODB_URI"] = running.uri()
        server.run(running)


@app.command()
def stats(data_dir: DataDir = None, mongodb_uri: MongodbUri = None) -> None:
    """Print the figures of the dashboard as JSON."""
    settings = read_settings(data_dir=data_dir, mongodb_uri=mongodb_uri)

    async def read() -> statistics.ContactStats:
        async with open_caller(running) as caller:
            return await statistics.contact_stats(caller)

    with mongodb(settings) as running:
        print(json.dumps(asyncio.run(read())))


@app.command()
def sync(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would change, contact by contact.")
    ] = False,
    allow_deletions: Annotated[
        bool,
        typer.Option("--allow-deletions", help="Delete what is gone from Active Directory, however many contacts."),
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Read everything, not only what changed.")] = False,
    data_dir: DataDir = None,
    mongodb_uri: MongodbUri = None,
) -> None:
    """Sync once with the Active Directory that CONTACTS_AD_URLS names, telling how far it is."""
    settings = read_settings(data_dir=data_dir, mongodb_uri=mongodb_uri)

    async def run() -> int:
        async with open_caller(running) as caller:
            wanted = SyncRequest(dry_run, allow_deletions, full, caller.author.name)
            return await sync_command.run(caller, running, wanted)

    with mongodb(settings) as running:
        sys.exit(asyncio.run(run()))


@app.command("import")
def import_contacts(
    file: Annotated[Path, typer.Argument(help="The CSV file, of any encoding and delimiter; - is standard input.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would become of the rows.")] = False,
    on_match: Annotated[
        OnMatch, typer.Option(case_sensitive=False, help="What to do with rows whose address exists.")
    ] = "SKIP",
    error_policy: Annotated[
        ErrorPolicy, typer.Option(case_sensitive=False, help="Pass over refused rows, or write all rows or none.")
    ] = "SKIP_FAILED_ROWS",
    column: Annotated[
        list[str] | None,
        typer.Option(help="Which column is which, as NAME=OUR_NAME; NAME= is not read. May be repeated."),
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="The file's encoding, if it is not told rightly.")] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(help="The file's delimiter, if it is not told rightly: itself, or comma, semicolon, tab or bar."),
    ] = None,
    failed: Annotated[Path | None, typer.Option(help="Where to write the refused rows, to mend them.")] = None,
    report: Annotated[
        Path | None, typer.Option(help="Where to write what becomes, or would become, of every row, as CSV.")
    ] = None,
    bom: Annotated[bool, typer.Option("--bom", help=_BOM)] = False,
    data_dir: DataDir = None,
    mongodb_uri: MongodbUri = None,
) -> None:
    """Import a CSV file, telling how far it is. Ctrl+C cancels it; what is done is kept."""
    settings = read_settings(data_dir=data_dir, mongodb_uri=mongodb_uri)
    options = Options(
        dry_run=dry_run,
        on_match=on_match,
        error_policy=error_policy,
        columns={name: ours for name, _, ours in (each.rpartition("=") for each in column or ())},
        encoding=encoding,
        delimiter=delimiter,
        file_name=file.name,
    )

    async def run() -> int:
        with transfer.open_source(file) as source:
            async with open_caller(running) as caller:
                return await transfer.import_file(caller, source, options, transfer.Reports(failed, report, bom))

    with mongodb(settings) as running:
        sys.exit(asyncio.run(run()))


@app.command("export")
def export_contacts(
    file: Annotated[Path, typer.Argument(help="Where to write the CSV; - is standard output.")],
    source: Annotated[Source | None, typer.Option(case_sensitive=False, help="Only synced or cloud contacts.")] = None,
    gal: Annotated[Gal | None, typer.Option(case_sensitive=False, help="Only visible or hidden contacts.")] = None,
    search: Annotated[str | None, typer.Option(help="Only contacts that a search finds.")] = None,
    company: Annotated[str | None, typer.Option(help="Only contacts of this company.")] = None,
    department: Annotated[str | None, typer.Option(help="Only contacts of this department.")] = None,
    job_title: Annotated[str | None, typer.Option(help="Only contacts with this job title.")] = None,
    country: Annotated[str | None, typer.Option(help="Only contacts in this country.")] = None,
    domain: Annotated[str | None, typer.Option(help="Only contacts with an address in this domain.")] = None,
    group: Annotated[str | None, typer.Option(help="Only members of this group: its name, address or id.")] = None,
    manager: Annotated[str | None, typer.Option(help="Only reports of this contact: its address or id.")] = None,
    order_by: Annotated[
        str, typer.Option(help=f"What to sort by: {', '.join(ORDERINGS)}; in descending order with a - before it.")
    ] = "displayName",
    columns: Annotated[str | None, typer.Option(help="Which columns, separated by commas.")] = None,
    bom: Annotated[bool, typer.Option("--bom", help=_BOM)] = False,
    data_dir: DataDir = None,
    mongodb_uri: MongodbUri = None,
) -> None:
    """Write contacts as CSV. An import of the file changes nothing. The file appears when it is whole."""
    settings = read_settings(data_dir=data_dir, mongodb_uri=mongodb_uri)
    field, descending = order_by.removeprefix("-"), order_by.startswith("-")
    if field not in ORDERINGS:
        raise typer.BadParameter(
            f"choose one of {', '.join(ORDERINGS)}, with or without a - before it", param_hint="--order-by"
        )
    ordering = Ordering(ORDERINGS[field], descending=descending)
    signal.signal(signal.SIGTERM, _stop)

    async def run() -> None:
        names = export.chosen(columns.split(",") if columns else csv_columns.COLUMNS)
        async with open_caller(running) as caller:
            selection = Selection(
                source=source,
                gal=gal,
                search=search,
                company=company,
                department=department,
                job_title=job_title,
                country=country,
                email_domain=domain,
                group_id=await filters.group_id(caller, group) if group else None,
                manager_id=await filters.manager_id(caller, manager) if manager else None,
            )
            await transfer.export_file(caller, file, selection, ordering, names, bom=bom)

    with mongodb(settings) as running:
        asyncio.run(run())


@app.command("settings")
def print_settings() -> None:
    """Print every setting with its variable, its value now and what it does."""
    settings = read_settings()
    for name, field in Settings.model_fields.items():
        print(f"CONTACTS_{name.upper()}={settings.shown(name)}\n    {field.description}")


def main() -> None:
    """Run the command, and tell what an operator can mend in one line instead of a traceback."""
    try:
        app()
    except (
        server.AddressUnusable,
        DataDirectoryInUse,
        MongodError,
        NoDataDirectory,
        UnsuitableServer,
        migrations.NewerDatabase,
        ExtraMissing,
        Problem,
    ) as problem:
        sys.exit(f"contacts: {problem}")
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        sys.exit(f"contacts: {error.filename}: {error.strerror}")


def read_settings(**given: object) -> Settings:
    """The settings from the environment, with the options that were given. Ends the program on a bad value."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type] # pydantic checks them
    except ValidationError as error:
        for each in error.errors():
            print(f"contacts: CONTACTS_{'_'.join(map(str, each['loc'])).upper()}: {each['msg']}", file=sys.stderr)
        raise typer.Exit(2) from error


@contextmanager
def mongodb(settings: Settings, *, exclusive: bool = False) -> Iterator[Settings]:
    """The settings with a MongoDB to use: the one given, or an embedded one that runs meanwhile.

    Only with `exclusive`, as the service has it, may the embedded one be new. Raises `NoDataDirectory`.
    """
    logs.configure(settings)  # to standard error: what commands print on standard output is theirs alone
    if settings.mongodb_uri is not None:
        yield settings
        return
    with embedded(settings.data_dir, exclusive=exclusive) as uri:
        yield settings.model_copy(update={"mongodb_uri": uri})


@asynccontextmanager
async def open_caller(settings: Settings) -> AsyncIterator[Caller]:
    """The directory as the command line has it before it, ready for use."""
    tuning.tune()
    async with opened(settings.uri(), settings.database, settings.driver) as db:
        await migrations.prepare(db)
        yield Caller(db, Author(os.environ.get("USER", "administrator"), "cli"), settings.default_region)


def _stop(number: int, frame: FrameType | None) -> None:
    """End as by the signal, leaving nothing half done."""
    sys.exit(128 + number)


async def _prepare(settings: Settings, demo: bool) -> None:
    """Bring the database to this release's form, once and before any worker serves."""
    async with open_caller(settings) as caller:
        if demo:
            from demo import load

            await load(caller)
