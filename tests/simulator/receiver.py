"""A webhook endpoint that tests listen at."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.serving import serving


def _true_echo(token: str) -> tuple[int, str, str]:
    return 200, "text/plain", token


@dataclass
class Receiver:
    """A webhook endpoint. `answers` are the statuses of the next notifications; after them all are accepted."""

    url: str
    posts: list[dict[str, Any]] = field(default_factory=list)
    handshakes: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    echo: Callable[[str], tuple[int, str, str]] = _true_echo
    changed: threading.Condition = field(default_factory=threading.Condition)

    def items(self) -> list[dict[str, Any]]:
        return [item for post in self.posts for item in post["value"]]

    def wait(self, count: int, seconds: float = 10) -> list[dict[str, Any]]:
        """Return the items once there are that many."""
        with self.changed:
            is_there = self.changed.wait_for(lambda: len(self.items()) >= count, seconds)
        assert is_there, f"{len(self.items())} of {count} notifications came: {self.items()}"
        return self.items()


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hook?source=graph")
    server.receiver = receiver  # type: ignore[attr-defined] # how the handler finds it
    with serving(server):
        yield receiver


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(200, "text/html", "<title>The application</title>")

    def do_POST(self) -> None:
        receiver: Receiver = self.server.receiver  # type: ignore[attr-defined] # set by running_receiver
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        tokens = parse_qs(urlsplit(self.path).query).get("validationToken")
        if tokens:
            receiver.handshakes.append(tokens[0])
            status, content_type, text = receiver.echo(tokens[0])
            self._answer(status, content_type, text)
            return
        with receiver.changed:
            status = receiver.answers.pop(0) if receiver.answers else 202
            if status == 202:
                receiver.posts.append(json.loads(body))
            receiver.changed.notify_all()
        self._answer(status, "text/plain", "")

    def _answer(self, status: int, content_type: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as its base
        """Stay silent."""
