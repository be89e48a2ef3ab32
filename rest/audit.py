"""The handlers of the audit log, for administrators."""

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from resolvers import audit_log, paging
from resolvers.caller import Caller
from rest import answers, audit_parameters
from rest.imports import attachment
from storage.audit.entries import LATEST_FIRST


async def list_page(request: Request) -> Response:
    """One page of the entries that match the filters, latest first."""
    caller: Caller = request.state.caller
    asked = audit_parameters.page(request.query_params.multi_items(), request.state.settings.max_page_size)
    page = await audit_log.list_entries(caller, asked.selection, asked.window)
    names = await audit_log.actor_names(caller.db, page.documents)
    following = paging.cursor(LATEST_FIRST, page.documents[-1]) if page.has_next else None
    found = [audit_log.shown(each, names.get(each.get("actorId", ""))) for each in page.documents]
    return answers.json({"entries": found, "nextCursor": following})


async def export(request: Request) -> Response:
    """Stream the entries that match the filters as JSON lines, oldest first."""
    selection = audit_parameters.selection(request.query_params.multi_items())
    content = await audit_log.export(request.state.caller, selection)
    return StreamingResponse(content, media_type="application/jsonl", headers=attachment("audit.jsonl"))
