"""Lists, filters, search, pages, one message, threads, folders, progress and problems."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection

from shared.models.accounts import ConnectedAccount
from shared.models.mail import (
    AttachmentKind,
    FlagStatus,
    MailAttachment,
    Mailbox,
    MailMessage,
    ProviderFolder,
    thread_id_from,
)
from shared.storage.database import Pool, user_transaction
from shared.storage.messages import bury_messages
from tests.api.conftest import SignedIn, connect
from tests.api.mailbox import NEWEST, folder_id, plain, save, save_folders
from tests.integration.mail import INBOX, SENT, database_time, message


@pytest.fixture(autouse=True)
async def folders(app_pool: Pool, account: ConnectedAccount) -> None:
    await save_folders(app_pool, account)


async def listed(user: SignedIn, **params: Any) -> list[str]:  # noqa: ANN401 - any value of a query
    answer = await user.api.get("/messages", params=params)
    assert answer.status_code == 200, answer.text
    return [item["subject"] for item in answer.json()["items"]]


async def paged(user: SignedIn, **params: Any) -> list[list[str]]:  # noqa: ANN401 - any value of a query
    """Follow the cursors to the end; return each page's subjects."""
    pages: list[list[str]] = []
    while True:
        answer = (await user.api.get("/messages", params=params)).json()
        pages.append([item["subject"] for item in answer["items"]])
        if answer["next_cursor"] is None:
            return pages
        params["cursor"] = answer["next_cursor"]


async def test_a_summary_has_every_field_under_its_public_name(
    app_pool: Pool, account: ConnectedAccount, user: SignedIn
) -> None:
    (message_id,) = await save(app_pool, account, [message("a")])
    (item,) = (await user.api.get("/messages")).json()["items"]
    assert item == {
        "id": str(message_id),
        "account_id": str(account.id),
        "folder_id": str(folder_id(account, INBOX)),
        "thread_id": str(thread_id_from(account.id, "thread")),
        "kind": "message",
        "subject": "Concert",
        "preview": "The group plays",
        "from": {"name": "Ada", "address": "ada@contoso.example"},
        "sender": None,
        "to": [{"name": "Owner", "address": "owner@contoso.example"}, {"name": None, "address": None}],
        "cc": [],
        "bcc": [],
        "reply_to": [],
        "importance": "high",
        "categories": ["Red, 'quoted'", '{"json"}'],
        "flag": "flagged",
        "is_read": False,
        "is_draft": False,
        "direction": "incoming",
        "received_at": "2026-01-01T00:00:00Z",
        "sent_at": "0001-01-01T00:00:00Z",
        "has_attachments": True,
        "internet_message_id": "<1@contoso.example>",
        "altered": [],
        "failure": None,
    }


