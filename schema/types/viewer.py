"""Who is asking, and what they may do."""

from enum import Enum

import strawberry


@strawberry.enum(description="What a caller may do; each may do what those before it may.")
class Role(Enum):
    READER = strawberry.enum_value("READER", description="May read everything.")
    EDITOR = strawberry.enum_value("EDITOR", description="May also change contacts and groups, and import.")
    ADMIN = strawberry.enum_value("ADMIN", description="May also start syncs and take over synced contacts.")


@strawberry.type(description="Who is asking.")
class Viewer:
    name: str = strawberry.field(description="The name that changes are recorded under.")
    role: Role = strawberry.field(description="What they may do. Without sign-in, everyone may do everything.")
