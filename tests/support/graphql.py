"""A GraphQL client of the application."""

from typing import Any

import httpx


class GraphQL:
    """Sends operations and returns the data of the response. An error in it fails the test."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    # Data has the structure of the operation, which each test knows.
    async def __call__(self, operation: str, **variables: Any) -> Any:
        body = await self.raw(operation, **variables)
        assert "errors" not in body, body["errors"]
        return body["data"]

    async def raw(self, operation: str, **variables: Any) -> Any:
        """The complete response."""
        response = await self._client.post("/graphql", json={"query": operation, "variables": variables})
        return response.json()

    async def error(self, operation: str, **variables: Any) -> str:
        """The message of the only error."""
        (error,) = (await self.raw(operation, **variables))["errors"]
        message: str = error["message"]
        return message
