"""main.bicepparam beside main.bicep. One `param name = value` a line is all that it may have."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from dev.infra.bicep import FOLDER, Declaration, Template, read_template, strings_in
from dev.infra.known import FUNCTIONS

NAME: Final = "main.bicepparam"
SECRET: Final = re.compile(
    r"json\(readEnvironmentVariable\('[A-Z_]+'(, '\{\}')?\)\)|readEnvironmentVariable\('[A-Z_]+'\)"
)
_LINE: Final = re.compile(r"param (\w+) = (.+)")
_KINDS: Final = {"'": "string", "[": "array", "{": "object"}


def parameter_file_faults(root: Path) -> list[str]:
    """List what the parameter file misses, has too much, gives as another kind, or should not say."""
    return parameter_faults(read_template(root), (root / FOLDER / NAME).read_text())


def parameter_faults(template: Template, text: str) -> list[str]:
    wanted = template[PurePosixPath("main.bicep")].declared("parameter")
    given: set[str] = set()
    found: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if parameter := _LINE.fullmatch(line):
            given.add(parameter[1])
            faults = _line_faults(wanted.get(parameter[1]), parameter[1], parameter[2])
            found += [f"{FOLDER}/{NAME}:{number}: {fault}" for fault in faults]
        elif line and not line.startswith("//") and line != "using 'main.bicep'":
            found.append(f"{FOLDER}/{NAME}:{number}: not understood: {line}")
    missing = [name for name, each in wanted.items() if each.value is None and name not in given]
    return found + [f"{FOLDER}/{NAME}:1: {name} is missing" for name in missing]


def _line_faults(parameter: Declaration | None, name: str, value: str) -> Iterator[str]:
    if parameter is None:
        yield f"main.bicep has no parameter {name}"
        return
    if parameter.secure and not SECRET.fullmatch(value):
        yield f"{name} must come from the environment"
    kind = _KINDS.get(value[0]) or FUNCTIONS.get(value.partition("(")[0], "any")
    if kind not in {"any", parameter.kind}:
        yield f"{name} is {parameter.kind}, not {kind}"
    if kind == "string" and (allowed := strings_in(parameter.decorator("allowed"))):
        literal = re.search(r"'([^']*)'\)?$", value)
        if literal and ", '" in value and literal[1] not in allowed:
            yield f"{name} may be {', '.join(allowed)}, not '{literal[1]}'"
