"""Rate limits: what each caller may spend over time, in units of cost, through all channels and processes together.

A process takes portions of a caller's budget from the database, spends them on its own, and gives back what it has not
spent when the caller is idle. So all processes together never spend more than the budget. That a caller can be refused
while another process still holds a portion is the error: a fifth of what was left, for `IDLE_SECONDS`.
"""

import asyncio
import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache

import structlog

from resolvers.caller import Identity
from resolvers.errors import RateLimited
from storage.driver import Database, Unavailable
from storage.requests import budgets
from storage.requests.budgets import Budget

log = structlog.get_logger(__name__)

IDLE_SECONDS = 2.0
"""How long a process keeps what a caller does not spend."""
_MAX_ACCOUNTS = 10_000


@dataclass(slots=True)
class _Account:
    """What this process knows of a caller's budget: the units that it may spend, and what was left at a time.

    `used_at`: when the caller last spent something.
    """

    units: float = 0
    used_at: float = 0
    left: float = math.inf
    at: float = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class RateLimit:
    """A limit for each of many callers."""

    def __init__(self, db: Database, name: str, budget: Budget, clock: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._name = name
        self.budget = budget
        self._clock = clock
        self._accounts: OrderedDict[str, _Account] = OrderedDict()

    async def spend(self, caller: str, units: float) -> None:
        """Spend units of a caller's budget. Raises `RateLimited` if there are not enough.

        Whoever needs more than the whole budget must wait until it is full, and pays back what exceeds it afterward.
        While the database cannot be reached, nothing is limited.
        """
        account = self._account(caller)
        if account.units < units:
            async with account.lock:
                if account.units < units:
                    await self._take(caller, account, units - account.units)
        account.units -= units
        account.used_at = self._clock()

    async def give_back(self, idle_seconds: float) -> None:
        """Give back what this process holds for callers that were idle for so long."""
        since = self._clock() - idle_seconds
        for caller, account in [*self._accounts.items()]:
            if account.units >= 1 and account.used_at <= since and not account.lock.locked():
                units, account.units = account.units, 0
                account.left += units
                await budgets.give_back(self._db, f"{self._name}:{caller}", units)

    def check(self, caller: str) -> None:
        """Raise `RateLimited` if nothing is left, as far as this process knows."""
        if (account := self._accounts.get(caller)) and account.units < 1:
            self._refuse_hopeless(account, 1)

    def left(self, caller: str) -> float:
        """What the caller has left, as far as this process knows."""
        account = self._accounts.get(caller)
        left = self.budget.capacity if account is None else self._left(account) + account.units
        return min(self.budget.capacity, max(0.0, left))

    async def _take(self, caller: str, account: _Account, needed: float) -> None:
        self._refuse_hopeless(account, needed)
        try:
            portion = await budgets.take(self._db, f"{self._name}:{caller}", self.budget, needed)
        except Unavailable as error:
            log.warning("rate limits not applied", error=str(error))
            # As if a portion had been taken, so that not every request waits for an error of its own.
            account.units += max(needed, self.budget.capacity * budgets.SHARE)
            return
        account.units += portion.units
        account.left, account.at = portion.left, self._clock()
        if not portion.units:
            self._refuse_hopeless(account, needed)
            raise RateLimited(1)

    def _refuse_hopeless(self, account: _Account, needed: float) -> None:
        """Raise `RateLimited` without a query if there cannot be enough: others can only have taken more."""
        missing = min(needed, self.budget.capacity) - self._left(account)
        if missing > 0:
            raise RateLimited(max(1, math.ceil(missing / self.budget.per_second)))

    def _left(self, account: _Account) -> float:
        """What is left in the database, if nobody else has taken any."""
        refilled = account.left + (self._clock() - account.at) * self.budget.per_second
        return refilled if refilled < self.budget.capacity else self.budget.capacity

    def _account(self, caller: str) -> _Account:
        """The caller's account. The one that was not used for the longest time is dropped if there are too many."""
        account = self._accounts.get(caller)
        if account is None:
            account = self._accounts[caller] = _Account()
            if len(self._accounts) > _MAX_ACCOUNTS:
                self._accounts.popitem(last=False)
        else:
            self._accounts.move_to_end(caller)
        return account


@asynccontextmanager
async def per_minute(db: Database, name: str, units: int, burst: int | None = None) -> AsyncIterator[RateLimit | None]:
    """A limit of this many units per minute, and this many at once. None for 0 units, which is no limit.

    Until the block ends, what is not spent is given back.
    """
    if not units:
        yield None
        return
    limit = RateLimit(db, name, Budget(burst or units, units / 60))
    task = asyncio.create_task(_give_back_forever(limit))
    try:
        yield limit
    finally:
        task.cancel()
        await asyncio.wait([task])
        with suppress(*Unavailable):
            await limit.give_back(0)


async def _give_back_forever(limit: RateLimit) -> None:
    while True:
        await asyncio.sleep(IDLE_SECONDS / 2)
        with suppress(*Unavailable):  # those units come back as if they were spent
            await limit.give_back(IDLE_SECONDS)


def payer(identity: Identity, address: str, *, signs_in: bool) -> str:
    """Whose budget a request is paid from: that of who signed in, and of the address where nobody signs in."""
    return identity.id if signs_in else network_of(address)


@lru_cache(maxsize=1_024)
def network_of(address: str) -> str:
    """What counts as one address: all of an IPv6 network of 64 bits, since a client can have any address of it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))
