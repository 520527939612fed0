"""Claims challenges, as Graph writes them."""

import base64

import pytest

from shared.providers.graph.challenges import claims_from

CLAIMS = '{"access_token":{"nbf":{"essential":true,"value":"1702682181"}}}'
ENCODED = base64.b64encode(CLAIMS.encode()).decode()


@pytest.mark.parametrize(
    "header",
    [
        f'Bearer realm="", error="insufficient_claims", claims="{ENCODED}"',
        f'Bearer claims="{ENCODED}", realm="", error="insufficient_claims"',
        f'Basic realm="x", Bearer error="insufficient_claims", claims="{ENCODED.rstrip("=")}"',
    ],
)
def test_a_challenge_tells_its_claims(header: str) -> None:
    assert claims_from(header) == CLAIMS


@pytest.mark.parametrize(
    "header",
    [
        "",
        'Bearer error="invalid_token"',
        f'Bearer error="invalid_token", claims="{ENCODED}"',
        'Bearer error="insufficient_claims", claims="not base64!"',
        'Bearer error="insufficient_claims", claims="bm8ganNvbg=="',
        'Bearer error="insufficient_claims", claims="WzFd"',
        f'Bearer error="insufficient_claims", claims="{ENCODED * 100}"',
    ],
)
def test_what_is_no_challenge_tells_nothing(header: str) -> None:
    assert claims_from(header) is None
