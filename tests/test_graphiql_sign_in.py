"""Signing in to GraphiQL with a real provider, in a real browser."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import httpx
import pytest
from playwright.async_api import Browser, Page, Route, expect

from settings import Settings
from storage.driver import Database
from tests.support import browser, waiting
from tests.support.browser import Visit
from tests.support.provider import HOUR, Provider, provider, signing_in
from tests.support.service import served

pytestmark = [*browser.MARKS, pytest.mark.node]

# The page renews a token that ends this soon before each request.
SOON = 20
EXPIRED = -600


@pytest.fixture(scope="module")
def issuing() -> Iterator[Provider]:
    with provider() as running:
        yield running


@pytest.fixture
def signed_in(settings: Settings, issuing: Provider) -> Settings:
    """The settings of a service that requires a sign-in."""
    return signing_in(settings, issuing.issuer)


@pytest.fixture
async def url(signed_in: Settings, db: Database) -> AsyncIterator[str]:
    """The page of a service that requires a sign-in."""
    async with served(signed_in) as (_, address):
        yield f"{address}/graphql"


@pytest.fixture(scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with browser.launched() as running:
        yield running


@pytest.fixture
async def visit(chromium: Browser) -> AsyncIterator[Visit]:
    """A tab of a browser that has stored nothing yet."""
    visit = await browser.visit(chromium)
    yield visit
    await visit.page.context.close()


@dataclass
class Lifetimes:
    """Tells the provider for how many seconds its next tokens are valid; 0 revokes the sign-in instead."""

    following: list[int] = field(default_factory=list)
    otherwise: int = HOUR
    asked: int = 0

    async def serve(self, route: Route) -> None:
        self.asked += 1
        seconds = self.following.pop(0) if self.following else self.otherwise
        if not seconds:
            form = parse_qs(route.request.post_data or "")
            revoked = {"token": form["refresh_token"], "client_id": form["client_id"]}
            async with httpx.AsyncClient(timeout=waiting.SECONDS) as http:
                (await http.post(f"{route.request.url}/revocation", data=revoked)).raise_for_status()
        await route.continue_(headers={**route.request.headers, "x-token-seconds": str(seconds)})


async def sign_in(page: Page, url: str, person: str) -> None:
    """Open the page, and sign in at the provider."""
    await page.goto(url)
    await page.get_by_role("button", name="Sign in").click()
    await fill_in(page, person)


async def sign_in_briefly(visit: Visit, url: str) -> Lifetimes:
    """Sign in with tokens that the page renews before each request, and wait until it has read the schema."""
    lifetimes = Lifetimes(otherwise=SOON)
    await visit.page.route("**/token", lifetimes.serve)
    async with visit.page.expect_response(lambda answer: "IntrospectionQuery" in (answer.request.post_data or "")):
        await sign_in(visit.page, url, "ed")
    await expect_account(visit.page, "Ed Editor")
    return lifetimes


async def fill_in(page: Page, person: str) -> None:
    await page.get_by_label("User").fill(person)
    await page.get_by_role("button", name="Sign in").click()


async def expect_account(page: Page, text: str) -> None:
    """Wait until the editor is ready and shows who is signed in."""
    await expect(page.locator(".contacts-account")).to_contain_text(text)
    await expect(page.locator(".graphiql-query-editor .view-line").first).to_be_visible()


async def expect_alert(page: Page, text: str) -> None:
    await expect(page.get_by_role("alert").filter(has_text=text)).to_be_visible()


async def stored(page: Page) -> str:
    """Everything that the page has stored in the browser."""
    script = "JSON.stringify([localStorage, sessionStorage, document.cookie])"
    text: str = await page.evaluate(script)
    return text


@pytest.mark.parametrize(
    ("person", "account"),
    [("rita", "Rita Reader · READER"), ("ed", "Ed Editor · EDITOR"), ("ada", "Ada Admin · ADMIN")],
)
async def test_people_sign_in(visit: Visit, url: str, person: str, account: str) -> None:
    """A person signs in, sees their name and role, and runs a query. No token is stored, or left in the address."""
    tokens: list[str] = []
    visit.page.on("request", lambda request: tokens.append(request.headers.get("authorization", "")))
    await sign_in(visit.page, url, person)
    await expect_account(visit.page, account)
    assert visit.page.url == url
    await visit.run("Dashboard")
    await visit.expect_answer(r'"total":\s*\d+')
    sent = {token.removeprefix("Bearer ") for token in tokens if token}
    assert sent
    kept = await stored(visit.page)
    assert "query Dashboard" in kept
    assert [token for token in sent if token in kept] == []
    assert "eyJ" not in kept


async def test_page_has_no_complaints(visit: Visit, url: str) -> None:
    """The browser reports no problem but the refused request that shows that a sign-in is needed."""
    await sign_in(visit.page, url, "ada")
    await expect_account(visit.page, "Ada")
    await visit.run("Dashboard")
    await visit.expect_answer(r'"total":\s*\d+')
    assert [said for said in visit.complaints if "401" not in said] == []


async def test_nobody_without_a_role(visit: Visit, url: str) -> None:
    """A person without a role reads what is missing, and someone else can sign in."""
    await sign_in(visit.page, url, "nora")
    await expect_alert(visit.page, "Nora Norole is signed in, but has none of the roles")
    await visit.page.get_by_role("button", name="Sign in").click()
    await fill_in(visit.page, "rita")
    await expect_account(visit.page, "Rita Reader")


async def test_reload_stays_signed_in(visit: Visit, url: str) -> None:
    """After a reload, the provider's own session signs the person in again: nothing is stored here."""
    await sign_in(visit.page, url, "ed")
    await expect_account(visit.page, "Ed Editor")
    await visit.page.reload()
    await expect_account(visit.page, "Ed Editor")
    assert visit.page.url == url