async def test_pages_hold_every_message_once_newest_first_even_within_one_moment(
    app_pool: Pool, account: ConnectedAccount, user: SignedIn
) -> None:
    messages = [plain(f"m{number}", minutes_old=number // 7) for number in range(40)]
    random.Random(7).shuffle(messages)  # noqa: S311 - an order, not a secret
    await save(app_pool, account, messages)
    pages = await paged(user, limit=6)
    assert [len(page) for page in pages] == [6, 6, 6, 6, 6, 6, 4]
    subjects = [subject for page in pages for subject in page]
    assert sorted(subjects) == sorted(each.subject for each in messages)
    ages = [int(subject[1:]) // 7 for subject in subjects]
    assert ages == sorted(ages)


async def test_mail_that_arrives_between_pages_neither_repeats_nor_hides_any(
    app_pool: Pool, account: ConnectedAccount, user: SignedIn
) -> None:
    await save(app_pool, account, [plain(f"m{number}", minutes_old=number) for number in range(4)])
    first = (await user.api.get("/messages", params={"limit": 2})).json()
    await save(app_pool, account, [plain("new", minutes_old=-1)])
    assert await listed(user, limit=2, cursor=first["next_cursor"]) == ["m2", "m3"]


async def test_a_full_last_page_has_no_cursor(app_pool: Pool, account: ConnectedAccount, user: SignedIn) -> None:
    await save(app_pool, account, [plain("a"), plain("b", 1)])
    assert await paged(user, limit=2) == [["a", "b"]]


@pytest.mark.parametrize("cursor", ["x", "AAAA", "=", "'; DROP TABLE message; --", "\u00e9"])
async def test_a_bad_cursor_is_refused_by_name(user: SignedIn, cursor: str) -> None:
    answer = await user.api.get("/messages", params={"cursor": cursor})
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["cursor"]


FILTERED = [
    plain("unread", 1, is_read=False),
    plain("flagged", 2, flag=FlagStatus.FLAGGED),
    plain("done", 3, flag=FlagStatus.COMPLETE),
    plain("with file", 4, has_attachments=True),
    plain("from grace", 5, from_=Mailbox("Grace", "Grace@Contoso.Example")),
    plain("from nobody", 6, from_=None),
    plain("sent", 7, provider_folder_id=SENT.provider_folder_id),
    plain("last year", 60 * 24 * 365),
]
FILTERED = [
    replace(each, flag=FlagStatus.NOT_FLAGGED) if each.subject not in {"flagged", "done"} else each for each in FILTERED
]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"unread": "true"}, ["unread"]),
        ({"flagged": "true"}, ["flagged"]),
        ({"has_attachments": "true"}, ["with file"]),
        ({"from": "grace@contoso.example"}, ["from grace"]),
        ({"from": "%"}, []),
        ({"before": "2026-01-01T00:00:00Z"}, ["last year"]),
        ({"before": "2026-01-01T05:00:00+05:00"}, ["last year"]),
        ({"after": (NEWEST - timedelta(minutes=2)).isoformat(), "before": NEWEST.isoformat()}, ["unread", "flagged"]),
        ({"after": "9999-12-31T23:59:59Z"}, []),
        (
            {"unread": "false", "flagged": "false", "from": "ADA@contoso.example", "after": "2026-01-01T00:00:00Z"},
            ["done", "with file", "sent"],
        ),
        ({"unread": "true", "flagged": "true"}, []),
    ],
)
async def test_a_message_meets_every_filter_given(
    app_pool: Pool, account: ConnectedAccount, user: SignedIn, params: dict[str, str], expected: list[str]
) -> None:
    await save(app_pool, account, FILTERED)
    assert await listed(user, **params) == expected


async def test_filters_by_folder_thread_and_account(app_pool: Pool, account: ConnectedAccount, user: SignedIn) -> None:
    await save(app_pool, account, FILTERED)
    assert await listed(user, folder_id=folder_id(account, SENT)) == ["sent"]
    assert await listed(user, thread_id=thread_id_from(account.id, "thread of done")) == ["done"]
    assert len(await listed(user, account_id=account.id)) == len(FILTERED)
    assert await listed(user, folder_id=uuid4()) == []
    assert await listed(user, account_id=uuid4()) == []


SEARCHED = [
    plain("Quarterly report", 1, text="The figures are running late"),
    plain(
        "Lunch",
        2,
        text="Running shoes and the quarterly figures",
        from_=Mailbox("Zo\u00eb Quint", "zoe@fabrikam.example"),
    ),
    plain("Invoice 4711", 3, text="payment", to=[Mailbox("Running Club", "club@contoso.example")]),
    plain("Bonjour", 4, text="la r\u00e9union est annul\u00e9e"),
]


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("report", ["Quarterly report"]),
        ("figures", ["Quarterly report", "Lunch"]),
        ("figure run", ["Quarterly report", "Lunch"]),
        ("running", ["Quarterly report", "Lunch", "Invoice 4711"]),
        ('"running shoes"', ["Lunch"]),
        ("figures -shoes", ["Quarterly report"]),
        ("figures -running", []),
        ("lunch -running", []),
        ("lunch -report", ["Lunch"]),
        ("lunch or invoice", ["Lunch", "Invoice 4711"]),
        ("4711", ["Invoice 4711"]),
        ("zo\u00eb", ["Lunch"]),
        ("zoe@fabrikam.example", ["Lunch"]),
        ("club@contoso.example", ["Invoice 4711"]),
        ("annul\u00e9e", ["Bonjour"]),
        ("nowhere", []),
        ("the", []),
        ("-", []),
        ("'", []),
        ("& | ! ( ) : *", []),
    ],
)
async def test_search_finds_names_subjects_and_text(
    app_pool: Pool, account: ConnectedAccount, user: SignedIn, q: str, expected: list[str]
) -> None:
    await save(app_pool, account, SEARCHED)
    assert await listed(user, q=q) == expected


