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
from resolvers import audit_log, statistics
from resolvers.caller import Caller, Role
from resolvers.contacts import ORDERINGS
from resolvers.errors import Problem
from resolvers.files import columns as csv_columns
from resolvers.files import export, filters
from resolvers.imports.options import Options
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

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Manage a company's external contacts.")

_BOM = "Write a byte-order mark at the start of each file, so that Excel detects UTF-8."


@app.callback()
def _command() -> None:
    """Manage a company's external contacts: run the service, import and export files, and sync.

    Options can also be set with the environment variables shown. `contacts settings` lists all variables, including
    those without an option.
    """


DataDir = Annotated[
    Path | None,
    typer.Option(envvar="CONTACTS_DATA_DIR", help="Data directory of the embedded MongoDB. Default: .contacts"),
]
MongodbUri = Annotated[
    str | None,
    typer.Option(
        envvar="CONTACTS_MONGODB_URI",
        help="URI of a MongoDB replica set or sharded cluster to use instead of the embedded MongoDB.",
    ),
]


@app.command()
def serve(
    host: Annotated[
        str | None,
        typer.Option(envvar="CONTACTS_HOST", help="Address or name to listen on. Default: 127.0.0.1"),
    ] = None,
    port: Annotated[int | None, typer.Option(envvar="CONTACTS_PORT", help="Port to listen on. Default: 8000")] = None,
    data_dir: DataDir = None,
    mongodb_uri: MongodbUri = None,
    workers: Annotated[
        int | None, typer.Option(envvar="CONTACTS_WORKERS", help="Number of server processes. Default: 1")
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Load a few hundred demo contacts, unless they have been loaded before.")
    ] = False,
) -> None:
    """Run the service: GraphQL, GraphiQL and REST, with an embedded MongoDB by default.

    To explore the API, open http://127.0.0.1:8000/graphql in a browser.

    Without a sign-in, the service listens on loopback addresses only, which other machines cannot reach. To let users
    sign in, set CONTACTS_AUTH.

    More settings are available as CONTACTS_* variables. To list them, run `contacts settings`.
    """
    settings = read_settings(host=host, port=port, data_dir=data_dir, mongodb_uri=mongodb_uri, workers=workers)
    if demo and "allow_loopback_origins" not in settings.model_fields_set:
        os.environ["CONTACTS_ALLOW_LOOPBACK_ORIGINS"] = "true"
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
    """Print the contact statistics of the dashboard as JSON."""
    settings = read_settings(data_dir=data_dir, mongodb_uri=mongodb_uri)

    async def read() -> statistics.ContactStats:
        async with open_caller(running) as caller:
            return await statistics.contact_stats(caller)

    with mongodb(settings) as running:
        print(json.dumps(asyncio.run(read())))


@app.command()
def sync(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, contact by contact, without changing anything.")
    ] = False,
    allow_deletions: Annotated[
        bool,
        typer.Option(
            "--allow-deletions", help="Delete all contacts that are gone from Active Directory, even if they are many."
        ),
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Read all contacts, not only those that changed.")] = False,
    data_dir: DataDir = None,
    mongodb_uri: MongodbUri = None,
) -> None:
    """Sync once from the Active Directory in CONTACTS_AD_URLS, showing progress."""
    settings = read_settings(data_dir=data_dir, mongodb_uri=mongodb_uri)

    async def run() -> int:
        async with open_caller(running) as caller:
            wanted = SyncRequest(dry_run, allow_deletions, full, caller.author.name)
            return await sync_command.run(caller, running, wanted)

    with mongodb(settings) as running:
        sys.exit(asyncio.run(run()))


