"""The caller and their permissions."""

from datetime import UTC, datetime
from enum import Enum

import strawberry

from resolvers import caller
from resolvers.caller import Identity


@strawberry.enum(description="What a user may do. Each role includes the previous ones.")
class Role(Enum):
    READER = strawberry.enum_value("READER", description="Can read everything but the audit log, and export contacts.")
    EDITOR = strawberry.enum_value("EDITOR", description="Can also change contacts and groups, and import.")
    ADMIN = strawberry.enum_value(
        "ADMIN", description="Can also start syncs, make synced contacts cloud-only, and read the audit log."
    )


@strawberry.enum(description="Who signs in.")
class ViewerKind(Enum):
    USER = strawberry.enum_value("USER", description="A person.")
    APP = strawberry.enum_value("APP", description="A program, with credentials of its own.")


@strawberry.type(description="The current user or app.")
class Viewer:
    id: strawberry.ID = strawberry.field(
        description="ID at the identity provider, which never changes. The audit log refers to it."
    )
    name: str = strawberry.field(description="Name that changes are recorded under.")
    kind: ViewerKind = strawberry.field(description="Whether this is a person or a program.")
    role: Role = strawberry.field(description="Role of the user. Without sign-in, everyone is an `ADMIN`.")
    can_edit: bool = strawberry.field(description="Whether you may change contacts and groups, and import.")
    can_administer: bool = strawberry.field(
        description="Whether you may start syncs, make contacts cloud-only, and read the audit log."
    )
    expires_at: datetime | None = strawberry.field(
        description="When the sign-in ends and a new token is required. Null without sign-in."
    )


def viewer(identity: Identity, role: caller.Role) -> Viewer:
    """The viewer with this identity and role."""
    ends = identity.expires_at
    return Viewer(
        id=strawberry.ID(identity.id),
        name=identity.name,
        kind=ViewerKind[identity.kind],
        role=Role[role.name],
        can_edit=role >= caller.Role.EDITOR,
        can_administer=role >= caller.Role.ADMIN,
        expires_at=None if ends is None else datetime.fromtimestamp(ends, UTC),
    )
