"""Attachments: fetched from the mailbox once, kept, and handed out as files that no browser runs."""

import base64
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest
from azure.storage.blob import BlobServiceClient

from dev.azurite import RunningAzurite
from dev.graph_simulator.client import SimulatorAdmin
from dev.graph_simulator.fixture import RunningSimulator
from functions.mail import content_disposition
from tests.api.conftest import ATTACHMENT_MAX_BYTES, PASSWORD
from tests.host.hosting import RunningHost, eventually

IMAGE: Final = bytes(range(256)) * 40
PAGE: Final = b"<script>alert(1)</script>"


def file(name: str, content_type: str, content: bytes) -> dict[str, Any]:
    return {
        "@odata.type": "#microsoft.graph.fileAttachment",
        "name": name,
        "contentType": content_type,
        "contentBytes": base64.b64encode(content).decode(),
    }


LINK: Final = {"@odata.type": "#microsoft.graph.referenceAttachment", "name": "plan", "contentType": ""}
ATTACHMENTS: Final = [
    file('Pr\u00fcfung \u2603 "1".png', "image/png", IMAGE),
    file("page.html", "text/html", PAGE),
    file("odd", "not a type", b"x"),
    file("empty.txt", "text/plain", b""),
    file("once.bin", "application/octet-stream", b"once"),
    file("many.bin", "application/octet-stream", b"many"),
    file("later.bin", "application/octet-stream", b"later"),
    file("huge.bin", "application/octet-stream", b"h" * (ATTACHMENT_MAX_BYTES + 1)),
    LINK,
]


@dataclass(frozen=True)
class Inbox:
    """A signed-in user with one message; `paths` lead to its attachments by name."""

    api: httpx.Client
    paths: dict[str, str]
    admin: SimulatorAdmin

    def get(self, name: str) -> httpx.Response:
        return self.api.get(self.paths[name])


@pytest.fixture(scope="module")
def inbox(host: RunningHost, simulator: RunningSimulator) -> Iterator[Inbox]:
    with new_inbox(host, simulator, ATTACHMENTS) as made:
        yield made


@contextmanager
def new_inbox(host: RunningHost, simulator: RunningSimulator, attachments: Sequence[dict[str, Any]]) -> Iterator[Inbox]:
    email = f"{uuid4().hex}@contoso.example"
    simulator.admin.create_user(email)
    simulator.admin.deliver(email, {"subject": "files", "attachments": attachments})
    with httpx.Client(base_url=f"{host.url}/api", trust_env=False, timeout=30) as api:
        session = api.post("/auth/signup", json={"email": email, "password": PASSWORD}).json()
        api.headers["Authorization"] = f"Bearer {session['access_token']}"
        connect(api, email, simulator.admin)
        message = eventually(lambda: first_message(api))
        assert message
        paths = {each["name"]: f"/messages/{message['id']}/attachments/{each['id']}" for each in message["attachments"]}
        yield Inbox(api, paths, simulator.admin)


def connect(api: httpx.Client, email: str, admin: SimulatorAdmin) -> None:
    """Connect a mailbox as a browser does, with a consent that gives itself."""
    begun = api.post("/accounts/connect/outlook", json={})
    cookies = [cookie.partition(";")[0] for cookie in begun.headers.get_list("set-cookie")]
    with httpx.Client(verify=admin.tls, trust_env=False, timeout=30) as browser:
        consent = browser.get(f"{begun.json()['authorization_url']}&login_hint={email}")
    back = api.get(consent.headers["location"], headers={"Cookie": "; ".join(cookies)})
    assert "connected?account=" in back.headers["location"]


def first_message(api: httpx.Client) -> dict[str, Any] | None:
    for item in api.get("/messages").json()["items"]:
        message: dict[str, Any] = api.get(f"/messages/{item['id']}").json()
        return message
    return None


@pytest.fixture
def faults(simulator: RunningSimulator) -> Iterator[SimulatorAdmin]:
    yield simulator.admin
    simulator.admin.clear_faults()


def test_a_message_lists_its_attachments_in_order(inbox: Inbox) -> None:
    assert list(inbox.paths) == [each["name"] for each in ATTACHMENTS]