async def test_search_pages_and_filters_like_any_list(
    app_pool: Pool, account: ConnectedAccount, user: SignedIn
) -> None:
    messages = [plain(f"m{number}", number, text="needle", is_read=number % 2 == 0) for number in range(10)]
    await save(app_pool, account, [*messages, plain("other", text="hay")])
    assert await paged(user, q="needle", unread="true", limit=2) == [["m1", "m3"], ["m5", "m7"], ["m9"]]


async def test_a_message_is_read_whole_and_safe(app_pool: Pool, account: ConnectedAccount, user: SignedIn) -> None:
    attachments = [
        MailAttachment("1", AttachmentKind.FILE, "logo.png", "image/png", 7, True, "logo@contoso"),  # noqa: FBT003 - the model's order
        MailAttachment("2", AttachmentKind.REFERENCE, "plan", None, 0, False, None),  # noqa: FBT003 - the model's order
    ]
    html = "<p onclick=x>Hi</p><script>x</script><img src='cid:logo@contoso'><img src='https://t.example/1.gif'>"
    (message_id,) = await save(app_pool, account, [plain("a", html=html, text="Hi", attachments=attachments)])
    read = (await user.api.get(f"/messages/{message_id}")).json()
    assert read["html"] == '<p>Hi</p><img src="cid:logo@contoso"><img>'
    assert (read["text"], read["remote_images_blocked"]) == ("Hi", 1)
    assert read["headers"] == [{"name": "Received", "value": "by b"}, {"name": "Received", "value": "by a"}]
    assert [(each["name"], each["kind"], each["is_inline"], each["content_id"]) for each in read["attachments"]] == [
        ("logo.png", "file", True, "logo@contoso"),
        ("plan", "reference", False, None),
    ]
    shown = (await user.api.get(f"/messages/{message_id}", params={"remote_images": "true"})).json()
    assert 'src="https://t.example/1.gif"' in shown["html"]
    assert shown["remote_images_blocked"] == 0


async def test_the_text_of_html_is_there_before_it_is_searchable(
    app_pool: Pool, account: ConnectedAccount, user: SignedIn, owner: AsyncConnection[Any]
) -> None:
    (message_id,) = await save(app_pool, account, [plain("a", html="<p>Fresh<p>mail", text=None)])
    await owner.execute("UPDATE message_body SET text = NULL")
    assert (await user.api.get(f"/messages/{message_id}")).json()["text"] == "Fresh\nmail"


async def test_a_text_message_has_no_html(app_pool: Pool, account: ConnectedAccount, user: SignedIn) -> None:
    (message_id,) = await save(app_pool, account, [plain("a", html=None, text="<b>as written</b>")])
    read = (await user.api.get(f"/messages/{message_id}")).json()
    assert (read["html"], read["text"]) == (None, "<b>as written</b>")


async def test_a_message_whose_body_was_lost_can_be_opened(
    app_pool: Pool, account: ConnectedAccount, user: SignedIn, owner: AsyncConnection[Any]
) -> None:
    (message_id,) = await save(app_pool, account, [plain("a")])
    await owner.execute("DELETE FROM message_body WHERE message_id = %s", [message_id])
    read = (await user.api.get(f"/messages/{message_id}")).json()
    assert (read["html"], read["text"], read["headers"]) == (None, "", [])


async def test_a_deleted_message_is_nowhere(app_pool: Pool, account: ConnectedAccount, user: SignedIn) -> None:
    (message_id, _) = await save(app_pool, account, [plain("gone", text="needle", is_read=False), plain("kept")])
    asked_at = await database_time(app_pool, account)
    async with user_transaction(app_pool, account.user_id) as conn:
        await bury_messages(conn, account, ["gone"], asked_at=asked_at)
    assert await listed(user) == ["kept"]
    assert await listed(user, q="needle") == []
    assert (await user.api.get(f"/messages/{message_id}")).status_code == 404
    thread_id = thread_id_from(account.id, "thread of gone")
    assert (await user.api.get(f"/threads/{thread_id}")).status_code == 404
    assert (await user.api.get(f"/messages/{message_id}/attachments/{uuid4()}")).status_code == 404
    (inbox,) = [each for each in await folder_list(user, account) if each["well_known_name"] == "inbox"]
    assert (inbox["message_count"], inbox["unread_count"]) == (1, 0)


