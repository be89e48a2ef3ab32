"""Chromium, and the GraphiQL page in it."""

import json
import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.support import waiting

CHROMIUM = shutil.which("chromium")
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
# The marks of tests that need a browser.
MARKS = [
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
        await self.execute()

    async def execute(self) -> None:
        """Run the operation of the open tab."""
        await self.page.get_by_role("button", name=re.compile("^Execute")).click()

    async def type_headers(self, headers: str) -> None:
        """Type headers for the operation of the open tab. Opening a tab right after that would discard them."""
        tools = self.page.locator(".graphiql-editor-tool")
        await self.page.get_by_role("button", name="Headers").click()
        await tools.locator(".monaco-editor").last.click()
        await expect(tools.locator(".monaco-editor.focused")).to_be_visible()
        await self.page.keyboard.insert_text(headers)

    async def expect_operation(self, name: str) -> None:
        await expect(self.page.locator(".graphiql-query-editor")).to_contain_text(name)

    async def expect_answer(self, pattern: str) -> None:
        await expect(self.page.locator(".graphiql-response")).to_contain_text(re.compile(pattern))

    async def until_stored(self, holds: Callable[[Any], bool]) -> None:
        """Wait until the stored tabs meet a condition."""

        async def tabs() -> Any:
            return json.loads(await self.page.evaluate("localStorage['contacts:graphiql:tabState'] ?? 'null'"))

        await waiting.until(tabs, lambda tabs: tabs is not None and holds(tabs))


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """A browser that has stored nothing yet."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        await browser.close()


async def visit(browser: Browser) -> Visit:
    """A new page with storage of its own."""
    visit = Visit(await browser.new_page(viewport={"width": 1400, "height": 900}))
    visit.page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    visit.listen()
    return visit
