"""The OpenAPI 3.1 document of the REST paths: `openapi.yaml`, with the limits that the service enforces filled in."""

from functools import cache
from pathlib import Path
from typing import Any, get_args

import yaml

from resolvers import paging
from resolvers.caller import Action
from resolvers.contacts import MAX_TEXT
from resolvers.files.columns import COLUMNS
from rest import import_report, problems
from storage.documents import Document
from storage.fields import FIELDS, Field

SOURCE = Path(__file__).with_name("openapi.yaml")
# libyaml's parser is several times faster. PyYAML includes it on the usual platforms.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def document(*, requires_token: bool = True) -> Document:
    """The document as served. `requires_token`: false for a service without sign-in, which accepts no tokens."""
    filled: Document = _filled(yaml.load(SOURCE.read_text(encoding="utf-8"), _Loader))
    return filled if requires_token else {name: part for name, part in filled.items() if name != "security"}


def keywords(name: str) -> Document:
    """The JSON Schema keywords that replace `x-from: name`: those of a contact's field, or another limit."""
    return _KEYWORDS[name]


def _of_field(field: Field) -> Document:
    """The keywords of a contact's field: its description and its limit."""
    limit = {"emails": "maxItems", "flag": None}.get(field.kind, "maxLength")
    return {"description": field.description} | ({limit: field.limit} if limit else {})


_KEYWORDS: dict[str, Document] = {
    **{field.name: _of_field(field) for field in FIELDS},
    "auditAction": {"enum": [*get_args(Action)]},
    "filter": {"maxLength": MAX_TEXT},
    "pageSize": {"maximum": paging.MAX_SIZE, "default": paging.DEFAULT_SIZE},
    "exportColumn": {"enum": [*COLUMNS]},
    "importReport": {"maxItems": import_report.SHOWN},
    "problemCode": {"enum": problems.CODES},
    "problemFields": {"maxItems": problems.MAX_FIELDS},
}


def _filled(node: Any) -> Any:
    """A part of the document with each `x-from` replaced by its keywords. Keywords next to it take precedence."""
    match node:
        case {"x-from": name, **own}:
            return {**keywords(name), **_filled(own)}
        case {"required": "all", "properties": dict() as properties, **own}:
            return _filled({"required": [*properties], "properties": properties, **own})
        case dict():
            return {key: _filled(value) for key, value in node.items()}
        case list():
            return [_filled(each) for each in node]
        case _:
            return node
