"""The GraphiQL page in a real browser, with the running service."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.support import browser
from tests.support.browser import Visit

EXAMPLES = sorted((Path(__file__).parents[1] / "graphiql" / "examples").glob("*.graphql"))
OPERATION = re.compile(r"^(?:query|mutation|subscription) (\w+)", re.MULTILINE)

pytestmark = browser.MARKS


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with browser.launched() as running:
        yield running


@pytest.fixture
async def visit(chromium: Browser, service_url: str) -> Visit:
    """A first visit: the browser has stored nothing yet."""
    visit = await browser.visit(chromium)
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


async def test_page_connects_to_nothing_else(visit: Visit) -> None:
    """The browser lets nothing in the page send data to another address, not even through a WebSocket."""
    opened = """() => new Promise((resolve) => {
      document.addEventListener('securitypolicyviolation', (event) => resolve(event.blockedURI));
      new WebSocket('ws://127.0.0.1:9/graphql').onerror = () => setTimeout(() => resolve('not blocked'), 1000);
    })"""
    assert await visit.page.evaluate(opened) == "ws://127.0.0.1:9/graphql"


async def test_bearer_token_is_not_stored(visit: Visit) -> None:
    """Headers typed for an operation are sent, and not stored, unless the user turns that on."""
    await visit.type_headers('{"Authorization": "Bearer sesame"}')
    await visit.execute()
    await visit.expect_answer("UNAUTHENTICATED")
    await visit.page.wait_for_timeout(1500)  # GraphiQL stores changes half a second later
    stored = await visit.page.evaluate("JSON.stringify(localStorage)")
    assert "query Dashboard" in stored
    assert "sesame" not in stored
