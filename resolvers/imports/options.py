"""How to import, and a new job made of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from resolvers.caller import Caller
from resolvers.files.records import DELIMITER_NAMES
from resolvers.imports import results
from resolvers.imports.source import needed
from resolvers.imports.state import ErrorPolicy, OnMatch
from storage.documents import RETENTION, Document


@dataclass(frozen=True, slots=True)
class Options:
    """How to import. An encoding or delimiter of None is detected; `columns` maps the file's column names to ours.

    Names of encodings are case-insensitive. A delimiter is given as the character or by name.
    """

    dry_run: bool = False
    on_match: OnMatch = "SKIP"
    error_policy: ErrorPolicy = "SKIP_FAILED_ROWS"
    columns: Mapping[str, str] = field(default_factory=dict)
    encoding: str | None = None
    delimiter: str | None = None
    file_name: str | None = None


def new_job(caller: Caller, identifier: str, kind: str, size: int, options: Options, encoding: str | None) -> Document:
    """A job that waits to be run."""
    at = caller.clock()
    plans_first = options.dry_run or options.error_policy == "REJECT_ALL"
    return {
        "_id": identifier,
        "status": "QUEUED",
        "phase": "PREVIEW" if plans_first else "WRITE",
        "kind": kind,
        "fileName": options.file_name,
        "size": size,
        "dryRun": options.dry_run,
        "onMatch": options.on_match,
        "errorPolicy": options.error_policy,
        "mapping": dict(options.columns),
        "needed": list(needed(options.on_match)),
        "encoding": encoding,
        "delimiter": options.delimiter and DELIMITER_NAMES.get(options.delimiter.lower(), options.delimiter),
        **dict.fromkeys(("processed", *results.COUNTS, "undone", "notUndone"), 0),
        "step": 1,
        "place": 0,
        "isLast": False,
        "author": caller.author.name,
        "authorId": caller.author.id,
        "startedAt": at,
        "finishedAt": None,
        "message": None,
        "cancelRequested": False,
        "purgeAt": at + RETENTION,
    }
