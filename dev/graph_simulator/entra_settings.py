"""How the sign-in service behaves, changed through the admin API."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class TokenFault:
    """An answer of the token endpoint: given to the next `times` calls of a grant type, or to all of them."""

    error: str = "invalid_grant"
    code: int = 700082
    suberror: str | None = None
    description: str = "An error was asked for."
    grant_type: str | None = None
    user: str | None = None
    claims: str | None = None
    status: int = 400
    times: int | None = 1


@dataclass(slots=True)
class AuthorizeFault:
    """A redirect with an error instead of a code."""

    error: str = "access_denied"
    error_subcode: str | None = None
    description: str = "An error was asked for."
    times: int | None = 1


@dataclass(slots=True)
class EntraSettings:
    """`refused_scopes` are left out of every new grant, as when a user or an administrator grants fewer."""

    is_auto_consent: bool = False
    access_token_seconds: int = 4500
    refused_scopes: list[str] = field(default_factory=list)
    token_faults: list[TokenFault] = field(default_factory=list)
    authorize_faults: list[AuthorizeFault] = field(default_factory=list)
