"""`python -m dev.functions_host`: run a Functions app until it is stopped."""

import asyncio
import os
import socket
import sys
import traceback
from pathlib import Path

from dev.functions_host.app_settings import AppSettings
from dev.functions_host.application import AppFunction, load_application
from dev.functions_host.cors import Cors
from dev.functions_host.errors import HostRefused
from dev.functions_host.host import Host, end_process
from dev.functions_host.host_json import HostConfig, read_host_config
from dev.functions_host.local_settings import LocalSettings, apply_local_settings, find_app_root, read_local_settings
from dev.functions_host.logs import configure_logging
from dev.functions_host.options import Options
from dev.functions_host.process import HTTP_GROUP, Beginning, Inherited, bind

REFUSED = 2


def main() -> None:
    beginning = Beginning.now()
    inherited = Inherited.take(os.environ)
    options = Options.from_arguments()
    try:
        app_root = find_app_root(options.app)
        local = read_local_settings(app_root)
        if options.separate_groups and inherited.group is None:
            from dev.functions_host.supervisor import supervise  # noqa: PLC0415 (a host process does without)

            sys.exit(asyncio.run(supervise(options, local)))
        _run_host(beginning, inherited, options, app_root, local)
    except HostRefused as exc:
        print(f"The host cannot start: {exc}", file=sys.stderr)
        sys.exit(REFUSED)
    except OSError as exc:
        print(f"The host cannot start: {exc}", file=sys.stderr)
        sys.exit(1)


def _run_host(
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


if __name__ == "__main__":
    main()
