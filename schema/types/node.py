"""What has an identifier, and the enums of the domain."""

from enum import Enum

import strawberry


@strawberry.enum(description="Where a contact is mastered.")
class ContactSource(Enum):
    SYNCED = strawberry.enum_value(
        "SYNCED", description="Synchronised from on-premises Active Directory: read-only here, edited there."
    )
    CLOUD = strawberry.enum_value("CLOUD", description="Lives in the cloud only: edited here, with immediate effect.")


@strawberry.enum(description="Whether the Global Address List (GAL) shows a contact.")
class GalVisibility(Enum):
    VISIBLE = strawberry.enum_value("VISIBLE", description="Shown in the Global Address List.")
    HIDDEN = strawberry.enum_value("HIDDEN", description="Left out of the Global Address List.")


@strawberry.interface(description="Anything with an identifier, found again by `node(id:)` (Relay).")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque, never changes, unique in the whole directory.")
