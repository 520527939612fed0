"""`python -m dev.graph_simulator`: start the simulator and serve until it is told to stop."""

import argparse
import asyncio
import signal
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from dev.demo_mailbox.sources import NoMailFound
from dev.graph_simulator.app import application
from dev.graph_simulator.certificates import CA_FILE, server_context
from dev.graph_simulator.clock import moment_from
from dev.graph_simulator.seeding import OtherMailbox, fill_demo_mailbox
from dev.graph_simulator.simulator import Latency, Simulator
from dev.graph_simulator.synthetic import Recipe, synthetic_messages

DEMO_ADDRESS, DEMO_NAME, DEMO_TENANT = "demo@contoso.example", "Demo User", "contoso.example"
SECOND_ADDRESS, SECOND_NAME, SECOND_TENANT = "second@fabrikam.example", "Second User", "fabrikam.example"
SECOND_MESSAGES = 25
DEFAULT_CLIENT_ID = "0c9f8b2e-5a51-4d6c-9d7e-1f6a5b3c2d10"
CLOSE_SECONDS = 1.0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dev.graph_simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=8443, help="port on localhost; 0 takes a free one")
    parser.add_argument("--ca-dir", type=Path, required=True, help="where ca.pem and the certificate are kept")
    parser.add_argument("--state", type=Path, help="where the state is kept")
    parser.add_argument("--in-memory", action="store_true", help="keep no state")
    parser.add_argument("--mailbox", help="spam-assassin, or an mbox file, Maildir or folder of .eml files")
    parser.add_argument("--mailbox-end", type=moment_from, help="date of the newest demo message (default: now)")
    parser.add_argument("--auto-consent", action="store_true", help="sign in without the page")
    parser.add_argument("--latency-ms", type=float, default=0, help="hold every Graph answer back")
    parser.add_argument("--client-id", default=DEFAULT_CLIENT_ID)
    parser.add_argument("--client-secret", help="default: made at the first start and kept in the state")
    parser.add_argument("--redirect-uri", action="append", default=[], help="may be repeated; none: any on loopback")
    arguments = parser.parse_args()
    if arguments.in_memory == bool(arguments.state):
        parser.error("give one of --state and --in-memory")
    return arguments


def _prepared(arguments: argparse.Namespace) -> Simulator:
    simulator = Simulator(arguments.state)
    simulator.settings.latency = Latency(base=arguments.latency_ms)
    simulator.settings.entra.is_auto_consent = arguments.auto_consent
    directory = simulator.directory
    directory.add_app(arguments.client_id, arguments.client_secret, arguments.redirect_uri)
    demo = directory.add_user(DEMO_ADDRESS, DEMO_NAME, directory.add_tenant(DEMO_TENANT))
    second = directory.add_user(SECOND_ADDRESS, SECOND_NAME, directory.add_tenant(SECOND_TENANT))
    other = simulator.mailbox(second)
    if not other.messages:
        for one in synthetic_messages(Recipe(SECOND_MESSAGES), other):
            other.add(one, other.folder("inbox"))
    if arguments.mailbox:
        end = arguments.mailbox_end or datetime.now(UTC)
        count = fill_demo_mailbox(simulator, demo, arguments.mailbox, end, _tell)
        print(f"mailbox: {count} messages for {DEMO_ADDRESS}", flush=True)
    simulator.store.commit()
    simulator.delivery.start()
    return simulator


def _tell(done: int, total: int) -> None:
    print(f"mailbox: {done}/{total}", flush=True)


async def _serve(arguments: argparse.Namespace) -> None:
    context = server_context(arguments.ca_dir)
    simulator = _prepared(arguments)
    runner = web.AppRunner(
        application(simulator), handler_cancellation=True, access_log=None, shutdown_timeout=CLOSE_SECONDS
    )
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", arguments.port, ssl_context=context, backlog=1024)
    await site.start()
    port = runner.addresses[0][1]
    simulator.base_url = f"https://localhost:{port}"
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    ca_file = (arguments.ca_dir / CA_FILE).resolve()
    print(f"ready: {simulator.base_url} (Graph at /v1.0, sign-in at /common, CA {ca_file})", flush=True)
    await stop.wait()
    await runner.cleanup()
    await simulator.close()


def main() -> None:
    arguments = _arguments()
    try:
        asyncio.run(_serve(arguments))
    except (NoMailFound, OtherMailbox) as problem:
        raise SystemExit(f"error: {problem}") from problem


if __name__ == "__main__":
    main()
