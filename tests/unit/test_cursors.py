"""Cursors come back as they went out, and nothing else is taken for one."""

import base64
import contextlib
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidRequest
from shared.mail.cursors import cursor_from, place_from
from shared.storage.message_lists import Place

moments = st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


@given(moments, st.uuids())
def test_a_cursor_comes_back_as_the_place_it_was_made_from(received_at: datetime, message_id: UUID) -> None:
    place = Place(received_at, message_id)
    assert place_from(cursor_from(place)) == place


@given(st.text(max_size=60))
def test_any_text_is_a_place_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidRequest):
        assert place_from(text)


@pytest.mark.parametrize("raw", [b"", b"\x7f" + b"\xff" * 23, b"\x80" + b"\x00" * 23, b"\x00" * 23, b"\x00" * 25])
def test_a_cursor_of_another_length_or_time_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidRequest):
        place_from(base64.urlsafe_b64encode(raw).decode())
