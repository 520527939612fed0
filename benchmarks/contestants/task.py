"""
What a contestant is told, and what it tells.

Each saves at least what a list of mail shows (when, subject, sender, read, with attachments) and the body.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final, Self

FOLDERS: Final = ("inbox", "archive", "sentitems", "junkemail")
FIELDS: Final = (
    "id,changeKey,parentFolderId,conversationId,conversationIndex,internetMessageId,subject,bodyPreview,from,sender,"
    "toRecipients,ccRecipients,bccRecipients,replyTo,categories,importance,flag,isRead,isDraft,receivedDateTime,"
    "sentDateTime,createdDateTime,lastModifiedDateTime,hasAttachments,inferenceClassification,webLink,body,"
    "internetMessageHeaders"
)
IMMUTABLE: Final = 'IdType="ImmutableId"'


@dataclass(frozen=True, slots=True)
class Task:
    graph: str  # the service's root, with its version
    ca: str  # a file
    token: str
    database: str
    page: int
    queues: str  # a connection string


@dataclass(frozen=True, slots=True)
class Outcome:
    messages: int
    seconds: float
    cpu_seconds: float

    @classmethod
    def from_line(cls, line: str) -> Self:
        return cls(**json.loads(line))


def perform(do: Callable[[Task], int]) -> None:
    """Do the task on the command line, and print what came of it. `do` returns how many messages it saved."""
    task = Task(**json.loads(sys.argv[1]))
    started, spent = time.perf_counter(), time.process_time()
    messages = do(task)
    print(json.dumps(asdict(Outcome(messages, time.perf_counter() - started, time.process_time() - spent))))