@app.command("import")
def import_contacts(
    file: Annotated[
        Path, typer.Argument(help="CSV file, or - for standard input. Encoding and delimiter are detected.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what the import would do, without changing anything.")
    ] = False,
    on_match: Annotated[
        OnMatch, typer.Option(case_sensitive=False, help="What to do with rows whose contact already exists.")
    ] = "SKIP",
    error_policy: Annotated[
        ErrorPolicy,
        typer.Option(
            case_sensitive=False, help="Whether to skip invalid rows, or to import nothing if any is invalid."
        ),
    ] = "SKIP_FAILED_ROWS",
    column: Annotated[
        list[str] | None,
        typer.Option(help="Map a column, as NAME=OUR_NAME, or ignore it, as NAME=. Can be repeated."),
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Encoding of the file, if it is not detected correctly.")] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(
            help="Delimiter of the file, if it is not detected correctly: the character itself, or comma, semicolon, "
            "tab or bar."
        ),
    ] = None,
    failed: Annotated[Path | None, typer.Option(help="File to write the failed rows to, to correct them.")] = None,
    report: Annotated[
        Path | None, typer.Option(help="CSV file to write the outcome of every row to. Also works for a dry run.")
    ] = None,
    bom: Annotated[bool, typer.Option("--bom", help=_BOM)] = False,
    data_dir: DataDir = None,
    mongodb_uri: MongodbUri = None,
) -> None:
    """Import contacts from a CSV file, showing progress. Ctrl+C cancels the import; rows already imported are kept."""
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
    file: Annotated[Path, typer.Argument(help="CSV file to write, or - for standard output.")],
    source: Annotated[
        Source | None, typer.Option(case_sensitive=False, help="Only synced or only cloud-only contacts.")
    ] = None,
    gal: Annotated[
        Gal | None,
        typer.Option(case_sensitive=False, help="Only contacts visible in, or hidden from, the global address list."),
    ] = None,
    search: Annotated[str | None, typer.Option(help="Only contacts that match this search.")] = None,
    company: Annotated[str | None, typer.Option(help="Only contacts of this company.")] = None,
    department: Annotated[str | None, typer.Option(help="Only contacts of this department.")] = None,
    job_title: Annotated[str | None, typer.Option(help="Only contacts with this job title.")] = None,
    country: Annotated[str | None, typer.Option(help="Only contacts in this country.")] = None,
    domain: Annotated[str | None, typer.Option(help="Only contacts with an address in this domain.")] = None,
    group: Annotated[
        str | None, typer.Option(help="Only members of this group, given by name, email address or ID.")
    ] = None,
    manager: Annotated[
        str | None, typer.Option(help="Only direct reports of this contact, given by email address or ID.")
    ] = None,
    order_by: Annotated[
        str,
        typer.Option(help=f"Field to sort by: {', '.join(ORDERINGS)}. Add a leading - to sort in descending order."),
    ] = "displayName",
    columns: Annotated[str | None, typer.Option(help="Columns to write, separated by commas. Default: all")] = None,
    bom: Annotated[bool, typer.Option("--bom", help=_BOM)] = False,
    data_dir: DataDir = None,
    mongodb_uri: MongodbUri = None,
) -> None:
    """Export contacts to a CSV file that can be imported again. The file appears when it is complete."""
    settings = read_settings(data_dir=data_dir, mongodb_uri=mongodb_uri)
    field, descending = order_by.removeprefix("-"), order_by.startswith("-")
    if field not in ORDERINGS:
        raise typer.BadParameter(
            f"Choose one of {', '.join(ORDERINGS)}, with or without a leading -.", param_hint="--order-by"
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
    """Print all settings with their variables, current values and descriptions."""
    settings = read_settings()
    for name, field in Settings.model_fields.items():
        print(f"CONTACTS_{name.upper()}={settings.shown(name)}\n    {field.description}")


def main() -> None:
    """Run the command. Errors that an operator can fix end it with one line instead of a traceback."""
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
    """The settings from the environment, overridden by the given options. Ends the program if a value is invalid."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type] # pydantic checks them
    except ValidationError as error:
        for each in error.errors():
            print(f"contacts: CONTACTS_{'_'.join(map(str, each['loc'])).upper()}: {each['msg']}", file=sys.stderr)
        raise typer.Exit(2) from error


@contextmanager
def mongodb(settings: Settings, *, exclusive: bool = False) -> Iterator[Settings]:
    """The settings with a MongoDB to use: the given one, or an embedded one that runs until the block ends.

    Only with `exclusive`, as the service uses it, is a missing data directory created. Raises `NoDataDirectory`.
    """
    logs.configure(settings)  # to standard error: what commands print on standard output is theirs alone
    if settings.mongodb_uri is not None:
        yield settings
        return
    with embedded(settings.data_dir, exclusive=exclusive) as uri:
        yield settings.model_copy(update={"mongodb_uri": uri})


@asynccontextmanager
async def open_caller(settings: Settings) -> AsyncIterator[Caller]:
    """The command line as a caller, on a database that is ready for use."""
    tuning.tune()
    async with opened(settings.uri(), settings.database, settings.driver) as db:
        await migrations.prepare(db)
        user = os.environ.get("USER", "administrator")
        yield Caller(db, Author(user, "cli", f"cli:{user}"), Role.ADMIN, settings.default_region)


def _stop(number: int, frame: FrameType | None) -> None:
    """Exit as the signal would, but clean up first."""
    sys.exit(128 + number)


async def _prepare(settings: Settings, demo: bool) -> None:
    """Migrate the database once, before any worker starts."""
    async with open_caller(settings) as caller:
        given = {f"CONTACTS_{name.upper()}": settings.shown(name) for name in sorted(settings.model_fields_set)}
        await audit_log.record_start(caller.db, caller.author, given)
        if demo:
            from demo import load

            await load(caller)
