"""Letters beyond ASCII have a case in the database, as they have for people."""

from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from tests.integration.conftest import add_user


async def test_an_email_is_unique_without_case_in_any_alphabet(owner: AsyncConnection[Any]) -> None:
    await add_user(owner, "müller@contoso.example")
    with pytest.raises(psycopg.errors.UniqueViolation):
        await add_user(owner, "MÜLLER@contoso.example")
