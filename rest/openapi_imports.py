"""The OpenAPI operations of imports and the export, and the schemas of what they answer."""

from resolvers import paging
from resolvers.files.columns import COLUMNS
from resolvers.files.records import DELIMITER_NAMES
from resolvers.files.text import ENCODINGS
from rest import import_parameters
from rest import openapi_parts as parts
from rest.openapi_schemas import CREATE_EXAMPLE, EXAMPLE_ID
from storage.documents import Document

_TAG = ["imports"]
_COLUMNS = (
    "Which column is which: pairs of `name:our name`, as a line of CSV, so that a pair with a comma is in quotes."
)
_CSV = "DisplayName,EmailAddress,FirstName,LastName\r\nAna Sample,ana@supplier.example,Ana,Sample\r\n"
_EXAMPLE = {
    "id": EXAMPLE_ID,
    "status": "SUCCEEDED",
    "phase": "WRITE",
    "dryRun": False,
    "onMatch": "SKIP",
    "errorPolicy": "SKIP_FAILED_ROWS",
    "fileName": "contacts.csv",
    "rows": 1,
    "processed": 1,
    "created": 1,
    "updated": 0,
    "unchanged": 0,
    "skipped": 0,
    "failed": 0,
    "undone": 0,
    "notUndone": 0,
    "encoding": "utf-8",
    "delimiter": ",",
    "columns": ["DisplayName", "EmailAddress", "FirstName", "LastName"],
    "unknownColumns": [],
    "message": None,
    "startedAt": "2026-11-23T17:49:05.795Z",
    "finishedAt": "2026-11-23T17:49:05.912Z",
}
_REPORT = {**_EXAMPLE, "problems": [], "moreProblems": False}
_COUNTS = {
    "rows": "Rows of the file.",
    "processed": "Rows that are decided.",
    "created": "Rows that became new contacts.",
    "updated": "Rows that changed a contact.",
    "unchanged": "Rows whose contact is as they say already.",
    "skipped": "Rows whose contact exists, and was left alone.",
    "failed": "Rows that were refused.",
    "undone": "Contacts that an undo put back.",
    "notUndone": "Contacts that an undo left alone, as they were changed since.",
}


def paths() -> Document:
    """The operations by path and method."""
    one = "/api/identity/contacts/imports/{id}"
    return {
        "/api/identity/contacts/bulk": {"post": _create()},
        "/api/identity/contacts/export": {"get": _export()},
        "/api/identity/contacts/imports": {"get": _list()},
        one: _with_id("get", "getImport", "Read an import", "How it stands, or its report.", _answers_report(404)),
        f"{one}/problems": _with_id(
            "get", "listImportProblems", "List an import's problems", "One page, by row.", _pages("ImportProblemList")
        ),
        f"{one}/outcomes": _with_id(
            "get",
            "listImportOutcomes",
            "List what became of the rows",
            "Or, in a dry run, what would become of them. One page, in the order of deciding.",
            _pages("ImportOutcomeList"),
        ),
        f"{one}/failed.csv": _with_id(
            "get",
            "getFailedRows",
            "Get the refused rows",
            "The original rows with line, code and reason, ready to mend and import again."
            " Rows in JSON come with the JSON.",
            {"parameters": [_bom()], "responses": {"200": _csv("The rows."), **parts.refusals(400, 404)}},
        ),
        f"{one}/cancel": _with_id(
            "post",
            "cancelImport",
            "Cancel an import",
            "It stops within a batch, and keeps what is done, or nothing under REJECT_ALL.",
            {"responses": {"202": _report("It is asked to stop."), **parts.refusals(403, 404)}},
        ),
        f"{one}/undo": _with_id(
            "post",
            "undoImport",
            "Undo an import",
            "Deletes what it created and puts back what it changed, but for contacts that were changed since.",
            {
                "parameters": [_prefer()],
                "responses": {
                    "200": _report("It is undone."),
                    "202": _report("It is being undone."),
                    **parts.refusals(403, 404, 409),
                },
            },
        ),
    }


