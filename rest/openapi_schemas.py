"""What the OpenAPI document says of contacts, lists and problems: JSON Schemas, with the limits of the rules."""

from collections.abc import Iterable

from resolvers.rules import ADDRESS_LENGTHS, LENGTHS, MAX_ALIASES, REQUIRED
from rest import problems
from storage.documents import Document

EXAMPLE_ID = "019a1b2c-3d4e-7f50-8a61-b2c3d4e5f607"
_CONTROLS = r"\u0000-\u001f\u007f-\u009f"
_LINE = rf"^[^{_CONTROLS}]*$"
_LINES = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"
_FILLED = rf"^[^{_CONTROLS}]*[^\s{_CONTROLS}][^{_CONTROLS}]*$"
_PHONE = rf"^([^{_CONTROLS}]*[0-9][^{_CONTROLS}]*| *)$"
_ADDRESS: Document = {"type": "string", "format": "email", "maxLength": 254}
_MOMENT = {"type": "string", "format": "date-time"}

_DESCRIPTIONS = {
    "displayName": "Name shown in the directory.",
    "firstName": "First name. A synced contact may lack it.",
    "lastName": "Last name. A synced contact may lack it.",
    "company": "Name of the organisation.",
    "jobTitle": "Job title.",
    "department": "Department.",
    "businessPhone": "Business phone number, as it was given.",
    "mobilePhone": "Mobile phone number, as it was given.",
    "notes": "Notes; may run over several lines.",
}
_EXAMPLES = {
    "displayName": "Ana Sample",
    "firstName": "Ana",
    "lastName": "Sample",
    "emailAddress": "ana@supplier.example",
    "aliases": ["a.sample@supplier.example"],
    "company": "Supplier Ltd",
    "jobTitle": "Account manager",
    "department": "Sales",
    "businessPhone": "+44 20 7946 0958",
    "mobilePhone": None,
    "address": {"street": "1 High Street", "city": "London", "state": None, "country": "GB", "postalCode": "SW1A 1AA"},
    "managerId": None,
    "notes": None,
}
_GIVEN = {
    "id": EXAMPLE_ID,
    "businessPhoneE164": "+442079460958",
    "mobilePhoneE164": None,
    "source": "CLOUD",
    "gal": "VISIBLE",
    "editable": True,
    "onPremises": None,
    "version": 1,
    "createdAt": "2026-11-23T17:49:05.795Z",
    "updatedAt": "2026-11-23T17:49:05.795Z",
}
CONTACT_EXAMPLE: Document = {**_EXAMPLES, **_GIVEN}
CREATE_EXAMPLE: Document = {name: value for name, value in _EXAMPLES.items() if value is not None} | {"showInGal": True}
UPDATE_EXAMPLE: Document = {"jobTitle": "Head of sales", "mobilePhone": None}


def schemas() -> Document:
    """The components that the operations refer to."""
    return {
        "Contact": _object(_contact(), required=_contact(), description="A directory entry for an external person."),
        "NewContact": _object(
            _writable(), required=REQUIRED, description="A contact to create.", examples=[CREATE_EXAMPLE]
        ),
        "ContactChanges": _object(
            {**_writable(), **_read_only()},
            description="The fields to change: one that is left out stays, null clears it. What the service itself "
            "sets may be sent back as it was read, and is refused with any other value: another `version` with 412.",
            examples=[UPDATE_EXAMPLE],
        ),
        "PostalAddress": _object(_postal(), required=ADDRESS_LENGTHS, description="A postal address."),
        "PostalAddressInput": _object(_postal(), description="The parts of an address to set; null clears a part."),
        "OnPremises": _on_premises(),
        "ContactList": _contact_list(),
        "Problem": _problem(),
    }


def _object(properties: Document, required: Iterable[str] = (), **more: object) -> Document:
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        **({"required": list(required)} if required else {}),
        **more,
    }


def _contact() -> Document:
    """The properties of a contact as it is read."""
    texts = {name: _text(name, None) for name in LENGTHS}
    return {
        **texts,
        "emailAddress": _email("Primary external address, as it was given; nobody else in the directory has it."),
        "aliases": {"type": "array", "items": {"type": "string"}, "description": "Further addresses."},
        "address": _nullable("PostalAddress", "Postal address, if any of its parts is known."),
        "managerId": {"type": ["string", "null"], "description": "The id of the contact that manages this one."},
        "gal": _gal(),
        **_read_only(),
    }


def _writable() -> Document:
    """The properties of a contact that clients set."""
    patterns = {"notes": _LINES, "businessPhone": _PHONE, "mobilePhone": _PHONE}
    return {
        **{name: _text(name, patterns.get(name, _LINE)) for name in LENGTHS},
        "emailAddress": {**_ADDRESS, "description": "Primary external address. Compared without case."},
        "aliases": {
            "type": ["array", "null"],
            "items": {"anyOf": [_ADDRESS, {"type": ["string", "null"], "pattern": r"^\s*$"}]},
            "maxItems": MAX_ALIASES,
            "description": "Further addresses; blank ones are left out. None may be another contact's or group's.",
        },
        "address": _nullable("PostalAddressInput", "Postal address; null clears it all."),
        "managerId": {
            "type": ["string", "null"],
            "maxLength": 64,
            "pattern": _LINE,
            "description": "The id of the contact that manages this one. Managers form no cycles.",
        },
        "gal": {**_gal(), "type": ["string", "null"], "enum": ["VISIBLE", "HIDDEN", None]},
        "showInGal": {
            "type": ["boolean", "null"],
            "description": "The same as `gal`, as a question: true or null is VISIBLE, false HIDDEN. Give one of them.",
        },
    }


