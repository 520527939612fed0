"""What a mailbox says of its messages against what is stored of them: pure functions."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from shared.models.accounts import ConnectedAccount
from shared.models.audits import RECENT_SECONDS, Finding, RowVersion, Tally
from shared.models.mail import MessageState, MessageStates, folder_id_from, message_id_from
from shared.storage.audit_rows import StoredState

RECENT: Final = timedelta(seconds=RECENT_SECONDS)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`doubtful` are rows with the right change key and place, in another state: saving alone would not see that."""

    findings: Sequence[Finding]
    doubtful: Sequence[UUID]
    compared: int
    elsewhere: int
    folders: Mapping[str, int]
    digest: str


def comparison_of(
    account: ConnectedAccount,
    told: MessageStates,
    stored: Mapping[UUID, StoredState],
    known_folders: Collection[UUID],
) -> Comparison:
    """
    Compare a window. A message in a folder that we do not mirror counts only where our rows claim to have it.

    Changes of the last five minutes are recent. A message that is gone tells no time: it is recent when its row is.
    """
    listed = {message_id_from(account.id, state.provider_message_id): state for state in told.messages}
    folder_ids = {state.provider_folder_id for state in told.messages}
    places = {folder_id: folder_id_from(account.id, folder_id) for folder_id in folder_ids}
    at_home = {
        message_id: state for message_id, state in listed.items() if places[state.provider_folder_id] in known_folders
    }
    since = told.asked_at - RECENT
    findings: list[Finding] = []
    doubtful: list[UUID] = []
    for message_id, state in at_home.items():
        row = _visible(stored.get(message_id))
        wanted = _version_from(state, places)
        if row is not None and row.version == wanted:
            continue
        is_recent = state.last_modified_at is not None and state.last_modified_at > since
        version = row.version if row else None
        findings.append(
            Finding(provider_message_id=state.provider_message_id, row=version, is_listed=True, is_recent=is_recent)
        )
        if version and (version.change_key, version.folder_id) == (wanted.change_key, wanted.folder_id):
            doubtful.append(message_id)
    for message_id, row in stored.items():
        if row.is_deleted or message_id in at_home or not (row.is_in_window or message_id in listed):
            continue
        is_recent = row.saved_at > since
        findings.append(
            Finding(provider_message_id=row.provider_message_id, row=row.version, is_listed=False, is_recent=is_recent)
        )
    return Comparison(
        findings=findings,
        doubtful=doubtful,
        compared=len(at_home),
        elsewhere=len(listed) - len(at_home),
        folders=Counter(state.provider_folder_id for state in at_home.values()),
        digest=digest_of(line_from(state) for state in at_home.values()),
    )


def _visible(row: StoredState | None) -> StoredState | None:
    return None if row is None or row.is_deleted else row


def _version_from(state: MessageState, places: Mapping[str, UUID]) -> RowVersion:
    return RowVersion(
        folder_id=places[state.provider_folder_id],
        change_key=state.change_key,
        is_read=state.is_read,
        flag=state.flag,
    )


def line_from(state: MessageState) -> str:
    read = "true" if state.is_read else "false"
    return f"{state.provider_message_id} {state.change_key} {state.provider_folder_id} {read} {state.flag.value}\n"


def digest_of(lines: Iterable[str]) -> str:
    """Give the SHA-256 of some lines, sorted by code point, in hexadecimal."""
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def chained_digest(digests: Iterable[str]) -> str:
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def tally_of(
    account: ConnectedAccount,
    findings: Sequence[Finding],
    now: Mapping[UUID, RowVersion],
    refused: Collection[str],
) -> Tally:
    """
    Count what findings turned out to be, by the rows before and after they were settled.

    A finding whose row came out as it was is no difference: the mailbox changed between two questions, or the rows had
    caught up. One that could not be settled counts as what it looked like.
    """
    counts: Counter[str] = Counter()
    for finding in findings:
        before = finding.row
        after = now.get(message_id_from(account.id, finding.provider_message_id))
        is_repaired = finding.provider_message_id not in refused
        if is_repaired and before == after:
            continue
        is_gone = after is None if is_repaired else not finding.is_listed
        counts["missing" if before is None else "extra" if is_gone else "different"] += 1
        counts["recent"] += finding.is_recent
        counts["repaired"] += is_repaired
    return Tally(**counts)
