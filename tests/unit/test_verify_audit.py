"""The offline check of a report believes nothing that its key did not sign, and nothing that contradicts itself."""

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from dev.verify_audit import NotGenuine, description_of, main, verified_report
from shared.models.api import AuditKey, AuditKeys
from shared.report_signatures import public_keys, signed_report
from shared.sync.comparing import chained_digest

BORDER = "2026-01-15T00:00:00Z"
KEYS = {"first": secrets.token_bytes(32)}


def published(keys: Mapping[str, bytes]) -> AuditKeys:
    return AuditKeys(keys=[AuditKey(kid=key_id, x=x) for key_id, x in public_keys(keys).items()])


@pytest.fixture
def report() -> dict[str, Any]:
    newer = {"received_from": BORDER, "received_before": None, "compared": 40, "elsewhere": 1, "digest": "aa"}
    older = {"received_from": None, "received_before": BORDER, "compared": 20, "elsewhere": 0, "digest": "bb"}
    return {
        "format": "email-core-audit.v1",
        "issuer": "https://mail.contoso.example",
        "product_version": "1.0.0",
        "audit_id": str(uuid4()),
        "account_id": str(uuid4()),
        "provider": "outlook",
        "provider_tenant_id": "tenant",
        "provider_user_id": "object",
        "origin": "schedule",
        **dict.fromkeys(("requested_at", "started_at", "finished_at"), "2026-02-01T00:00:00Z"),
        "compared": 60,
        "missing": 3,
        "different": 5,
        "extra": 2,
        "recent": 1,
        "repaired": 10,
        "requests": 7,
        "digest": chained_digest(["aa", "bb"]),
        "folders": [
            {
                "provider_folder_id": "x",
                "well_known_name": "inbox",
                "compared": 60,
                "provider_count": 60,
                "stored_count": 60,
            }
        ],
        "windows": [newer, older],
    }


def test_a_genuine_report_is_told_in_plain_words(report: dict[str, Any]) -> None:
    told = description_of(verified_report(signed_report(KEYS, report), published(KEYS)))
    assert "Compared 60 messages in 2 windows" in told
    assert "10 differed: 3 were missing, 5 in another version, folder or state, 2 no longer in the mailbox." in told
    assert told.endswith("No difference remained.")


def test_differences_that_remained_are_told(report: dict[str, Any]) -> None:
    told = description_of(verified_report(signed_report(KEYS, report | {"repaired": 8}), published(KEYS)))
    assert told.endswith("2 differences REMAINED.")


def _with_another_count(signed: str) -> str:
    header, payload, signature = signed.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    altered = json.dumps(claims | {"missing": 0}).encode()
    return f"{header}.{base64.urlsafe_b64encode(altered).decode().rstrip('=')}.{signature}"


def _unsigned(signed: str) -> str:
    header = json.dumps({"alg": "none", "typ": "audit-report+jwt", "kid": "first"}).encode()
    return f"{base64.urlsafe_b64encode(header).decode().rstrip('=')}.{signed.split('.')[1]}."


def _with_another_signature(signed: str) -> str:
    return f"{signed.rpartition('.')[0]}.{base64.urlsafe_b64encode(bytes(64)).decode().rstrip('=')}"


@pytest.mark.parametrize(
    "tamper", [_with_another_count, _unsigned, _with_another_signature, lambda _: "a.b", str.upper]
)
def test_what_was_tampered_with_is_refused(tamper: Callable[[str], str], report: dict[str, Any]) -> None:
    with pytest.raises(NotGenuine):
        verified_report(tamper(signed_report(KEYS, report)), published(KEYS))


def test_a_report_signed_with_somebody_elses_key_is_refused(report: dict[str, Any]) -> None:
    theirs = {"first": secrets.token_bytes(32)}
    with pytest.raises(NotGenuine, match="signature"):
        verified_report(signed_report(theirs, report), published(KEYS))
    unknown = {"other": secrets.token_bytes(32)}
    with pytest.raises(NotGenuine, match="'other'"):
        verified_report(signed_report(unknown, report), published(KEYS))


def test_a_report_of_an_older_key_is_good_while_the_key_is_published(report: dict[str, Any]) -> None:
    signed = signed_report(KEYS, report)
    later = {"second": secrets.token_bytes(32), **KEYS}
    assert verified_report(signed, published(later)).compared == 60


@pytest.mark.parametrize(
    "change",
    [
        {"compared": 61},
        {"digest": "cc"},
        {"windows": []},
        {"audit_id": None},
        {"format": "email-core-audit.v2"},
    ],
)
def test_a_signed_report_that_contradicts_itself_is_refused(change: dict[str, Any], report: dict[str, Any]) -> None:
    with pytest.raises(NotGenuine):
        verified_report(signed_report(KEYS, report | change), published(KEYS))


def test_a_report_with_a_gap_is_refused(report: dict[str, Any]) -> None:
    report["windows"][1]["received_before"] = "2026-01-14T00:00:00Z"
    with pytest.raises(NotGenuine, match="gap"):
        verified_report(signed_report(KEYS, report), published(KEYS))


def test_the_command_ends_with_a_status_for_scripts(
    report: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys, good, bad = tmp_path / "keys.json", tmp_path / "good.jws", tmp_path / "bad.jws"
    keys.write_text(published(KEYS).model_dump_json())
    good.write_text(signed_report(KEYS, report) + "\n")
    bad.write_text(_with_another_count(good.read_text().strip()))
    assert main([str(good), "--keys", str(keys)]) == 0
    assert main([str(bad), "--keys", str(keys)]) == 1
    assert main([str(tmp_path / "none.jws"), "--keys", str(keys)]) == 1
    assert "NOT GENUINE" in capsys.readouterr().err