async def test_a_thread_reads_oldest_first_across_folders(
    app_pool: Pool, account: ConnectedAccount, user: SignedIn
) -> None:
    def in_thread(name: str, minutes_old: int, folder: ProviderFolder) -> MailMessage:
        return replace(plain(name, minutes_old), provider_thread_id="T", provider_folder_id=folder.provider_folder_id)

    await save(
        app_pool,
        account,
        [in_thread("third", 1, INBOX), in_thread("first", 3, INBOX), in_thread("second", 2, SENT), plain("other")],
    )
    thread_id = thread_id_from(account.id, "T")
    thread = (await user.api.get(f"/threads/{thread_id}")).json()
    assert thread["id"] == str(thread_id)
    assert [item["subject"] for item in thread["items"]] == ["first", "second", "third"]


async def folder_list(user: SignedIn, account: ConnectedAccount) -> list[dict[str, Any]]:
    answer = await user.api.get(f"/accounts/{account.id}/folders")
    assert answer.status_code == 200
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_folders_come_with_what_we_hold_of_them(
    app_pool: Pool, account: ConnectedAccount, user: SignedIn
) -> None:
    child = ProviderFolder("child-id", INBOX.provider_folder_id, "archived", None, 9, 2)
    await save_folders(app_pool, account, [INBOX, SENT, child])
    await save(app_pool, account, [plain("a"), plain("b", is_read=False), plain("c", is_read=False)])
    assert await folder_list(user, account) == [
        shown(account, child, parent=INBOX, messages=0, unread=0),
        shown(account, INBOX, parent=None, messages=3, unread=2),
        shown(account, SENT, parent=None, messages=0, unread=0),
    ]


def shown(
    account: ConnectedAccount, folder: ProviderFolder, *, parent: ProviderFolder | None, messages: int, unread: int
) -> dict[str, Any]:
    return {
        "id": str(folder_id(account, folder)),
        "account_id": str(account.id),
        "parent_id": str(folder_id(account, parent)) if parent else None,
        "display_name": folder.display_name,
        "well_known_name": folder.well_known_name,
        "message_count": messages,
        "unread_count": unread,
        "provider_message_count": folder.total_count,
    }


async def test_accounts_are_listed_until_they_are_disconnected(
    app_pool: Pool, account: ConnectedAccount, user: SignedIn, owner: AsyncConnection[Any]
) -> None:
    other = await connect(app_pool, user)
    items = (await user.api.get("/accounts")).json()["items"]
    assert [item["id"] for item in items] == [str(account.id), str(other.id)]
    assert items[0] == (await user.api.get(f"/accounts/{account.id}")).json()
    assert (items[0]["provider"], items[0]["address"], items[0]["state"]) == ("outlook", user.email, "connecting")
    await owner.execute("UPDATE account SET state = 'disconnected' WHERE id = %s", [account.id])
    assert [item["id"] for item in (await user.api.get("/accounts")).json()["items"]] == [str(other.id)]
    for path in ("", "/folders", "/sync", "/problems"):
        assert (await user.api.get(f"/accounts/{account.id}{path}")).status_code == 404


async def add_pages(
    owner: AsyncConnection[Any], account: ConnectedAccount, run_id: UUID, pages: Sequence[tuple[str, str, int]]
) -> None:
    """Record pages of a run: folder, state, how many messages."""
    for folder, state, count in pages:
        await owner.execute(
            """INSERT INTO sync_page (user_id, account_id, run_id, folder_id, provider_message_ids, message_count,
                                      state, finished_at, error_code, attempts)
               VALUES (%s, %s, %s, %s, '{}', %s, %s::sync_page_state,
                       CASE WHEN %s = 'done' THEN now() END,
                       CASE WHEN %s = 'failed' THEN 'provider_rejected' END, 3)""",
            [
                account.user_id,
                account.id,
                run_id,
                folder_id(account, INBOX if folder == "inbox" else SENT),
                count,
                state,
                state,
                state,
            ],
        )


async def the_run(owner: AsyncConnection[Any], account: ConnectedAccount) -> UUID:
    row = await (await owner.execute("SELECT id FROM sync_run WHERE account_id = %s", [account.id])).fetchone()
    assert row is not None
    run_id: UUID = row[0]
    return run_id


