"""Sends GraphQL over HTTP like clients do, and checks the responses."""

import httpx

JSON = "application/json"
RESPONSE_JSON = "application/graphql-response+json"
QUERY = "{ contactStats { total } }"
ANSWER = {"data": {"contactStats": {"total": 0}}, "extensions": {"cost": {"fieldCost": 1.0, "typeCost": 2.0}}}


async def post(client: httpx.AsyncClient, content: bytes | str, **headers: str) -> httpx.Response:
    """The response to this body, which is sent as JSON unless the headers say otherwise."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post("/graphql", content=content, headers={"content-type": JSON, **named})


def message(response: httpx.Response) -> str:
    """The message of the only error."""
    (error,) = response.json()["errors"]
    found: str = error["message"]
    return found
