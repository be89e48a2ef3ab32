"""The limit of the driver: handlers that only read and format, without a framework or GraphQL.

The paths are /list, /contact, /stats and /rest. BENCH_DRIVER selects the client.
"""

import base64
import os

import orjson
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient

CLIENT = AsyncIOMotorClient if os.environ["BENCH_DRIVER"] == "motor" else AsyncMongoClient
PLAIN = ["displayName", "emailAddress", "company", "jobTitle", "department", "businessPhone", "mobilePhone"]
FIELDS = [*PLAIN, "source", "gal"]
PROJECTION = dict.fromkeys([*FIELDS, "address.city", "address.country", "keys.name"], 1)
GALS = {"$in": ["VISIBLE", "HIDDEN"]}
_db = None


def database():
    global _db
    if _db is None:
        _db = CLIENT(os.environ["BENCH_URI"])[os.environ["BENCH_DATABASE"]]
    return _db


def shown(contact):
    get = contact.get
    address = get("address")
    city_and_country = address and {"city": address.get("city"), "country": address.get("country")}
    return {"id": contact["_id"], **{name: get(name) for name in FIELDS}, "address": city_and_country}


def cursor(contact):
    return base64.urlsafe_b64encode(contact["keys"]["name"].encode()).decode()


async def page(source, size):
    cursor = database().contacts.find(
        {"source": source, "gal": GALS}, PROJECTION, sort=[("keys.name", 1)], limit=size + 1, batch_size=size + 2
    )
    found = await cursor.to_list(None)
    return found[:size], len(found) > size


async def listed(body):
    variables = orjson.loads(body)["variables"]
    found, more = await page(variables["source"], variables["first"])
    edges = [{"cursor": cursor(each), "node": shown(each)} for each in found]
    info = {"hasNextPage": more, "endCursor": edges[-1]["cursor"] if edges else None}
    return {"data": {"contacts": {"edges": edges, "pageInfo": info}}}


async def one(body):
    contact = await database().contacts.find_one({"_id": orjson.loads(body)["variables"]["id"]}, PROJECTION)
    return {"data": {"contact": contact and shown(contact)}}


async def stats(body):
    slots = await database().statistics.find({}, batch_size=20).to_list(None)
    kinds = [(source, gal) for source in ("CLOUD", "SYNCED") for gal in ("VISIBLE", "HIDDEN")]
    counts = {kind: sum(slot.get("_".join(kind), 0) for slot in slots) for kind in kinds}
    synced = sum(count for (source, _), count in counts.items() if source == "SYNCED")
    hidden = sum(count for (_, gal), count in counts.items() if gal == "HIDDEN")
    total = sum(counts.values())
    figures = {"total": total, "synced": synced, "cloudOnly": total - synced, "hiddenFromGal": hidden}
    return {"data": {"contactStats": figures}}


async def rest(body):
    """A page like that of the REST list: all fields of the contacts, and the total."""
    contacts = database().contacts
    found = await contacts.find(
        {"source": "CLOUD", "gal": GALS},
        {"keys.words": 0, "keys.facets": 0},
        sort=[("keys.name", 1)],
        limit=51,
        batch_size=52,
    ).to_list(None)
    total = (await stats(b""))["data"]["contactStats"]["cloudOnly"]
    rows = [{"id": each.pop("_id"), **{name: each[name] for name in each if name != "keys"}} for each in found[:50]]
    return {"contacts": rows, "totalCount": total, "nextCursor": cursor(found[49]) if len(found) > 50 else None}


HANDLERS = {"/list": listed, "/contact": one, "/stats": stats, "/rest": rest}


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    answer = orjson.dumps(await HANDLERS[scope["path"]](body))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