async def test_sign_out(visit: Visit, url: str, issuing: Provider) -> None:
    """After signing out, the tokens are revoked, and the provider asks who signs in next."""
    await sign_in(visit.page, url, "ed")
    await expect_account(visit.page, "Ed Editor")
    before = issuing.requests("/token/revocation")
    await visit.page.get_by_role("button", name="Sign out").click()
    await expect(visit.page.get_by_text("Sign in with your company account")).to_be_visible()
    assert issuing.requests("/token/revocation") == before + 1
    await visit.page.get_by_role("button", name="Sign in").click()
    await fill_in(visit.page, "rita")
    await expect_account(visit.page, "Rita Reader")


async def test_tokens_are_renewed(visit: Visit, url: str) -> None:
    """The page renews a token before it expires, and one that the service refuses."""
    lifetimes = await sign_in_briefly(visit, url)
    before = lifetimes.asked
    lifetimes.following = [EXPIRED, HOUR]
    await visit.run("Dashboard")
    await visit.expect_answer(r'"total":\s*\d+')
    assert lifetimes.asked == before + 2
    await expect(visit.page.locator(".contacts-notice")).to_have_count(0)


async def test_sign_in_ends(visit: Visit, url: str) -> None:
    """When no token can be had any longer, the page says so and offers to sign in; the tabs are still there then."""
    lifetimes = await sign_in_briefly(visit, url)
    await visit.page.get_by_role("button", name="New tab").click()
    await visit.until_stored(lambda tabs: tabs["tabs"][-1]["query"] in (None, ""))
    tabs = await visit.page.get_by_role("tab").count()
    lifetimes.following = [EXPIRED, 0]
    await visit.run("Dashboard")
    await expect_alert(visit.page, "You are no longer signed in.")
    await visit.page.get_by_role("alert").get_by_role("button", name="Sign in").click()
    await expect_account(visit.page, "Ed Editor")
    await expect(visit.page.get_by_role("tab")).to_have_count(tabs)


