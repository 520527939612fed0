"""Queue output bindings: what the host makes of the value, and sending it."""

import base64
import json
from collections.abc import Callable
from typing import Any, Literal

from azure.core.exceptions import ResourceNotFoundError
from azure.functions.meta import Datum

from dev.functions_host.app_settings import AppSettings
from dev.functions_host.application import AppFunction
from dev.functions_host.declarations import Binding
from dev.functions_host.errors import InvocationFailed
from dev.functions_host.invocation import Result
from dev.functions_host.storage import StorageAccounts, create_queue

Encoding = Literal["base64", "none"]
Wake = Callable[[str, str], None]


class QueueOutputs:
    """Sends what functions wrote. `wake` is told the connection and queue of each message."""

    def __init__(self, accounts: StorageAccounts, settings: AppSettings, encoding: Encoding, wake: Wake) -> None:
        self._accounts = accounts
        self._settings = settings
        self._encoding: Encoding = encoding
        self._wake = wake

    async def send(self, function: AppFunction, result: Result) -> None:
        """Write every output of an invocation, in the order of the bindings."""
        for binding in function.bindings:
            if not binding.is_output or binding.kind == "http":
                continue
            value = result.returned if binding.name == "$return" else result.outputs.get(binding.name)
            if value is None:
                continue
            if binding.kind != "queue":
                raise InvocationFailed(f"this host has no output binding {binding.kind}")
            await self._send_to(binding, messages_from(value))

    async def _send_to(self, binding: Binding, messages: list[str | bytes]) -> None:
        connection, name = queue_address(binding, self._settings)
        client = self._accounts.queue(connection, name)
        for message in messages:
            text = encode(message, self._encoding)
            try:
                await client.send_message(text)
            except ResourceNotFoundError:
                await create_queue(client)
                await client.send_message(text)
        self._wake(connection, name)


def queue_address(binding: Binding, settings: AppSettings) -> tuple[str, str]:
    """Return the connection's name and the queue's, which the host lower-cases."""
    name = settings.resolve(str(binding.properties["queueName"])).lower()
    return settings.resolve(str(binding.properties.get("connection") or "AzureWebJobsStorage")), name


def messages_from(value: Datum) -> list[str | bytes]:
    """
    Return the messages that the real host makes of a value.

    Text that looks like JSON is parsed: an array becomes a message per item, an object is written anew, indented.
    """
    if value.type == "bytes":
        return [bytes(value.value)]
    text = str(value.value)
    trimmed = text.strip()
    if (trimmed[:1], trimmed[-1:]) not in {("{", "}"), ("[", "]")}:
        return [text]
    try:
        content = json.loads(trimmed)
    except ValueError:
        return [text]
    return [_item_text(item) for item in content] if isinstance(content, list) else [_item_text(content)]


def _item_text(item: Any) -> str:  # noqa: ANN401 (any JSON value)
    return item if isinstance(item, str) else json.dumps(item, ensure_ascii=False, indent=2)


def encode(message: str | bytes, encoding: Encoding) -> str:
    raw = message.encode() if isinstance(message, str) else message
    return base64.b64encode(raw).decode() if encoding == "base64" else raw.decode()


def decode(content: str, encoding: Encoding) -> str | bytes:
    """Return a message's text, or its bytes where they are no UTF-8; raise ValueError when it is not base64."""
    if encoding == "none":
        return content
    raw = base64.b64decode("".join(content.split()), validate=True)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
