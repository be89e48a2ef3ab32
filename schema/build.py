"""The GraphQL schema. `python -m schema.build` prints it anew into `schema/schema.graphql`."""

from pathlib import Path

import strawberry

from schema.contact import Contact
from schema.documents import CONFIG
from schema.group import DistributionGroup
from schema.imports import ContactImport
from schema.mutation import Mutation
from schema.problems import HANDLERS
from schema.query import Query
from schema.subscription import Subscription

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
