"""What we ask of Graph, and how its answers are read."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from shared.errors import (
    AnswerTooLarge,
    CursorExpired,
    MailboxUnavailable,
    ProviderItemNotFound,
    ProviderRejected,
    ProviderUnavailable,
    SubscriptionExists,
    SubscriptionLimit,
    SubscriptionRefused,
    Throttled,
)
from shared.models.mail import ListedMessage
from shared.providers.graph.mail import GraphMail
from tests.unit.graph_json import graph_error, graph_message

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Handler = Callable[[httpx.Request], httpx.Response]


def graph(handler: Handler) -> GraphMail:
    async def token(_: str | None) -> str:
        return "token"

    http = httpx.AsyncClient(transport=httpx.MockTransport(handler))
    return GraphMail(http, "https://graph.test/v1.0", lambda: nullcontext(NOW), token, timeout_seconds=5)


def answering(*answers: httpx.Response) -> GraphMail:
    waiting = list(answers)
    return graph(lambda _: waiting.pop(0))


def page(*items: dict[str, Any], **links: str) -> httpx.Response:
    return httpx.Response(200, json={"value": list(items)} | {f"@odata.{name}": link for name, link in links.items()})


NEXT = "https://graph.test/v1.0/me/mailfolders('F')/messages/delta?$skiptoken=s"
DELTA = "https://graph.test/v1.0/me/mailfolders('F')/messages/delta?$deltatoken=d"


# Changes


async def test_an_enumeration_asks_for_little_newest_first_and_in_large_pages() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return page(deltaLink=DELTA)

    await graph(handler).changes("F+/=", None, page_messages=500)
    assert seen[0].url.raw_path.startswith(b"/v1.0/me/mailFolders/F_-%3D/messages/delta?")
    assert dict(seen[0].url.params) == {"$select": "id,receivedDateTime", "$orderby": "receivedDateTime desc"}
    assert seen[0].headers["Prefer"] == 'IdType="ImmutableId", odata.maxpagesize=500'


async def test_a_page_of_changes_gives_its_items_and_where_to_go_on() -> None:
    item = {"id": "a", "@odata.etag": 'W/"k1"', "receivedDateTime": "2026-01-01T00:00:00Z"}
    first = await answering(page(item, {"id": "b"}, nextLink=NEXT)).changes("F", None, page_messages=10)
    assert first.listed == [ListedMessage("a", NOW, "k1"), ListedMessage("b", None, None)]
    assert (first.cursor, first.has_more) == ("/v1.0/me/mailfolders('F')/messages/delta?$skiptoken=s", True)
    last = await answering(page(deltaLink=DELTA)).changes("F", first.cursor, page_messages=10)
    assert (last.listed, last.removed_ids, last.has_more) == ([], [], False)


@pytest.mark.parametrize("reason", ["deleted", "changed"])
async def test_what_comes_twice_counts_as_it_came_last(reason: str) -> None:
    removed = {"@removed": {"reason": reason}}
    changes = await answering(
        page({"id": "a"} | removed, {"id": "b"}, {"id": "b"} | removed, {"id": "a"}, {"no": "id"}, deltaLink=DELTA)
    ).changes("F", DELTA, page_messages=10)
    assert [item.provider_message_id for item in changes.listed] == ["a"]
    assert changes.removed_ids == ["b"]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (410, "SyncStateNotFound"),
        (410, "resyncRequired"),
        (410, ""),
        (400, "SyncStateInvalid"),
        (400, "BadRequest"),  # "Badly formed token."
        (404, "syncStateNotFound"),
    ],
)
async def test_a_cursor_that_graph_no_longer_takes_is_expired(status: int, code: str) -> None:
    with pytest.raises(CursorExpired):
        await answering(httpx.Response(status, json=graph_error(code))).changes("F", DELTA, page_messages=10)


async def test_a_bad_request_without_a_cursor_is_our_own_fault() -> None:
    refusal = httpx.Response(400, json=graph_error("ErrorInvalidUrlQuery"))
    with pytest.raises(ProviderRejected):
        await answering(refusal).changes("F", None, page_messages=10)


async def test_a_folder_that_is_gone_is_told_from_a_cursor_that_is() -> None:
    with pytest.raises(ProviderItemNotFound):
        await answering(httpx.Response(404, json=graph_error("ErrorItemNotFound"))).changes(
            "F", DELTA, page_messages=10
        )


@pytest.mark.parametrize("answer", [page(), httpx.Response(200, json={"value": None, "@odata.deltaLink": DELTA})])
async def test_a_page_that_is_none_is_an_outage(answer: httpx.Response) -> None:
    with pytest.raises(ProviderUnavailable):
        await answering(answer).changes("F", None, page_messages=10)


# Windows


async def test_a_window_is_asked_for_whole_and_in_order() -> None:
    seen: list[httpx.URL] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.url)
        return page(graph_message(id="a"), graph_message(id="b"), graph_message(id="a", subject="newer"))

    fetched = await graph(handler).messages_between("F", datetime(1, 1, 1, tzinfo=UTC), NOW, limit=110)
    options = dict(seen[0].params)
    assert options["$filter"] == "receivedDateTime ge 0001-01-01T00:00:00Z and receivedDateTime lt 2026-01-01T00:00:00Z"
    assert (options["$orderby"], options["$top"]) == ("receivedDateTime desc", "110")
    assert {"body", "internetMessageHeaders", "changeKey"} <= set(options["$select"].split(","))
    assert "microsoft.graph.fileAttachment/contentId" in options["$expand"]
    assert [(m.provider_message_id, m.subject) for m in fetched.messages] == [("a", "newer"), ("b", "Concert")]
    assert fetched.asked_at == NOW


async def test_a_window_that_times_out_at_graph_is_too_large() -> None:
    with pytest.raises(AnswerTooLarge):
        await answering(httpx.Response(504)).messages_between("F", NOW, NOW, limit=100)


async def test_a_window_over_the_byte_budget_is_too_large() -> None:
    big = graph_message(body={"contentType": "html", "content": "x" * 17_000_000})
    with pytest.raises(AnswerTooLarge):
        await answering(page(big)).messages_between("F", NOW, NOW, limit=100)


# By id


async def test_one_message_is_one_get_with_its_id_made_safe() -> None:
    seen: list[httpx.URL] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.url)
        return httpx.Response(200, json=graph_message(id="A/b+c="))

    fetched = await graph(handler).messages(["A/b+c="])
    assert seen[0].raw_path.startswith(b"/v1.0/me/messages/A-b_c%3D?")
    assert [message.provider_message_id for message in fetched.messages] == ["A/b+c="]


@pytest.mark.parametrize(("status", "code"), [(404, "ErrorItemNotFound"), (400, "ErrorInvalidIdMalformed")])
async def test_a_message_that_is_gone_is_missing(status: int, code: str) -> None:
    fetched = await answering(httpx.Response(status, json=graph_error(code))).messages(["a"])
    assert (fetched.messages, fetched.missing_ids, fetched.asked_at) == ([], ("a",), NOW)


async def test_a_closed_mailbox_is_not_a_missing_message() -> None:
    with pytest.raises(MailboxUnavailable):
        await answering(httpx.Response(404, json=graph_error("ResourceNotFound"))).messages(["a"])


async def test_a_gateways_page_is_not_a_missing_message() -> None:
    with pytest.raises(ProviderUnavailable):
        await answering(httpx.Response(404, text="<html>Not found</html>")).messages(["a"])


async def test_a_single_message_too_large_to_take_is_stored_without_its_body() -> None:
    huge = graph_message(body={"contentType": "html", "content": "x" * 26_000_000})
    light = {name: value for name, value in graph_message().items() if name not in ("body", "internetMessageHeaders")}
    fetched = await answering(httpx.Response(200, json=huge), httpx.Response(200, json=light)).messages([huge["id"]])
    message = fetched.messages[0]
    assert (message.subject, message.text, message.headers) == ("Concert", "", ())
    assert message.failure == "could not be read: body and headers, which are too large"


# Batches


class Batches:
    """Answers batches; `parts` decides for each path, None leaving it out."""

    def __init__(self, part: Callable[[str], dict[str, Any] | None]) -> None:
        self.part = part
        self.sizes: list[int] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        requests = json.loads(request.content)["requests"]
        self.sizes.append(len(requests))
        assert len({one["id"] for one in requests}) == len(requests) <= 20
        assert all(one["dependsOn"] == [requests[0]["id"]] for one in requests[1:])
        responses = []
        for one in reversed(requests):
            path = str(one["url"]).removeprefix("/me/messages/").partition("?")[0]
            told = self.part(path) if "/me/messages/" in one["url"] else {"status": 200, "body": {"id": "root"}}
            if told is not None:
                responses.append({"id": one["id"], **told})
        return httpx.Response(200, json={"responses": responses})


def found(path: str) -> dict[str, Any]:
    return {"status": 200, "headers": {}, "body": graph_message(id=path)}


def refused(status: int, code: str, **headers: str) -> dict[str, Any]:
    return {"status": status, "headers": headers, "body": graph_error(code)}


async def test_many_messages_come_in_batches_that_run_in_turn() -> None:
    batches = Batches(found)
    ids = [f"m{n}" for n in range(45)]
    fetched = await graph(batches).messages([*ids, "m0"])
    assert {message.provider_message_id for message in fetched.messages} == set(ids)
    assert (len(fetched.messages), fetched.missing_ids, batches.sizes) == (45, [], [20, 20, 8])


async def test_of_a_batch_what_is_gone_is_missing() -> None:
    batches = Batches(lambda path: refused(404, "ErrorItemNotFound") if path == "m1" else found(path))
    fetched = await graph(batches).messages(["m0", "m1", "m2"])
    assert {message.provider_message_id for message in fetched.messages} == {"m0", "m2"}
    assert fetched.missing_ids == ["m1"]


async def test_a_batch_throttled_in_part_waits_for_the_longest() -> None:
    waits = {
        "m0": refused(429, "ApplicationThrottled", **{"Retry-After": "1"}),
        "m1": refused(429, "", **{"retry-after": "9.5"}),
    }
    with pytest.raises(Throttled) as refusal:
        await graph(Batches(lambda path: waits.get(path) or found(path))).messages(["m0", "m1", "m2"])
    assert refusal.value.retry_after_seconds == 9.5


async def test_answers_left_out_of_a_batch_are_asked_for_again() -> None:
    asked: list[str] = []

    def part(path: str) -> dict[str, Any] | None:
        asked.append(path)
        return None if path == "m1" and asked.count("m1") == 1 else found(path)

    fetched = await graph(Batches(part)).messages(["m0", "m1", "m2"])
    assert len(fetched.messages) == 3
    assert asked.count("m0") == 1


async def test_an_answer_that_never_comes_is_an_outage() -> None:
    with pytest.raises(ProviderUnavailable):
        await graph(Batches(lambda path: None if path == "m1" else found(path))).messages(["m0", "m1"])


@pytest.mark.parametrize(
    "told",
    [
        refused(500, "ErrorMailboxStoreUnavailable"),
        refused(503, ""),
        {"status": 200, "body": "bm90IGpzb24="},
        {"status": "what"},
    ],
)
async def test_a_part_that_failed_fails_the_batch(told: dict[str, Any]) -> None:
    with pytest.raises(ProviderUnavailable):
        await graph(Batches(lambda path: told if path == "m1" else found(path))).messages(["m0", "m1"])


async def test_a_token_refused_within_a_batch_is_tried_again_without_the_owner() -> None:
    refusal = refused(401, "InvalidAuthenticationToken")
    with pytest.raises(ProviderUnavailable):
        await graph(Batches(lambda path: refusal if path == "m1" else found(path))).messages(["m0", "m1"])


async def test_a_closed_mailbox_fails_the_batch_instead_of_emptying_the_mirror() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        requests = json.loads(request.content)["requests"]
        closed = {"id": requests[0]["id"], **refused(404, "ErrorItemNotFound")}
        return httpx.Response(
            200, json={"responses": [closed, *({"id": one["id"], "status": 424} for one in requests[1:])]}
        )

    with pytest.raises(MailboxUnavailable):
        await graph(handler).messages(["m0", "m1"])


# Attachments and subscriptions


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, "ErrorItemNotFound"), (405, "ErrorInvalidRequest"), (500, "ErrorCannotOpenFileAttachment")],
)
async def test_an_attachment_without_content_is_not_found(status: int, code: str) -> None:
    with pytest.raises(ProviderItemNotFound):
        async for _ in answering(httpx.Response(status, json=graph_error(code))).attachment_content("m", "a"):
            pass


async def test_an_attachment_comes_in_parts() -> None:
    content = bytes(range(256)) * 1000
    parts = [part async for part in answering(httpx.Response(200, content=content)).attachment_content("m", "a/+=")]
    assert b"".join(parts) == content


SUBSCRIPTION = {"id": "5522bd62-7c96-4530-85b0-00b916f6151a", "expirationDateTime": "2026-01-07T21:42:18.2257768Z"}


async def subscribe(mail: GraphMail) -> Any:  # noqa: ANN401 - what the test compares
    return await mail.subscribe(
        notification_url="https://api.contoso.example/n",
        lifecycle_url="https://api.contoso.example/l",
        client_state="state",
    )


async def test_a_subscription_watches_the_whole_mailbox_by_immutable_ids() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, json=SUBSCRIPTION)

    made = await subscribe(graph(handler))
    assert made.provider_subscription_id == SUBSCRIPTION["id"]
    assert made.expires_at == datetime(2026, 1, 7, 21, 42, 18, 225776, tzinfo=UTC)
    body = json.loads(seen[0].content)
    assert (body["resource"], body["changeType"]) == ("/me/messages", "created,updated,deleted")
    wish = datetime.fromisoformat(body["expirationDateTime"]) - datetime.now(UTC)
    assert timedelta(minutes=10_050) < wish < timedelta(minutes=10_056)  # a quarter of an hour under the limit
    assert seen[0].headers["Prefer"] == 'IdType="ImmutableId"'


@pytest.mark.parametrize(
    ("wording", "named"),
    [
        (f"Subscription Id {SUBSCRIPTION['id']} already exists for the requested combination", SUBSCRIPTION["id"]),
        ("It exists.", None),
    ],
)
async def test_a_subscription_that_exists_is_named_where_graph_names_it(wording: str, named: str | None) -> None:
    inner = {"request-id": "215af209-467a-4ab7-8eff-27c1d1efbc2d"}
    with pytest.raises(SubscriptionExists) as refusal:
        await subscribe(answering(httpx.Response(409, json=graph_error("ObjectIdentifierInUse", wording, **inner))))
    assert refusal.value.provider_subscription_id == named


@pytest.mark.parametrize(
    ("status", "code"), [(404, "ResourceNotFound"), (404, "ExtensionError"), (400, "ExtensionError")]
)
async def test_a_subscription_that_cannot_be_renewed_is_gone(status: int, code: str) -> None:
    refusals = [httpx.Response(status, json=graph_error(code)) for _ in range(2)]
    with pytest.raises(ProviderItemNotFound):
        await answering(*refusals).renew_subscription("s")


async def test_a_life_too_long_for_graph_is_asked_for_again_once_and_shorter() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        refusal = graph_error("ExtensionError", "Subscription expiration can only be 4230 minutes in the future.")
        return httpx.Response(400, json=refusal) if len(seen) == 1 else httpx.Response(200, json=SUBSCRIPTION)

    assert (await graph(handler).renew_subscription("s")).provider_subscription_id == SUBSCRIPTION["id"]
    wishes = [datetime.fromisoformat(json.loads(request.content)["expirationDateTime"]) for request in seen]
    assert wishes[1] - datetime.now(UTC) < timedelta(minutes=1_440)
    refusals = [httpx.Response(400, json=graph_error("ExtensionError")) for _ in range(2)]
    with pytest.raises(SubscriptionRefused):
        await subscribe(answering(*refusals))


async def test_an_endpoint_that_graph_cannot_reach_is_not_tried_twice() -> None:
    with pytest.raises(SubscriptionRefused):
        await subscribe(answering(httpx.Response(400, json=graph_error("ValidationError"))))


async def test_a_mailbox_full_of_subscriptions_is_named_so() -> None:
    with pytest.raises(SubscriptionLimit):
        await subscribe(answering(httpx.Response(403, json=graph_error("ExtensionError"))))


async def test_subscriptions_are_listed_over_pages_with_where_they_call() -> None:
    link = "https://graph.test/v1.0/subscriptions?$skiptoken=2"
    pages = [
        {"value": [{**SUBSCRIPTION, "notificationUrl": "https://api.contoso.example/n"}], "@odata.nextLink": link},
        {"value": [{**SUBSCRIPTION, "id": "second"}]},
    ]
    listed = await answering(*(httpx.Response(200, json=page) for page in pages)).list_subscriptions()
    assert [(one.provider_subscription_id, one.notification_url) for one in listed] == [
        (SUBSCRIPTION["id"], "https://api.contoso.example/n"),
        ("second", ""),
    ]


@pytest.mark.parametrize(("status", "code"), [(204, ""), (404, "ResourceNotFound")])
async def test_ending_a_subscription_twice_is_as_good_as_once(status: int, code: str) -> None:
    answer = httpx.Response(status) if status == 204 else httpx.Response(status, json=graph_error(code))
    await answering(answer).unsubscribe("s")


async def test_a_mailbox_that_cannot_be_watched_is_unavailable() -> None:
    refusal = httpx.Response(404, json=graph_error("ExtensionError", "REST API is not yet supported for this mailbox."))
    with pytest.raises(MailboxUnavailable):
        await subscribe(answering(refusal))
