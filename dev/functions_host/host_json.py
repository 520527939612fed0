"""host.json, with the settings `AzureFunctionsJobHost__path__to__key` laid over it."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from dev.functions_host.app_settings import AppSettings
from dev.functions_host.errors import HostRefused
from dev.functions_host.local_settings import read_json_object
from dev.functions_host.timespan import seconds_from


def _seconds(value: object) -> object:
    if not isinstance(value, str):
        return value
    return -1.0 if value.strip() in {"-1", "-00:00:00.0010000"} else seconds_from(value)


Seconds = Annotated[float, BeforeValidator(_seconds)]


class _Section(BaseModel):
    """Keys are matched without case: the merged document has lower-case keys."""

    model_config = ConfigDict(alias_generator=lambda name: name.replace("_", ""), populate_by_name=True, frozen=True)


class QueueOptions(_Section):
    batch_size: int = Field(default=16, ge=1, le=32)
    new_batch_threshold: int = Field(default=-1, ge=-1)
    max_dequeue_count: int = Field(default=5, ge=1)
    visibility_timeout: Seconds = Field(default=0, ge=0)
    max_polling_interval: Seconds = Field(default=2, ge=0.1)  # one minute in Azure
    message_encoding: Literal["base64", "none"] = "base64"

    @model_validator(mode="before")
    @classmethod
    def _without_case(cls, content: dict[str, Any]) -> dict[str, Any]:
        if isinstance(encoding := content.get("messageencoding"), str):
            return {**content, "messageencoding": encoding.lower()}
        return content

    @property
    def refill_threshold(self) -> int:
        """Ask for more when this many messages or fewer are being worked on."""
        if self.new_batch_threshold >= 0:
            return self.new_batch_threshold
        return self.batch_size // 2 * (os.cpu_count() or 1)


class HttpOptions(_Section):
    route_prefix: str = "api"
    max_outstanding_requests: int = -1
    max_concurrent_requests: int = -1
    enable_chunked_request_binding: bool = False
    custom_headers: dict[str, str] = Field(default_factory=dict)


class Extensions(_Section):
    queues: QueueOptions = QueueOptions()
    http: HttpOptions = HttpOptions()


class SingletonOptions(_Section):
    listener_lock_period: Seconds = Field(default=60, ge=15, le=60)
    listener_lock_recovery_polling_interval: Seconds = Field(default=60, gt=0)


class Logging(_Section):
    log_level: dict[str, str] = Field(default_factory=dict)


class HostConfig(_Section):
    version: Literal["2.0"]
    function_timeout: Seconds = 1800  # -1 is no limit
    functions: list[str] | None = None
    extensions: Extensions = Extensions()
    singleton: SingletonOptions = SingletonOptions()
    logging: Logging = Logging()

    @model_validator(mode="after")
    def _has_positive_timeout(self) -> Self:
        if self.function_timeout <= 0 and self.function_timeout != -1:
            raise ValueError("functionTimeout must be a time span above zero, or -1")
        return self

    @property
    def timeout_seconds(self) -> float | None:
        return None if self.function_timeout == -1 else self.function_timeout


def read_host_config(app_root: Path, settings: AppSettings) -> HostConfig:
    path = app_root / "host.json"
    if not path.is_file():
        raise HostRefused(f"{path} is missing; the smallest one is {{'version': '2.0'}}".replace("'", '"'))
    document = _lower_keys(read_json_object(path))
    for keys, value in settings.paths_under("AzureFunctionsJobHost").items():
        _lay_over(document, keys, value)
    try:
        return HostConfig.model_validate(document)
    except ValidationError as exc:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in exc.errors())
        raise HostRefused(f"{path} or a setting AzureFunctionsJobHost__… is not accepted: {faults}") from exc


def _lower_keys(value: Any) -> Any:  # noqa: ANN401 (any JSON value)
    if isinstance(value, dict):
        return {key.lower(): _lower_keys(item) for key, item in value.items()}
    return value


def _lay_over(document: dict[str, Any], keys: tuple[str, ...], value: str) -> None:
    *folders, last = keys
    for key in folders:
        document = document.setdefault(key, {})
    document[last] = value
