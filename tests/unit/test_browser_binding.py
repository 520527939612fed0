"""The cookie that ties a sign-in to a browser."""

import pytest

from shared.auth.browser_binding import cleared_cookie, cookie_for, hash_of, is_same_browser
from shared.settings import Settings


def settings_with(settings: Settings, **changes: object) -> Settings:
    return settings.model_copy(update=changes)


def shown(set_cookie: str) -> str:
    """What the browser sends back."""
    return set_cookie.partition(";")[0]


def test_only_the_browser_that_got_the_cookie_is_the_same(settings: Settings) -> None:
    cookie = shown(cookie_for(settings, "state", "secret"))
    assert is_same_browser(f"other=1; {cookie}; more=2", "state", hash_of("secret"))
    for header in (None, "", "other=1", cookie + "x", shown(cookie_for(settings, "another", "secret"))):
        assert not is_same_browser(header, "state", hash_of("secret"))


@pytest.mark.parametrize(
    ("public_base_url", "same_site", "attributes"),
    [
        ("https://api.contoso.example", "strict", "HttpOnly; SameSite=Lax; Secure"),
        ("https://api.contoso.example", "none", "HttpOnly; SameSite=None; Secure"),
        ("http://127.0.0.1:7071", "strict", "HttpOnly; SameSite=Lax"),
        ("http://127.0.0.1:7071", "none", "HttpOnly; SameSite=Lax"),
    ],
)
def test_the_cookie_comes_back_from_the_sign_in_and_to_no_script(
    settings: Settings, public_base_url: str, same_site: str, attributes: str
) -> None:
    changed = settings_with(settings, public_base_url=public_base_url, refresh_cookie_same_site=same_site)
    cookie = cookie_for(changed, "state", "secret")
    assert cookie.endswith(f"; Max-Age=600; Path=/api/oauth/callback; {attributes}")
    assert cleared_cookie(changed, "state").partition("=")[0] == cookie.partition("=")[0]
    assert "Max-Age=0" in cleared_cookie(changed, "state")
