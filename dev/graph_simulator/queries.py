"""Query options: $select, $filter, $orderby, paging. What is not understood is refused, never ignored."""

import bisect
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

from dev.graph_simulator.clock import iso, moment_from
from dev.graph_simulator.errors import ServiceError, invalid_query, not_covered, unknown_property
from dev.graph_simulator.mailbox import Mailbox, Message

DEFAULT_PAGE, MAXIMUM_PAGE = 10, 1000
_TOKEN = re.compile(r"\s*(?:'(?:[^']|'')*'|[(),]|[^\s(),']+)")
_DATES = ("receivedDateTime", "sentDateTime", "createdDateTime", "lastModifiedDateTime")
_BOOLEANS = ("isRead", "isDraft", "hasAttachments")
_TEXTS = (
    "internetMessageId",
    "conversationId",
    "importance",
    "subject",
    "inferenceClassification",
    "flag/flagStatus",
    "from/emailAddress/address",
)
_ORDERS = {"ge", "gt", "le", "lt"}


class Comparison(NamedTuple):
    """One term of a filter: a property path, an operator (eq, ne, ge, gt, le, lt), a value. Dates are ISO text."""

    name: str
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class MessageQuery:
    top: int
    skip: int
    comparisons: tuple[Comparison, ...]
    is_ascending: bool
    is_counted: bool


def options_from(query: str, allowed: Collection[str]) -> dict[str, str]:
    """Parse a query string. An option outside `allowed` is answered with 501, by name."""
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        known = next((one for one in allowed if one.lower() == name.lower()), None)
        if known is None:
            raise not_covered(f"the query option '{name}' here")
        if known in options:
            raise invalid_query(f"Query option '{name}' was specified more than once.")
        options[known] = value
    return options


def query_string(options: dict[str, str]) -> str:
    return urlencode(options, quote_via=quote, safe="$,/()'")


def select_from(text: str | None, known: Sequence[str], kind: str) -> tuple[str, ...] | None:
    """Return the selected properties in canonical spelling, or None for the default set."""
    if not text:
        return None
    by_name = {name.lower(): name for name in known}
    chosen = []
    for name in text.split(","):
        if name.strip().lower() not in by_name:
            raise unknown_property(name.strip(), kind)
        chosen.append(by_name[name.strip().lower()])
    return tuple(dict.fromkeys(chosen))


def number_from(options: dict[str, str], name: str, default: int, low: int, high: int) -> int:
    text = options.get(name)
    if text is None:
        return default
    if not text.isdigit() or not low <= int(text) <= high:
        raise invalid_query(f"Invalid value '{text}' for {name}: it must be between {low} and {high}.")
    return int(text)


def boolean_from(options: dict[str, str], name: str) -> bool:
    return options.get(name, "false").lower() == "true"


def message_query_from(options: dict[str, str]) -> MessageQuery:
    comparisons = filter_from(options.get("$filter"))
    return MessageQuery(
        top=number_from(options, "$top", DEFAULT_PAGE, 1, MAXIMUM_PAGE),
        skip=number_from(options, "$skip", 0, 0, 2**31),
        comparisons=comparisons,
        is_ascending=_is_ascending(options.get("$orderby"), comparisons),
        is_counted=boolean_from(options, "$count"),
    )


def filter_from(text: str | None) -> tuple[Comparison, ...]:
    """Parse comparisons joined by `and`; any other shape is answered with 501."""
    if not text:
        return ()
    words = [token for token in _tokens(text.rstrip()) if token not in ("(", ")")]
    comparisons = []
    for start in range(0, len(words), 4):
        if len(words) < start + 3 or (start and words[start - 1].lower() != "and"):
            raise not_covered(f"the filter '{text}'")
        path, operator, literal = words[start : start + 3]
        comparisons.append(_comparison(path, operator, literal, text))
    if len(words) % 4 != 3:  # noqa: PLR2004 - three words and an "and" between
        raise invalid_query(f"Invalid filter clause: {text}")
    return tuple(comparisons)