async def test_subscription_outlives_its_token(visit: Visit, url: str, issuing: Provider) -> None:
    """When the token of a WebSocket expires, the service closes it, and the page subscribes with a new token."""
    lifetimes = await sign_in_briefly(visit, url)
    lifetimes.following = [1, HOUR]
    await visit.run("LiveDashboard")
    await waiting.reached(lambda: len([each for each in visit.addresses if each.startswith("ws://")]) == 2)
    await visit.expect_answer(r'"contactStatsChanged":\s*\{\s*"total":\s*0')
    person = {"displayName": "Ida Holm", "emailAddress": "ida@partner.example", "firstName": "Ida", "lastName": "Holm"}
    token = {"Authorization": f"Bearer {issuing.app_token('editor-app')}"}
    async with httpx.AsyncClient(base_url=url.removesuffix("/graphql"), headers=token) as http:
        (await http.post("/api/identity/contacts", json=person)).raise_for_status()
    await visit.expect_answer(r'"contactStatsChanged":\s*\{\s*"total":\s*1')


async def test_forged_answers(visit: Visit, url: str, issuing: Provider) -> None:
    """An answer with a foreign state, or to no sign-in of this tab, is refused before any token is requested."""
    await visit.page.goto(f"{url}?code=stolen&state=forged")
    await expect_alert(visit.page, "This sign-in was not started in this tab")
    await visit.page.get_by_role("button", name="Sign in").click()
    await visit.page.get_by_label("User").wait_for()
    before = issuing.requests("/token")
    await visit.page.goto(f"{url}?code=stolen&state=forged&iss={issuing.issuer}")
    await expect_alert(visit.page, "does not belong to the sign-in")
    assert visit.page.url == url
    assert issuing.requests("/token") == before


async def test_provider_refuses(visit: Visit, url: str) -> None:
    """The page shows why the provider refuses a sign-in, and lets the user try again."""
    await sign_in(visit.page, url, "mallory")
    await expect_alert(visit.page, "The sign-in was refused: There is no user mallory.")
    await visit.page.get_by_role("button", name="Sign in").click()
    await fill_in(visit.page, "ada")
    await expect_account(visit.page, "Ada Admin")


async def test_service_refuses(visit: Visit, url: str) -> None:
    """The page shows why the service refuses a new token, and lets someone else sign in."""
    await visit.page.route("**/token", Lifetimes([EXPIRED, EXPIRED]).serve)
    await sign_in(visit.page, url, "ada")
    await expect_alert(visit.page, "The service does not accept this sign-in.")
    await visit.page.get_by_role("button", name="Sign in").click()
    await fill_in(visit.page, "rita")
    await expect_account(visit.page, "Rita Reader")


async def test_provider_is_away(visit: Visit, url: str, issuing: Provider) -> None:
    """The page says so if it cannot reach the provider."""
    await visit.page.route(f"{issuing.issuer}/**", lambda route: route.abort())
    await visit.page.goto(url)
    await visit.page.get_by_role("button", name="Sign in").click()
    await expect_alert(visit.page, "The provider cannot be reached from this page.")


async def test_token_of_the_user(visit: Visit, signed_in: Settings, db: Database, issuing: Provider) -> None:
    """Without a client ID, the page asks for a token. It forgets it when it is reloaded."""
    async with served(signed_in.model_copy(update={"oidc_client_id": None})) as (_, address):
        await visit.page.goto(f"{address}/graphql")
        await visit.page.get_by_label("Access token").fill(issuing.app_token("reader-app", seconds=EXPIRED))
        await visit.page.get_by_role("button", name="Use token").click()
        await expect_alert(visit.page, "The service does not accept this sign-in.")
        token = issuing.app_token("reader-app")
        await visit.page.get_by_label("Access token").fill(f"Bearer {token}")
        await visit.page.get_by_role("button", name="Use token").click()
        await expect_account(visit.page, "Reader app · READER")
        await visit.run("Dashboard")
        await visit.expect_answer(r'"total":\s*\d+')
        assert token not in await stored(visit.page)
        await visit.page.reload()
        await expect(visit.page.get_by_label("Access token")).to_be_visible()


async def test_typed_header_goes_first(visit: Visit, url: str) -> None:
    """An Authorization header that the user types for an operation is sent instead of the page's own."""
    await sign_in(visit.page, url, "ada")
    await expect_account(visit.page, "Ada Admin")
    await visit.type_headers('{"authorization": "Bearer sesame"}')
    await visit.execute()
    await visit.expect_answer("UNAUTHENTICATED")
    await expect_account(visit.page, "Ada Admin")
