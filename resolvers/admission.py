"""Who may call at all: everyone who has signed in and has one of our roles."""

from resolvers import audit_log
from resolvers.caller import Identity, Role
from resolvers.errors import Forbidden
from storage.changes import Author, Channel
from storage.driver import Database


async def admit(db: Database, identity: Identity, channel: Channel, address: str, request_id: str) -> None:
    """Refuse an identity without a role, and record that. Raises `Forbidden`."""
    if identity.role is not None:
        return
    roles = ", ".join(role.claim for role in Role)
    problem = Forbidden(
        f"{identity.name} is signed in, but has none of the roles {roles}. Ask an administrator to assign one, then "
        "sign in again.",
        "SIGN_IN",
    )
    author = Author(identity.name, channel, identity.id)
    await audit_log.record_refusal(db, author, problem, address, request_id)
    raise problem
