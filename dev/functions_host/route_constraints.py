"""The inline constraints of ASP.NET route templates, as predicates on the matched text."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

from dev.functions_host.errors import RouteRefused

Constraint = Callable[[str], bool]

_INT32: Final = 2**31
_INT64: Final = 2**63
_WHOLE: Final = re.compile(r"\s*[+-]?\d+\s*", re.ASCII)
_DECIMAL: Final = re.compile(r"\s*[+-]?(\d[\d,]*\.?\d*|\.\d+)[+-]?\s*", re.ASCII)
_FLOAT: Final = re.compile(
    r"\s*([+-]?(\d[\d,]*\.?\d*|\.\d+)(e[+-]?\d+)?|NaN|[+-]?Infinity|[+-]?∞)\s*", re.ASCII | re.IGNORECASE
)
_HEX: Final = "[0-9a-f]"
_DASHED: Final = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_GUID: Final = re.compile(rf"{_HEX}{{32}}|{_DASHED}|\{{{_DASHED}\}}|\({_DASHED}\)", re.IGNORECASE)
_DATE_FORMATS: Final = ("%m-%d-%Y", "%m-%d-%Y %H:%M", "%m-%d-%Y %H:%M:%S", "%Y/%m/%d", "%m/%d/%Y", "%d %b %Y")


def _whole(text: str, limit: int) -> bool:
    return bool(_WHOLE.fullmatch(text)) and -limit <= int(text) < limit


def _is_datetime(text: str) -> bool:
    text = text.strip()
    for accepts in (datetime.fromisoformat, *(_reader(form) for form in _DATE_FORMATS)):
        try:
            accepts(text)
        except ValueError:
            continue
        return True
    return False


def _reader(form: str) -> Callable[[str], datetime]:
    return lambda text: datetime.strptime(text, form)  # noqa: DTZ007 (only whether it can be read matters)


def _is_file(text: str) -> bool:
    last = text.rsplit("/", 1)[-1]
    return "." in last and not last.endswith(".")


_PLAIN: Final[dict[str, Constraint]] = {
    "int": lambda text: _whole(text, _INT32),
    "long": lambda text: _whole(text, _INT64),
    "bool": lambda text: text.strip().lower() in {"true", "false"},
    "datetime": _is_datetime,
    "decimal": lambda text: bool(_DECIMAL.fullmatch(text)),
    "double": lambda text: bool(_FLOAT.fullmatch(text)),
    "float": lambda text: bool(_FLOAT.fullmatch(text)),
    "guid": lambda text: bool(_GUID.fullmatch(text)),
    "alpha": lambda text: text.isascii() and (text.isalpha() or not text),
    "required": bool,
    "file": _is_file,
    "nonfile": lambda text: not _is_file(text),
}


def _between(least: int, most: int) -> Constraint:
    return lambda text: _whole(text, _INT64) and least <= int(text) <= most


def _long(least: int, most: int | None) -> Constraint:
    return lambda text: least <= len(text) and (most is None or len(text) <= most)


def _pattern(expression: str) -> Constraint:
    # .NET's own syntax differs in corners (balancing groups, \p{...}); those are refused here, not guessed.
    compiled = re.compile(expression, re.IGNORECASE)
    return lambda text: bool(compiled.search(text))


def constraint_from(name: str, argument: str | None) -> Constraint:
    """Return the constraint `name(argument)`; raise RouteRefused when ASP.NET has none or cannot read the argument."""
    kind = name.lower()
    try:
        if argument is None:
            return _PLAIN[kind]
        return _with_argument(kind, argument)
    except (KeyError, ValueError, re.error) as exc:
        shown = name if argument is None else f"{name}({argument})"
        raise RouteRefused(f"the constraint '{shown}' cannot be resolved") from exc


def _with_argument(kind: str, argument: str) -> Constraint:  # noqa: PLR0911 (a table, written as cases)
    if kind == "regex":
        return _pattern(argument)
    numbers = [int(part) for part in argument.split(",")]
    match kind, numbers:
        case "min", [least]:
            return _between(least, _INT64)
        case "max", [most]:
            return _between(-_INT64, most)
        case "range", [least, most]:
            return _between(least, most)
        case "length", [exact]:
            return _long(exact, exact)
        case "length", [least, most]:
            return _long(least, most)
        case "minlength", [least]:
            return _long(least, None)
        case "maxlength", [most]:
            return _long(0, most)
    raise KeyError(kind)
