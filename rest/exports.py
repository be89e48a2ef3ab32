"""The handler of the export."""

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from resolvers.files import export as csv_export
from rest import import_parameters
from rest.imports import attachment


async def export(request: Request) -> Response:
    """Stream the contacts that match the filters as a CSV file."""
    asked = import_parameters.export(request.query_params.multi_items())
    content = await csv_export.export(
        request.state.caller, asked.selection, asked.ordering, asked.columns, bom=asked.bom
    )
    return StreamingResponse(content, media_type="text/csv; charset=utf-8", headers=attachment("contacts.csv"))
