"""The errors a client can meet, with the bodies that the service answers."""

from typing import Any


class ServiceError(Exception):
    """An answer other than success. `headers` are added to it."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    def body(self, date: str, request_id: str, client_request_id: str) -> dict[str, Any]:
        inner = {"date": date, "request-id": request_id, "client-request-id": client_request_id}
        return {"error": {"code": self.code, "message": self.message, "innerError": inner}}


class ConcurrencyExceeded(ServiceError):
    """The fifth request at a time; its body has no inner error."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__(429, "ApplicationThrottled", "Application is over its MailboxConcurrency limit.", headers)

    def body(self, date: str, request_id: str, client_request_id: str) -> dict[str, Any]:  # noqa: ARG002 - as its base
        return {"error": {"code": self.code, "message": self.message}}


class TooManyRequests(ServiceError):
    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__(429, "TooManyRequests", "Please retry again later.", headers)

    def body(self, date: str, request_id: str, client_request_id: str) -> dict[str, Any]:  # noqa: ARG002 - as its base
        inner = {
            "code": "429",
            "date": date,
            "message": "Please retry after",
            "request-id": request_id,
            "status": "429",
        }
        return {"error": {"code": self.code, "innerError": inner, "message": self.message}}


def not_covered(what: str) -> ServiceError:
    """Return the answer to whatever the simulator does not know. It says exactly what is missing."""
    return ServiceError(501, "SimulatorNotImplemented", f"The simulator does not cover {what}. See COVERAGE.md.")


def item_not_found() -> ServiceError:
    message = "The specified object was not found in the store., The process failed to get the correct properties."
    return ServiceError(404, "ErrorItemNotFound", message)


def malformed_id() -> ServiceError:
    return ServiceError(400, "ErrorInvalidIdMalformed", "Id is malformed.")


def unknown_segment(segment: str) -> ServiceError:
    return ServiceError(400, "RequestBroker--ParseUri", f"Resource not found for the segment '{segment}'.")


def unknown_property(name: str, kind: str) -> ServiceError:
    message = f"Could not find a property named '{name}' on type 'microsoft.graph.{kind}'."
    return ServiceError(400, "RequestBroker--ParseUri", message)


def invalid_query(message: str) -> ServiceError:
    return ServiceError(400, "ErrorInvalidUrlQuery", message)


def bad_request(message: str) -> ServiceError:
    return ServiceError(400, "BadRequest", message)


def access_denied() -> ServiceError:
    return ServiceError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")


def invalid_token(message: str, headers: dict[str, str] | None = None) -> ServiceError:
    return ServiceError(401, "InvalidAuthenticationToken", message, headers)
