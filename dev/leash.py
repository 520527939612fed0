"""
Run a command that ends when the process which holds the other end of a pipe does.

For systems whose kernel does not offer this itself: `python leash.py PIPE SIGNAL COMMAND…` waits for the end of file
on descriptor PIPE, which comes however its owner died, and then sends SIGNAL to the command.
"""

import os
import signal
import subprocess
import sys
import threading
from types import FrameType


def run_on_leash(pipe: int, death_signal: signal.Signals, command: list[str]) -> int:
    """Run the command, pass on the signals that ask it to stop, and return its exit status."""
    child = subprocess.Popen(command)  # noqa: S603 - whoever starts us chose it

    def pass_on(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, pass_on)

    def wait_for_owner() -> None:
        while os.read(pipe, 1):
            pass
        child.send_signal(death_signal)

    threading.Thread(target=wait_for_owner, daemon=True).start()
    status = child.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(run_on_leash(int(sys.argv[1]), signal.Signals(int(sys.argv[2])), sys.argv[3:]))
