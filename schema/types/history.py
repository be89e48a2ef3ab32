"""Recorded changes of contacts."""

from datetime import datetime
from enum import Enum

import strawberry
from strawberry.scalars import JSON

from schema.reads import reads
from schema.types.cost import at_most, weighs
from storage.documents import Document

# More than a contact has fields that can change.
MOST_CHANGES = 40


@strawberry.enum(description="What happened to a contact.")
class ContactChangeAction(Enum):
    CREATED = strawberry.enum_value("CREATED", description="The contact was created, imported or first synced.")
    UPDATED = strawberry.enum_value("UPDATED", description="Fields of the contact were changed.")
    DELETED = strawberry.enum_value("DELETED", description="The contact was moved to the recycle bin.")
    RESTORED = strawberry.enum_value("RESTORED", description="The contact was restored from the recycle bin.")
    HANDED_OVER = strawberry.enum_value("HANDED_OVER", description="The synced contact was made cloud-only.")


@strawberry.type(directives=weighs(0.1), description="A field's value before and after a change.")
class FieldChange:
    field: str = strawberry.field(
        description="Name of the field, as in `Contact`. For the manager, `managerId` with the manager's ID."
    )
    before: JSON | None = strawberry.field(description="The old value, null if there was none.")
    after: JSON | None = strawberry.field(description="The new value, null if the field was cleared.")


def field_changes(root: Document) -> list[FieldChange]:
    """The fields in a document's `before` and `after`, sorted by name."""
    names = sorted({*root["before"], *root["after"]})
    return [FieldChange(field=name, before=root["before"].get(name), after=root["after"].get(name)) for name in names]


@strawberry.type(description="A recorded change of a contact.")
class ContactChange:
    id: strawberry.ID = strawberry.field(description="ID of the change. Later changes have greater IDs.")
    action: ContactChangeAction = strawberry.field(description="What happened.")
    at: datetime = strawberry.field(description="When it happened.")
    by: str = strawberry.field(description="Who made the change.")
    through: str = strawberry.field(description="The channel: `graphql`, `rest`, `cli`, `import` or `sync`.")
    version: int = strawberry.field(description="The contact's version after the change.")
    changes: list[FieldChange] = strawberry.field(
        resolver=field_changes,
        metadata=reads("before", "after"),
        directives=at_most(MOST_CHANGES),
        description="Fields that changed, by name.",
    )
