"""Strawberry as in its documentation: a class for each type, an instance for each object."""

import base64
import os

import strawberry
from motor.motor_asyncio import AsyncIOMotorClient
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache

database = AsyncIOMotorClient(os.environ["BENCH_URI"])[os.environ["BENCH_DATABASE"]]


@strawberry.type
class Address:
    city: str | None
    country: str | None


@strawberry.type
class Contact:
    id: strawberry.ID
    display_name: str
    email_address: str
    company: str | None
    job_title: str | None
    department: str | None
    business_phone: str | None
    mobile_phone: str | None
    source: str
    gal: str
    address: Address | None


@strawberry.type
class Edge:
    cursor: str
    node: Contact


@strawberry.type
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class Contacts:
    edges: list[Edge]
    page_info: PageInfo


@strawberry.input
class ContactFilter:
    source: str


def edge(document):
    address = document.get("address")
    node = Contact(
        id=document["_id"],
        display_name=document["displayName"],
        email_address=document["emailAddress"],
        company=document.get("company"),
        job_title=document.get("jobTitle"),
        department=document.get("department"),
        business_phone=document.get("businessPhone"),
        mobile_phone=document.get("mobilePhone"),
        source=document["source"],
        gal=document["gal"],
        address=address and Address(city=address.get("city"), country=address.get("country")),
    )
    return Edge(cursor=base64.urlsafe_b64encode(document["keys"]["name"].encode()).decode(), node=node)


@strawberry.type
class Query:
    @strawberry.field
    async def contacts(self, first: int, filter: ContactFilter) -> Contacts:
        query = {"source": filter.source, "gal": {"$in": ["VISIBLE", "HIDDEN"]}}
        found = await database.contacts.find(query).sort("keys.name", 1).limit(first + 1).to_list(None)
        edges = [edge(document) for document in found[:first]]
        info = PageInfo(has_next_page=len(found) > first, end_cursor=edges[-1].cursor if edges else None)
        return Contacts(edges=edges, page_info=info)


schema = strawberry.Schema(Query, extensions=[ParserCache(100), ValidationCache(100)])
app = Starlette(routes=[Route("/", GraphQL(schema))])
