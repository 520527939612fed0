"""How a listing is cut into pages to fetch."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from shared.models.accounts import SyncPage
from shared.models.mail import ListedMessage
from shared.sync.pages import pages_from, parts_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FOLDER_ID = uuid4()


def listed(name: str, seconds: float | None) -> ListedMessage:
    received_at = None if seconds is None else NOON + timedelta(seconds=seconds)
    return ListedMessage(provider_message_id=name, received_at=received_at, change_key="k")


@given(
    st.lists(st.one_of(st.none(), st.floats(min_value=0, max_value=30)), max_size=120),
    st.integers(min_value=1, max_value=20),
)
def test_every_message_is_promised_once_and_lies_in_its_window(seconds: list[float | None], size: int) -> None:
    messages = {f"m{n}": listed(f"m{n}", second) for n, second in enumerate(seconds)}
    pages = list(pages_from(FOLDER_ID, list(messages.values()), size))
    promised = [provider_id for page in pages for provider_id in page.provider_message_ids]
    assert sorted(promised) == sorted(messages)
    for page in pages:
        assert 1 <= len(page.provider_message_ids) <= size
        for provider_id in page.provider_message_ids:
            if page.received_from and page.received_before:
                received_at = messages[provider_id].received_at
                assert received_at is not None
                assert page.received_from <= received_at < page.received_before


def test_windows_come_newest_first_and_do_not_share_a_second() -> None:
    pages = list(pages_from(FOLDER_ID, [listed(f"m{n}", n // 2) for n in range(20)], 5))
    edges = [(page.received_from, page.received_before) for page in pages]
    assert edges == sorted(edges, reverse=True)
    for (later_from, _), (_, earlier_before) in pairwise(edges):
        assert later_from is not None
        assert earlier_before is not None
        assert later_from >= earlier_before


def test_a_second_with_more_messages_than_a_page_is_fetched_by_id() -> None:
    pages = list(pages_from(FOLDER_ID, [listed(f"m{n}", 0) for n in range(25)], 10))
    assert [len(page.provider_message_ids) for page in pages] == [10, 10, 5]
    assert all(page.received_from is None for page in pages)


def test_the_last_second_of_the_calendar_does_not_overflow() -> None:
    message = ListedMessage("m", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), "k")
    (page,) = pages_from(FOLDER_ID, [message], 10)
    assert page.provider_message_ids == ["m"]


def test_a_page_is_cut_at_its_seconds() -> None:
    (planned,) = pages_from(FOLDER_ID, [listed(f"m{n}", n // 2 + 0.5) for n in range(8)], 8)
    page = SyncPage(
        id=1,
        folder_id=FOLDER_ID,
        provider_folder_id="f",
        received_from=planned.received_from,
        received_before=planned.received_before,
        provider_message_ids=list(planned.provider_message_ids),
        received_times=[time for time in planned.received_times or [] if time],
        attempts=0,
        most_messages=None,
    )
    parts = parts_of(page, 4)
    assert [part.provider_message_ids for part in parts] == [["m6", "m7", "m4", "m5"], ["m2", "m3", "m0", "m1"]]
    assert parts[0].received_before == page.received_before
    assert parts[0].received_from == parts[1].received_before == NOON + timedelta(seconds=2)
    assert parts[1].received_from == page.received_from
