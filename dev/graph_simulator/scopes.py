"""Scopes: which exist, and what of a request is granted."""

from collections.abc import Iterable

GRAPH = "https://graph.microsoft.com/"
OPENID_SCOPES = ("openid", "profile", "email", "offline_access")
_KNOWN = {
    one.lower(): one
    for one in (
        "User.Read",
        "Mail.Read",
        "Mail.ReadBasic",
        "Mail.ReadWrite",
        "Mail.Send",
        "MailboxSettings.Read",
        "MailboxSettings.ReadWrite",
        "Contacts.Read",
        "Calendars.Read",
    )
}


class UnknownScope(Exception):
    """A scope of another resource, or one that does not exist."""


def scopes_from(text: str) -> list[str]:
    """
    Return the scopes of a request in canonical spelling; a prefix that names Graph is kept as it was asked.

    Raises `UnknownScope` with the first that is none.
    """
    found = []
    for scope in text.split():
        name = scope.removeprefix(GRAPH)
        if name in OPENID_SCOPES:
            found.append(name)
        elif name.lower() in _KNOWN:
            found.append(f"{scope[: len(scope) - len(name)]}{_KNOWN[name.lower()]}")
        else:
            raise UnknownScope(scope)
    return list(dict.fromkeys(found))


def granted(scopes: Iterable[str], refused: Iterable[str]) -> list[str]:
    """Return what is left of the scopes when some are refused."""
    names = {one.lower() for one in refused}
    return [one for one in scopes if one.removeprefix(GRAPH).lower() not in names]
