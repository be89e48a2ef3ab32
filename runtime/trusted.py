"""Trusted documents: GraphQL documents that frontends were built with, as the tools write them.

Relay's `persisted_queries.json` and the `persisted-documents.json` of GraphQL Code Generator's client preset are both
JSON objects of documents by ID.
"""

import json
from pathlib import Path


def read(path: Path) -> dict[str, str]:
    """The documents by ID in a file, or in all JSON files of a folder. Raises `ValueError`."""
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise ValueError(f"{path} contains no JSON files. Put the files of trusted documents there")
    documents: dict[str, str] = {}
    for each in files:
        for identifier, text in _documents(each).items():
            if documents.setdefault(identifier, text) != text:
                raise ValueError(f"{each} has another document with the ID {identifier} than the files before")
    return documents


def _documents(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"{path} is not JSON in UTF-8: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise ValueError(f"{path} must contain a JSON object of documents by ID")
    return found
