"""TCP ports of this machine's loopback address."""

import random
import socket
from collections.abc import Collection
from itertools import islice

import psutil

LOOPBACK = "127.0.0.1"

# Below the range from which systems take the ports of outgoing connections, so that none of those gets in between.
_CHOICE = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Return whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        if probe.connect_ex((LOOPBACK, port)) == 0:
            return False
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def accepts(port: int) -> bool:
    """Return whether a server answers on the port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0


def listens(pid: int, port: int) -> bool:
    """Return whether it is this process, or a child of its, that listens on the port, and not another program."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return any(_listens_itself(member, port) for member in family)
    except psutil.AccessDenied:  # not ours to see: believe it
        return True
    except psutil.NoSuchProcess:
        return False


def _listens_itself(process: psutil.Process, port: int) -> bool:
    return any(
        connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,)
        for connection in process.net_connections("tcp")
    )


def choose_free_port(*, other_than: Collection[int] = ()) -> int:
    """Return a port that nobody listens on and that is not in `other_than`; a server should take it at once."""
    return choose_free_ports(1, other_than=other_than)[0]


def choose_free_ports(count: int, *, other_than: Collection[int] = ()) -> list[int]:
    """Return so many, each another one: chosen one by one, two might be the same as long as nobody listens."""
    free = (port for port in random.sample(_CHOICE, len(_CHOICE)) if port not in other_than and is_free(port))
    chosen = list(islice(free, count))
    if len(chosen) < count:
        raise OSError(f"every port from {_CHOICE.start} to {_CHOICE.stop} is taken")
    return chosen
