"""
Delta for the messages of one folder.

A link's token holds the whole state of a round, signed: which folder, which options, since which change, up to which
change, and how far the round has come. So links live through a restart, and what changes while a round goes on lies
beyond the round's end and is told in the next one.
"""

import base64
import bisect
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from dev.graph_simulator.calls import Call, Reply, applied, page_size_from, shape_from
from dev.graph_simulator.errors import ServiceError, bad_request, invalid_query
from dev.graph_simulator.folders import Folder
from dev.graph_simulator.json_text import from_json, to_json
from dev.graph_simulator.mailbox import Mailbox
from dev.graph_simulator.messages import Shape, message_json, removed_json
from dev.graph_simulator.queries import Comparison, bounds, filter_from, is_met, number_from, options_from

DEFAULT_PAGE = 10
MAXIMUM_PAGE = 1000  # the service's own is not documented
FILTER_CAP = 5000  # a round with $filter ends here, silently
_OPTIONS = ("$select", "$filter", "$orderby", "$top", "$expand", "changeType", "$skiptoken", "$deltatoken")
_KINDS = {"created", "updated", "deleted"}
_SIGNATURE_BYTES = 8
_UNSUPPORTED_FILTER = (
    "The '$filter' parameter value is not supported for 'Messages' resource; "
    "only a value of 'receivedDateTime ge value' is supported."
)


@dataclass(slots=True)
class DeltaBehaviour:
    """
    How a mailbox's delta misbehaves, on demand.

    An empty page comes before every `empty_every` pages; every `repeat_every`th item of a page comes twice; every
    `partial_every`th change has only the properties that changed, of which the ones asked for are none; each round
    tells the last `replay_changes` changes of the round before again; changes show `late_seconds` late. `miss_returned`
    and `missed_ids` leave out, for immutable ids only, messages that moved out and back, and the ones named.
    """

    empty_every: int = 0
    repeat_every: int = 0
    partial_every: int = 0
    replay_changes: int = 0
    late_seconds: float = 0.0
    miss_returned: bool = False
    missed_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Round:
    """
    One round, and how far it is. `since` None enumerates the folder; `position` is the last item told.

    `generation` is the folder's: when it has moved on, the token is dead.
    """

    folder: int
    generation: int
    options: dict[str, str]
    since: int | None
    until: int
    position: tuple[str, int] | int | None = None
    told: int = 0
    pages: int = 0
    is_over: bool = False


@dataclass(slots=True)
class _Item:
    """What became of one message since the last round; `place` orders it within the round."""

    place: int
    number: int
    generation: int
    is_new: bool
    was_removed: bool


def delta(mailbox: Mailbox, behaviour: DeltaBehaviour, call: Call, key: bytes, now: float) -> Reply:
    """Answer one page of a round, or start one."""
    folder = mailbox.folder(call.parameters["folder"])
    options = options_from(call.query, _OPTIONS)
    token = options.get("$skiptoken") or options.get("$deltatoken")
    current = _resumed(token, key) if token else _started(folder, options)
    if current.folder != folder.number:
        raise bad_token()
    if current.generation != folder.record.state_generation:
        raise expired(call, folder)
    if current.is_over:
        since = _replayed(folder, current.until, behaviour.replay_changes)
        current = Round(folder.number, current.generation, current.options, since, until=0)
    if current.until == 0:
        current = replace(current, until=_horizon(mailbox, folder, behaviour, now))
    return _page(mailbox, folder, behaviour, call, current, key)


def bad_token() -> ServiceError:
    return bad_request("Badly formed token.")


def expired(call: Call, folder: Folder) -> ServiceError:
    """Return the 410 of a dead token; its Location starts the folder again."""
    generation = folder.record.state_generation + 604
    message = f"The sync state generation is not found; generation={generation};[highest=841][841][839][840]."
    return ServiceError(410, folder.record.expiry, message, {"Location": call.link("$deltatoken=")})


def sealed(payload: object, key: bytes) -> str:
    """Return a payload as a token that cannot be altered unnoticed."""
    body = to_json(payload)
    signature = hmac.digest(key, body, hashlib.sha256)[:_SIGNATURE_BYTES]
    return base64.urlsafe_b64encode(signature + body).decode().rstrip("=")