def schemas() -> Document:
    """The components that the operations refer to."""
    text = {"type": ["string", "null"]}
    problem = {
        "row": {"type": "integer", "description": "Which row, the first being 1."},
        "line": {"type": ["integer", "null"], "description": "The line of the file it starts on."},
        "column": {**text, "description": "The column, null for the whole row."},
        "code": {"type": "string", "description": "What is wrong."},
        "message": {"type": "string", "description": "A sentence that says what to do."},
        "value": {**text, "description": "The value there."},
    }
    outcome = {
        "row": problem["row"],
        "line": problem["line"],
        "action": {"enum": ["CREATED", "UPDATED", "UNCHANGED", "SKIPPED", "FAILED"], "description": "The outcome."},
        "contactId": {**text, "description": "The contact, if there is one."},
    }
    preview = {
        "emailAddress": {"type": "string", "description": "The row's address, in a dry run."},
        "fields": {
            "type": "array",
            "description": "What the row changes, in a dry run; managers by address, groups by name.",
            "items": _object({"field": {"type": "string"}, "before": text, "after": text}),
        },
    }
    moment = {"format": "date-time"}
    summary: Document = {
        "id": {"type": "string", "description": "Opaque."},
        "status": {"enum": ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED", "UNDONE"]},
        "phase": {
            "enum": ["PREVIEW", "WRITE", "ROLL_BACK", "UNDO"],
            "description": "What it does, or did last. `processed` counts the rows of PREVIEW, and of WRITE anew.",
        },
        "dryRun": {"type": "boolean"},
        "onMatch": {"enum": [*import_parameters.ON_MATCH]},
        "errorPolicy": {"enum": [*import_parameters.ERROR_POLICY]},
        "fileName": text,
        **{name: {"type": "integer", "minimum": 0, "description": about} for name, about in _COUNTS.items()},
        "encoding": {**text, "description": "Told from the file, unless it was given; null for JSON."},
        "delimiter": {**text, "description": "Told from the file, unless it was given; null for JSON."},
        "columns": {"type": "array", "items": {"type": "string"}, "description": "The file's header."},
        "unknownColumns": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Columns that nothing was read from.",
        },
        "message": {**text, "description": "Why it ended as it did, where there is something to say."},
        "startedAt": {"type": "string", **moment},
        "finishedAt": {**text, **moment, "description": "Null until it is finished."},
    }
    report = {
        "problems": _array("ImportProblem", "The first hundred."),
        "moreProblems": {"type": "boolean", "description": "Whether `…/problems` has more."},
    }
    dry = {
        "outcomes": _array("ImportOutcome", "Of a dry run: the first hundred."),
        "moreOutcomes": {"type": "boolean", "description": "Whether `…/outcomes` has more."},
    }
    cursor = {"nextCursor": {**text, "description": "`cursor` of the next page; null on the last one."}}
    return {
        "ImportProblem": _object(problem),
        "ImportOutcome": _object(outcome, preview),
        "ImportSummary": _object(summary),
        "Import": _object({**summary, **report}, dry),
        "ImportList": _object({"imports": _array("ImportSummary", "The latest first."), **cursor}),
        "ImportProblemList": _object({"problems": _array("ImportProblem", "In the order of the rows."), **cursor}),
        "ImportOutcomeList": _object({"outcomes": _array("ImportOutcome", "In the order of deciding."), **cursor}),
    }


def _create() -> Document:
    return {
        "operationId": "importContacts",
        "tags": _TAG,
        "summary": "Import contacts",
        "description": "Imports a CSV file, whatever its encoding, delimiter and column order, or contacts in JSON. "
        "A blank cell leaves a field as it is, `[clear]` empties it.",
        "parameters": [*_options(), _prefer()],
        "requestBody": {
            "required": True,
            "content": {
                "text/csv": {"schema": {"type": "string"}, "example": _CSV},
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "description": "The options may be fields of the form instead of query parameters.",
                        "properties": {
                            "file": {"type": "string", "format": "binary"},
                            **{each["name"]: each["schema"] for each in _options()},
                        },
                        "required": ["file"],
                        "additionalProperties": False,
                    }
                },
                "application/json": {
                    "schema": {
                        "type": "object",
                        # A row that is no object is refused by itself, like any other bad row.
                        "properties": {"contacts": {"type": "array", "minItems": 1, "items": {}}},
                        "required": ["contacts"],
                        "additionalProperties": False,
                    },
                    "example": {"contacts": [CREATE_EXAMPLE]},
                },
            },
        },
        "responses": {
            "200": _report("The report, when all is done.", Location=parts.header("Where the report stays.")),
            "202": _report("It has begun, as `Prefer` asks.", Location=parts.header("Where the report will be.")),
            **parts.refusals(400, 403, 413, 415, 422),
        },
    }


