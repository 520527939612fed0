"""Deliveries with content: what is taken along, from whom, and what only has its message fetched."""

import json
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from shared.models.jobs import ANY_JOB, AnyJob, ApplyNotification, FetchMessage
from shared.settings import Settings
from shared.sync.notifications import read_delivery
from shared.sync.subscriptions import client_state_from
from tests.unit.conftest import secrets_of
from tests.unit.rich_content import HEADER, CertificateHolder
from tests.unit.test_validation_tokens import TENANT, Microsoft

HOLDER = CertificateHolder()
QUEUE_MESSAGE_BYTES = 48 * 1024


@pytest.fixture
def microsoft() -> Microsoft:
    return Microsoft()


@pytest.fixture
def rich(settings: Settings) -> Settings:
    return settings.model_copy(update={"rich_notifications": True})


def item(settings: Settings, account_id: UUID, **changes: object) -> dict[str, Any]:
    return {
        "subscriptionId": str(uuid4()),
        "changeType": "updated",
        "clientState": client_state_from(secrets_of(settings), account_id),
        "tenantId": TENANT,
        "encryptedContent": HOLDER.sealed(HEADER).in_notification("first"),
        "resourceData": {"@odata.etag": 'W/"CQAAABYB"', "id": "AAMkAGU="},
        **changes,
    }


async def jobs_of(
    settings: Settings, microsoft: Microsoft, items: list[dict[str, Any]], tokens: object = None
) -> list[AnyJob]:
    told = [microsoft.token()] if tokens is None else tokens
    body = json.dumps({"value": items, "validationTokens": told}).encode()
    return [later.job for later in await read_delivery(settings, secrets_of(settings), microsoft.tokens, body)]


async def test_content_is_taken_along_as_it_came(rich: Settings, microsoft: Microsoft) -> None:
    account_id = uuid4()
    given = item(rich, account_id)
    assert await jobs_of(rich, microsoft, [given, given]) == [
        ApplyNotification(
            account_id=account_id,
            provider_message_id="AAMkAGU=",
            change_key="CQAAABYB",
            certificate_id="first",
            data=given["encryptedContent"]["data"],
            data_key=given["encryptedContent"]["dataKey"],
            data_signature=given["encryptedContent"]["dataSignature"],
        )
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"changeType": "created"},
        {"changeType": "deleted"},
        {"tenantId": str(uuid4())},
        {"tenantId": None},
        {"tenantId": [TENANT]},
        {"encryptedContent": None},
        {"encryptedContent": {"data": 7}},
        {"encryptedContent": HOLDER.sealed(HEADER).in_notification("x" * 129)},
        {"encryptedContent": HOLDER.sealed({"subject": "x" * 40_000}).in_notification("first")},
    ],
)
async def test_what_cannot_be_taken_along_has_its_message_fetched(
    rich: Settings, microsoft: Microsoft, changes: dict[str, object]
) -> None:
    jobs = await jobs_of(rich, microsoft, [item(rich, uuid4(), **changes)])
    assert [type(job) for job in jobs] == [FetchMessage]


async def test_whatever_is_taken_along_has_room_in_a_queue_message(rich: Settings, microsoft: Microsoft) -> None:
    sizes = []
    for length in range(20_000, 34_000, 2_000):
        content = HOLDER.sealed({"subject": "x" * length}).in_notification("x" * 128)
        data = {"@odata.etag": "x" * 512, "id": "x" * 1024}
        jobs = await jobs_of(rich, microsoft, [item(rich, uuid4(), encryptedContent=content, resourceData=data)])
        sizes += [len(ANY_JOB.dump_json(job)) for job in jobs if isinstance(job, ApplyNotification)]
    assert 0 < max(sizes) < QUEUE_MESSAGE_BYTES - 200  # which the trace and the times take


@pytest.mark.parametrize("tokens", [[], ["forged"], "no list", 7])
async def test_without_proof_of_the_sender_content_is_left_aside(
    rich: Settings, microsoft: Microsoft, tokens: object
) -> None:
    jobs = await jobs_of(rich, microsoft, [item(rich, uuid4())], tokens)
    assert [type(job) for job in jobs] == [FetchMessage]


async def test_one_bad_token_spoils_the_delivery(rich: Settings, microsoft: Microsoft) -> None:
    tokens = [microsoft.token(), microsoft.token(appid=str(uuid4()))]
    jobs = await jobs_of(rich, microsoft, [item(rich, uuid4()), item(rich, uuid4())], tokens)
    assert [type(job) for job in jobs] == [FetchMessage, FetchMessage]


async def test_strangers_cannot_have_us_ask_for_keys(rich: Settings, microsoft: Microsoft) -> None:
    assert await jobs_of(rich, microsoft, [item(rich, uuid4(), clientState="secret")]) == []
    assert microsoft.fetches == 0


async def test_without_the_setting_content_means_nothing(settings: Settings, microsoft: Microsoft) -> None:
    jobs = await jobs_of(settings, microsoft, [item(settings, uuid4())])
    assert [type(job) for job in jobs] == [FetchMessage]
    assert microsoft.fetches == 0


async def test_when_keys_cannot_be_had_messages_are_fetched(rich: Settings, microsoft: Microsoft) -> None:
    microsoft.fault = httpx.ConnectError("down")
    jobs = await jobs_of(rich, microsoft, [item(rich, uuid4())])
    assert [type(job) for job in jobs] == [FetchMessage]


async def test_two_versions_of_one_message_are_one_fetch_that_believes_neither(
    rich: Settings, microsoft: Microsoft
) -> None:
    account_id = uuid4()
    other = item(rich, account_id, resourceData={"@odata.etag": 'W/"CQAAABYC"', "id": "AAMkAGU="})
    created = item(rich, account_id, changeType="created")
    assert await jobs_of(rich, microsoft, [item(rich, account_id), other]) == [
        FetchMessage(account_id=account_id, provider_message_id="AAMkAGU=", change="updated")
    ]
    assert await jobs_of(rich, microsoft, [item(rich, account_id), created]) == [
        FetchMessage(account_id=account_id, provider_message_id="AAMkAGU=", change="created", change_key="CQAAABYB")
    ]
