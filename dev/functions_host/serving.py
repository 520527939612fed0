"""From the command line to a running host process."""

import asyncio
import os
import socket
import traceback
from pathlib import Path

from dev.functions_host.app_settings import AppSettings
from dev.functions_host.application import AppFunction, load_application
from dev.functions_host.cors import Cors
from dev.functions_host.errors import HostRefused
from dev.functions_host.host_json import HostConfig, read_host_config
from dev.functions_host.local_settings import LocalSettings, apply_local_settings
from dev.functions_host.logs import configure_logging
from dev.functions_host.options import Options
from dev.functions_host.process import HTTP_GROUP, Beginning, Inherited, bind


def run_host(
    beginning: Beginning, inherited: Inherited, options: Options, app_root: Path, local: LocalSettings
) -> None:
    listening = _listening(inherited, options, local)
    _apply_settings(local, app_root, listening)
    settings = AppSettings(os.environ)
    config = read_host_config(app_root, settings)
    configure_logging(options.log_level or config.logging.log_level.get("default", "information"))
    cors = _cors(options, local)
    functions = _load(app_root, settings, config, options)
    if listening:
        inherited = Inherited(inherited.group, listening.fileno(), inherited.control)

    # Late: a refused app need not wait for the storage clients and the web server to be imported.
    from dev.functions_host.host import Host, end_process  # noqa: PLC0415

    async def run() -> None:
        host = Host(
            functions, options=options, settings=settings, config=config, cors=cors,
            app_root=app_root, inherited=inherited, beginning=beginning,
        )  # fmt: skip
        await host.run(listening)

    asyncio.run(run())
    end_process(0)


def _listening(inherited: Inherited, options: Options, local: LocalSettings) -> socket.socket | None:
    if inherited.listening is not None:
        return socket.socket(fileno=inherited.listening)
    if inherited.group not in {None, HTTP_GROUP}:
        return None
    return bind(options.address or local.address, local.port if options.port is None else options.port)


def _apply_settings(local: LocalSettings, app_root: Path, listening: socket.socket | None) -> None:
    apply_local_settings(local, os.environ)
    os.environ["AzureWebJobsScriptRoot"] = str(app_root)  # noqa: SIM112 (the name that the real host gives it)
    if listening:
        host, port = listening.getsockname()[:2]
        os.environ["WEBSITE_HOSTNAME"] = f"{host}:{port}"
    runtime = os.environ.setdefault("FUNCTIONS_WORKER_RUNTIME", "python")
    if runtime != "python":
        raise HostRefused(f"FUNCTIONS_WORKER_RUNTIME is '{runtime}'; this host runs python")


def _cors(options: Options, local: LocalSettings) -> Cors:
    if options.cors is None:
        return Cors.allow(local.cors_origins, credentials=local.cors_credentials or options.cors_credentials)
    origins = tuple(origin.strip() for origin in options.cors.split(",") if origin.strip())
    return Cors.allow(origins, credentials=options.cors_credentials)


def _load(app_root: Path, settings: AppSettings, config: HostConfig, options: Options) -> list[AppFunction]:
    try:
        functions = load_application(app_root, settings)
    except HostRefused:
        raise
    except Exception as exc:
        traceback.print_exc()
        raise HostRefused(f"importing the app failed: {exc}") from exc
    wanted = {name.lower() for name in (options.functions or config.functions or ())}
    if unknown := wanted - {function.name.lower() for function in functions}:
        raise HostRefused(f"no such function: {', '.join(sorted(unknown))}")
    return [function for function in functions if not wanted or function.name.lower() in wanted]
