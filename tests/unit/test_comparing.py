"""What a finding turns out to be, by its row before and after it was settled."""

from uuid import UUID, uuid4

import pytest

from shared.models.accounts import ConnectedAccount
from shared.models.api import AccountState
from shared.models.audits import Finding, RowVersion, Tally
from shared.models.mail import FlagStatus, message_id_from
from shared.sync.comparing import tally_of

ACCOUNT = ConnectedAccount(uuid4(), uuid4(), "ada@contoso.example", AccountState.LIVE)
OLD = RowVersion(folder_id=UUID(int=1), change_key="old", is_read=False, flag=FlagStatus.NOT_FLAGGED)
NEW = OLD.model_copy(update={"change_key": "new"})


@pytest.mark.parametrize(
    ("before", "after", "tally"),
    [
        (None, NEW, Tally(missing=1, recent=1, repaired=1)),
        (OLD, NEW, Tally(different=1, recent=1, repaired=1)),
        (OLD, None, Tally(extra=1, recent=1, repaired=1)),
        (OLD, OLD, Tally()),  # the mailbox changed between two questions, or the row had caught up
        (None, None, Tally()),  # gone again before it was looked up
    ],
)
def test_a_difference_is_what_the_row_had_to_follow(
    before: RowVersion | None, after: RowVersion | None, tally: Tally
) -> None:
    finding = Finding(provider_message_id="m", row=before, is_listed=True, is_recent=True)
    now = {message_id_from(ACCOUNT.id, "m"): after} if after else {}
    assert tally_of(ACCOUNT, [finding], now, refused=[]) == tally


@pytest.mark.parametrize(
    ("row", "is_listed", "tally"),
    [(None, True, Tally(missing=1)), (OLD, True, Tally(different=1)), (OLD, False, Tally(extra=1))],
)
def test_what_the_provider_refuses_counts_as_it_looked_and_is_not_repaired(
    row: RowVersion | None, *, is_listed: bool, tally: Tally
) -> None:
    finding = Finding(provider_message_id="m", row=row, is_listed=is_listed, is_recent=False)
    now = {message_id_from(ACCOUNT.id, "m"): row} if row else {}
    assert tally_of(ACCOUNT, [finding], now, refused=["m"]) == tally
