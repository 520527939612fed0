"""`python -m dev.functions_host`: run a Functions app until it is stopped."""

import asyncio
import os
import sys

from dev.functions_host.errors import HostRefused
from dev.functions_host.local_settings import find_app_root, read_local_settings
from dev.functions_host.options import Options
from dev.functions_host.process import REFUSED_CODE, Beginning, Inherited


def main() -> None:
    beginning = Beginning.now()
    inherited = Inherited.take(os.environ)
    options = Options.from_arguments()
    try:
        app_root = find_app_root(options.app)
        local = read_local_settings(app_root)
        if options.separate_groups and inherited.group is None:
            from dev.functions_host.supervisor import supervise  # noqa: PLC0415 (each process imports its own part)

            sys.exit(asyncio.run(supervise(options, local)))
        from dev.functions_host.serving import run_host  # noqa: PLC0415 (as above)

        run_host(beginning, inherited, options, app_root, local)
    except HostRefused as exc:
        print(f"The host cannot start: {exc}", file=sys.stderr)
        sys.exit(REFUSED_CODE)
    except OSError as exc:
        print(f"The host cannot start: {exc}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)  # before the host could stop in order


if __name__ == "__main__":
    main()
