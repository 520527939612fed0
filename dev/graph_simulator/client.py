"""A client of the admin API for tests and demos."""

import json
import ssl
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

_TIMEOUT_SECONDS = 120.0


class SimulatorAdmin:
    """
    Drives a running simulator. Messages and folders are named by the ids that Graph gives, of either kind.

    Folders may also be well-known names or paths (`inbox/Projects/Apollo`). An error answer raises
    `httpx.HTTPStatusError` with the simulator's explanation as a note.
    """

    def __init__(self, base_url: str, ca_file: str) -> None:
        self.base_url = base_url
        self.ca_file = ca_file
        self.tls = ssl.create_default_context(cafile=ca_file)
        self._http = httpx.Client(
            base_url=f"{base_url}/_admin", verify=self.tls, timeout=_TIMEOUT_SECONDS, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # Users and sign-in

    def create_user(self, address: str, name: str | None = None, tenant: str = "contoso.example") -> dict[str, Any]:
        """Return the user (`id` is its object id, `tenant` its tenant's) with an empty mailbox; known ones stay."""
        return self._json("POST", "/users", {"address": address, "name": name, "tenant": tenant})

    def create_app(self, app_id: str, secret: str, redirect_uris: Sequence[str] = ()) -> dict[str, Any]:
        return self._json("POST", "/apps", {"id": app_id, "secret": secret, "redirect_uris": list(redirect_uris)})

    def expire_access_tokens(self, address: str) -> None:
        self._json("POST", f"/users/{address}/expire-access-tokens")

    def revoke(self, address: str) -> int:
        """Take every grant of a user back; return how many there were."""
        return int(self._json("POST", f"/users/{address}/revoke")["revoked"])

    def entra(self, **settings: object) -> dict[str, Any]:
        """Set `is_auto_consent`, `access_token_seconds`, `refused_scopes`."""
        return self._json("PATCH", "/entra", settings)

    def token_fault(self, **fault: object) -> None:
        """Let the token endpoint fail: `error`, `code`, `suberror`, `grant_type`, `user`, `claims`, `times`, …"""
        self._json("POST", "/entra/token-faults", fault)

    def authorize_fault(self, **fault: object) -> None:
        """Let the next sign-in come back with `error` and `error_subcode`."""
        self._json("POST", "/entra/authorize-faults", fault)

    def rotate_keys(self) -> None:
        self._json("POST", "/entra/rotate-keys")

    # Mailboxes

    def deliver(
        self, address: str, message: Mapping[str, Any] | None = None, *, folder: str = "inbox", raw: str | None = None
    ) -> dict[str, Any]:
        """Deliver a message of Graph properties, of MIME text, or of both; return its ids and change key."""
        body = {"folder": folder, "message": message or {}, "raw": raw}
        return self._json("POST", f"/mailboxes/{address}/messages", body)

    def make_synthetic(self, address: str, count: int, **recipe: object) -> None:
        """Make many messages: `folders`, `body_bytes`, `seed`, `odd_percent`, `odd`, `start`, `end`."""
        self._json("POST", f"/mailboxes/{address}/synthetic", {"count": count, **recipe})

    def messages(self, address: str, folder: str | None = None) -> list[dict[str, Any]]:
        """Return ids, change keys and subjects of the messages, all or one folder's."""
        query = f"?folder={quote(folder)}" if folder else ""
        found: list[dict[str, Any]] = self._json("GET", f"/mailboxes/{address}/messages{query}")["messages"]
        return found

    def update(self, address: str, message_id: str, **properties: object) -> dict[str, Any]:
        """Set message properties, as `isRead=True` or `flag={"flagStatus": "flagged"}`."""
        return self._json("PATCH", _message(address, message_id), properties)

    def move(self, address: str, message_id: str, folder: str) -> dict[str, Any]:
        return self._json("POST", f"{_message(address, message_id)}/move", {"folder": folder})

    def delete(self, address: str, message_id: str, *, permanent: bool = False) -> None:
        self._json("DELETE", f"{_message(address, message_id)}?permanent={str(permanent).lower()}")

    def undelete(self, address: str, message_id: str, folder: str = "inbox") -> dict[str, Any]:
        """Bring a deleted message back into a folder; a purged one is named by its immutable id, which stays."""
        return self._json("POST", f"{_message(address, message_id)}/undelete", {"folder": folder})

    def folders(self, address: str) -> list[dict[str, Any]]:
        """Return every folder, hidden ones included, with `wellKnownName` and `path`."""
        found: list[dict[str, Any]] = self._json("GET", f"/mailboxes/{address}/folders")["folders"]
        return found

    def create_folder(self, address: str, name: str, parent: str = "msgfolderroot", **more: object) -> dict[str, Any]:
        return self._json("POST", f"/mailboxes/{address}/folders", {"name": name, "parent": parent, **more})

    def change_folder(
        self, address: str, folder: str, *, name: str | None = None, parent: str | None = None
    ) -> dict[str, Any]:
        path = f"/mailboxes/{address}/folders/{quote(folder, safe='')}"
        return self._json("PATCH", path, {"name": name, "parent": parent})

    def delete_folder(self, address: str, folder: str, *, permanent: bool = False) -> None:
        path = f"/mailboxes/{address}/folders/{quote(folder, safe='')}"
        self._json("DELETE", f"{path}?permanent={str(permanent).lower()}")

    def dump(self, address: str) -> Iterator[dict[str, Any]]:
        """Yield every folder (`kind` "folder") and then every message ("message") of a mailbox, whole."""
        with self._http.stream("GET", f"/mailboxes/{address}/dump") as answer:
            answer.raise_for_status()
            begun: list[bytes] = []
            for chunk in answer.iter_bytes():
                *ends, rest = chunk.split(b"\n")  # not iter_lines(): texts may hold what else ends a line
                for end in ends:
                    yield json.loads(b"".join([*begun, end]))
                    begun.clear()
                begun.append(rest)

    # Faults and limits

    def delta(self, address: str, **behaviour: object) -> dict[str, Any]:
        """Let delta misbehave: `empty_every`, `repeat_every`, `partial_every`, `replay_changes`, `miss_returned`, …"""
        return self._json("PUT", f"/mailboxes/{address}/delta", behaviour)

    def expire_sync_state(self, address: str, folder: str | None = None, code: str = "SyncStateNotFound") -> None:
        """Kill the delta links of one folder, or of all."""
        self._json("POST", f"/mailboxes/{address}/expire-sync-state", {"folder": folder, "code": code})

    def throttle(self, address: str, seconds: float, app: str | None = None) -> None:
        """Answer 429 to every request to a mailbox for a while."""
        self._json("POST", f"/mailboxes/{address}/throttle", {"seconds": seconds, "app": app})

    def fault(self, action: str, **rule: object) -> None:
        """Add a rule: `path` (a pattern), `method`, `times`, `after`, `share`, `seed`, `milliseconds`, …"""
        self._json("POST", "/faults", {"action": action, **rule})

    def faults(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._json("GET", "/faults")["faults"]
        return found

    def clear_faults(self) -> None:
        self._json("DELETE", "/faults")
        self._json("DELETE", "/entra/faults")

    def outage(self, seconds: float, *, entra: bool = False) -> None:
        """Reset every connection to Graph, and to Entra on demand, for so long; 0 ends an outage."""
        self._json("POST", "/outage", {"seconds": seconds, "entra": entra})

    def limits(self, **settings: object) -> dict[str, Any]:
        """Set `concurrency`, `window_requests`, `window_seconds`, `retry_after` (integer, fraction, date, absent)."""
        return self._json("PATCH", "/limits", settings)

    def latency(self, base: float, per_message: float = 0) -> None:
        """Hold answers back for `base`, plus `per_message` for each message with its body, in milliseconds."""
        self._json("PUT", "/latency", {"base": base, "per_message": per_message})

    def advance_clock(self, seconds: float) -> None:
        """Move the simulator's clock forward, or back by a negative number."""
        self._json("POST", "/clock/advance", {"seconds": seconds})

    def set_clock(self, offset_seconds: float) -> None:
        """Set the simulator's clock ahead of the machine's by so much, whatever it was."""
        self._json("PUT", "/clock", {"offset_seconds": offset_seconds})

    # Notifications

    def delivery(self, **behaviour: object) -> dict[str, Any]:
        """
        Change delivery: `drop_next`, `drop_share`, `duplicate_share`, `is_reordered`, `delay_milliseconds`,
        `rich_fault`, `needs_live_token`, `is_removed_on_revoke`, `judges_endpoints`, …
        """
        return self._json("PATCH", "/delivery", behaviour)

    def reset_delivery(self) -> None:
        self._json("DELETE", "/delivery")

    def subscriptions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._json("GET", "/subscriptions")["subscriptions"]
        return found

    def lifecycle(self, subscription_id: str, event: str) -> None:
        """Send `missed`, `subscriptionRemoved` or `reauthorizationRequired`."""
        self._json("POST", f"/subscriptions/{subscription_id}/lifecycle", {"event": event})

    def expire_subscription(self, subscription_id: str, in_seconds: float = 0) -> None:
        self._json("PATCH", f"/subscriptions/{subscription_id}", {"expires_in_seconds": in_seconds})

    def remove_subscription(self, subscription_id: str) -> None:
        self._json("DELETE", f"/subscriptions/{subscription_id}")

    # Counters

    def stats(self) -> dict[str, Any]:
        """Return `usage` per application and mailbox, `notifications`, and how often each fault fired."""
        return self._json("GET", "/stats")

    def reset_stats(self) -> None:
        self._json("DELETE", "/stats")

    def usage(self, address: str) -> dict[str, Any]:
        """Return the counters of a mailbox over all applications; `peakConcurrency` above 4 breaks the limit."""
        users = self._json("GET", "/users")["users"]
        mailbox = next(one["id"] for one in users if one["address"].lower() == address.lower())
        found = [one for one in self.stats()["usage"] if one["mailbox"] == mailbox]
        throttled: dict[str, int] = {}
        for one in found:
            for kind, count in one["throttled"].items():
                throttled[kind] = throttled.get(kind, 0) + count
        return {
            "requests": sum(one["requests"] for one in found),
            "peakConcurrency": max((one["peakConcurrency"] for one in found), default=0),
            "throttled": throttled,
        }

    def health(self) -> dict[str, Any]:
        return self._json("GET", "/health")

    def _json(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        content = None if body is None else json.dumps(body)
        answer = self._http.request(method, path, content=content, headers={"Content-Type": "application/json"})
        try:
            answer.raise_for_status()
        except httpx.HTTPStatusError as error:
            error.add_note(answer.text)
            raise
        document: dict[str, Any] = answer.json() if answer.content else {}
        return document


def _message(address: str, message_id: str) -> str:
    return f"/mailboxes/{address}/messages/{quote(message_id, safe='')}"
