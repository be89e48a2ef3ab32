"""The GraphiQL page in a real browser, with the running service."""

import json
import re
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.support import waiting

CHROMIUM = shutil.which("chromium")
EXAMPLES = sorted((Path(__file__).parents[1] / "graphiql" / "examples").glob("*.graphql"))
OPERATION = re.compile(r"^(?:query|mutation|subscription) (\w+)", re.MULTILINE)
PATIENCE = waiting.SECONDS * 1_000
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on the PATH (Debian: apt-get install chromium)"),
]


@dataclass
class Visit:
    """An open GraphiQL page, with the browser's requests and console messages."""

    page: Page
    addresses: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> None:
        self.page.on("request", lambda request: self.addresses.append(request.url))
        self.page.on("websocket", lambda socket: self.addresses.append(socket.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console",
            lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None,
        )

    async def run(self, tab: str) -> None:
        await self.page.get_by_role("tab").get_by_text(tab, exact=True).click()
        await self.expect_operation(tab)
        # GraphiQL stores the open tab half a second after a change. By then it has parsed the tab's operation.
        await self.until_stored(lambda tabs: tabs["tabs"][tabs["activeTabIndex"]]["title"] == tab)
        await self.page.get_by_role("button", name=re.compile("^Execute")).click()

    async def expect_operation(self, name: str) -> None:
        await expect(self.page.locator(".graphiql-query-editor")).to_contain_text(name)

    async def expect_answer(self, pattern: str) -> None:
        await expect(self.page.locator(".graphiql-response")).to_contain_text(re.compile(pattern))

    async def until_stored(self, holds: Callable[[Any], bool]) -> None:
        """Wait until the stored tabs meet a condition."""

        async def tabs() -> Any:
            return json.loads(await self.page.evaluate("localStorage['contacts:graphiql:tabState']"))

        await waiting.until(tabs, holds)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        await chromium.close()


@pytest.fixture
async def visit(browser: Browser, service_url: str) -> Visit:
    """A first visit: the browser has stored nothing yet."""
    visit = Visit(await browser.new_page(viewport={"width": 1400, "height": 900}))
    visit.page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    visit.listen()
    answer = await visit.page.goto(f"{service_url}/graphql")
    assert answer is not None
    assert answer.ok
    await visit.expect_operation("Dashboard")
    return visit


async def test_page_needs_nothing_from_elsewhere(visit: Visit, service_url: str) -> None:
    """All requests go to the service's own origin, and the browser reports no problems."""
    await visit.run("Dashboard")
    await visit.expect_answer(r'"total":\s*\d+')
    await visit.page.wait_for_load_state("networkidle")
    host = service_url.partition("://")[2]
    assert visit.addresses
    assert [url for url in visit.addresses if url.partition("://")[2].partition("/")[0] != host] == []
    assert visit.complaints == []


async def test_first_visit_opens_the_examples(visit: Visit) -> None:
    """The tabs are the example operations, in the order of their files."""
    assert await visit.page.title() == "Contacts — GraphiQL"
    operations = [OPERATION.findall(path.read_text())[0] for path in EXAMPLES]
    assert await visit.page.get_by_role("tab").all_inner_texts() == operations


async def test_tabs_outlive_a_reload(visit: Visit) -> None:
    """From the second visit on, the tabs are the user's own."""
    await visit.page.get_by_role("button", name="New tab").click()
    await expect(visit.page.get_by_role("tab")).to_have_count(len(EXAMPLES) + 1)
    await visit.until_stored(lambda tabs: len(tabs["tabs"]) == len(EXAMPLES) + 1)
    await visit.page.reload()
    await expect(visit.page.get_by_role("tab")).to_have_count(len(EXAMPLES) + 1)


async def test_subscription_runs_in_the_page(visit: Visit) -> None:
    """The live dashboard opens a WebSocket to the page's own address and shows the statistics."""
    await visit.run("LiveDashboard")
    await visit.expect_answer(r'"contactStatsChanged":\s*\{\s*"total":\s*\d+')
    assert [url for url in visit.addresses if url.startswith("ws://") and url.endswith("/graphql")] != []


async def test_bearer_token_is_not_stored(visit: Visit) -> None:
    """Headers typed for an operation are not stored, unless the user turns that on."""
    await visit.page.get_by_role("button", name="Headers").click()
    await visit.page.locator(".graphiql-editor-tool .monaco-editor").last.click()
    await visit.page.keyboard.insert_text('{"Authorization": "Bearer sesame"}')
    await visit.run("Dashboard")
    await visit.expect_answer(r'"total":\s*\d+')
    await visit.page.wait_for_timeout(1500)  # GraphiQL stores changes half a second later
    stored = await visit.page.evaluate("JSON.stringify(localStorage)")
    assert "query Dashboard" in stored
    assert "sesame" not in stored
