"""What a careful script does: httpx, nextLink after nextLink, one executemany and one transaction for each page."""

from typing import Any

import httpx
import psycopg
from psycopg.types.json import Jsonb

from benchmarks.contestants.task import FIELDS, FOLDERS, IMMUTABLE, Task, perform

TABLE = """
    DROP TABLE IF EXISTS serial;
    CREATE TABLE serial (id text PRIMARY KEY, received_at timestamptz, html text, message jsonb)
"""
SAVE = """
    INSERT INTO serial (id, received_at, html, message)
    VALUES (%s, %s, %s, %s)
    ON CONFLICT (id) DO UPDATE SET html = excluded.html, message = excluded.message
"""


def sync(task: Task) -> int:
    headers = {"Authorization": f"Bearer {task.token}", "Prefer": IMMUTABLE}
    saved = 0
    with (
        psycopg.connect(task.database) as conn,
        httpx.Client(headers=headers, verify=task.ca, trust_env=False, timeout=60) as graph,
    ):
        conn.execute(TABLE)
        conn.commit()
        for folder in FOLDERS:
            url: str | None = f"{task.graph}/me/mailFolders/{folder}/messages?$top={task.page}&$select={FIELDS}"
            while url:
                page: dict[str, Any] = graph.get(url).raise_for_status().json()
                with conn.cursor() as cursor:
                    cursor.executemany(SAVE, [_row(message) for message in page["value"]])
                conn.commit()
                saved += len(page["value"])
                url = page.get("@odata.nextLink")
    return saved


def _row(message: dict[str, Any]) -> tuple[object, ...]:
    html = message.pop("body")["content"]
    return message["id"], message["receivedDateTime"], html, Jsonb(message)


if __name__ == "__main__":
    perform(sync)
