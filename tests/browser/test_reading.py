"""What a reader relies on, in a mailbox that is connected: safety, keyboard, changes made elsewhere, accessibility."""

import base64
import re
import secrets
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any, Final, Literal

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Request, expect

from dev.person import Person
from dev.trial import ADDRESS, EMAIL, ROOT
from tests.browser.conftest import Site

PASSWORD: Final = secrets.token_urlsafe(12)
AXE: Final = (ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js").read_text()
SETTLED: Final = """() => Promise.all(
    document.getAnimations()
        .filter((each) => each.effect.getComputedTiming().endTime < Infinity)
        .map((each) => each.finished.catch(() => undefined))
)"""
RULES: Final = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
    # The component library's dialogs have a <header>, which axe takes for a second banner of the page.
    "rules": {"landmark-no-duplicate-banner": {"enabled": False}, "landmark-unique": {"enabled": False}},
}
PIXEL: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
HOSTILE: Final = """
<p id="words">Dear customer</p><script>document.title = "stolen"</script>
<img src="x" onerror="parent.document.title = 'stolen'"><svg onload="document.title = 'stolen'"></svg>
<a href="javascript:document.title='stolen'">click</a><iframe src="https://tracker.example/frame"></iframe>
<img src="https://tracker.example/pixel.gif" width="1" height="1">
<div style="background: url(https://tracker.example/style.gif); position: fixed; inset: 0">cover</div>
<meta http-equiv="refresh" content="0; url=https://tracker.example/"><form action="https://tracker.example/">
<input name="password"></form>
"""


@pytest.fixture(scope="module")
def connected(site: Site) -> Iterator[Site]:
    """A mailbox whose mail is here, and whose changes arrive."""
    site.simulator.admin.entra(is_auto_consent=True)
    with Person(site.api_base_url, EMAIL, PASSWORD, site.simulator.admin.tls) as person:
        site.person = person
        site.sign_up()
        site.connect()
        site.until_synced()
        site.until("the subscription exists", lambda: site.query("SELECT count(*) FROM subscription") == [(1,)])
        yield site


@pytest.fixture
def inbox(connected: Site, page: Page) -> Page:
    """A tab at the inbox, listening."""
    log_in(connected, page)
    return page


def log_in(site: Site, page: Page) -> None:
    page.goto(f"{site.web_base_url}/login")
    page.get_by_role("textbox", name="E-mail address").fill(EMAIL)
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
    expect(page.get_by_role("status", name="Updates: Live")).to_be_visible()


def rows(page: Page) -> Locator:
    return page.get_by_role("list", name="Messages").get_by_role("link")


def html(content: str) -> dict[str, Any]:
    return {"contentType": "html", "content": content}


def test_hostile_mail_runs_nothing_and_tells_nobody_that_it_was_read(connected: Site, inbox: Page) -> None:
    asked: list[str] = []

    def note(request: Request) -> None:
        if "tracker.example" in request.url:
            asked.append(request.url)

    inbox.context.on("request", note)
    inbox.context.route("https://tracker.example/**", lambda route: route.fulfill(body=PIXEL, content_type="image/png"))
    connected.simulator.admin.deliver(ADDRESS, {"subject": "Verify your account", "body": html(HOSTILE)})
    rows(inbox).filter(has_text="Verify your account").click()
    expect(inbox.frame_locator("iframe").get_by_text("Dear customer")).to_be_visible()
    expect(inbox).to_have_title(re.compile("Inbox"))
    assert asked == []
    assert inbox.locator("iframe").get_attribute("sandbox") == "allow-popups allow-popups-to-escape-sandbox"

    inbox.get_by_role("button", name="Show images").click()
    expect(inbox.get_by_role("button", name="Show images")).to_be_hidden()
    expect(inbox.locator("iframe")).to_have_attribute("srcdoc", re.compile("tracker[.]example"))
    expect(inbox.frame_locator("iframe").get_by_text("Dear customer")).to_be_visible()
    expect(inbox).to_have_title(re.compile("Inbox"))
    assert all(url.endswith(".gif") for url in asked)


