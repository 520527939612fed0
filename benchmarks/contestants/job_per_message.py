"""A job per message, as the system that this one replaces: ten a page, each message through a queue, saved alone."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueClient
from psycopg.types.json import Jsonb

from benchmarks.contestants.task import FIELDS, FOLDERS, IMMUTABLE, Task, perform

PER_PAGE = 10
TABLE = """
    DROP TABLE IF EXISTS one_by_one;
    CREATE TABLE one_by_one (id text PRIMARY KEY, received_at timestamptz, html text, message jsonb)
"""
SAVE = """
    INSERT INTO one_by_one (id, received_at, html, message)
    VALUES (%s, %s, %s, %s)
    ON CONFLICT (id) DO UPDATE SET html = excluded.html, message = excluded.message
"""


def sync(task: Task) -> int:
    headers = {"Authorization": f"Bearer {task.token}", "Prefer": IMMUTABLE}
    saved = 0
    with (
        psycopg.connect(task.database) as conn,
        httpx.Client(headers=headers, verify=task.ca, trust_env=False, timeout=60) as graph,
        QueueClient.from_connection_string(task.queues, "one-by-one") as queue,
    ):
        conn.execute(TABLE)
        conn.commit()
        try:
            queue.create_queue()
        except ResourceExistsError:
            queue.clear_messages()
        for page in _pages(graph, task):
            by_id = {message["id"]: message for message in page}
            for message_id in by_id:
                queue.send_message(json.dumps({"message": message_id}))
            for job in queue.receive_messages(max_messages=PER_PAGE):
                _save(conn, by_id[json.loads(job.content)["message"]])
                queue.delete_message(job)
                saved += 1
    return saved


def _pages(graph: httpx.Client, task: Task) -> Iterator[list[dict[str, Any]]]:
    for folder in FOLDERS:
        url: str | None = f"{task.graph}/me/mailFolders/{folder}/messages?$top={PER_PAGE}&$select={FIELDS}"
        while url:
            page: dict[str, Any] = graph.get(url).raise_for_status().json()
            yield page["value"]
            url = page.get("@odata.nextLink")


def _save(conn: psycopg.Connection[tuple[object, ...]], message: dict[str, Any]) -> None:
    html = message.pop("body")["content"]
    conn.execute(SAVE, [message["id"], message["receivedDateTime"], html, Jsonb(message)])
    conn.commit()


if __name__ == "__main__":
    perform(sync)
