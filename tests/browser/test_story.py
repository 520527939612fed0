"""The whole story, as a person goes through it: from signing up to reading a mail that arrived live, and the end."""

import re
import secrets
from typing import Final

from playwright.sync_api import Page, expect

from dev.trial import ADDRESS
from tests.browser.conftest import MESSAGES, Site

EMAIL: Final = "ada@contoso.example"
PASSWORD: Final = secrets.token_urlsafe(12)


def test_from_signing_up_to_a_mail_that_arrives_live(site: Site, page: Page) -> None:
    page.goto(site.web_base_url)
    sign_up(page)
    decline(page)
    connect(page)
    watch_it_arrive(page)
    read_a_message(page)
    see_new_mail(site, page)
    stay_signed_in(page)
    disconnect(page)
    leave(page)


def sign_up(page: Page) -> None:
    page.get_by_role("link", name="Create an account").click()
    page.get_by_role("textbox", name="Name").fill("Ada Winter")
    page.get_by_role("textbox", name="E-mail address").fill(EMAIL)
    page.get_by_role("textbox", name="Password").fill("short")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_text("Use at least 10 characters.")).to_be_visible()
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="Connect your mailbox")).to_be_visible()


def decline(page: Page) -> None:
    page.get_by_role("button", name="Connect Outlook").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name="The mailbox was not connected")).to_be_visible()
    expect(page.get_by_text("Permission was not given")).to_be_visible()


def connect(page: Page) -> None:
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("radio", name=ADDRESS).check()
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_role("heading", name="Mailbox connected")).to_be_visible()
    expect(page.get_by_text(ADDRESS)).to_be_visible()


def watch_it_arrive(page: Page) -> None:
    expect(page.get_by_role("progressbar", name="Messages copied")).to_be_visible()
    expect(page.get_by_role("status", name="Sync state")).to_have_text(f"All {MESSAGES} messages are here")
    folders = page.get_by_role("list", name="Progress by folder").get_by_role("listitem")
    expect(folders.filter(has_text="Inbox").get_by_role("img", name="Complete")).to_be_visible()


def read_a_message(page: Page) -> None:
    page.get_by_role("link", name="Open your mail").click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
    first = page.get_by_role("list", name="Messages").get_by_role("link").first
    listed = first.text_content() or ""
    first.click()
    subject = page.get_by_role("article").get_by_role("heading")
    expect(subject).to_be_visible()
    assert (subject.text_content() or "") in listed


def see_new_mail(site: Site, page: Page) -> None:
    expect(page.get_by_role("status", name="Updates: Live")).to_be_visible()
    unread = unread_in_inbox(page)
    sender = {"emailAddress": {"name": "Mira Okafor", "address": "mira@fabrikam.example"}}
    body = {"contentType": "html", "content": "<p>The trucks are booked for <b>Thursday</b>.</p>"}
    message = {"subject": "Load test of the bridge", "from": sender, "body": body, "isRead": False}
    site.simulator.admin.deliver(ADDRESS, message)

    arrived = page.get_by_role("list", name="Messages").get_by_role("link", name="Load test of the bridge")
    expect(arrived).to_have_accessible_name(re.compile("^Unread Mira Okafor .* Load test of the bridge$"))
    announced = "New message from Mira Okafor: Load test of the bridge"
    expect(page.get_by_role("status", name="Announcements")).to_have_text(announced)
    expect(page.get_by_role("link", name=f"Inbox {unread + 1} unread")).to_be_visible()
    expect(page).to_have_title(re.compile(rf"^\({unread + 1}\) Inbox"))

    arrived.click()
    expect(page.get_by_role("article").get_by_role("heading")).to_have_text("Load test of the bridge")
    expect(page.frame_locator("iframe[title='Message body']").get_by_text("Thursday")).to_be_visible()


def unread_in_inbox(page: Page) -> int:
    found = re.search(r"(\d+) unread", page.get_by_role("link", name=re.compile("^Inbox")).text_content() or "")
    return int(found[1]) if found else 0


def stay_signed_in(page: Page) -> None:
    page.reload()
    expect(page.get_by_role("article").get_by_role("heading")).to_have_text("Load test of the bridge")


def disconnect(page: Page) -> None:
    page.get_by_role("button", name="Your account").click()
    page.get_by_role("menuitem", name="Connected mailboxes").click()
    page.get_by_role("button", name="Disconnect").click()
    page.get_by_role("dialog", name=f"Disconnect {ADDRESS}?").get_by_role("button", name="Disconnect").click()
    expect(page.get_by_role("heading", name="No mailbox is connected yet")).to_be_visible()


def leave(page: Page) -> None:
    page.get_by_role("button", name="Your account").click()
    page.get_by_role("menuitem", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    page.get_by_role("textbox", name="E-mail address").fill(EMAIL.upper())
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name="Your account")).to_be_visible()
