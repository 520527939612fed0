"""The operators' API: who may, what it tells of every user's accounts, what it sets going, and what it never tells."""

import secrets
from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from shared.models.accounts import ConnectedAccount
from shared.storage.database import Pool
from tests.api.conftest import OPERATOR_KEY, SignedIn, connect
from tests.host.hosting import RunningHost, soon

Owner = AsyncConnection[tuple[Any, ...]]
PATHS: Final = (
    "/operators/overview",
    "/operators/accounts",
    f"/operators/accounts/{uuid4()}",
    "/operators/failed-jobs",
    f"/operators/failed-jobs/{uuid4()}",
)


@pytest.fixture
async def operator(host: RunningHost) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {OPERATOR_KEY}"}
    async with httpx.AsyncClient(base_url=f"{host.url}/api", trust_env=False, timeout=30, headers=headers) as client:
        yield client


async def trouble_of(operator: httpx.AsyncClient, account: ConnectedAccount, **query: str) -> dict[str, Any] | None:
    """Look for an account in the list, page by page."""
    cursor: dict[str, str] = {}
    while True:
        answer = await operator.get("/operators/accounts", params={"limit": "2", **query, **cursor})
        assert answer.status_code == 200, answer.text
        for item in answer.json()["items"]:
            if item["account_id"] == str(account.id):
                return dict(item)
        if answer.json()["next_cursor"] is None:
            return None
        cursor = {"cursor": answer.json()["next_cursor"]}


@pytest.mark.parametrize("path", PATHS)
async def test_only_operators_may(path: str, anonymous: httpx.AsyncClient, user: SignedIn) -> None:
    wrong = {"Authorization": f"Bearer {secrets.token_urlsafe(32)}"}
    assert (await anonymous.get(path)).status_code == 401
    assert (await anonymous.get(path, headers=wrong)).status_code == 401
    assert (await user.api.get(path)).status_code == 401


async def test_an_operator_is_no_user(operator: httpx.AsyncClient) -> None:
    assert (await operator.get("/accounts")).status_code == 401


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE account SET state = 'needs_sign_in', state_reason = 'x' WHERE id = %s", "needs_sign_in"),
        ("UPDATE account SET state = 'needs_admin' WHERE id = %s", "needs_admin"),
        ("UPDATE account SET state = 'suspended' WHERE id = %s", "suspended"),
        ("UPDATE account SET delayed_until = now(), delay_reason = 'throttled' WHERE id = %s", "delayed"),
        ("UPDATE account SET state = 'live' WHERE id = %s", "no_subscription"),
        (
            """WITH old AS (UPDATE account SET state = 'live', connected_at = now() - interval '1 day' WHERE id = %s
                            RETURNING id, user_id)
               INSERT INTO folder (id, user_id, account_id, provider_folder_id, display_name, provider_total_count,
                                   provider_unread_count, state)
               SELECT gen_random_uuid(), user_id, id, 'f', 'Inbox', 0, 0, 'current' FROM old""",
            "behind",
        ),
        (
            """INSERT INTO sync_run (id, user_id, account_id, requested_at)
               SELECT gen_random_uuid(), user_id, id, now() - interval '1 hour' FROM account WHERE id = %s""",
            "stalled",
        ),
        (
            """WITH run AS (INSERT INTO sync_run (id, user_id, account_id, state)
                            SELECT gen_random_uuid(), user_id, id, 'incomplete' FROM account WHERE id = %s
                            RETURNING id, user_id, account_id)
               INSERT INTO sync_page (user_id, account_id, run_id, folder_id, provider_message_ids, message_count,
                                      state)
               SELECT user_id, account_id, id, gen_random_uuid(), '{}', 3, 'failed' FROM run""",
            "failed_pages",
        ),
        (
            """INSERT INTO failed_job (id, user_id, account_id, queue, job)
               SELECT gen_random_uuid(), user_id, id, 'mail-live', '{"kind": "x"}' FROM account WHERE id = %s""",
            "failed_jobs",
        ),
    ],
)
async def test_an_account_in_trouble_is_listed_with_its_problem(
    operator: httpx.AsyncClient, app_pool: Pool, user: SignedIn, owner: Owner, change: str, problem: str
) -> None:
    account = await connect(app_pool, user)
    await owner.execute("DELETE FROM sync_run WHERE account_id = %s", (account.id,))
    assert await trouble_of(operator, account) is None
    await owner.execute(change.encode(), (account.id,))
    found = await trouble_of(operator, account, problem=problem)
    assert found is not None
    assert problem in found["problems"]
    detail = (await operator.get(f"/operators/accounts/{account.id}")).json()
    assert detail["health"] == found
    counted = (await operator.get("/operators/overview")).json()["problems"]
    assert counted.get(problem, 0) >= 1 or problem == "failed_pages"


