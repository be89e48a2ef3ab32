"""The handlers of the paths of imports."""

from dataclasses import replace
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from resolvers import paging
from resolvers.caller import Caller
from resolvers.imports import failed_rows, jobs
from resolvers.imports.options import Options
from resolvers.imports.runner import Runner
from resolvers.imports.source import Scan
from rest import answers, bodies, import_parameters, import_report, uploads
from rest.problems import Malformed, UnsupportedMediaType
from storage.documents import Document
from storage.imports import LATEST_FIRST, OUTCOMES, PROBLEMS
from storage.lists.pages import Ordering, Window

PATH = "/api/identity/contacts/imports"
CSV_TYPES = ("text/csv", "text/plain", "text/tab-separated-values", "application/csv", "application/vnd.ms-excel")
MAX_JSON_BYTES = 8 << 20
"""JSON is parsed at once, so it takes memory. Files are streamed and have a higher limit."""


async def create(request: Request) -> Response:
    """Import a file or rows. Answer with the report, or immediately with its location, as the caller prefers."""
    job, scanned = await _start(request)
    runner: Runner = request.state.imports
    runner.start(job, scanned)
    location = {"Location": f"{PATH}/{quote(job['_id'])}"}
    if _responds_async(request):
        return answers.json(await _report(request, job), 202, {**location, "Preference-Applied": "respond-async"})
    finished = await runner.wait(job["_id"]) or job
    return answers.json(await _report(request, finished), headers=location)


async def list_page(request: Request) -> Response:
    """One page of the imports, latest first."""
    caller: Caller = request.state.caller
    window = _window(request, LATEST_FIRST)
    page = await jobs.list_imports(caller, window)
    following = paging.cursor(LATEST_FIRST, page.documents[-1]) if page.has_next else None
    return answers.json({"imports": [import_report.summary(job) for job in page.documents], "nextCursor": following})


async def read(request: Request) -> Response:
    """The progress or the report of an import."""
    return answers.json(await _report(request, await _job(request)))


async def problems(request: Request) -> Response:
    """One page of the problems of an import."""
    job = await _job(request)
    window = _window(request, PROBLEMS)
    page = await jobs.list_problems(request.state.caller, job["_id"], window)
    following = paging.cursor(PROBLEMS, page.documents[-1]) if page.has_next else None
    found = [import_report.problem(each) for each in page.documents]
    return answers.json({"problems": found, "nextCursor": following})


async def outcomes(request: Request) -> Response:
    """One page of the outcomes of an import."""
    job = await _job(request)
    window = _window(request, OUTCOMES)
    page = await jobs.list_outcomes(request.state.caller, job["_id"], window)
    following = paging.cursor(OUTCOMES, page.documents[-1]) if page.has_next else None
    found = [import_report.outcome(each) for each in page.documents]
    return answers.json({"outcomes": found, "nextCursor": following})


async def failed(request: Request) -> Response:
    """The failed rows as a CSV file."""
    bom = import_parameters.bom(request.query_params.multi_items())
    job = await _job(request)
    name = f"import-{job['_id']}-failed.csv"
    content = failed_rows.failed_rows(request.state.caller, job, bom=bom)
    return StreamingResponse(content, media_type="text/csv; charset=utf-8", headers=attachment(name))


async def cancel(request: Request) -> Response:
    """Cancel an import."""
    job = await jobs.cancel(request.state.caller, request.path_params["id"])
    return answers.json(await _report(request, job), 202)


async def undo(request: Request) -> Response:
    """Undo an import. Answer with its report when that is done, or immediately, as the caller prefers."""
    job = await jobs.undo(request.state.caller, request.path_params["id"])
    runner: Runner = request.state.imports
    runner.start(job)
    if _responds_async(request):
        return answers.json(await _report(request, job), 202, {"Preference-Applied": "respond-async"})
    return answers.json(await _report(request, await runner.wait(job["_id"]) or job))


def attachment(name: str) -> dict[str, str]:
    """The headers of a file to download."""
    return {**answers.FRESH, "Content-Disposition": f'attachment; filename="{name}"'}


async def _start(request: Request) -> tuple[Document, Scan | None]:
    caller: Caller = request.state.caller
    asked = request.query_params.multi_items()
    options = import_parameters.options(asked)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Encoded bodies are not supported. Send the body without Content-Encoding.")
    limit: int = request.state.settings.max_import_bytes
    if kind == "multipart/form-data":
        return await _start_form(request, asked, limit)
    if kind in CSV_TYPES:
        return await jobs.start_csv(caller, uploads.body(request, limit), options)
    if kind == "application/json":
        return await jobs.start_rows(caller, await _rows(request, limit), options)
    raise UnsupportedMediaType(
        "Send a CSV file as text/csv or in a form (multipart/form-data), or contacts as application/json."
    )


async def _start_form(request: Request, asked: list[tuple[str, str]], limit: int) -> tuple[Document, Scan | None]:
    """Import the file in a form. Its other fields are options, like query parameters."""
    form, file = await uploads.form_file(request, uploads.body(request, limit))

    def options() -> Options:
        found = import_parameters.options([*asked, *form.fields])
        return replace(found, file_name=found.file_name or form.name)

    return await jobs.start_csv(request.state.caller, file, options)


async def _rows(request: Request, limit: int) -> list[object]:
    sent = bodies.parse_object(await bodies.read_body(request, min(limit, MAX_JSON_BYTES)))
    if sent.keys() != {"contacts"} or not isinstance(sent["contacts"], list):
        raise Malformed('The body must be {"contacts": […]}, with one object per contact.')
    return sent["contacts"]


async def _job(request: Request) -> Document:
    return await jobs.present(request.state.caller, request.path_params["id"])


async def _report(request: Request, job: Document) -> Document:
    return await import_report.report(request.state.caller, job)


def _responds_async(request: Request) -> bool:
    """Whether the caller prefers an immediate answer (RFC 7240)."""
    given = ",".join(request.headers.getlist("prefer")).lower()
    return "respond-async" in (each.partition(";")[0].strip() for each in given.split(","))


def _window(request: Request, ordering: Ordering) -> Window:
    """The requested page. Raises `InvalidParameters`."""
    most = request.state.settings.max_page_size
    return import_parameters.page(request.query_params.multi_items(), ordering, most)
