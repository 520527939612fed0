"""
How fast is a first sync, beside a client that follows nextLink serially, and beside what Graph's limit allows?

Ours goes through the real host, queues, triggers and database. The peer is what a careful script does: httpx, pages of
100 with the same fields, one transaction per page, nothing else. The limit is four requests at a time of 100 messages.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg.types.json import Jsonb

from benchmarks.report import Row, write_report
from dev.graph_simulator.sign_in import sign_in
from dev.trial import ADDRESS, Trial

FOLDERS = ["inbox", "archive", "sentitems", "junkemail"]
PAGE = 100
IN_FLIGHT = 4
SELECT = (
    "id,changeKey,parentFolderId,conversationId,conversationIndex,internetMessageId,subject,bodyPreview,from,sender,"
    "toRecipients,ccRecipients,bccRecipients,replyTo,categories,importance,flag,isRead,isDraft,receivedDateTime,"
    "sentDateTime,createdDateTime,lastModifiedDateTime,hasAttachments,inferenceClassification,webLink,body,"
    "internetMessageHeaders"
)
SETTINGS = {"SYNC_PAGE_MESSAGES": str(PAGE), "SYNC_LISTING_MESSAGES": "500", "LANE_SECONDS": "45"}


def measure(messages: int, latency_ms: float) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Trial(Path(folder), settings=SETTINGS) as trial:
        trial.simulator.admin.make_synthetic(ADDRESS, messages, folders=FOLDERS, body_bytes=20_000, seed=4)
        trial.simulator.admin.latency(latency_ms)
        peer = _serial(trial)
        trial.sign_up()
        trial.connect()
        ours = trial.until_synced(900)
        if not (proof := trial.prove()).holds:
            raise SystemExit(f"the mirror is not right: {proof}")
        memory = trial.host_memory_bytes() / 1024 / 1024
    limit = IN_FLIGHT * PAGE / (latency_ms / 1000) if latency_ms else float("inf")
    rates = {"ours": messages / ours, "serial nextLink": messages / peer, "limit of four at 100 a page": limit}
    rows: list[Row] = [
        {"contestant": name, "messages/s": rate, "ratio to ours": rate / rates["ours"]} for name, rate in rates.items()
    ]
    write_report("first_sync", rows)
    print(f"{messages} messages of 20 KB, {latency_ms:.0f} ms per request; host RSS after it {memory:.0f} MiB")


def _serial(trial: Trial) -> float:
    """Follow nextLink through every folder and insert each page; return how long it took, in seconds."""
    headers = {
        "Authorization": f"Bearer {sign_in(trial.simulator, ADDRESS).access_token}",
        "Prefer": 'IdType="ImmutableId"',
    }
    started = time.perf_counter()
    with (
        psycopg.connect(trial.urls.owner_url) as conn,
        httpx.Client(headers=headers, verify=trial.simulator.admin.tls, trust_env=False, timeout=60) as graph,
    ):
        conn.execute("CREATE TABLE peer (id text PRIMARY KEY, received_at timestamptz, html text, message jsonb)")
        for folder in FOLDERS:
            url: str | None = (
                f"{trial.simulator.graph_base_url}/me/mailFolders/{folder}/messages?$top={PAGE}&$select={SELECT}"
            )
            while url:
                page: dict[str, Any] = graph.get(url).raise_for_status().json()
                with conn.cursor() as cursor:
                    cursor.executemany(
                        "INSERT INTO peer VALUES (%s, %s, %s, %s)",
                        [(m["id"], m["receivedDateTime"], m["body"].pop("content"), Jsonb(m)) for m in page["value"]],
                    )
                conn.commit()
                url = page.get("@odata.nextLink")
    return time.perf_counter() - started


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--latency-ms", type=float, default=150)
    wanted = parser.parse_args()
    measure(wanted.messages, wanted.latency_ms)
