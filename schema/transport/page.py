"""GraphiQL's page and files, for browsers."""

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import QueryParams
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from schema.transport.requests import DOCUMENT_IDS

PATH = "/graphql"
GRAPHIQL = Path(__file__).parents[2] / "graphiql" / "dist"
_FILES = StaticFiles(directory=GRAPHIQL, check_dir=False)
# Parameters in the URL of a request that is not for the page.
_OF_REQUESTS = frozenset({"query", "extensions", *DOCUMENT_IDS})
_CSP = (
    "default-src 'self'; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    "connect-src 'self'"
)


def is_page(scope: Scope) -> bool:
    """Whether this is the request of a browser that wants to show GraphiQL."""
    if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "GET":
        return False
    wants = any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])
    return wants and QueryParams(scope["query_string"]).keys().isdisjoint(_OF_REQUESTS)


async def show(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the page, unless GraphiQL is turned off."""
    state = scope["state"]
    page = _page(state["sign_in"].addresses) if state["settings"].graphiql == "on" else _no_page()
    await page(scope, receive, send)


async def assets(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with one of GraphiQL's files, unless it is turned off."""
    files: ASGIApp = _FILES if scope["state"]["settings"].graphiql == "on" else _no_page()
    await files(scope, receive, send)


def csp(addresses: Iterable[str]) -> str:
    """The Content-Security-Policy of the page. The page calls the service, and the provider at these addresses."""
    urls = [urlsplit(each) for each in addresses]
    origins = dict.fromkeys(f"{url.scheme}://{url.netloc}" for url in urls)
    return " ".join([_CSP, *origins])


def _page(addresses: Iterable[str]) -> Response:
    page = GRAPHIQL / "index.html"
    if not page.exists():
        message = "GraphiQL is not built. To build it, run python graphiql/build.py."
        return Response(message, 404, media_type="text/plain")
    return FileResponse(page, headers={"Content-Security-Policy": csp(addresses)})


def _no_page() -> Response:
    return Response("There is no page here. Send GraphQL requests with POST.", 404, media_type="text/plain")
