"""Persisted documents: requests name a document by its ID instead of sending it.

Two kinds of documents have IDs. Trusted ones are known from the start (see `runtime.trusted`). Others are automatic
persisted queries: a client sends a document with its SHA-256 hash once, and from then on only the hash, as defined by
Apollo. Each process keeps those of its own clients.
"""

from collections import OrderedDict
from hashlib import sha256

from graphql import GraphQLError

from runtime import trusted
from settings import Settings

# Total characters of the documents that clients register, and of one of them.
_CAPACITY = 1_000_000
_MAX_LENGTH = 20_000
_PREFIX = "sha256:"


class Persisted:
    """The documents that requests can name by ID."""

    def __init__(self, settings: Settings) -> None:
        given = trusted.read(settings.trusted_documents) if settings.trusted_documents else {}
        self._trusted = {**{_hash(text): text for text in given.values()}, **given}
        self._texts = frozenset(given.values())
        self._only_trusted = settings.only_trusted_documents
        takes_others = settings.persisted_queries == "on" and not self._only_trusted
        self._registered = Registered(_CAPACITY) if takes_others else None

    def text(self, query: str | None, identifier: str | None) -> str:
        """The text of a document that is sent with or without its ID, or named by it. Raises `GraphQLError`."""
        if query is None:
            return self._named(identifier or "")
        digest = _digest(identifier)
        if digest and digest != _hash(query):
            message = "The provided hash is not the SHA-256 hash of the query: provided sha does not match query."
            raise _refused(message, "PERSISTED_QUERY_HASH_MISMATCH")
        if self._only_trusted and query not in self._texts:
            message = "Only trusted documents are executed. Add this one to CONTACTS_TRUSTED_DOCUMENTS."
            raise _refused(message, "QUERY_NOT_IN_SAFELIST")
        return query

    def register(self, query: str, identifier: str | None) -> None:
        """Keep a valid document whose hash a client sent with it."""
        if self._registered and _digest(identifier):
            self._registered.add(_hash(query), query)

    def _named(self, identifier: str) -> str:
        name = identifier.removeprefix(_PREFIX)
        found = self._trusted.get(identifier) or self._trusted.get(name)
        if found is None and self._registered:
            found = self._registered.get(name)
        if found is not None:
            return found
        # Apollo Client understands these codes and messages, and then sends the document.
        if self._registered is None and _digest(identifier) and not self._only_trusted:
            raise _refused("PersistedQueryNotSupported", "PERSISTED_QUERY_NOT_SUPPORTED")
        raise _refused("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")


class Registered:
    """Documents by their hashes: the ones used last, up to a total length."""

    def __init__(self, capacity: int) -> None:
        self._documents: OrderedDict[str, str] = OrderedDict()
        self._room = capacity

    def get(self, digest: str) -> str | None:
        """The document with this hash."""
        found = self._documents.get(digest)
        if found is not None:
            self._documents.move_to_end(digest)
        return found

    def add(self, digest: str, query: str) -> None:
        """Keep a document, unless it is too long."""
        if digest in self._documents or len(query) > _MAX_LENGTH:
            return
        self._documents[digest] = query
        self._room -= len(query)
        while self._room < 0:
            _, removed = self._documents.popitem(last=False)
            self._room += len(removed)


def _hash(query: str) -> str:
    return sha256(query.encode(errors="surrogatepass")).hexdigest()


def _digest(identifier: str | None) -> str | None:
    """The SHA-256 hash in an ID, None if it is another kind of ID."""
    return identifier.removeprefix(_PREFIX) if identifier and identifier.startswith(_PREFIX) else None


def _refused(message: str, code: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": code})
