"""
How long does one renewal timer take for 100,000 accounts: when all are due at once, in the steady state, and idle?

PostgreSQL and Azurite are real; the jobs stay in their queue. The steady state has renewals spread over half of a
week's life, of which a round of five minutes finds its share.
"""

import asyncio
import base64
import resource
import secrets
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID, uuid4

import psycopg

from benchmarks.report import write_report
from dev.azurite import start_azurite
from dev.postgres import create_database, create_roles, start_postgres
from dev.postgres.migrations import migrate
from shared.identity import AppIdentity
from shared.job_queues import JobQueues
from shared.jobs import UPKEEP_QUEUE
from shared.models.accounts import ConnectedAccount, Urgency
from shared.providers.protocol import MailProvider
from shared.secrets import SecretSource
from shared.settings import Settings
from shared.storage.azure import open_queues
from shared.storage.database import open_pool
from shared.sync.engine import Engine
from shared.sync.subscriptions import request_renewals, terms_from

ACCOUNTS = int(sys.argv[1]) if sys.argv[1:] else 100_000
HALF_LIFE_SECONDS = 10_055 * 60 / 2
ROUND_SECONDS = 300

ACCOUNTS_SQL = """
    INSERT INTO account (id, user_id, provider, provider_tenant_id, provider_user_id, address, display_name, state)
    SELECT gen_random_uuid(), %(user_id)s, 'outlook', 'tenant', n::text, n || '@contoso.example', '', 'live'
      FROM generate_series(1, %(accounts)s) AS n
"""
STEADY_SQL = """
    INSERT INTO subscription (account_id, user_id, provider_subscription_id, expires_at, terms, renew_at)
    SELECT id, user_id, id::text, now() + interval '6 days', %(terms)s,
           now() + make_interval(secs => random() * %(half_life)s - %(round)s)
      FROM account
"""


def measure() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as name, ExitStack() as stack:
        folder = Path(name)
        postgres = start_postgres(folder / "postgres", password=secrets.token_urlsafe())
        stack.callback(postgres.stop)
        create_roles(postgres.url, owner_password="owner", app_password="app")  # noqa: S106 - a cluster of this run
        urls = create_database(postgres.url, "mail", owner_password="owner", app_password="app")  # noqa: S106 - as above
        migrate(urls.owner_url)
        azurite = start_azurite(log=folder / "azurite.log")
        stack.callback(azurite.stop)
        settings = _settings(urls.app_url, azurite.connection_string)
        with psycopg.connect(urls.owner_url, autocommit=True) as conn:
            write_report("renewals", asyncio.run(_measure(settings, conn)))


async def _measure(settings: Settings, conn: psycopg.Connection[tuple[object, ...]]) -> list[dict[str, str | float]]:
    user_id = uuid4()
    conn.execute("INSERT INTO app_user (id, email, password_hash, name) VALUES (%s, 'a@b.example', 'x', '')", [user_id])
    conn.execute(ACCOUNTS_SQL, {"user_id": user_id, "accounts": ACCOUNTS})
    identity = AppIdentity(settings)
    pool = await open_pool(settings, identity)
    jobs = JobQueues(open_queues(settings, identity))
    engine = Engine(settings, SecretSource(settings, None), pool, jobs, _no_provider, _nobody_listens)
    try:
        rows = [await _round(engine, conn, "all at once")]
        conn.execute("UPDATE account SET subscribe_not_before = '-infinity'")
        steady = {
            "terms": terms_from(settings, engine.secrets.current),
            "half_life": HALF_LIFE_SECONDS,
            "round": ROUND_SECONDS,
        }
        conn.execute(STEADY_SQL, steady)
        conn.execute("VACUUM ANALYZE account, subscription")
        rows.append(await _round(engine, conn, "steady"))
        conn.execute("UPDATE subscription SET renew_at = now() + interval '1 day'")
        rows.append(await _round(engine, conn, "idle"))
    finally:
        await engine.jobs.close()
        await pool.close()
    return rows


async def _round(engine: Engine, conn: psycopg.Connection[tuple[object, ...]], case: str) -> dict[str, str | float]:
    """Run timer rounds until nothing is due."""
    before, started, rounds = await _queued(engine), time.perf_counter(), 0
    while rounds == 0 or _unclaimed(conn, engine):
        await request_renewals(engine)
        rounds += 1
    seconds = time.perf_counter() - started
    jobs = await _queued(engine) - before
    return {
        "case": case,
        "accounts": float(ACCOUNTS),
        "jobs": float(jobs),
        "rounds": float(rounds),
        "seconds": seconds,
        "jobs/s": jobs / seconds,
        "peak RSS MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _unclaimed(conn: psycopg.Connection[tuple[object, ...]], engine: Engine) -> bool:
    sql = """
        SELECT FROM account a LEFT JOIN subscription s ON s.account_id = a.id
         WHERE a.subscribe_not_before < now() AND (s.account_id IS NULL OR s.renew_at < now() OR s.terms <> %s)
    """
    return conn.execute(sql, [terms_from(engine.settings, engine.secrets.current)]).fetchone() is not None


async def _queued(engine: Engine) -> int:
    return next(figures.messages for figures in await engine.jobs.figures() if figures.queue == UPKEEP_QUEUE)


def _no_provider(_: ConnectedAccount, __: Urgency) -> MailProvider:
    raise NotImplementedError("the timer asks no provider")


async def _nobody_listens(_: UUID, __: int) -> None:
    """Nobody has a page open."""


def _settings(database_url: str, storage: str) -> Settings:
    ring = {"first": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}
    return Settings.model_validate(
        {
            "database_url": database_url,
            "azurewebjobsstorage": storage,
            "microsoft_client_id": "none",
            "microsoft_client_secret": "none",
            "public_base_url": "http://127.0.0.1:7071",
            "web_base_url": "http://127.0.0.1:5173",
            "jwt_signing_keys": ring,
            "token_encryption_keys": ring,
            "audit_signing_keys": ring,
            "webhook_key": secrets.token_urlsafe(32),
        }
    )


if __name__ == "__main__":
    measure()
