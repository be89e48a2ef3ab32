"""The caller and their permissions."""

from enum import Enum

import strawberry


@strawberry.enum(description="What a user may do. Each role includes the previous ones.")
class Role(Enum):
    READER = strawberry.enum_value("READER", description="Can read everything.")
    EDITOR = strawberry.enum_value("EDITOR", description="Can also change contacts and groups, and import.")
    ADMIN = strawberry.enum_value("ADMIN", description="Can also start syncs and make synced contacts cloud-only.")


@strawberry.type(description="The current user.")
class Viewer:
    name: str = strawberry.field(description="Name that changes are recorded under.")
    role: Role = strawberry.field(description="Role of the user. As long as there is no sign-in, everyone is an ADMIN.")
