"""The pages of the sign-in service."""

from collections.abc import Mapping, Sequence
from html import escape

from dev.graph_simulator.directory import User

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { display: grid; place-items: center; min-height: 100vh; margin: 0; background: Canvas; color: CanvasText }
main { width: min(26rem, 92vw); padding: 2rem; border: 1px solid GrayText; border-radius: .5rem }
h1 { font-size: 1.4rem; margin: 0 0 .5rem }
fieldset { border: 0; padding: 0; margin: 1rem 0 }
legend { font-weight: 600 }
label { display: block; padding: .4rem; border-radius: .3rem; cursor: pointer }
label:hover { background: color-mix(in srgb, CanvasText 8%, Canvas) }
.actions { display: flex; gap: .75rem; justify-content: flex-end }
button { font: inherit; padding: .5rem 1.25rem; border-radius: .3rem; border: 1px solid GrayText; cursor: pointer }
#accept { background: #0f6cbd; border-color: #0f6cbd; color: #fff }
.note { color: GrayText; font-size: .85rem }
"""


def consent_page(app_name: str, users: Sequence[User], chosen: User | None, scopes: Sequence[str]) -> str:
    """Return the page on which a person chooses an account and accepts or refuses. It posts to its own URL."""
    choices = "".join(_choice(user, position, user == chosen) for position, user in enumerate(users))
    wishes = "".join(f"<li>{escape(scope)}</li>" for scope in scopes)
    return _page(
        "Sign in",
        f"""<h1>Sign in and grant access</h1>
<p><strong id="app-name">{escape(app_name)}</strong> asks for access to a mailbox.</p>
<form method="post">
<fieldset><legend>Account</legend>{choices}</fieldset>
<p>It will be able to use:</p><ul id="scopes">{wishes}</ul>
<div class="actions">
<button type="submit" id="accept" name="action" value="accept" autofocus>Accept</button>
<button type="submit" id="cancel" name="action" value="cancel">Cancel</button>
</div></form>
<p class="note">Local simulator of the Microsoft sign-in page: no password is needed.</p>""",
    )


def error_page(code: int, message: str) -> str:
    """Return the page for what may not be told to the application's redirect URI."""
    return _page(
        "Sign-in problem",
        f'<h1>Sorry, but we\'re having trouble signing you in.</h1><p id="error">AADSTS{code}: {escape(message)}</p>',
    )


def form_post_page(redirect_uri: str, parameters: Mapping[str, str]) -> str:
    fields = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in parameters.items()
    )
    return _page(
        "Working...",
        f'<form method="post" action="{escape(redirect_uri)}">{fields}<button type="submit" id="continue">Continue'
        "</button></form><script>document.forms[0].submit()</script>",
    )


def _choice(user: User, position: int, is_chosen: bool) -> str:  # noqa: FBT001 - an attribute of the tag
    checked = " checked" if is_chosen else ""
    return (
        f'<label for="user-{position}"><input type="radio" name="user" required id="user-{position}" '
        f'value="{escape(user.id)}"{checked}> {escape(user.name)} '
        f'<span class="note">{escape(user.address)}</span></label>'
    )


def _page(title: str, content: str) -> str:
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><main>{content}</main></body></html>"
    )
