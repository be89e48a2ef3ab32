"""The handlers of the paths of contacts."""

import asyncio
from functools import partial
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from resolvers import contacts, mastery, paging, rules
from resolvers.caller import Caller
from resolvers.errors import NotFound, VersionConflict
from resolvers.mastery import States
from rest import answers, bodies, etags, parameters, representation
from rest.problems import PreconditionFailed
from storage.documents import Document


async def list_page(request: Request) -> Response:
    """One page of the contacts that match the query."""
    caller: Caller = request.state.caller
    asked = parameters.listing(request.query_params.multi_items(), request.state.settings.max_page_size)
    page, total, states = await asyncio.gather(
        contacts.list_contacts(caller, asked.selection, asked.ordering, asked.window, representation.STORED),
        contacts.count_contacts(caller, asked.selection),
        mastery.read(caller) if "SYNCED" in asked.selection.sources else _no_states(),
    )
    following = paging.cursor(asked.ordering, page.documents[-1]) if page.has_next else None
    content = {
        "contacts": [representation.contact(each, states) for each in page.documents],
        "totalCount": total,
        "nextCursor": following,
    }
    return answers.json(content, headers={"Link": _next(request, following)} if following else {})


async def _no_states() -> States:
    """No states, which are only needed for synced contacts."""
    return {}


def _next(request: Request, cursor: str) -> str:
    """The link to the next page (RFC 8288), relative to this service."""
    query = {**request.query_params, "cursor": cursor}
    return f'<{quote(request.scope["path"])}?{urlencode(query)}>; rel="next"'


async def create(request: Request) -> Response:
    """Create a contact."""
    caller: Caller = request.state.caller
    check = partial(rules.new_contact, default_region=caller.default_region)
    asked = representation.accept(await bodies.read_object(request), {}, check)
    created = await contacts.create_contact(caller, asked.fields)
    return await answers.contact(
        request, created, 201, {"Location": f"{quote(request.scope['path'])}/{created['_id']}"}
    )


async def read(request: Request) -> Response:
    """Read the contact in the path."""
    found = await _current(request)
    _check_match(request, found)
    unchanged = _header(request, "if-none-match")
    if unchanged is not None and etags.matches_weakly(unchanged, found):
        return Response(status_code=304, headers={**answers.FRESH, "ETag": etags.etag(found)})
    return await answers.contact(request, found)


async def update(request: Request) -> Response:
    """Change the given fields of the contact in the path."""
    caller: Caller = request.state.caller
    current = await _current(request)
    expected = _expected(request, current)
    check = partial(rules.changed_contact, current, default_region=caller.default_region)
    shown = representation.contact(current, await answers.states(request, current))
    sent = await bodies.read_object(request)
    _check_version(sent, current)
    asked = representation.accept(sent, shown, check)
    updated = await contacts.update_contact(caller, current["_id"], asked.fields, expected or asked.version)
    return await answers.contact(request, updated)


async def delete(request: Request) -> Response:
    """Move the contact in the path to the recycle bin."""
    current = await _current(request)
    await contacts.delete_contact(request.state.caller, current["_id"], _expected(request, current))
    return Response(status_code=204)


async def _current(request: Request) -> Document:
    """The contact in the path, in its current state. Raises `NotFound`."""
    identifier: str = request.path_params["id"]
    found = await contacts.get_contact(request.state.caller, identifier)
    if found is None:
        raise NotFound("contact", identifier)
    return found


def _expected(request: Request, current: Document) -> int | None:
    """The version that the change requires, None for any. Raises `PreconditionFailed`.

    None for a synced contact, too: the resolver refuses to change it, whatever the version.
    """
    if not mastery.is_editable(current):
        return None
    absent = _header(request, "if-none-match")
    if absent is not None and etags.matches_weakly(absent, current):
        raise PreconditionFailed(current, f"If-None-Match: {absent}")
    version: int = current["version"]
    return version if _check_match(request, current) else None


def _check_match(request: Request, current: Document) -> bool:
    """Whether there is an `If-Match` with tags. Raises `PreconditionFailed` if none of them is the contact's."""
    header = _header(request, "if-match")
    if header is not None and not etags.matches(header, current):
        raise PreconditionFailed(current, f"If-Match: {header}")
    return header is not None and header.strip() != "*"


def _check_version(sent: Document, current: Document) -> None:
    """Raise `VersionConflict` if the body contains another version, for example because it is an outdated contact.

    Its other read-only fields are then outdated, too, and not reported. The resolver refuses synced contacts.
    """
    version = sent.get("version")
    if mastery.is_editable(current) and type(version) is int and version != current["version"]:
        raise VersionConflict(current, version)


def _header(request: Request, name: str) -> str | None:
    """The value of a header, joined if it is repeated. None if it is missing."""
    lines = request.headers.getlist(name)
    return ", ".join(lines) if lines else None