async def test_what_is_told_holds_no_address_and_no_id_of_the_provider(
    operator: httpx.AsyncClient, user: SignedIn, account: ConnectedAccount, owner: Owner
) -> None:
    await owner.execute("UPDATE account SET state = 'suspended' WHERE id = %s", (account.id,))
    row = await owner.execute("SELECT provider_user_id, display_name FROM account WHERE id = %s", (account.id,))
    told = [(await operator.get(path)).text for path in (*PATHS[:2], f"/operators/accounts/{account.id}")]
    hidden = {user.email, account.address, str(user.id), *((await row.fetchone()) or ())}
    assert {each for each in hidden if any(f'"{each}"' in text for text in told)} == set()


@pytest.mark.parametrize(
    ("ask", "kind"), [("reconciliation", "sync_changes.v1"), ("renewal", "ensure_subscription.v1")]
)
async def test_an_operator_sets_a_job_going(
    operator: httpx.AsyncClient, account: ConnectedAccount, ask: str, kind: str
) -> None:
    answer = await operator.post(f"/operators/accounts/{account.id}/{ask}")
    assert (answer.status_code, answer.json()) == (202, {"account_id": str(account.id), "job": kind})


@pytest.mark.parametrize("ask", ["reconciliation", "renewal"])
async def test_nothing_is_set_going_for_an_account_that_is_not_there(operator: httpx.AsyncClient, ask: str) -> None:
    assert (await operator.post(f"/operators/accounts/{uuid4()}/{ask}")).status_code == 404


async def test_the_log_says_which_operator_asked_for_what(
    operator: httpx.AsyncClient, account: ConnectedAccount, host: RunningHost
) -> None:
    await operator.get(f"/operators/accounts/{account.id}")
    assert f"operator asks operator=ada operation=account account_id={account.id}" in host.log
    assert OPERATOR_KEY not in host.log


async def test_the_description_says_what_operators_sign_in_with(anonymous: httpx.AsyncClient) -> None:
    document = (await anonymous.get("/openapi.json")).json()
    assert document["paths"]["/operators/overview"]["get"]["security"] == [{"operatorKey": []}]
    assert document["components"]["securitySchemes"]["operatorKey"]["scheme"] == "bearer"


async def fail(owner: Owner, account: ConnectedAccount | None, job: dict[str, Any]) -> str:
    """Record a job that failed for good; return its id."""
    job_id = uuid4()
    await owner.execute(
        "INSERT INTO failed_job (id, user_id, account_id, queue, job) VALUES (%s, %s, %s, 'mail-changes', %s)",
        [job_id, account and account.user_id, account and account.id, Jsonb(job)],
    )
    return str(job_id)


async def test_a_failed_job_is_listed_inspected_and_dropped(
    operator: httpx.AsyncClient, owner: Owner, account: ConnectedAccount
) -> None:
    job = {"kind": "sync_changes.v1", "account_id": str(account.id)}
    job_id = await fail(owner, account, job)
    listed = (await operator.get("/operators/failed-jobs")).json()["items"]
    assert [each["kind"] for each in listed if each["id"] == job_id] == ["sync_changes.v1"]
    assert (await operator.get(f"/operators/failed-jobs/{job_id}")).json()["job"] == job
    assert (await operator.delete(f"/operators/failed-jobs/{job_id}")).status_code == 204
    for again in (operator.get, operator.delete):
        assert (await again(f"/operators/failed-jobs/{job_id}")).status_code == 404


async def test_a_failed_job_that_is_tried_again_runs_and_is_forgotten(
    operator: httpx.AsyncClient, owner: Owner, account: ConnectedAccount
) -> None:
    job_id = await fail(owner, account, {"kind": "index_messages.v1", "account_id": str(account.id)})
    assert (await operator.post(f"/operators/failed-jobs/{job_id}/retry")).status_code == 204
    assert (await operator.get(f"/operators/failed-jobs/{job_id}")).status_code == 404
    assert (await operator.post(f"/operators/failed-jobs/{job_id}/retry")).status_code == 404