def _read_only() -> Document:
    """The properties of a contact that the service sets."""
    e164 = {"type": ["string", "null"], "description": "The number to dial from anywhere, where it can be told."}
    properties: Document = {
        "id": {"type": "string", "description": "Opaque, never changes, the same in GraphQL, REST and CSV."},
        "businessPhoneE164": e164,
        "mobilePhoneE164": e164,
        "source": {
            "enum": ["SYNCED", "CLOUD"],
            "description": "Where it is mastered. SYNCED: in Active Directory, and read-only here.",
        },
        "editable": {"type": "boolean", "description": "Whether it can be changed here: not if it is synced."},
        "onPremises": _nullable("OnPremises", "What it is in Active Directory, if it is synced."),
        "version": {"type": "integer", "minimum": 1, "description": "Grows with every change. The ETag holds it."},
        "createdAt": {**_MOMENT, "description": "When it was created."},
        "updatedAt": {**_MOMENT, "description": "When it was last changed."},
    }
    return {name: {**schema, "readOnly": True} for name, schema in properties.items()}


def _text(name: str, pattern: str | None) -> Document:
    """A text field: `pattern` is what may be written, None describes what is read."""
    schema: Document = {"type": ["string", "null"], "maxLength": LENGTHS[name], "description": _DESCRIPTIONS[name]}
    if name == "displayName" or (pattern and name in REQUIRED):
        schema |= {"type": "string", "minLength": 1}
        pattern = pattern and _FILLED
    return schema | ({"pattern": pattern} if pattern else {})


def _email(description: str) -> Document:
    # No format: addresses in other scripts than Latin (RFC 6531) are none of the format "email".
    return {"type": "string", "maxLength": 320, "description": description}


def _gal() -> Document:
    return {
        "type": "string",
        "enum": ["VISIBLE", "HIDDEN"],
        "description": "Whether the Global Address List shows it; VISIBLE by default.",
    }


def _postal() -> Document:
    patterns = {"street": _LINES}
    return {
        name: {"type": ["string", "null"], "maxLength": limit, "pattern": patterns.get(name, _LINE)}
        for name, limit in ADDRESS_LENGTHS.items()
    }


def _on_premises() -> Document:
    properties = {
        "objectGuid": {"type": "string", "description": "objectGUID, which never changes."},
        "distinguishedName": {"type": "string", "description": "Distinguished name: where to edit it."},
        "domain": {"type": "string", "description": "DNS name of the domain."},
        "lastSyncAt": {**_MOMENT, "description": "When it was last found to be as in Active Directory."},
        "nextSyncAt": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "When the next sync is due; null if none is configured.",
        },
    }
    return _object(properties, required=properties, description="What a synced contact is in Active Directory.")


def _nullable(name: str, description: str) -> Document:
    return {"anyOf": [{"$ref": f"#/components/schemas/{name}"}, {"type": "null"}], "description": description}


def _contact_list() -> Document:
    properties = {
        "contacts": {"type": "array", "items": {"$ref": "#/components/schemas/Contact"}},
        "totalCount": {"type": "integer", "minimum": 0, "description": "How many contacts the filters select."},
        "nextCursor": {"type": ["string", "null"], "description": "`cursor` of the next page; null on the last one."},
    }
    return _object(properties, required=properties, description="One page of contacts.")


def _problem() -> Document:
    codes = {*(each.code for each in problems.STATUSES), *problems.HTTP_CODES.values()}
    named = _object(
        {name: {"type": "string"} for name in ("kind", "id", "displayName", "emailAddress", "etag")}
        | {"version": {"type": "integer"}, "onPremises": {"$ref": "#/components/schemas/OnPremises"}},
        required=["id", "displayName", "emailAddress", "version"],
    )
    field = _object({name: {"type": "string"} for name in ("field", "code", "message")}, ["field", "code", "message"])
    return {
        "type": "object",
        "description": "Why a request was refused (RFC 9457).",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string", "description": "The status in words."},
            "status": {"type": "integer", "description": "The status of the answer."},
            "code": {"enum": sorted(codes), "description": "What happened, the same as in GraphQL."},
            "detail": {"type": "string", "description": "A sentence that says what to do."},
            "fields": {"type": "array", "items": field, "description": "The fields or parameters that are wrong."},
            "emailAddress": {"type": "string", "description": "The address that is taken, as it is compared."},
            "holder": {**named, "description": "The contact or group that has the address."},
            "current": {**named, "description": "The contact as it is now."},
            "contact": {**named, "description": "The synced contact, and where it is mastered."},
            "chain": {"type": "array", "items": named, "description": "The managers that would form a cycle."},
            "requestId": {"type": "string", "description": "What to name in a report, the same as `X-Request-Id`."},
        },
    }
