"""An app of queue functions that record what they received. The first word of a message says what to do."""

import asyncio
import json
import os
import time
from pathlib import Path
from typing import List  # noqa: UP035 (the worker accepts Out[List[str]] but not Out[list[str]])

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

STORAGE = "AzureWebJobsStorage"
RECORDS = Path(os.environ["RECORDS"])


def record(*words: object) -> None:
    with RECORDS.open("a") as file:
        file.write(" ".join(map(str, words)) + "\n")


@app.queue_trigger("msg", queue_name="%QUEUE%", connection=STORAGE)
async def work(msg: func.QueueMessage) -> None:
    text = msg.get_body().decode()
    record("work", text, msg.dequeue_count, bool(msg.id and msg.pop_receipt), msg.insertion_time, time.monotonic())
    if text.startswith("wait"):
        await asyncio.sleep(float(text.split()[1]))
    record("done", text)


@app.queue_trigger("msg", queue_name="%TEXT_QUEUE%", connection=STORAGE)
def work_on_text(msg: str) -> None:
    record("text", type(msg).__name__, msg)


@app.queue_trigger("msg", queue_name="%FORWARD_QUEUE%", connection=STORAGE)
@app.queue_output("$return", queue_name="%TEXT_QUEUE%", connection=STORAGE)
async def forward(msg: func.QueueMessage) -> str:
    return f"forwarded {msg.get_body().decode()}"


@app.route("send")
@app.queue_output("many", queue_name="%TEXT_QUEUE%", connection=STORAGE)
@app.queue_output("one", queue_name="%TEXT_QUEUE%", connection=STORAGE)
def send(req: func.HttpRequest, one: func.Out[str], many: func.Out[List[str]]) -> func.HttpResponse:  # noqa: UP006 (as above)
    if "one" in req.params:
        one.set(req.params["one"])
    if "many" in req.params:
        many.set(json.loads(req.params["many"]))
    return func.HttpResponse("sent")


@app.timer_trigger("timer", schedule="0 0 0 1 1 *")
def yearly(timer: func.TimerRequest) -> None:
    record("yearly", timer.past_due)