def test_a_change_made_elsewhere_appears_by_itself(connected: Site, inbox: Page) -> None:
    admin = connected.simulator.admin
    message = admin.deliver(ADDRESS, {"subject": "Moves around", "isRead": False})
    row = rows(inbox).filter(has_text="Moves around")
    expect(row).to_have_accessible_name(re.compile("^Unread"))
    admin.update(ADDRESS, message["immutableId"], isRead=True, flag={"flagStatus": "flagged"})
    expect(row).to_have_accessible_name(re.compile("^Flagged"))
    admin.move(ADDRESS, message["immutableId"], "archive")
    expect(row).to_have_count(0)
    inbox.get_by_role("link", name=re.compile("^Archive")).click()
    expect(row).to_be_visible()
    admin.delete(ADDRESS, message["immutableId"], permanent=True)
    expect(row).to_have_count(0)


def test_everything_works_by_keyboard(connected: Site, inbox: Page) -> None:
    expect(rows(inbox).first).to_be_visible()
    inbox.keyboard.press("j")
    expect(rows(inbox).nth(0)).to_be_focused()
    inbox.keyboard.press("ArrowDown")
    inbox.keyboard.press("j")
    inbox.keyboard.press("k")
    expect(rows(inbox).nth(1)).to_be_focused()
    inbox.keyboard.press("Enter")
    expect(inbox.get_by_role("article")).to_be_visible()
    inbox.keyboard.press("Escape")
    expect(inbox.get_by_role("article")).to_have_count(0)
    inbox.keyboard.press("?")
    expect(inbox.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    inbox.keyboard.press("Escape")
    expect(inbox.get_by_role("dialog", name="Keyboard shortcuts")).to_be_hidden()
    inbox.keyboard.press("g")
    inbox.keyboard.press("a")
    expect(inbox.get_by_role("heading", name="All mail")).to_be_visible()
    connected.simulator.admin.deliver(ADDRESS, {"subject": "Zymurgy, lesson one"})
    expect(rows(inbox).filter(has_text="Zymurgy")).to_be_visible()
    connected.until("it is searchable", lambda: bool(connected.api.get("/messages?q=zymurgy").json()["items"]))
    inbox.keyboard.press("/")
    inbox.keyboard.type("zymurgy")
    inbox.keyboard.press("Enter")
    expect(inbox.get_by_role("heading", name="Search results")).to_be_visible()
    expect(rows(inbox)).to_have_count(1)


def test_the_list_goes_on_to_its_end(connected: Site, inbox: Page) -> None:
    inbox.get_by_role("link", name="All mail").click()
    expect(rows(inbox).first).to_be_visible()
    inbox.get_by_role("list", name="Messages").hover()
    oldest = connected.query("SELECT subject FROM message WHERE deleted_at IS NULL ORDER BY received_at, id LIMIT 1")[
        0
    ][0]
    last = rows(inbox).filter(has_text=oldest).last
    while not last.is_visible():
        inbox.mouse.wheel(0, 2000)
    end = inbox.get_by_role("list", name="Messages").get_by_role("listitem").last
    expect(end).to_have_attribute("aria-posinset", end.get_attribute("aria-setsize") or "")


def test_an_attachment_is_saved_and_an_inline_image_is_shown(connected: Site, inbox: Page) -> None:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "Plan with picture", "mira@fabrikam.example", ADDRESS
    mail.set_content("The plan")
    mail.add_alternative('<p>The plan</p><img src="cid:pier@fabrikam" width="40" height="40">', subtype="html")
    mail.get_payload()[1].add_related(PIXEL, "image", "png", cid="<pier@fabrikam>", filename="pier.png")  # type: ignore[union-attr,index] # the parts just added
    mail.add_attachment(b"%PDF-1.4 plan", maintype="application", subtype="pdf", filename="plan für März.pdf")
    connected.simulator.admin.deliver(ADDRESS, raw=mail.as_string())
    rows(inbox).filter(has_text="Plan with picture").click()
    files = inbox.get_by_role("list", name="Attachments").get_by_role("button")
    expect(files).to_have_count(1)
    with inbox.expect_download() as download:
        files.first.click()
    assert download.value.suggested_filename == "plan für März.pdf"
    assert download.value.path().read_bytes() == b"%PDF-1.4 plan"
    expect(inbox.frame_locator("iframe").locator("img[src^='data:image/png']")).to_be_visible()


def test_two_tabs_share_one_session(connected: Site, inbox: Page, window: BrowserContext) -> None:
    tabs = [inbox, *(window.new_page() for _ in range(3))]
    for tab in tabs:
        tab.goto(f"{connected.web_base_url}/mail", wait_until="commit")
    for tab in tabs:
        expect(tab.get_by_role("heading", name="Inbox")).to_be_visible()
    for tab in tabs:
        tab.reload(wait_until="commit")
    for tab in tabs:
        expect(tab.get_by_role("heading", name="Inbox")).to_be_visible()
    tabs[0].get_by_role("button", name="Your account").click()
    tabs[0].get_by_role("menuitem", name="Log out").click()
    for tab in tabs:
        expect(tab.get_by_role("heading", name="Log in")).to_be_visible()


def test_mail_goes_on_arriving_after_the_host_was_killed(connected: Site, inbox: Page) -> None:
    connected.kill_host()
    connected.until_ready()
    connected.simulator.admin.deliver(ADDRESS, {"subject": "After the crash"})
    expect(rows(inbox).filter(has_text="After the crash")).to_be_visible()
    expect(inbox.get_by_role("status", name="Updates: Live")).to_be_visible()


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_nothing_on_the_pages_keeps_anybody_out(
    connected: Site, inbox: Page, colours: Literal["light", "dark"]
) -> None:
    inbox.emulate_media(color_scheme=colours)
    for place in (
        "/mail",
        "/mail/all?q=nothingness",
        "/connect",
        "/accounts",
        f"/connected?account={connected.account_id}",
    ):
        inbox.goto(connected.web_base_url + place)
        expect(inbox.get_by_role("heading", level=1)).to_be_visible()
        expect(inbox.locator("[aria-busy=true]")).to_have_count(0)
        assert barriers(inbox) == [], place
    inbox.goto(f"{connected.web_base_url}/mail")
    rows(inbox).first.click()
    expect(inbox.get_by_role("article")).to_be_visible()
    inbox.get_by_role("button", name="Recipients").click()
    assert barriers(inbox) == []
    inbox.keyboard.press("?")
    expect(inbox.get_by_role("dialog")).to_be_visible()
    assert barriers(inbox) == []


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_nothing_keeps_anybody_from_signing_in(site: Site, page: Page, colours: Literal["light", "dark"]) -> None:
    page.emulate_media(color_scheme=colours)
    for place in ("/login", "/signup"):
        page.goto(site.web_base_url + place)
        page.get_by_role("textbox", name="E-mail address").fill("nobody")
        page.get_by_role("textbox", name="Password").fill("wrong")
        page.get_by_role("form").get_by_role("button").last.click()
        expect(page.get_by_text(re.compile("wrong|at least", re.IGNORECASE)).first).to_be_visible()
        assert barriers(page) == [], place


def barriers(page: Page) -> list[str]:
    """What axe finds against the Web Content Accessibility Guidelines, levels A and AA, and its own good practice."""
    page.evaluate(SETTLED)
    page.evaluate(AXE)
    found = page.evaluate("(rules) => axe.run({ exclude: [['iframe']] }, rules)", RULES)
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found["violations"] for node in rule["nodes"]]
