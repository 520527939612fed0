"""Where a list of messages goes on, as text that clients hand back. It says nothing secret and gives no rights."""

import base64
import binascii
import struct
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from shared.errors import InvalidRequest
from shared.storage.message_lists import Place

FORM: Final = struct.Struct(">q16s")  # microseconds since the epoch, id
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def cursor_from(place: Place) -> str:
    microseconds = (place.received_at - EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(FORM.pack(microseconds, place.id.bytes)).decode()


def place_from(cursor: str) -> Place:
    """Raise InvalidRequest for what is not a cursor of ours."""
    try:
        microseconds, message_id = FORM.unpack(base64.b64decode(cursor, altchars=b"-_", validate=True))
        return Place(EPOCH + timedelta(microseconds=microseconds), UUID(bytes=message_id))
    except (binascii.Error, struct.error, OverflowError, ValueError) as exc:
        errors = ({"field": "cursor", "message": "take next_cursor as it was answered"},)
        raise InvalidRequest("malformed cursor", errors=errors) from exc
