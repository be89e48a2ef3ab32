"""The GraphQL schema. `python -m schema.build` writes it to `schema/schema.graphql`."""

from pathlib import Path

import strawberry

from schema.documents import CONFIG
from schema.mutation import Mutation
from schema.query import Query
from schema.subscription import Subscription
from schema.types.contact import Contact
from schema.types.contact_import import ContactImport
from schema.types.group import DistributionGroup
from schema.types.problems import HANDLERS

SDL = Path(__file__).with_name("schema.graphql")

schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[Contact, DistributionGroup, ContactImport],
    config=CONFIG,
    exception_handlers=HANDLERS,
)

if __name__ == "__main__":
    SDL.write_text(schema.as_str() + "\n", encoding="utf-8")
