"""Who goes first: what people look at, or long work."""

import asyncio

import httpx
import pytest

from storage import short_reads, turns

PAGE = "{ contacts { nodes { id } totalCount } }"


async def _pass(turns_of_the_loop: int) -> None:
    for _ in range(turns_of_the_loop):
        await asyncio.sleep(0)


async def test_long_work_waits_for_a_query_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on when the query is done, and now and then while one is always there."""
    monkeypatch.setattr(turns, "_PAUSE_SECONDS", 0)
    steps = 0

    async def work() -> None:
        nonlocal steps
        while True:
            await turns.give_way()
            steps += 1

    working = asyncio.create_task(work())
    with turns.first():
        await _pass(15)
        assert steps == 0
        await _pass(30)
        assert steps in (1, 2)
    await _pass(30)
    assert steps > 20
    working.cancel()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("POST", "/graphql", {"query": PAGE}), ("GET", "/api/identity/contacts", None)],
    ids=["GraphQL", "REST"],
)
async def test_queries_go_first(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, method: str, path: str, body: object
) -> None:
    """All that is read for a query is read before long work goes on."""
    find, in_the_way = short_reads.find, []

    async def found(*arguments: object, **options: object) -> object:
        work = asyncio.create_task(turns.give_way())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        in_the_way.append(work.done())
        work.cancel()
        return await find(*arguments, **options)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(short_reads, "find", found)
    assert (await client.request(method, path, json=body)).status_code == 200
    assert len(in_the_way) >= 2
    assert not any(in_the_way)
