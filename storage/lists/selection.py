"""Which contacts a list contains: filters and a search, as a MongoDB query."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from storage.documents import GALS, SOURCES, Document, Gal, Source
from storage.fields import FACETS, python_name
from storage.keys import domain_key, facet, search_terms, updated_key

# Greater than every character in a word.
_LAST = "\U0010ffff"
# The facets, each with the attribute of a selection that filters by it.
_FACETS = tuple((field.part, python_name(field.part)) for field in FACETS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The contacts that match all given filters. None, or a blank search, does not filter.

    `company`, `department`, `job_title` and `country` ignore case and accents. `email_domain` matches any of a
    contact's addresses.
    """

    source: Source | None = None
    gal: Gal | None = None
    company: str | None = None
    department: str | None = None
    job_title: str | None = None
    country: str | None = None
    email_domain: str | None = None
    group_id: str | None = None
    manager_id: str | None = None
    updated_since: datetime | None = None
    ids: Sequence[str] | None = None
    search: str | None = None

    @property
    def sources(self) -> Sequence[Source]:
        """The sources to include."""
        return SOURCES if self.source is None else (self.source,)

    @property
    def gals(self) -> Sequence[Gal]:
        """The GAL visibilities to include."""
        return GALS if self.gal is None else (self.gal,)

    @property
    def facets(self) -> list[str]:
        """The facets (see `storage.keys`) that a contact must have."""
        found = [facet(part, value) for part, name in _FACETS if (value := getattr(self, name)) is not None]
        if self.email_domain is not None:
            found.append(facet("domain", domain_key(self.email_domain.strip().removeprefix("@"))))
        return found

    @property
    def terms(self) -> list[str]:
        """The search terms, each of which must be the beginning of one of a contact's words."""
        return search_terms(self.search) if self.search else []

    @property
    def is_counted(self) -> bool:
        """Whether the statistics contain the number of these contacts."""
        return len(self.query()) == 2

    def matches(self, contact: Document) -> bool:
        """Whether `query` would find this contact. The contact must be complete, including its keys."""
        keys = contact["keys"]
        return (
            contact["source"] in self.sources
            and contact["gal"] in self.gals
            and set(self.facets) <= set(keys.get("facets", ()))
            and (self.group_id is None or self.group_id in contact.get("groupIds", ()))
            and (self.manager_id is None or self.manager_id == contact.get("managerId"))
            and (self.updated_since is None or keys["updated"] >= updated_key(self.updated_since))
            and (self.ids is None or contact["_id"] in self.ids)
            and all(any(word.startswith(term) for word in keys.get("words", ())) for term in self.terms)
        )

    def query(self, lead: str | None = None) -> Document:
        """The MongoDB filter.

        It contains source and GAL, because every list index starts with them. With `lead`, the indexed prefix of a
        term, it contains that instead, because the search index starts with it.
        """
        query: Document = {}
        if lead is None or self.source:
            query["source"] = _any(self.sources)
        if lead is None or self.gal:
            query["gal"] = _any(self.gals)
        if facets := self.facets:
            query["keys.facets"] = facets[0] if len(facets) == 1 else {"$all": facets}
        if self.group_id is not None:
            query["groupIds"] = self.group_id
        if self.manager_id is not None:
            query["managerId"] = self.manager_id
        if self.updated_since is not None:
            query["keys.updated"] = {"$gte": updated_key(self.updated_since)}
        if self.ids is not None:
            query["_id"] = {"$in": list(self.ids)}
        if lead is not None:
            query["keys.prefixes"] = lead
        if terms := [begins(term) for term in self.terms if term != lead]:
            query["$and"] = terms
        return query


def begins(term: str) -> Document:
    """The MongoDB filter for a word that begins with this term."""
    return {"keys.words": {"$elemMatch": {"$gte": term, "$lt": term + _LAST}}}


def _any(values: Sequence[str]) -> str | Document:
    return values[0] if len(values) == 1 else {"$in": list(values)}