def unsealed(token: str, key: bytes) -> Any:  # noqa: ANN401 - a JSON document has no narrower type
    """Return a token's payload. Raises a 400 when the token is not one of ours."""
    try:
        data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError as exc:
        raise bad_token() from exc
    signature, body = data[:_SIGNATURE_BYTES], data[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, hmac.digest(key, body, hashlib.sha256)[:_SIGNATURE_BYTES]):
        raise bad_token()
    return from_json(body)


def _resumed(token: str, key: bytes) -> Round:
    payload = unsealed(token, key)
    if not isinstance(payload, dict) or "until" not in payload or "folder" not in payload:
        raise bad_token()
    if isinstance(payload["position"], list):
        payload["position"] = tuple(payload["position"])
    return Round(**payload)


def _started(folder: Folder, options: dict[str, str]) -> Round:
    kept = {name: value for name, value in options.items() if name not in ("$skiptoken", "$deltatoken")}
    comparisons = _comparisons(kept)
    if any(one.name != "receivedDateTime" or one.operator not in ("ge", "gt") for one in comparisons):
        raise invalid_query(_UNSUPPORTED_FILTER)
    if kept.get("$orderby", "receivedDateTime desc").lower().split() != ["receiveddatetime", "desc"]:
        raise invalid_query("The '$orderby' parameter value is not supported for 'Messages' resource.")
    if set(kept.get("changeType", "created").split(",")) - _KINDS:
        raise invalid_query("The 'changeType' parameter value is not supported.")
    number_from(kept, "$top", 1, 1, 2**31)
    return Round(folder.number, folder.record.state_generation, kept, None, until=0)


def _comparisons(options: dict[str, str]) -> tuple[Comparison, ...]:
    try:
        return filter_from(options.get("$filter"))
    except ServiceError as exc:
        raise invalid_query(_UNSUPPORTED_FILTER) from exc


def _horizon(mailbox: Mailbox, folder: Folder, behaviour: DeltaBehaviour, now: float) -> int:
    """Return the last change that a round starting now tells."""
    if not behaviour.late_seconds:
        return mailbox.sequence
    old = bisect.bisect_right(folder.log, now - behaviour.late_seconds, key=lambda entry: entry.at)
    return folder.log[old].sequence - 1 if old < len(folder.log) else mailbox.sequence


def _replayed(folder: Folder, since: int, count: int) -> int:
    """Return the change after which a round starts that tells the last `count` known changes again."""
    if not count:
        return since
    known = bisect.bisect_right(folder.log, since, key=lambda entry: entry.sequence)
    return folder.log[max(0, known - count)].sequence - 1 if known else since


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a page is to hold."""

    shape: Shape
    comparisons: tuple[Comparison, ...]
    kinds: frozenset[str]
    size: int
    behaviour: DeltaBehaviour


def _page(mailbox: Mailbox, folder: Folder, behaviour: DeltaBehaviour, call: Call, current: Round, key: bytes) -> Reply:
    shape = shape_from(call, current.options, is_typed=True)
    size = page_size_from(call.headers, DEFAULT_PAGE, MAXIMUM_PAGE)
    current = replace(current, pages=current.pages + 1)
    if behaviour.empty_every and current.pages % (behaviour.empty_every + 1) == 1:
        return _reply(call, current, [], key)
    cap = _cap(current.options)
    kinds = frozenset(current.options.get("changeType", "created,updated,deleted").split(","))
    wanted = _Wanted(shape, _comparisons(current.options), kinds, min(size, cap - current.told), behaviour)
    if current.since is None:
        values, position, has_more = _enumerated(mailbox, folder, current, wanted)
    else:
        values, position, has_more = _changed(mailbox, folder, current, wanted)
        if behaviour.partial_every:
            values[:: behaviour.partial_every] = [_partial(each) for each in values[:: behaviour.partial_every]]
    told = current.told + len(values)
    is_over = not has_more or told >= cap
    if behaviour.repeat_every:
        values = [*values, *values[:: behaviour.repeat_every]]
    return _reply(call, replace(current, position=position, told=told, is_over=is_over), values, key)


def _partial(value: bytes) -> bytes:
    """Leave an item its id, its type and, half the time, its version."""
    item = from_json(value)
    kept = {"@odata.type", "id", "@removed"} | ({"@odata.etag"} if len(value) % 2 else set())
    return to_json({name: told for name, told in item.items() if name in kept})


def _cap(options: dict[str, str]) -> int:
    """Return after how many items a round ends whether or not it told everything; $top is no page size here."""
    cap = FILTER_CAP if "$filter" in options else 2**62
    return min(cap, int(options.get("$top", cap)))


def _reply(call: Call, current: Round, values: Sequence[bytes], key: bytes) -> Reply:
    name, option = ("@odata.deltaLink", "$deltatoken") if current.is_over else ("@odata.nextLink", "$skiptoken")
    link = call.link(f"{option}={sealed(asdict(current), key)}")
    head = to_json({"@odata.context": call.context("Collection(message)"), name: link})
    body = head[:-1] + b',"value":[' + b",".join(values) + b"]}"
    has_body = shape_from(call, current.options).has_body
    return Reply(200, body, applied(call.headers), messages=len(values) if has_body else 0)


_Page = tuple[list[bytes], tuple[str, int] | int | None, bool]  # items, the last one's place, whether more follow


def _enumerated(mailbox: Mailbox, folder: Folder, current: Round, wanted: _Wanted) -> _Page:
    """Return the folder's next items, newest first."""
    if "created" not in wanted.kinds:
        return [], None, False
    order = folder.order
    low, high = bounds(order, wanted.comparisons)
    if isinstance(current.position, tuple):
        high = min(high, bisect.bisect_left(order, current.position))
    start = max(low, high - wanted.size)
    keys = order[start:high][::-1]
    values = [message_json(mailbox, mailbox.messages[number], wanted.shape) for _, number in keys]
    return values, keys[-1] if keys else current.position, start > low


