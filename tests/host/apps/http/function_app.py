"""An app whose functions say back what they were given."""

import json
import logging
import os
import threading
import time
from typing import Any

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
log = logging.getLogger("echo")


def described(req: func.HttpRequest, **more: Any) -> func.HttpResponse:  # noqa: ANN401 (any JSON value)
    content = {
        "method": req.method,
        "url": req.url,
        "headers": dict(req.headers),
        "params": dict(req.params),
        "route": dict(req.route_params),
        "body": req.get_body().decode("latin-1"),
        "pid": os.getpid(),
        **more,
    }
    return func.HttpResponse(json.dumps(content), mimetype="application/json")


@app.route("echo/{*rest}", auth_level=func.AuthLevel.ANONYMOUS)
async def echo(req: func.HttpRequest) -> func.HttpResponse:
    return described(req, function="echo")


@app.route("items/{id:int}", methods=["GET", "PUT"])
async def a_item(req: func.HttpRequest) -> func.HttpResponse:
    return described(req, function="a_item")


@app.route("items/recent", methods=["GET"])
def b_recent(req: func.HttpRequest) -> func.HttpResponse:
    return described(req, function="b_recent", thread=threading.current_thread().name)


@app.route("things/{id}")
async def a_thing(req: func.HttpRequest) -> func.HttpResponse:
    return described(req, function="a_thing")


@app.route("things/recent")
async def b_thing(req: func.HttpRequest) -> func.HttpResponse:
    return described(req, function="b_thing")


@app.route("master", auth_level=func.AuthLevel.ADMIN)
def master(req: func.HttpRequest) -> func.HttpResponse:
    return described(req)


@app.route("context")
async def tell_context(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    log.info("in context", extra={"answer": 42})
    return described(
        req,
        invocation_id=context.invocation_id,
        function_name=context.function_name,
        function_directory=context.function_directory,
        trace_parent=context.trace_context.trace_parent,
        retry_count=context.retry_context.retry_count,
    )


@app.route("responses/{kind}")
def respond(req: func.HttpRequest) -> func.HttpResponse:
    match req.route_params["kind"]:
        case "cookies":
            response = func.HttpResponse("ok", headers={"Set-Cookie": "a=1/2; Path=/; HttpOnly; SameSite=Strict"})
            response.headers.add("Set-Cookie", "b=2; Max-Age=60; Secure")
            return response
        case "empty":
            return func.HttpResponse(status_code=204)
        case "bytes":
            return func.HttpResponse(b"\x00\xff", mimetype="application/octet-stream", status_code=201)
        case "cors":
            return func.HttpResponse("ok", headers={"Access-Control-Allow-Origin": "https://other.test"})
        case "nothing":
            return None  # type: ignore[return-value]  # the mistake that the host must answer
        case "error":
            raise ValueError("a secret of the app")
    return func.HttpResponse("text")


@app.route("text/{kind}")
def respond_text(req: func.HttpRequest) -> str:
    kind = req.route_params["kind"]
    if kind == "object":
        return json.dumps({"status": 418, "headers": {"X-Kind": "teapot"}, "body": {"a": 1}})
    return '{ "a" :  1 }' if kind == "json" else "plain"


@app.route("slow")
async def slow(req: func.HttpRequest) -> func.HttpResponse:
    """Blocks the worker's loop, as no function should."""
    time.sleep(float(req.params["seconds"]))  # noqa: ASYNC251 (that is the point)
    return described(req)


@app.route("disabled")
def disabled(req: func.HttpRequest) -> func.HttpResponse:
    return described(req, function="disabled")


@app.route("disabled")
def disabled_twin(req: func.HttpRequest) -> func.HttpResponse:
    return described(req)
