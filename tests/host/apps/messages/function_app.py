"""An app that records, as JSON, what its queue and timer functions are given. A message says how it is to end."""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any, List  # noqa: UP035 (the worker accepts Out[List[str]] but not Out[list[str]])

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

STORAGE = "AzureWebJobsStorage"
RECORDS = Path(os.environ["RECORDS"])


def record(function: str, given: dict[str, Any]) -> None:
    with RECORDS.open("a") as file:
        file.write(json.dumps({"function": function, **given}) + "\n")


def told(at: datetime | None) -> str:
    return "no time" if at is None else f"{type(at).__name__} {at.tzname()}"


@app.queue_trigger("msg", queue_name="Messages", connection=STORAGE)
async def take_message(msg: func.QueueMessage) -> None:
    body, count = msg.get_body(), msg.dequeue_count or 0
    given = {
        "body": body.decode(),
        "dequeue_count": count,
        "types": [type(msg).__name__, type(msg.id).__name__, type(count).__name__, type(msg.pop_receipt).__name__],
        "times": [told(msg.insertion_time), told(msg.expiration_time), told(msg.time_next_visible)],
    }
    record("take_message", given)
    if body.startswith(b"fail until ") and count < int(body.split()[2]):
        raise ValueError("as told")


@app.queue_trigger("msg", queue_name="texts", connection=STORAGE)
def take_text(msg: str) -> None:
    record("take_text", {"body": msg, "types": [type(msg).__name__]})


@app.queue_trigger("msg", queue_name="forwards", connection=STORAGE)
@app.queue_output("$return", queue_name="outputs", connection=STORAGE)
async def forward(msg: func.QueueMessage):  # type: ignore[no-untyped-def]  # noqa: ANN201 (no annotation allows the None that the host must answer)
    text = msg.get_body().decode()
    record("forward", {"body": text})
    return None if text == "nothing" else text


@app.queue_trigger("msg", queue_name="values", connection=STORAGE)
async def return_value(msg: func.QueueMessage) -> str:
    record("return_value", {"body": msg.get_body().decode()})
    return "nobody asked"


@app.route("write")
@app.queue_output("out", queue_name="outputs", connection=STORAGE)
def write(req: func.HttpRequest, out: func.Out[List[str]]) -> func.HttpResponse:  # noqa: UP006 (as above)
    out.set(req.get_json())
    return func.HttpResponse("written")


@app.timer_trigger("timer", schedule="0 0 0 1 1 *", use_monitor=False)
def take_timer_text(timer: str) -> None:
    record("take_timer_text", {"types": [type(timer).__name__], "timer": json.loads(timer)})


@app.timer_trigger("timer", schedule="0 0 0 1 1 *")
def take_timer(timer: func.TimerRequest) -> None:
    status = timer.schedule_status  # type: ignore[attr-defined]  # the library's class has it
    record("take_timer", {"past_due": timer.past_due, "status": sorted(status), "schedule": timer.schedule})  # type: ignore[attr-defined]  # as above
