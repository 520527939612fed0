"""Cross-origin answers of the local Functions host, as ASP.NET's CORS middleware gives them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from dev.functions_host.errors import HostRefused
from dev.functions_host.http_messages import Response

_Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Cors:
    """Any method and header is allowed from the listed origins; response headers are not exposed."""

    origins: frozenset[str]
    credentials: bool

    @classmethod
    def allow(cls, origins: tuple[str, ...], *, credentials: bool) -> Self:
        if credentials and "*" in origins:
            raise HostRefused("CORS '*' cannot be combined with CORSCredentials: name the origins")
        return cls(frozenset(origins), credentials)

    def preflight(self, method: str, headers: Mapping[str, str]) -> Response | None:
        """Answer a preflight request; None for any other, and when no origin is configured."""
        asked = headers.get("access-control-request-method")
        if not self.origins or method != "OPTIONS" or "origin" not in headers or not asked:
            return None
        allowed = self.headers_for(headers)
        if allowed:
            allowed += (("access-control-allow-methods", asked),)
            if names := headers.get("access-control-request-headers"):
                allowed += (("access-control-allow-headers", names),)
        return Response(204, allowed)

    def headers_for(self, headers: Mapping[str, str]) -> _Headers:
        """Return what to add to a response for this origin: nothing when it is not allowed."""
        origin = headers.get("origin")
        if not origin or not self.origins:
            return ()
        if "*" in self.origins:
            return (("access-control-allow-origin", "*"),)
        if origin not in self.origins:
            return ()
        allowed: _Headers = (("access-control-allow-origin", origin),)
        if len(self.origins) > 1:
            allowed += (("vary", "Origin"),)
        return (*allowed, ("access-control-allow-credentials", "true")) if self.credentials else allowed
