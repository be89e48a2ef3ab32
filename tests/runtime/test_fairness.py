"""Fairness: interactive requests and long work."""

import asyncio
import time

import httpx
import pytest
from uvicorn import Config

from runtime import fairness
from storage.lists import find_command

PAGE = "{ contacts { nodes { id } totalCount } }"


async def _pass(turns_of_the_loop: int) -> None:
    for _ in range(turns_of_the_loop):
        await asyncio.sleep(0)


async def test_long_work_waits_for_a_query_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long work continues when the query is done, or after a while; in a transaction it does not wait."""
    monkeypatch.setattr(fairness, "_LONGEST_PAUSE_SECONDS", 60)
    with fairness.first:
        waits = asyncio.create_task(fairness.give_way())
        hurries = asyncio.create_task(fairness.give_way(patient=False))
        await _pass(100)
        assert (waits.done(), hurries.done()) == (False, True)
    await _pass(2)
    assert waits.done()
    monkeypatch.setattr(fairness, "_LONGEST_PAUSE_SECONDS", 0)
    with fairness.first:
        await fairness.give_way()


def test_pauses_take_their_time() -> None:
    """The same on the service's own event loop, which rounds times."""

    async def pause() -> float:
        started = time.monotonic()
        with fairness.first:
            await fairness.give_way()
        return time.monotonic() - started

    with asyncio.Runner(loop_factory=Config("").get_loop_factory()) as runner:
        assert runner.run(pause()) > 0.002


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("POST", "/graphql", {"query": PAGE}), ("GET", "/api/identity/contacts", None)],
    ids=["GraphQL", "REST"],
)
async def test_queries_go_first(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, method: str, path: str, body: object
) -> None:
    """Everything for a query is read before long work continues."""
    find, in_the_way = find_command.find, []

    async def found(*arguments: object, **options: object) -> object:
        work = asyncio.create_task(fairness.give_way())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        in_the_way.append(work.done())
        work.cancel()
        return await find(*arguments, **options)  # type: ignore[arg-type]  # in the order of arrival

    monkeypatch.setattr(find_command, "find", found)
    assert (await client.request(method, path, json=body)).status_code == 200
    assert len(in_the_way) >= 2
    assert not any(in_the_way)
