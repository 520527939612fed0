"""
Does it stay as fast when the database grows: storing a message, listing, searching at ten thousand, a hundred thousand
and a million messages?

The rows are spread over two hundred mailboxes as mailboxes are: a few large, many small (log-normal). Storing is a
first sync through the whole system at 0 ms; lists and searches are what the API asks of the database, by random owners.
"""

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from uuid import UUID

import psycopg
from psycopg import AsyncConnection, sql

from benchmarks.contests import OURS, Contest, Measured, contest_system, index, make_mailbox, run_ours, settle
from benchmarks.report import Row, write_report
from dev.trial import Trial
from shared.models.api import MessageQuery
from shared.storage.message_lists import list_messages

SIZES: Final = (10_000, 100_000, 1_000_000)
MAILBOXES: Final = 200
PROBES: Final = 3  # mailboxes that are stored at each size, one after the other
PROBED: Final = 5_000  # messages of each
QUESTIONS: Final = 200
PAGE: Final = 51
ARRANGED: Final = """
    CREATE TABLE arranged AS
    SELECT number, gen_random_uuid() AS user_id, gen_random_uuid() AS account_id, gen_random_uuid() AS folder_id,
           exp(1.2 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())) AS weight
      FROM generate_series(1, {mailboxes}) AS number;
    CREATE TABLE vocabulary AS
    SELECT number, 'word' || number AS word FROM generate_series(1, 5000) AS number;
    CREATE TABLE vectors AS
    SELECT number, (SELECT to_tsvector('english', string_agg('word' || (5000 * power(random(), 3))::int, ' '))
                      FROM generate_series(1, 120 + number * 0)) AS vector
      FROM generate_series(0, 1999) AS number;
    INSERT INTO app_user (id, email, password_hash, name)
    SELECT user_id, number || '@growth.example', '', '' FROM arranged;
    INSERT INTO account (id, user_id, provider, provider_tenant_id, provider_user_id, address, display_name, state)
    SELECT account_id, user_id, 'outlook', 'growth', number::text, number || '@growth.example', '', 'live' FROM arranged
"""
GROWN: Final = """
    WITH shares AS (
        SELECT *, ceil({more} * weight / sum(weight) OVER ())::int AS messages FROM arranged
    ), new AS (
        INSERT INTO message (
            id, user_id, account_id, folder_id, thread_id, provider_message_id, provider_thread_id, change_key, kind,
            provider_kind, subject, preview, from_address, to_recipients, cc_recipients, bcc_recipients, reply_to,
            categories, importance, flag, is_read, is_draft, direction, received_at, has_attachments)
        SELECT gen_random_uuid(), user_id, account_id, folder_id, gen_random_uuid(), gen_random_uuid()::text,
               gen_random_uuid()::text, gen_random_uuid()::text, 'message', '', 'Quarterly report ' || n,
               repeat('preview ', 25), 'sender' || n % 97 || '@fabrikam.example',
               '[{{"name": "Owner", "address": "owner@growth.example"}}]', '[]', '[]', '[]', '[]', 'normal',
               CASE WHEN n % 50 = 0 THEN 'flagged' ELSE 'not_flagged' END::flag_status, n % 10 > 2, false, 'incoming',
               now() - random() * interval '730 days', false
          FROM shares, generate_series(1, messages) AS n
        RETURNING id, user_id
    )
    INSERT INTO message_search (message_id, user_id, vector)
    SELECT id, user_id, vector || array_to_tsvector(ARRAY['owner:' || user_id])
      FROM (SELECT *, row_number() OVER () % 2000 AS pick FROM new) AS new JOIN vectors ON vectors.number = pick
"""
Connection = AsyncConnection[tuple[object, ...]]
Ask = Callable[[Connection, UUID, UUID, UUID], Awaitable[object]]


def measure(sizes: Sequence[int]) -> list[Row]:
    rows: list[Row] = []
    with contest_system(hosts=1) as trial:
        arrange(trial.urls.owner_url, MAILBOXES)
        for size in sizes:
            (stored,) = trial.query("SELECT count(*) FROM message")[0]
            grow(trial.urls.owner_url, size - stored)
            settle(trial)
            stored_again = [_stored(trial, f"{size}-{number}") for number in range(PROBES)]
            rows.append(_row(size, stored_again, asyncio.run(_asked(trial)), rows))
    return rows


def arrange(owner_url: str, mailboxes: int) -> None:
    """Make so many accounts, each of its own user, with a share of what will be stored."""
    with psycopg.connect(owner_url) as conn:
        conn.execute(sql.SQL(ARRANGED).format(mailboxes=sql.Literal(mailboxes)))


def grow(owner_url: str, more: int) -> None:
    """Store so many messages without bodies, with search vectors."""
    with psycopg.connect(owner_url) as conn:
        conn.execute(sql.SQL(GROWN).format(more=sql.Literal(more)))


def _stored(trial: Trial, name: str) -> Measured:
    address, messages = make_mailbox(trial, f"{OURS}-{name}", Contest(PROBED, latency_ms=0))
    measured = run_ours(trial, address, messages)
    index(trial)
    settle(trial)
    return measured


async def _asked(trial: Trial) -> dict[str, float]:
    """Return the 95th percentile of each kind of question, in milliseconds."""
    owners = [(row[0], row[1], row[2]) for row in trial.query("SELECT user_id, account_id, folder_id FROM arranged")]
    dice = random.Random(3)  # noqa: S311 - a reproducible choice is wanted
    found: dict[str, float] = {}
    async with await AsyncConnection.connect(trial.urls.app_url) as conn:
        for name, ask in QUESTIONS_ASKED.items():
            seconds = []
            for _ in range(QUESTIONS):
                owner = dice.choice(owners)
                started = time.perf_counter()
                async with conn.transaction():
                    await conn.execute("SELECT set_config('app.user_id', %s, true)", [str(owner[0])])
                    await ask(conn, *owner)
                seconds.append(time.perf_counter() - started)
            found[name] = statistics.quantiles(seconds, n=100)[94] * 1000
    return found


def _listing(**filters: object) -> Ask:
    async def ask(conn: Connection, user_id: UUID, account_id: UUID, folder_id: UUID) -> object:
        places = {"account_id": account_id, "folder_id": folder_id}
        wanted = {name: places[name] if value is ... else value for name, value in filters.items()}
        return await list_messages(conn, user_id, MessageQuery.model_validate(wanted), None, PAGE)

    return ask


QUESTIONS_ASKED: Final[dict[str, Ask]] = {
    "list": _listing(),
    "list folder": _listing(folder_id=...),
    "list unread": _listing(folder_id=..., unread=True),
    "list flagged": _listing(flagged=True),
    "search common": _listing(q="word3"),
    "search rare": _listing(q="word4321"),
    "search two words": _listing(q="word3 word250"),
}


def _row(size: int, stored: Sequence[Measured], asked: dict[str, float], before: Sequence[Row]) -> Row:
    cost = statistics.median(each.client_cpu + each.database_cpu for each in stored)
    first = float(before[0]["CPU s"]) if before else cost
    return {
        "messages": f"{size:,}",
        "stored/s": statistics.median(each.rate for each in stored),
        "CPU s": cost,
        "to the first": cost / first,
        **{f"{name} p95 ms": milliseconds for name, milliseconds in asked.items()},
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    write_report("growth", measure(parser.parse_args().sizes))
