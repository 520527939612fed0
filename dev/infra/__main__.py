"""`python -m dev.infra [checkout]`: hold infra/ and what goes with it against every rule; status 1 if one is broken."""

import argparse
import sys
from pathlib import Path

from dev.infra.bicep import REPOSITORY
from dev.infra.programs import find_compiler, find_linter
from dev.infra.rules import check


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dev.infra", description="Check infra/ without Azure.")
    parser.add_argument("checkout", nargs="?", type=Path, default=REPOSITORY, help="another folder than this one")
    root: Path = parser.parse_args().checkout
    report = check(root)
    for finding in report.findings:
        print(finding)
    print(f"{report.resources} resources, {report.properties} properties and {report.rules} rules checked")
    print(f"actionlint: {find_linter(root) or 'not installed'}; Bicep compiler: {find_compiler() or 'not installed'}")
    if report.findings:
        print(f"{len(report.findings)} findings")
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
