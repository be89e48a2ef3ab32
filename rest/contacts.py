"""The handlers of the paths of contacts."""

import asyncio
from functools import partial
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from resolvers import contacts, mastery, paging, rules
from resolvers.access import requires
from resolvers.caller import Caller, Role
from resolvers.errors import NotFound, VersionConflict
from resolvers.idempotency import idempotent
from resolvers.mastery import States
from rest import answers, bodies, etags, parameters, representation
from rest.etags import Conditions
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
    conditions = _conditions(request)
    found = await _current(request.state.caller, request.path_params["id"])
    conditions.check_match(found)
    if conditions.is_unchanged(found):
        return Response(status_code=304, headers={**answers.FRESH, "ETag": etags.etag(found)})
    return await answers.contact(request, found)


async def update(request: Request) -> Response:
    """Change the given fields of the contact in the path."""
    sent = await bodies.read_object(request)
    updated = await _update(request.state.caller, request.path_params["id"], _conditions(request), sent)
    return await answers.contact(request, updated)


async def delete(request: Request) -> Response:
    """Move the contact in the path to the recycle bin."""
    await _delete(request.state.caller, request.path_params["id"], _conditions(request))
    return Response(status_code=204)


# What a request is checked against is read before its resolver is called. With an idempotency key, that must be done
# by the first request only, because later ones find the contact changed. So the key is claimed here already.


@requires(Role.EDITOR, "UPDATE_CONTACT")
@idempotent
async def _update(caller: Caller, identifier: str, conditions: Conditions, sent: Document) -> Document:
    current = await _current(caller, identifier)
    expected = conditions.expected(current)
    check = partial(rules.changed_contact, current, default_region=caller.default_region)
    shown = representation.contact(current, await answers.states(caller, current))
    _check_version(sent, current)
    asked = representation.accept(sent, shown, check)
    return await contacts.update_contact(caller, identifier, asked.fields, expected or asked.version)


@requires(Role.EDITOR, "DELETE_CONTACT")
@idempotent
async def _delete(caller: Caller, identifier: str, conditions: Conditions) -> None:
    current = await _current(caller, identifier)
    await contacts.delete_contact(caller, identifier, conditions.expected(current))


async def _current(caller: Caller, identifier: str) -> Document:
    """The contact with this ID, in its current state. Raises `NotFound`."""
    found = await contacts.get_contact(caller, identifier)
    if found is None:
        raise NotFound("contact", identifier)
    return found


def _check_version(sent: Document, current: Document) -> None:
    """Raise `VersionConflict` if the body contains another version, for example because it is an outdated contact.

    Its other read-only fields are then outdated, too, and not reported. The resolver refuses synced contacts.
    """
    version = sent.get("version")
    if mastery.is_editable(current) and type(version) is int and version != current["version"]:
        raise VersionConflict(current, version)


def _conditions(request: Request) -> Conditions:
    return Conditions(_header(request, "if-match"), _header(request, "if-none-match"))


def _header(request: Request, name: str) -> str | None:
    """The value of a header, joined if it is repeated. None if it is missing."""
    lines = request.headers.getlist(name)
    return ", ".join(lines) if lines else None
