"""`python -m dev.web_pubsub --port N --access-key KEY`: serve until stopped."""

import argparse
import socket

import uvicorn

from dev.web_pubsub.service import create_service


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m dev.web_pubsub", description="A stand-in for Azure Web PubSub.")
    parser.add_argument("--port", type=int, default=8091, help="%(default)s by default; 0 picks a free one")
    parser.add_argument("--address", default="127.0.0.1", help="%(default)s by default")
    parser.add_argument("--access-key", required=True, help="the key that signs tokens, any text")
    options = parser.parse_args()
    listening = socket.create_server((options.address, options.port))
    port = listening.getsockname()[1]
    print(f"Listening on http://{options.address}:{port}", flush=True)
    config = uvicorn.Config(
        create_service(options.access_key),
        ws="websockets-sansio",
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
