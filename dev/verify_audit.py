"""
Verify the signed report of an audit, offline: `python -m dev.verify_audit REPORT --keys KEYS.json`.

REPORT is what `GET /api/accounts/{account_id}/audits/{audit_id}/report` answered, KEYS.json what `GET /api/audit-keys`
did. Exit status 0: the signature is good and the report agrees with itself, whatever the audit found. 1: it is not to
be believed.
"""

import argparse
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import jwt
from pydantic import ValidationError

from shared.models.api import AuditKeys
from shared.models.audits import AuditReport
from shared.report_signatures import ALGORITHM, REPORT_TYPE
from shared.sync.comparing import chained_digest


class NotGenuine(Exception):
    """The report cannot be believed; the message says why."""


def verified_report(signed: str, keys: AuditKeys) -> AuditReport:
    """Verify a report with the key that it names. Raises NotGenuine."""
    try:
        header = jwt.get_unverified_header(signed)
    except jwt.InvalidTokenError as exc:
        raise NotGenuine(f"this is not a signed report: {exc}") from exc
    if header.get("typ") != REPORT_TYPE:
        raise NotGenuine(f"this is signed as {header.get('typ')!r}, not as a report of an audit")
    key = next((key for key in keys.keys if key.kid == header.get("kid")), None)
    if key is None:
        known = ", ".join(key.kid for key in keys.keys)
        raise NotGenuine(f"it is signed with the key {header.get('kid')!r}; the known ones are {known}")
    try:
        claims = jwt.decode(signed, jwt.PyJWK(key.model_dump()), algorithms=[ALGORITHM])
        report = AuditReport.model_validate(claims)
    except jwt.InvalidTokenError as exc:
        raise NotGenuine(f"the signature is not good: {exc}") from exc
    except ValidationError as exc:
        raise NotGenuine(f"the report is not complete: {exc.error_count()} fields") from exc
    _check(report)
    return report


def _check(report: AuditReport) -> None:
    """Hold a report against itself: its windows cover all time, and make up its sums."""
    windows = report.windows
    if not windows or windows[0].received_before is not None or windows[-1].received_from is not None:
        raise NotGenuine("its windows do not cover all time")
    if any(newer.received_from != older.received_before for newer, older in pairwise(windows)):
        raise NotGenuine("there is a gap between its windows")
    if sum(window.compared for window in windows) != report.compared:
        raise NotGenuine("its windows do not add up to the messages compared")
    if chained_digest(window.digest for window in windows) != report.digest:
        raise NotGenuine("its digest is not that of its windows")


def description_of(report: AuditReport) -> str:
    """Say in plain words what a report says."""
    differences = report.missing + report.different + report.extra
    left = differences - report.repaired
    found = (
        f"{differences:,} differed: {report.missing:,} were missing, {report.different:,} in another version, folder "
        f"or state, {report.extra:,} no longer in the mailbox. {report.recent:,} had changed in the minutes before."
        if differences
        else "None differed."
    )
    outcome = f"{left:,} differences REMAINED." if left else "No difference remained." if differences else ""
    return "\n".join(
        [
            "The signature is good.",
            f"Audit    {report.audit_id} by {report.issuer}, version {report.product_version}",
            f"Mailbox  user {report.provider_user_id} of tenant {report.provider_tenant_id} ({report.provider})",
            f"Time     {report.requested_at:%Y-%m-%d %H:%M:%S} to {report.finished_at:%Y-%m-%d %H:%M:%S} UTC",
            f"Compared {report.compared:,} messages in {len(report.windows):,} windows, {report.requests:,} requests",
            f"Digest   {report.digest}",
            *(
                f"Folder   {folder.well_known_name or folder.provider_folder_id}: {folder.compared:,} compared, "
                f"{folder.provider_count:,} at the provider, {folder.stored_count:,} stored"
                for folder in report.folders
            ),
            f"{found} {outcome}".strip(),
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="dev.verify_audit", description="Verify the signed report of an audit.")
    parser.add_argument("report", type=Path, help="the report, as downloaded")
    parser.add_argument("--keys", type=Path, required=True, help="the public keys, as /api/audit-keys answers them")
    given = parser.parse_args(arguments)
    try:
        keys = AuditKeys.model_validate_json(given.keys.read_bytes())
        report = verified_report(given.report.read_text().strip(), keys)
    except (NotGenuine, ValidationError, OSError) as exc:
        print(f"NOT GENUINE: {exc}", file=sys.stderr)
        return 1
    print(description_of(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
