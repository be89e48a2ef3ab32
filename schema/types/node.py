"""The `Node` interface, and the enums of the domain."""

from enum import Enum

import strawberry


@strawberry.enum(description="Where a contact or group is managed.")
class ContactSource(Enum):
    SYNCED = strawberry.enum_value(
        "SYNCED", description="Synced from on-premises Active Directory. Read-only here; edit it there."
    )
    CLOUD = strawberry.enum_value("CLOUD", description="Cloud-only. Edit it here; changes take effect immediately.")


@strawberry.enum(description="Whether the Global Address List (GAL) shows a contact.")
class GalVisibility(Enum):
    VISIBLE = strawberry.enum_value("VISIBLE", description="Shown in the Global Address List.")
    HIDDEN = strawberry.enum_value("HIDDEN", description="Hidden from the Global Address List.")


@strawberry.interface(description="An object with an ID, which `node(id:)` returns (Relay).")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque ID. Never changes, and is unique in the whole directory.")