async def test_progress_before_the_start_knows_what_the_provider_promised(
    account: ConnectedAccount, user: SignedIn, owner: AsyncConnection[Any]
) -> None:
    progress = (await user.api.get(f"/accounts/{account.id}/sync")).json()
    assert progress["run_id"] == str(await the_run(owner, account))
    assert (progress["state"], progress["total_is_exact"]) == ("starting", False)
    assert (progress["messages_total"], progress["messages_done"], progress["seconds_left"]) == (3, 0, None)
    assert (progress["messages_per_second"], progress["started_at"]) == (None, None)


async def test_progress_counts_messages_by_folder_and_says_how_long_it_takes(
    account: ConnectedAccount, user: SignedIn, owner: AsyncConnection[Any]
) -> None:
    run_id = await the_run(owner, account)
    await owner.execute(
        "UPDATE sync_run SET state = 'running', started_at = now() - interval '10 seconds' WHERE id = %s", [run_id]
    )
    await owner.execute("UPDATE folder SET state = 'current' WHERE account_id = %s", [account.id])
    await add_pages(
        owner,
        account,
        run_id,
        [("inbox", "done", 100), ("inbox", "pending", 40), ("sent", "fetching", 60), ("sent", "failed", 5)],
    )
    progress = (await user.api.get(f"/accounts/{account.id}/sync")).json()
    assert (progress["messages_total"], progress["messages_done"], progress["messages_failed"]) == (205, 100, 5)
    assert progress["total_is_exact"] is True
    assert progress["messages_per_second"] == pytest.approx(10, rel=0.2)
    assert progress["seconds_left"] == pytest.approx(10, rel=0.2)
    assert [(each["display_name"], each["messages_total"], each["messages_done"]) for each in progress["folders"]] == [
        ("Inbox", 140, 100),
        ("Sent Items", 65, 0),
    ]
    inbox, sent = progress["folders"]
    assert inbox["messages_per_second"] == pytest.approx(10, rel=0.2)
    assert inbox["seconds_left"] == pytest.approx(4, rel=0.2)
    assert (sent["messages_per_second"], sent["seconds_left"]) == (0, None)


async def test_a_finished_run_has_its_own_rate_and_nothing_left(
    account: ConnectedAccount, user: SignedIn, owner: AsyncConnection[Any]
) -> None:
    run_id = await the_run(owner, account)
    await add_pages(owner, account, run_id, [("inbox", "done", 100)])
    await owner.execute("UPDATE folder SET state = 'current' WHERE account_id = %s", [account.id])
    await owner.execute(
        """UPDATE sync_run SET state = 'completed', started_at = now() - interval '1 hour',
                  finished_at = now() - interval '1 hour' + interval '20 seconds' WHERE id = %s""",
        [run_id],
    )
    progress = (await user.api.get(f"/accounts/{account.id}/sync")).json()
    assert (progress["state"], progress["messages_total"], progress["seconds_left"]) == ("completed", 100, None)
    assert progress["messages_per_second"] == pytest.approx(5)


async def test_problems_name_pages_jobs_and_messages(
    app_pool: Pool, account: ConnectedAccount, user: SignedIn, owner: AsyncConnection[Any]
) -> None:
    run_id = await the_run(owner, account)
    await add_pages(owner, account, run_id, [("inbox", "failed", 7), ("inbox", "done", 7)])
    job_id = uuid4()
    await owner.execute(
        """INSERT INTO failed_job (id, user_id, account_id, queue, job) VALUES (%s, %s, %s, 'mail-live', %s)""",
        [job_id, user.id, account.id, '{"kind": "fetch_message.v1", "provider_message_id": "broken"}'],
    )
    (message_id, _) = await save(app_pool, account, [plain("broken", failure="body: odd"), plain("whole")])
    problems = (await user.api.get(f"/accounts/{account.id}/problems")).json()
    (page,) = problems["pages"]
    assert (page["messages"], page["attempts"], page["error_code"]) == (7, 3, "provider_rejected")
    (job,) = problems["jobs"]
    assert (job["id"], job["kind"], job["message_id"]) == (str(job_id), "fetch_message.v1", str(message_id))
    assert problems["messages"] == [{"id": str(message_id), "failure": "body: odd"}]


async def test_extreme_dates_are_listed_like_any_other(
    app_pool: Pool, account: ConnectedAccount, user: SignedIn
) -> None:
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    await save(
        app_pool,
        account,
        [replace(plain("first"), received_at=first), plain("now"), replace(plain("last"), received_at=last)],
    )
    assert await paged(user, limit=1) == [["last"], ["now"], ["first"]]
