"""local.settings.json, host.json, and what an app may not start with."""

import json
from pathlib import Path
from typing import Any

import pytest

from dev.functions_host.app_settings import AppSettings
from dev.functions_host.cors import Cors
from dev.functions_host.errors import HostRefused
from dev.functions_host.host_json import HostConfig, read_host_config
from dev.functions_host.local_settings import LocalSettings, apply_local_settings, find_app_root, read_local_settings
from dev.functions_host.storage import StorageAccounts
from tests.host.hosting import refusal, write_app


def local(folder: Path, content: dict[str, Any]) -> LocalSettings:
    (folder / "local.settings.json").write_text(json.dumps(content))
    return read_local_settings(folder)


def host_config(folder: Path, content: dict[str, Any] | None = None, **settings: str) -> HostConfig:
    (folder / "host.json").write_text(json.dumps({"version": "2.0", **(content or {})}))
    return read_host_config(folder, AppSettings(settings))


def test_a_missing_is_encrypted_means_encrypted_and_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HostRefused, match="IsEncrypted"):
        local(tmp_path, {"Values": {"A": "1"}})
    with pytest.raises(HostRefused, match="IsEncrypted"):
        local(tmp_path, {"IsEncrypted": True, "Values": {}})


def test_values_are_added_where_the_environment_has_none(tmp_path: Path) -> None:
    settings = local(tmp_path, {
        "IsEncrypted": False,
        "Values": {"SET": "file", "EMPTY": "file", "NULL": None, "BLANK": "", "NEW": "file"},
        "ConnectionStrings": {"Db": "text", "Other": {"ConnectionString": "text"}},
    })  # fmt: skip
    environment = {"SET": "environment", "EMPTY": ""}
    apply_local_settings(settings, environment)
    assert environment == {
        "SET": "environment", "EMPTY": "file", "BLANK": "", "NEW": "file",
        "ConnectionStrings:Db": "text", "ConnectionStrings:Other": "text",
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
    }  # fmt: skip


def test_a_nested_value_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HostRefused, match=r"Values\.A must be a string"):
        local(tmp_path, {"IsEncrypted": False, "Values": {"A": {"b": 1}}})


def test_the_host_section_says_where_to_listen_and_whom_to_allow(tmp_path: Path) -> None:
    host = {"LocalHttpPort": 7999, "LocalHttpAddress": "0.0.0.0", "CORS": "https://a.test, https://b.test"}  # noqa: S104 (only read)
    settings = local(tmp_path, {"IsEncrypted": False, "Host": {**host, "CORSCredentials": True}})
    assert (settings.port, settings.address) == (7999, "0.0.0.0")  # noqa: S104 (as above)
    assert (settings.cors_origins, settings.cors_credentials) == (("https://a.test", "https://b.test"), True)


def test_credentials_for_any_origin_are_refused() -> None:
    with pytest.raises(HostRefused, match="CORSCredentials"):
        Cors.allow(("*",), credentials=True)


def test_any_origin_is_answered_with_a_star() -> None:
    cors = Cors.allow(("*",), credentials=False)
    assert cors.headers_for({"origin": "https://any.test"}) == (("access-control-allow-origin", "*"),)


def test_the_app_is_found_upwards(tmp_path: Path) -> None:
    app = write_app(tmp_path / "app", "")
    (app / "deep" / "er").mkdir(parents=True)
    assert find_app_root(app / "deep" / "er") == app.resolve()
    with pytest.raises(HostRefused, match=r"no host\.json"):
        find_app_root(Path("/"))


def test_an_empty_host_json_gives_the_hosts_defaults(tmp_path: Path) -> None:
    config = host_config(tmp_path)
    queues = config.extensions.queues
    assert (queues.batch_size, queues.max_dequeue_count, queues.visibility_timeout) == (16, 5, 0)
    assert (queues.message_encoding, queues.max_polling_interval) == ("base64", 2)
    assert queues.refill_threshold % 8 == 0
    assert config.extensions.http.route_prefix == "api"
    assert config.timeout_seconds == 1800


def test_settings_are_laid_over_host_json_whatever_their_case(tmp_path: Path) -> None:
    config = host_config(
        tmp_path,
        {"functionTimeout": "00:10:00", "extensions": {"queues": {"batchSize": 4, "visibilityTimeout": "00:00:05"}}},
        AzureFunctionsJobHost__extensions__queues__batchSize="8",
        AZUREFUNCTIONSJOBHOST__EXTENSIONS__HTTP__ROUTEPREFIX="",
        AzureFunctionsJobHost__functionTimeout="-1",
    )
    assert (config.extensions.queues.batch_size, config.extensions.queues.visibility_timeout) == (8, 5)
    assert config.extensions.http.route_prefix == ""
    assert config.timeout_seconds is None


@pytest.mark.parametrize(
    "content",
    [
        {"version": "1.0"},
        {"functionTimeout": "soon"},
        {"extensions": {"queues": {"batchSize": 33}}},
        {"extensions": {"queues": {"messageEncoding": "hex"}}},
    ],
)
def test_a_host_json_that_the_host_would_refuse_is_refused(tmp_path: Path, content: dict[str, Any]) -> None:
    with pytest.raises(HostRefused, match=r"host\.json"):
        host_config(tmp_path, content)


def test_placeholders_are_replaced_from_the_settings_or_refused() -> None:
    settings = AppSettings({"QUEUE": "jobs"})
    assert settings.resolve("%queue%-live") == "jobs-live"
    with pytest.raises(HostRefused, match="%OTHER%"):
        settings.resolve("%OTHER%")


@pytest.mark.parametrize(
    "settings",
    [
        {"Jobs": "UseDevelopmentStorage=true"},
        {"AzureWebJobsJobs": "UseDevelopmentStorage=true"},
        {"ConnectionStrings:Jobs": "UseDevelopmentStorage=true"},
        {"Jobs__queueServiceUri": "https://jobs.queue.core.windows.net"},
        {"Jobs__accountName": "jobs", "Jobs__credential": "managedidentity", "Jobs__clientId": "one"},
    ],
)
async def test_a_connection_is_a_string_or_an_address_to_sign_in_at(settings: dict[str, str]) -> None:
    accounts = StorageAccounts(AppSettings(settings))
    assert accounts.queue("Jobs", "work").url.endswith("/work")
    await accounts.close()


def test_a_connection_without_settings_is_refused_by_name() -> None:
    with pytest.raises(HostRefused, match="'Jobs' does not exist"):
        StorageAccounts(AppSettings({})).queue("Jobs", "work")


REFUSED = """
import azure.functions as func
app = func.FunctionApp()

@app.route("fine")
def fine(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse()

@app.route("wrong")
def wrong(req: func.HttpRequest) -> dict:
    return {}
"""


def test_one_refused_function_stops_the_host_and_is_named(tmp_path: Path) -> None:
    code, told = refusal(write_app(tmp_path / "app", REFUSED))
    assert code == 2
    assert "cannot load the wrong function" in told


def test_an_import_error_stops_the_host_and_is_shown(tmp_path: Path) -> None:
    code, told = refusal(write_app(tmp_path / "app", "import no_such_package"))
    assert code == 2
    assert "No module named 'no_such_package'" in told


def test_a_queue_function_whose_connection_is_not_set_stops_the_host(tmp_path: Path) -> None:
    app = """
import azure.functions as func
app = func.FunctionApp()

@app.queue_trigger("msg", queue_name="jobs", connection="Jobs")
def work(msg: func.QueueMessage) -> None: ...
"""
    code, told = refusal(write_app(tmp_path / "app", app))
    assert code == 2
    assert "'Jobs' does not exist" in told
