"""Recorded changes of contacts."""

from datetime import datetime
from enum import Enum

import strawberry
from strawberry.scalars import JSON

from schema.reads import reads
from storage.documents import Document


@strawberry.enum(description="What happened to a contact.")
class ContactChangeAction(Enum):
    CREATED = strawberry.enum_value("CREATED", description="It was created, imported or first synchronised.")
    UPDATED = strawberry.enum_value("UPDATED", description="Some of its fields were changed.")
    DELETED = strawberry.enum_value("DELETED", description="It was moved to the recycle bin.")
    RESTORED = strawberry.enum_value("RESTORED", description="It was brought back from the recycle bin.")
    HANDED_OVER = strawberry.enum_value(
        "HANDED_OVER", description="It was synced from Active Directory, and made a cloud-only contact."
    )


@strawberry.type(description="A field's value before and after a change.")
class FieldChange:
    field: str = strawberry.field(
        description="Name of the field, as in `Contact`; the manager is `managerId`, and told by its id."
    )
    before: JSON | None = strawberry.field(description="The old value; null if there was none.")
    after: JSON | None = strawberry.field(description="The new value; null if it was cleared.")


def field_changes(root: Document) -> list[FieldChange]:
    """The fields in a document's `before` and `after`, by name."""
    names = sorted({*root["before"], *root["after"]})
    return [FieldChange(field=name, before=root["before"].get(name), after=root["after"].get(name)) for name in names]


@strawberry.type(description="A recorded change of a contact.")
class ContactChange:
    id: strawberry.ID = strawberry.field(description="Identifier of the change; later changes have greater ones.")
    action: ContactChangeAction = strawberry.field(description="What happened.")
    at: datetime = strawberry.field(description="When.")
    by: str = strawberry.field(description="Who did it.")
    through: str = strawberry.field(description="Through what: `graphql`, `rest`, `cli`, `import` or `sync`.")
    version: int = strawberry.field(description="The contact's version after the change.")
    changes: list[FieldChange] = strawberry.field(
        resolver=field_changes, metadata=reads("before", "after"), description="The fields that changed, by name."
    )
