"""python-o365 as its documentation has it: `get_messages` in batches of 999, the largest that it takes."""

import psycopg
from O365 import Account, MSGraphProtocol
from O365.message import Message

from benchmarks.contestants.task import FOLDERS, Task, perform

BATCH = 999
TABLE = """
    DROP TABLE IF EXISTS o365;
    CREATE TABLE o365 (
        id text PRIMARY KEY, received_at timestamptz, subject text, sender text, is_read boolean,
        has_attachments boolean, html text)
"""
SAVE = """
    INSERT INTO o365 (id, received_at, subject, sender, is_read, has_attachments, html)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (id) DO UPDATE SET subject = excluded.subject, html = excluded.html
"""


def sync(task: Task) -> int:
    protocol = MSGraphProtocol()
    protocol.service_url = f"{task.graph}/"
    account = Account((" ", " "), protocol=protocol, verify_ssl=task.ca, requests_delay=0)
    session = account.con.get_naive_session()  # with a token that is there already
    session.trust_env = False  # or a bundle that the machine names would count, not ours
    session.headers["Authorization"] = f"Bearer {task.token}"
    account.con.session = session
    saved = 0
    with psycopg.connect(task.database) as conn:
        conn.execute(TABLE)
        conn.commit()
        for name in FOLDERS:
            rows: list[tuple[object, ...]] = []
            for message in account.mailbox().get_folder(folder_id=name).get_messages(limit=None, batch=BATCH):
                rows.append(_row(message))
                if len(rows) == BATCH:
                    saved += _save(conn, rows)
                    rows = []
            saved += _save(conn, rows)
    return saved


def _save(conn: psycopg.Connection[tuple[object, ...]], rows: list[tuple[object, ...]]) -> int:
    with conn.cursor() as cursor:
        cursor.executemany(SAVE, rows)
    conn.commit()
    return len(rows)


def _row(message: Message) -> tuple[object, ...]:
    return (
        message.object_id,
        message.received,
        message.subject,
        message.sender.address,
        message.is_read,
        message.has_attachments,
        message.body,
    )


if __name__ == "__main__":
    perform(sync)