def test_an_attachment_comes_whole_with_its_name_and_type(inbox: Inbox) -> None:
    answer = inbox.get('Pr\u00fcfung \u2603 "1".png')
    assert answer.status_code == 200
    assert answer.content == IMAGE
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"Pr_fung _ _1_.png\"; filename*=UTF-8''Pr%C3%BCfung%20%E2%98%83%20%221%22.png"
    )


def test_what_a_stranger_sent_is_saved_and_never_shown_as_our_page(inbox: Inbox) -> None:
    answer = inbox.get("page.html")
    assert answer.content == PAGE
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert inbox.get("odd").headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize("name", ["once.bin", "empty.txt"])
def test_the_mailbox_is_asked_once_and_the_content_kept(inbox: Inbox, faults: SimulatorAdmin, name: str) -> None:
    first = inbox.get(name)
    faults.fault("unavailable", path=r"/attachments/", times=None)
    again = inbox.get(name)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.content == again.content


def test_many_who_ask_at_once_get_the_same(inbox: Inbox) -> None:
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(inbox.get, ["many.bin"] * 6))
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, b"many")}


@pytest.mark.parametrize("name", ["plan", "huge.bin"])
def test_a_link_and_a_file_over_the_limit_have_no_content_here(inbox: Inbox, name: str) -> None:
    answer = inbox.get(name)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/attachment_unavailable")


def test_a_mailbox_that_does_not_answer_is_a_later_try(inbox: Inbox, faults: SimulatorAdmin) -> None:
    faults.fault("failed", path=r"/attachments/", times=None)
    answer = inbox.get("later.bin")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/provider_unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    faults.clear_faults()
    assert inbox.get("later.bin").content == b"later"


def test_an_attachment_is_found_under_its_own_message_only(inbox: Inbox) -> None:
    path, _, attachment_id = inbox.paths["page.html"].rpartition("/")
    assert inbox.api.get(f"/messages/{uuid4()}/attachments/{attachment_id}").status_code == 404
    assert inbox.api.get(f"{path}/{uuid4()}").status_code == 404


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.txt", "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt"),
        ('"; x=y', "attachment; filename=\"__ x_y\"; filename*=UTF-8''%22%3B%20x%3Dy"),
        ("a\r\nSet-Cookie: b", "attachment; filename=\"a__Set-Cookie_ b\"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20b"),
        ("../../etc/passwd", "attachment; filename=\".._.._etc_passwd\"; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd"),
        ("", "attachment; filename=\"attachment\"; filename*=UTF-8''attachment"),
        ("  ", "attachment; filename=\"attachment\"; filename*=UTF-8''%20%20"),
    ],
)
def test_a_file_name_cannot_say_more_than_a_name(name: str, expected: str) -> None:
    assert content_disposition(name) == expected
    assert json.dumps(expected).isascii()


def timer_ran(host: RunningHost, name: str) -> None:
    httpx.post(f"{host.url}/admin/functions/{name}", json={"input": ""}, trust_env=False).raise_for_status()


def test_content_goes_when_no_attachment_has_it_any_more(
    host: RunningHost, simulator: RunningSimulator, azurite: RunningAzurite, inbox: Inbox
) -> None:
    shared = inbox.get("page.html").content
    with ExitStack() as stack:
        leaver = stack.enter_context(
            new_inbox(host, simulator, [file("own.txt", "text/plain", b"own"), ATTACHMENTS[1]])
        )
        assert (leaver.get("own.txt").content, leaver.get("page.html").content) == (b"own", shared)
        blobs = stack.enter_context(BlobServiceClient.from_connection_string(azurite.connection_string))
        kept, gone = (blobs.get_blob_client("attachments", sha256(each).hexdigest()) for each in (shared, b"own"))
        timer_ran(host, "purge_expired")
        assert gone.exists()
        (account,) = leaver.api.get("/accounts").json()["items"]
        leaver.api.delete(f"/accounts/{account['id']}").raise_for_status()

        def is_gone() -> bool:
            timer_ran(host, "purge_expired")
            return not gone.exists()

        eventually(is_gone)
        assert kept.exists()
