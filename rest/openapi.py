"""The OpenAPI 3.1 document of the REST paths: `openapi.yaml`, with the limits that the service enforces filled in."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from resolvers import paging, rules
from resolvers.contacts import MAX_TEXT
from resolvers.files.columns import COLUMNS
from rest import import_report, problems
from storage.documents import Document

SOURCE = Path(__file__).with_name("openapi.yaml")
# libyaml's parser is several times as fast; PyYAML has it on the usual platforms.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def document() -> Document:
    """The document as it is served."""
    filled: Document = _filled(yaml.load(SOURCE.read_text(encoding="utf-8"), _Loader))
    return filled


def keywords(name: str) -> Document:
    """The JSON Schema keywords that `x-from: name` stands for."""
    return _KEYWORDS[name]


_KEYWORDS: dict[str, Document] = {
    **{name: {"maxLength": limit} for name, limit in rules.LENGTHS.items()},
    **{f"address.{name}": {"maxLength": limit} for name, limit in rules.ADDRESS_LENGTHS.items()},
    "emailAddress": {"maxLength": rules.MAX_ADDRESS},
    "aliases": {"maxItems": rules.MAX_ALIASES},
    "managerId": {"maxLength": rules.MAX_ID},
    "filter": {"maxLength": MAX_TEXT},
    "pageSize": {"maximum": paging.MAX_SIZE, "default": paging.DEFAULT_SIZE},
    "exportColumn": {"enum": [*COLUMNS]},
    "importReport": {"maxItems": import_report.SHOWN},
    "problemCode": {"enum": problems.CODES},
    "problemFields": {"maxItems": problems.MAX_FIELDS},
}


def _filled(node: Any) -> Any:
    """A part of the document with the keywords that its `x-from` stand for; those written beside one win."""
    match node:
        case {"x-from": name, **own}:
            return {**keywords(name), **_filled(own)}
        case dict():
            return {key: _filled(value) for key, value in node.items()}
        case list():
            return [_filled(each) for each in node]
        case _:
            return node
