"""Rate limits: budgets that refill, and that several processes share."""

import asyncio

import pytest

from resolvers.errors import RateLimited
from resolvers.rate_limits import IDLE_SECONDS, RateLimit, network_of, per_minute
from storage.driver import Database, connect
from storage.requests import budgets
from storage.requests.budgets import Budget
from tests.support.environment import DRIVER

# Refills so slowly that a test never notices.
SLOW = Budget(1_000, 1e-6)


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


async def spent(limit: RateLimit, units: float, caller: str = "ana") -> float:
    """How much the caller can spend, in steps of this many units."""
    total = 0.0
    while True:
        try:
            await limit.spend(caller, units)
        except RateLimited:
            return total
        total += units


async def time_passes(db: Database, clock: Clock, seconds: float) -> None:
    """Let time pass, here and for the budgets in the database."""
    clock.seconds += seconds
    await db.budgets.update_many({}, [{"$set": {"at": {"$subtract": ["$at", round(seconds * 1000)]}}}])


async def test_exactly_the_budget_can_be_spent(db: Database) -> None:
    """One process can spend all of it, and not more, in small and large steps."""
    limit = RateLimit(db, "test", SLOW)
    assert await spent(limit, 7) == 994
    assert await spent(limit, 1) == 6
    assert int(limit.left("ana")) == 0


async def test_callers_do_not_share(db: Database) -> None:
    """Each caller has a budget, and so has each limit."""
    limit = RateLimit(db, "test", SLOW)
    assert await spent(limit, 100) == 1_000
    assert await spent(limit, 100, "ben") == 1_000
    assert await spent(RateLimit(db, "other", SLOW), 100) == 1_000


@pytest.mark.parametrize("processes", [2, 5])
async def test_processes_share_a_budget(db: Database, mongodb_uri: str, database_name: str, processes: int) -> None:
    """Several processes never spend more than the budget. What some keep from others is given back soon."""
    clients = [connect(mongodb_uri, database_name, DRIVER) for _ in range(processes)]
    clock = Clock()
    limits = [RateLimit(each, "test", SLOW, clock) for each in clients]
    total = 0.0
    try:
        for _ in range(3):
            total += sum(await asyncio.gather(*(spent(each, 3) for each in limits for _ in range(4))))
            for each in limits:
                await each.give_back(0)
            clock.seconds += 1
    finally:
        for client in clients:
            await client.close()
    assert 1_000 - 3 * processes <= total <= 1_000


async def test_what_a_process_keeps_from_others(db: Database) -> None:
    """A process holds a fifth of what is left, until its caller was idle for a while."""
    clock = Clock()
    first, second = RateLimit(db, "test", SLOW, clock), RateLimit(db, "test", SLOW, clock)
    await first.spend("ana", 10)
    await first.give_back(IDLE_SECONDS)
    assert await spent(second, 10) == 800
    clock.seconds += IDLE_SECONDS
    await first.give_back(IDLE_SECONDS)
    assert await spent(RateLimit(db, "test", SLOW, clock), 10) == 190
    with pytest.raises(RateLimited):
        await first.spend("ana", 10)


async def test_most_requests_cost_no_query(db: Database) -> None:
    """A process takes a portion at a time, and does not ask again when there cannot be enough."""
    limit = RateLimit(db, "test", SLOW)
    for _ in range(200):
        await limit.spend("ana", 1)
    stored = await db.budgets.find_one({})
    assert stored is not None
    assert stored["left"] == 800
    await spent(limit, 10)
    await db.budgets.delete_many({})
    for _ in range(3):
        with pytest.raises(RateLimited):
            await limit.spend("ana", 10)
    assert await db.budgets.find_one({}) is None


async def test_a_service_that_stops_gives_back(db: Database) -> None:
    """What a process holds is not lost when it stops."""
    async with per_minute(db, "test", 60, 1_000) as limit:
        assert limit is not None
        await limit.spend("ana", 10)
    stored = await db.budgets.find_one({})
    assert stored is not None
    assert stored["left"] == 990


async def test_a_budget_refills(db: Database) -> None:
    """It comes back steadily, up to its capacity. The refusal says when there is enough."""
    clock = Clock()
    limit = RateLimit(db, "test", Budget(1_000, 10), clock)
    await limit.spend("ana", 1_000)
    with pytest.raises(RateLimited) as refused:
        await limit.spend("ana", 100)
    assert 9 <= refused.value.retry_after_seconds <= 10
    with pytest.raises(RateLimited):
        limit.check("ana")
    await time_passes(db, clock, 10)
    limit.check("ana")
    await limit.spend("ana", 100)
    await time_passes(db, clock, 3600)
    assert limit.left("ana") == 1_000
    assert await spent(limit, 500) == 1_000


async def test_more_than_the_capacity_is_paid_back(db: Database) -> None:
    """A request that costs more than the whole budget runs when it is full, and the next one waits for longer."""
    clock = Clock()
    limit = RateLimit(db, "test", Budget(100, 10), clock)
    await limit.spend("ana", 300)
    with pytest.raises(RateLimited) as refused:
        await limit.spend("ana", 50)
    assert 24 <= refused.value.retry_after_seconds <= 25
    await time_passes(db, clock, 25)
    await limit.spend("ana", 50)


@pytest.mark.slow  # the client looks for a server for ten seconds
async def test_an_outage_limits_nobody() -> None:
    """While the database cannot be reached, requests fail for that reason, and not because of a limit."""
    gone = connect("mongodb://127.0.0.1:1/?replicaSet=rs0", "contacts", DRIVER)
    try:
        await RateLimit(gone, "test", SLOW).spend("ana", 10)
    finally:
        await gone.close()


async def test_budgets_are_removed_when_they_are_full_again(db: Database) -> None:
    """A TTL index removes a budget that nobody uses."""
    await budgets.take(db, "ana", Budget(100, 10), 1)
    stored = await db.budgets.find_one({})
    assert stored is not None
    assert (stored["purgeAt"] - stored["at"]).total_seconds() == 80
    assert (await db.budgets.index_information())["purge"]["expireAfterSeconds"] == 0


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_networks(address: str, network: str) -> None:
    """An IPv6 client is known by its network."""
    assert network_of(address) == network