async def test_failed_jobs_are_listed_page_by_page_while_some_are_dropped(
    operator: httpx.AsyncClient, owner: Owner, account: ConnectedAccount
) -> None:
    made = [await fail(owner, account, {"kind": "index_messages.v1"}) for _ in range(5)]
    listed: list[str] = []
    cursor = None
    while cursor or not listed:
        page = await operator.get(
            "/operators/failed-jobs", params={"limit": 2} | ({"cursor": cursor} if cursor else {})
        )
        listed += [each["id"] for each in page.json()["items"]]
        cursor = page.json()["next_cursor"]
        await operator.delete(f"/operators/failed-jobs/{listed[-1]}")
    assert [each for each in listed if each in made] == made[::-1]
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("cursor", ["x", "2026-01-01~x", "9999-12-31T23:59:59-14:00~" + str(uuid4())])
async def test_what_is_no_cursor_is_refused(operator: httpx.AsyncClient, cursor: str) -> None:
    answer = await operator.get("/operators/failed-jobs", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "cursor")


async def test_what_nobody_understood_is_shown_as_it_came(operator: httpx.AsyncClient, owner: Owner) -> None:
    job_id = await fail(owner, None, {"text": "not a job"})
    shown = (await operator.get(f"/operators/failed-jobs/{job_id}")).json()
    assert (shown["account_id"], shown["kind"], shown["job"]) == (None, None, {"text": "not a job"})


async def test_a_failed_job_is_shown_without_ids_of_the_provider(
    operator: httpx.AsyncClient, owner: Owner, account: ConnectedAccount
) -> None:
    ids = {"kind": "fetch_message.v1", "account_id": str(account.id)}
    job_id = await fail(owner, account, {**ids, "provider_message_id": "AAMk", "change_key": "CQAA"})
    assert (await operator.get(f"/operators/failed-jobs/{job_id}")).json()["job"] == ids


async def test_an_operator_disconnects_an_account(
    operator: httpx.AsyncClient, owner: Owner, account: ConnectedAccount, user: SignedIn
) -> None:
    assert (await user.api.delete(f"/operators/accounts/{account.id}")).status_code == 401
    assert (await operator.delete(f"/operators/accounts/{account.id}")).status_code == 204

    async def is_gone() -> bool:
        return await (await owner.execute("SELECT 1 FROM account WHERE id = %s", (account.id,))).fetchone() is None

    await soon(is_gone)
    assert (await operator.delete(f"/operators/accounts/{account.id}")).status_code == 404


async def test_an_operator_has_an_account_audited(
    operator: httpx.AsyncClient, owner: Owner, account: ConnectedAccount
) -> None:
    assert (await operator.post(f"/operators/accounts/{account.id}/audit")).status_code == 409
    await owner.execute("UPDATE account SET state = 'live' WHERE id = %s", (account.id,))
    answer = await operator.post(f"/operators/accounts/{account.id}/audit")
    assert (answer.status_code, answer.json()["account_id"]) == (202, str(account.id))
    assert answer.json()["origin"] == "operator"
    shown = (await operator.get(f"/operators/accounts/{account.id}")).json()["audits"]
    assert [each["id"] for each in shown] == [answer.json()["id"]]


async def test_audits_that_found_more_than_was_on_its_way_are_listed(
    operator: httpx.AsyncClient, owner: Owner, account: ConnectedAccount
) -> None:
    sql = """INSERT INTO audit (id, user_id, account_id, origin, state, finished_at, missing, recent)
             VALUES (%s, %s, %s, 'schedule', 'completed', now(), %s, 1)"""
    found, on_its_way = uuid4(), uuid4()
    await owner.execute(sql, (found, account.user_id, account.id, 2))
    await owner.execute(sql, (on_its_way, account.user_id, account.id, 1))
    listed = {each["id"] for each in (await operator.get("/operators/audits")).json()["items"]}
    assert listed & {str(found), str(on_its_way)} == {str(found)}


async def test_a_quiet_account_is_not_behind(
    operator: httpx.AsyncClient, owner: Owner, account: ConnectedAccount
) -> None:
    await owner.execute(
        """WITH old AS (UPDATE account SET state = 'live', connected_at = now() - interval '1 day' WHERE id = %s
                        RETURNING id, user_id)
           INSERT INTO folder (id, user_id, account_id, provider_folder_id, display_name, provider_total_count,
                               provider_unread_count, state, check_at)
           SELECT gen_random_uuid(), user_id, id, 'f', 'Inbox', 0, 0, 'current', now() + interval '1 hour' FROM old""",
        (account.id,),
    )
    assert await trouble_of(operator, account, problem="behind") is None
