"""Fairness: interactive requests and long work."""

import asyncio
import time

import httpx
import pytest
from uvicorn import Config

from runtime import fairness
from storage.lists import find_command

PAGE = "{ contacts { nodes { id } totalCount } }"


class Clock:
    """A clock that stands still until it is set."""

    now = 1_000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of long work, which has just had to give way."""
    clock = Clock()
    monkeypatch.setattr(fairness, "monotonic", clock)
    monkeypatch.setattr(fairness._turns, "since", clock.now)
    return clock


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long work gives way whenever it can."""
    monkeypatch.setattr(fairness, "_TURN_SECONDS", 0)


async def _pass(turns_of_the_loop: int) -> None:
    for _ in range(turns_of_the_loop):
        await asyncio.sleep(0)


async def test_a_turn_lasts_half_a_millisecond(clock: Clock) -> None:
    """Long work asks for every row, and gives way only when its turn is over: then others run, before its next turn."""
    others: list[float] = []

    async def look() -> None:
        while True:
            others.append(clock.now)
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    for _ in range(12):
        clock.now += 0.0002
        await fairness.give_way()
    looking.cancel()
    assert others == pytest.approx([1_000 + turn * 0.0006 for turn in range(1, 5)])


async def test_a_turn_that_is_not_over_ignores_queries(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A query does not make long work pause more often than it gives way."""
    monkeypatch.setattr(fairness, "_LONGEST_PAUSE_SECONDS", 60)
    with fairness.first:
        await fairness.give_way()
        clock.now += 1
        waits = asyncio.create_task(fairness.give_way())
        await _pass(100)
        assert not waits.done()
    await waits


@pytest.mark.usefixtures("always")
async def test_long_work_waits_for_a_query_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long work continues when the query is done, or after a while."""
    monkeypatch.setattr(fairness, "_LONGEST_PAUSE_SECONDS", 60)
    with fairness.first:
        waits = asyncio.create_task(fairness.give_way())
        await _pass(100)
        assert not waits.done()
    await _pass(2)
    assert waits.done()
    monkeypatch.setattr(fairness, "_LONGEST_PAUSE_SECONDS", 0)
    with fairness.first:
        await fairness.give_way()


@pytest.mark.usefixtures("always")
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
@pytest.mark.usefixtures("always")
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
