"""Audits over HTTP: asked for, listed, downloaded, verified offline; and out of every stranger's reach."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from psycopg import AsyncConnection

from dev.verify_audit import main as verify_audit
from shared.models.accounts import ConnectedAccount
from shared.models.audits import REPORT_FORMAT
from shared.report_signatures import signed_report
from shared.settings import Settings
from shared.sync.comparing import chained_digest, digest_of
from tests.api.conftest import KEYS, SignedIn
from tests.deployment import settings_of

Owner = AsyncConnection[tuple[Any, ...]]


@pytest.fixture
async def live(account: ConnectedAccount, owner: Owner) -> ConnectedAccount:
    await owner.execute("UPDATE account SET state = 'live' WHERE id = %s", [account.id])
    return account


async def finished(owner: Owner, account: ConnectedAccount, days_ago: int, report: str | None = None) -> str:
    """An audit of the past, as the sync would have left it."""
    audit_id = uuid4()
    await owner.execute(
        """INSERT INTO audit (id, user_id, account_id, state, origin, requested_at, finished_at, compared, missing,
                              repaired, requests, report)
           VALUES (%s, %s, %s, 'completed', 'schedule', now() - make_interval(days => %s), now(), 60, 2, 2, 7, %s)""",
        [audit_id, account.user_id, account.id, days_ago, report],
    )
    return str(audit_id)


async def test_an_audit_is_begun_once(user: SignedIn, live: ConnectedAccount, owner: Owner) -> None:
    """The queue takes it up; it ends, because the account has no tokens."""
    answers = [await user.api.post(f"/accounts/{live.id}/audit") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["origin"] == "owner"
    rows = await (await owner.execute("SELECT id FROM audit WHERE account_id = %s", [live.id])).fetchall()
    assert {answer.json()["id"] for answer in answers} == {str(row[0]) for row in rows}


@pytest.mark.parametrize(
    ("state", "problem"),
    [("connecting", "conflict"), ("suspended", "conflict"), ("needs_sign_in", "reauthentication_required")],
)
async def test_an_account_that_is_not_live_cannot_be_audited(
    state: str, problem: str, user: SignedIn, account: ConnectedAccount, owner: Owner
) -> None:
    await owner.execute("UPDATE account SET state = %s::account_state WHERE id = %s", [state, account.id])
    answer = await user.api.post(f"/accounts/{account.id}/audit")
    assert (answer.status_code, answer.json()["type"]) == (409, f"/problems/{problem}")


async def test_audits_are_listed_newest_first_page_by_page(
    user: SignedIn, live: ConnectedAccount, owner: Owner
) -> None:
    expected = [await finished(owner, live, days_ago) for days_ago in range(5)]
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await user.api.get(f"/accounts/{live.id}/audits", params={"limit": "2", **cursor})
        assert answer.status_code == 200, answer.text
        found += [item["id"] for item in answer.json()["items"]]
        if answer.json()["next_cursor"] is None:
            break
        cursor = {"cursor": answer.json()["next_cursor"]}
    assert found == expected
    one = (await user.api.get(f"/accounts/{live.id}/audits/{expected[3]}")).json()
    assert (one["compared"], one["missing"], one["repaired"], one["requests"]) == (60, 2, 2, 7)
    refused = await user.api.get(f"/accounts/{live.id}/audits", params={"cursor": "elsewhere"})
    assert refused.status_code == 400


async def test_a_strangers_audits_are_not_there(
    user: SignedIn, stranger: SignedIn, live: ConnectedAccount, owner: Owner
) -> None:
    audit_id = await finished(owner, live, 1, "report")
    own = f"/accounts/{live.id}/audits"
    assert (await user.api.get(f"{own}/{audit_id}/report")).status_code == 200
    for path in (own, f"{own}/{audit_id}", f"{own}/{audit_id}/report"):
        assert (await stranger.api.get(path)).status_code == 404, path
    assert (await stranger.api.post(f"/accounts/{live.id}/audit")).status_code == 404


async def test_a_report_is_not_there_until_the_audit_is_completed(
    user: SignedIn, live: ConnectedAccount, owner: Owner
) -> None:
    audit_id = await finished(owner, live, 0)
    assert (await user.api.get(f"/accounts/{live.id}/audits/{audit_id}/report")).status_code == 404


async def test_a_downloaded_report_is_verified_with_the_published_keys(
    user: SignedIn,
    live: ConnectedAccount,
    owner: Owner,
    anonymous: httpx.AsyncClient,
    settings: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    audit_id = await finished(owner, live, 0, signed_report(KEYS, report_of(live)))
    answer = await user.api.get(f"/accounts/{live.id}/audits/{audit_id}/report")
    assert answer.headers["content-type"] == "application/jose"
    keys = await anonymous.get("/audit-keys")
    assert [key["kid"] for key in keys.json()["keys"]] == list(KEYS)
    (tmp_path / "report.jws").write_text(answer.text)
    (tmp_path / "keys.json").write_text(keys.text)
    assert verify_audit([str(tmp_path / "report.jws"), "--keys", str(tmp_path / "keys.json")]) == 0
    assert "2 differed" in capsys.readouterr().out


@pytest.fixture
def settings() -> Settings:
    """As the host has them, as far as reports go."""
    return settings_of().model_copy(update={"audit_signing_keys": KEYS})


def report_of(account: ConnectedAccount) -> dict[str, Any]:
    digest = digest_of(["a line\n"])
    window = {"received_from": None, "received_before": None, "compared": 60, "elsewhere": 0, "digest": digest}
    return {
        "format": REPORT_FORMAT,
        "issuer": "https://mail.contoso.example",
        "product_version": "1.0.0",
        "audit_id": str(uuid4()),
        "account_id": str(account.id),
        "provider": "outlook",
        "provider_tenant_id": "tenant",
        "provider_user_id": "object",
        "origin": "owner",
        **dict.fromkeys(("requested_at", "started_at", "finished_at"), "2026-01-01T00:00:00Z"),
        "compared": 60,
        "missing": 2,
        "different": 0,
        "extra": 0,
        "recent": 1,
        "repaired": 2,
        "requests": 7,
        "digest": chained_digest([digest]),
        "folders": [],
        "windows": [window],
    }