def _options() -> list[Document]:
    def query(name: str, schema: Document, about: str, example: object = None) -> Document:
        return parts.parameter("query", name, schema, about, example)

    return [
        query("dryRun", {"type": "boolean", "default": False}, "Only say what would become of each row."),
        query(
            "onMatch",
            {"enum": [*import_parameters.ON_MATCH], "default": "SKIP"},
            "What to do with a row whose address exists.",
        ),
        query(
            "errorPolicy",
            {"enum": [*import_parameters.ERROR_POLICY], "default": "SKIP_FAILED_ROWS"},
            "Whether to pass over refused rows, or to write nothing unless every row is good.",
        ),
        query("columns", {"type": "string"}, _COLUMNS, "Firma:Company"),
        query("encoding", {"enum": [*ENCODINGS]}, "The file's encoding, if it is not told rightly."),
        query("delimiter", {"enum": [*DELIMITER_NAMES]}, "The file's delimiter, likewise."),
        query("fileName", {"type": "string"}, "What to call the file.", "contacts.csv"),
    ]


def _export() -> Document:
    ordering = next(each for each in parts.list_parameters() if each["name"] == "orderBy")
    columns = parts.parameter(
        "query", "columns", {"type": "string"}, f"Which columns, of {', '.join(COLUMNS)}.", "EmailAddress,Company"
    )
    return {
        "operationId": "exportContacts",
        "tags": _TAG,
        "summary": "Export contacts",
        "description": "All contacts that the filters choose as a CSV file in UTF-8, which an import takes back.",
        "parameters": [*parts.filter_parameters(), ordering, columns, _bom()],
        "responses": {"200": _csv("The file, streamed."), **parts.refusals(400)},
    }


def _list() -> Document:
    return {
        "operationId": "listImports",
        "tags": _TAG,
        "summary": "List imports",
        "description": "One page of the imports of the last 30 days, the latest first.",
        **_pages("ImportList", 400),
    }


def _pages(schema: str, *statuses: int) -> Document:
    limit = {"type": "integer", "minimum": 1, "maximum": paging.MAX_SIZE}
    return {
        "parameters": [
            parts.parameter("query", "limit", limit, "How many items a page has."),
            parts.parameter("query", "cursor", {"type": "string"}, "`nextCursor` of the page before."),
        ],
        "responses": {
            "200": {
                "description": "A page.",
                "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
            },
            **parts.refusals(*(statuses or (400, 404))),
        },
    }


def _with_id(method: str, name: str, summary: str, about: str, more: Document) -> Document:
    return {
        "parameters": [parts.parameter("path", "id", {"type": "string"}, "The import's id.", EXAMPLE_ID)],
        method: {"operationId": name, "tags": _TAG, "summary": summary, "description": about, **more},
    }


def _answers_report(*statuses: int) -> Document:
    return {"responses": {"200": _report("The import."), **parts.refusals(*statuses)}}


def _report(description: str, **headers: Document) -> Document:
    return {"description": description, "headers": headers, "content": parts.json("Import", _REPORT)}


def _csv(description: str) -> Document:
    return {"description": description, "content": {"text/csv": {"schema": {"type": "string"}}}}


def _prefer() -> Document:
    about = "`respond-async`: answer at once (RFC 7240)."
    return parts.parameter("header", "Prefer", {"type": "string"}, about, "respond-async")


def _bom() -> Document:
    about = "Whether the file begins with a byte-order mark, by which Excel knows it for UTF-8."
    return parts.parameter("query", "bom", {"type": "boolean", "default": False}, about)


def _object(properties: Document, more: Document | None = None) -> Document:
    return {
        "type": "object",
        "properties": {**properties, **(more or {})},
        "required": [*properties],
        "additionalProperties": False,
    }


def _array(schema: str, description: str) -> Document:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{schema}"}, "description": description}
