"""After code and page are there: does the app reach its database and queues, and does the page know the app?"""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, Final

from infra.hooks.commands import required, say, stop, value_of

_PATIENCE_SECONDS: Final = 300  # roles take minutes to spread after a first deployment
_BETWEEN_SECONDS: Final = 5


def main() -> None:
    api, page = required("PUBLIC_BASE_URL"), required("WEB_BASE_URL")
    patience = float(value_of("SMOKE_SECONDS") or _PATIENCE_SECONDS)
    ready = _until_answered(f"{api}/api/ready", lambda answer: answer.get("status") == "ready", patience)
    say(f"{api}/api/ready: {json.dumps(ready['checks'])}")
    _until_answered(f"{page}/config.json", lambda answer: answer.get("apiBaseUrl") == f"{api}/api", patience)
    say(f"{page} calls {api}/api")


def _until_answered(url: str, is_right: Callable[[dict[str, Any]], bool], patience_seconds: float) -> dict[str, Any]:
    """Ask until the answer is right, and return it; end the hook with the last answer when it never is."""
    deadline = time.monotonic() + patience_seconds
    while True:
        status, text = _asked(url)
        answer = _object_from(text)
        if is_right(answer):
            return answer
        if time.monotonic() > deadline:
            stop(f"{url} answers {status}: {text[:500]}\ndocs/how-to/deploy.md says what to look at first.")
        time.sleep(min(_BETWEEN_SECONDS, patience_seconds))


def _asked(url: str) -> tuple[int, str]:
    """Return status and body; status 0 and the reason when there was no answer."""
    try:
        with urllib.request.urlopen(url, timeout=60) as reply:  # noqa: S310 - an address of this deployment
            return reply.status, reply.read().decode(errors="replace")
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as silent:
        return 0, str(silent)


def _object_from(text: str) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


if __name__ == "__main__":
    main()