def _tokens(text: str) -> Iterator[str]:
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise invalid_query(f"Invalid filter clause: {text}")
        yield found[0].strip()
        position = found.end()


def matching(mailbox: Mailbox, order: list[tuple[str, int]], query: MessageQuery) -> Sequence[tuple[str, int]]:
    """Return the keys of the messages that a query selects, in its order. Dates received narrow by bisection."""
    low, high = bounds(order, query.comparisons)
    rest = [one for one in query.comparisons if one.name != "receivedDateTime"]
    found = order[low:high] if query.is_ascending else order[low:high][::-1]
    if rest:
        return [key for key in found if all(is_met(mailbox.messages[key[1]], one) for one in rest)]
    return found


def bounds(order: list[tuple[str, int]], comparisons: Collection[Comparison]) -> tuple[int, int]:
    """Return the range of positions whose receivedDateTime meets all comparisons of it."""
    low, high = 0, len(order)
    for name, operator, value in comparisons:
        if name != "receivedDateTime":
            continue
        before, after = bisect.bisect_left(order, (value, -1)), bisect.bisect_right(order, (value, 2**62))
        if operator in ("ge", "eq"):
            low = max(low, before)
        if operator == "gt":
            low = max(low, after)
        if operator in ("le", "eq"):
            high = min(high, after)
        if operator == "lt":
            high = min(high, before)
    return low, max(low, high)


def is_met(message: Message, comparison: Comparison) -> bool:
    found: Any = message.fields
    for step in comparison.name.split("/"):
        found = (found or {}).get(step)
    if comparison.operator == "eq":
        return bool(found == comparison.value)
    if comparison.operator == "ne":
        return bool(found != comparison.value)
    by_order = {"ge": found >= comparison.value, "gt": found > comparison.value, "lt": found < comparison.value}
    return bool(by_order.get(comparison.operator, found <= comparison.value))


def _is_ascending(orderby: str | None, comparisons: tuple[Comparison, ...]) -> bool:
    if not orderby:
        return False
    name, _, direction = orderby.strip().partition(" ")
    if name.lower() != "receiveddatetime" or direction.strip().lower() not in ("", "asc", "desc"):
        raise not_covered(f"the order '{orderby}'")
    if comparisons and comparisons[0].name != "receivedDateTime":
        message = "The restriction or sort order is too complex for this operation."
        raise ServiceError(400, "InefficientFilter", message)
    return direction.strip().lower() != "desc"


def _comparison(path: str, operator: str, literal: str, text: str) -> Comparison:
    operator = operator.lower()
    known = {name.lower(): name for name in (*_DATES, *_BOOLEANS, *_TEXTS)}.get(path.lower())
    if known is None or operator not in _ORDERS | {"eq", "ne"}:
        raise not_covered(f"the filter '{text}' (of '{path} {operator}')")
    if known in _DATES:
        return _date_comparison(known, operator, literal)
    if operator in _ORDERS:
        raise not_covered(f"the filter '{text}' (of '{path} {operator}')")
    if known in _BOOLEANS and literal.lower() in ("true", "false"):
        return Comparison(known, operator, literal.lower() == "true")
    if known in _TEXTS and literal.startswith("'"):
        return Comparison(known, operator, literal[1:-1].replace("''", "'"))
    raise invalid_query(f"A binary operator with incompatible types was detected in the filter '{text}'.")


def _date_comparison(name: str, operator: str, literal: str) -> Comparison:
    """Messages have whole seconds, so a limit within a second moves to the second's edge."""
    try:
        moment = moment_from(literal)
    except ValueError as exc:
        raise invalid_query(f"Invalid filter clause: '{literal}' is no DateTimeOffset.") from exc
    if moment.microsecond and operator in ("ge", "lt"):
        operator = {"ge": "gt", "lt": "le"}[operator]
    return Comparison(name, operator, iso(moment))
