"""What one request carries: the directory as its caller has it, and loaders that gather look-ups into one query."""

from collections.abc import Sequence
from functools import cached_property

import strawberry
from strawberry.dataloader import DataLoader

from resolvers import contacts, groups, mastery
from resolvers.caller import Caller
from resolvers.events import Feed
from resolvers.imports.runner import Runner
from storage.documents import Document


class Context:
    """The context of one GraphQL request. `feed` is where its subscription listens, `imports` runs its imports."""

    def __init__(
        self,
        caller: Caller,
        request_id: str,
        feed: Feed,
        imports: Runner | None = None,
        *,
        fast_path: bool = True,
    ) -> None:
        self.caller = caller
        self.request_id = request_id
        self.feed = feed
        self.imports = imports or Runner(caller)
        self.fast_path = fast_path

    def forget(self) -> None:
        """Load everything anew from now on, as for another event of a subscription."""
        for name in ("contacts", "groups", "sync_states"):
            self.__dict__.pop(name, None)

    @cached_property
    def contacts(self) -> "DataLoader[str, Document | None]":
        """Contacts by id, all that are asked for at once in one query."""

        async def load(ids: Sequence[str]) -> list[Document | None]:
            found = await contacts.get_contacts(self.caller, ids)
            return [found.get(each) for each in ids]

        return DataLoader(load)

    @cached_property
    def groups(self) -> "DataLoader[str, Document | None]":
        """Groups by id, all that are asked for at once in one query."""

        async def load(ids: Sequence[str]) -> list[Document | None]:
            found = await groups.get_groups(self.caller, ids)
            return [found.get(each) for each in ids]

        return DataLoader(load)

    @cached_property
    def sync_states(self) -> "DataLoader[str, Document]":
        """The synchronisation's state by domain."""

        async def load(domains: Sequence[str]) -> list[Document]:
            states = await mastery.read(self.caller)
            return [states.get(each, {}) for each in domains]

        return DataLoader(load)


Info = strawberry.Info[Context, None]
