"""Claims challenges: Graph refuses a token that was good, and says what the next one has to prove."""

import base64
import binascii
import re
from typing import Final

import orjson

LONGEST_CHARACTERS: Final = 4096
_CLAIMS: Final = re.compile(r'\bclaims="([A-Za-z0-9+/_=-]+)"')


def claims_from(www_authenticate: str) -> str | None:
    """
    Take the claims, a JSON object, out of the WWW-Authenticate headers of a 401; None when they are no challenge.

    There may be several challenges in one header, with their fields in any order.
    """
    found = _CLAIMS.search(www_authenticate)
    if found is None or "insufficient_claims" not in www_authenticate or len(found[1]) > LONGEST_CHARACTERS:
        return None
    encoded = found[1].rstrip("=").replace("+", "-").replace("/", "_")
    try:
        claims = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        return claims.decode() if isinstance(orjson.loads(claims), dict) else None
    except (binascii.Error, ValueError):
        return None