def _changed(mailbox: Mailbox, folder: Folder, current: Round, wanted: _Wanted) -> _Page:
    """Return the next changes, oldest first."""
    done = current.position if isinstance(current.position, int) else -1
    values: list[bytes] = []
    for item in _items(folder, current, wanted.shape):
        if item.place <= done or (wanted.shape.is_immutable and _is_missed(mailbox, wanted.behaviour, item)):
            continue
        if len(values) == wanted.size:
            return values, done, True
        done = item.place
        if (value := _value(mailbox, folder, wanted, item)) is not None:
            values.append(value)
    return values, done, False


def _items(folder: Folder, current: Round, shape: Shape) -> list[_Item]:
    """Return what the log tells between the last round and this one's end, one item per id, in order."""
    first = bisect.bisect_right(folder.log, current.since or 0, key=lambda entry: entry.sequence)
    last = bisect.bisect_right(folder.log, current.until, key=lambda entry: entry.sequence)
    items: dict[object, _Item] = {}
    for entry in folder.log[first:last]:
        name = entry.number if shape.is_immutable else (entry.number, entry.generation)
        known = items.pop(name, None)
        items[name] = _Item(
            place=entry.sequence,
            number=entry.number,
            generation=entry.generation,
            is_new=entry.kind == "created" or (known is not None and known.is_new),
            was_removed=entry.kind == "removed" or (known is not None and known.was_removed),
        )
    return list(items.values())


def _is_missed(mailbox: Mailbox, behaviour: DeltaBehaviour, item: _Item) -> bool:
    has_returned = item.was_removed and item.is_new and item.number in mailbox.messages
    return (behaviour.miss_returned and has_returned) or mailbox.ids.immutable(item.number) in behaviour.missed_ids


def _value(mailbox: Mailbox, folder: Folder, wanted: _Wanted, item: _Item) -> bytes | None:
    """Return an item's JSON as the message is now, or None when the round does not want it."""
    message = mailbox.messages.get(item.number)
    is_same = message is not None and (wanted.shape.is_immutable or message.generation == item.generation)
    if message is None or message.folder != folder.number or not is_same:
        if "deleted" not in wanted.kinds:
            return None
        immutable, regular = mailbox.ids.immutable(item.number), mailbox.ids.regular(item.number, item.generation)
        return removed_json(immutable if wanted.shape.is_immutable else regular)
    if ("created" if item.is_new else "updated") not in wanted.kinds:
        return None
    return (
        message_json(mailbox, message, wanted.shape)
        if all(is_met(message, one) for one in wanted.comparisons)
        else None
    )
