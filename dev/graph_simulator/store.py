"""
Everything that outlives the process, in one SQLite file.

Hot state (folders, message properties, change logs) is also kept in memory by its owners; bodies, headers and
attachments are only here and are read when asked for. A commit survives `kill -9`.
"""

import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from dev.graph_simulator.composing import Composed
from dev.graph_simulator.json_text import from_json, to_json

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS document (
        kind TEXT, key TEXT, value BLOB NOT NULL, PRIMARY KEY (kind, key)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS message (
        mailbox TEXT, number INTEGER, generation INTEGER, sequence INTEGER, folder INTEGER, content INTEGER,
        fields BLOB,
        PRIMARY KEY (mailbox, number)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS change (
        mailbox TEXT, sequence INTEGER, folder INTEGER, number INTEGER, generation INTEGER, kind TEXT, at REAL,
        PRIMARY KEY (mailbox, sequence, folder)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS content (
        id INTEGER PRIMARY KEY, html BLOB, unsafe_html BLOB, text BLOB, headers BLOB, raw BLOB
    );
    CREATE TABLE IF NOT EXISTS attachment (
        content INTEGER, position INTEGER, properties BLOB, data BLOB, PRIMARY KEY (content, position)
    );
"""

BodyForm = Literal["html", "unsafe_html", "text"]
_BODY_SQL: dict[BodyForm, str] = {
    "html": "SELECT html FROM content WHERE id = ?",
    "unsafe_html": "SELECT coalesce(unsafe_html, html) FROM content WHERE id = ?",
    "text": "SELECT text FROM content WHERE id = ?",
}


class MessageRow(NamedTuple):
    number: int
    generation: int
    sequence: int
    folder: int
    content: int
    fields: dict[str, Any]


class ChangeRow(NamedTuple):
    """One entry of a folder's change log; `kind` is created, updated or removed."""

    sequence: int
    folder: int
    number: int
    generation: int
    kind: str
    at: float


class Store:
    def __init__(self, path: Path | None) -> None:
        """Open the file, or keep everything in memory when there is none."""
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path or ":memory:", check_same_thread=False)
        self._db.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-64000;" + _SCHEMA
        )

    def commit(self) -> None:
        """Make everything since the last commit durable. The answer to a request is sent only after it."""
        if self._db.in_transaction:
            self._db.commit()

    def close(self) -> None:
        self.commit()
        self._db.close()

    def put(self, kind: str, key: str, value: object) -> None:
        self._db.execute("INSERT OR REPLACE INTO document VALUES (?, ?, ?)", (kind, key, to_json(value)))

    def get(self, kind: str, key: str) -> Any:  # noqa: ANN401 - a JSON document has no narrower type
        row = self._db.execute("SELECT value FROM document WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return from_json(row[0]) if row else None

    def all(self, kind: str) -> list[Any]:
        rows = self._db.execute("SELECT value FROM document WHERE kind = ? ORDER BY key", (kind,))
        return [from_json(row[0]) for row in rows]

    def remove(self, kind: str, key: str) -> None:
        self._db.execute("DELETE FROM document WHERE kind = ? AND key = ?", (kind, key))

    def put_message(self, mailbox: str, row: MessageRow) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO message VALUES (?, ?, ?, ?, ?, ?, ?)", (mailbox, *row[:5], to_json(row.fields))
        )

    def remove_message(self, mailbox: str, number: int) -> None:
        self._db.execute("DELETE FROM message WHERE mailbox = ? AND number = ?", (mailbox, number))

    def messages(self, mailbox: str) -> Iterator[MessageRow]:
        sql = """
            SELECT number, generation, sequence, folder, content, fields FROM message
             WHERE mailbox = ? ORDER BY number
        """
        for number, generation, sequence, folder, content, fields in self._db.execute(sql, (mailbox,)):
            yield MessageRow(number, generation, sequence, folder, content, from_json(fields))

    def add_changes(self, mailbox: str, rows: Iterable[ChangeRow]) -> None:
        self._db.executemany("INSERT INTO change VALUES (?, ?, ?, ?, ?, ?, ?)", [(mailbox, *row) for row in rows])

    def changes(self, mailbox: str) -> Iterator[ChangeRow]:
        sql = """
            SELECT sequence, folder, number, generation, kind, at FROM change
             WHERE mailbox = ? ORDER BY sequence, folder
        """
        for row in self._db.execute(sql, (mailbox,)):
            yield ChangeRow(*row)

    def add_content(self, mail: Composed) -> int:
        """Keep a message's heavy parts and attachments. Return the number under which they are found again."""
        packed = None if mail.raw is None else zlib.compress(mail.raw, 1)
        cursor = self._db.execute(
            "INSERT INTO content (html, unsafe_html, text, headers, raw) VALUES (?, ?, ?, ?, ?)",
            (mail.html, mail.unsafe_html, mail.text, mail.headers, packed),
        )
        content = int(cursor.lastrowid or 0)
        rows = [
            (content, position, to_json(properties), data)
            for position, (properties, data) in enumerate(mail.attachments)
        ]
        self._db.executemany("INSERT INTO attachment VALUES (?, ?, ?, ?)", rows)
        return content

    def body(self, content: int, form: BodyForm) -> bytes:
        """Return the body's JSON string."""
        return bytes(self._db.execute(_BODY_SQL[form], (content,)).fetchone()[0])

    def headers(self, content: int) -> bytes:
        """Return the headers' JSON array."""
        return bytes(self._db.execute("SELECT headers FROM content WHERE id = ?", (content,)).fetchone()[0])

    def raw(self, content: int) -> bytes | None:
        packed = self._db.execute("SELECT raw FROM content WHERE id = ?", (content,)).fetchone()[0]
        return None if packed is None else zlib.decompress(packed)

    def attachments(self, content: int) -> list[dict[str, Any]]:
        """Return the attachments' properties in their order."""
        sql = "SELECT properties FROM attachment WHERE content = ? ORDER BY position"
        return [from_json(row[0]) for row in self._db.execute(sql, (content,))]

    def attachment_data(self, content: int, position: int) -> bytes:
        sql = "SELECT data FROM attachment WHERE content = ? AND position = ?"
        return bytes(self._db.execute(sql, (content, position)).fetchone()[0])
