"""A person at the product's page, without the page: signs up, connects a mailbox, watches it arrive."""

import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx


class ConnectingFailed(Exception):
    """The browser did not come back to the page with an account; the message says where it ended."""


class Person:
    """
    Speaks the product's HTTP API as the page does, and signs in at the provider as a browser does.

    The provider must give its consent without asking. `http` calls the API as this person, once signed up.
    """

    def __init__(self, api_base_url: str, email: str, password: str, tls: ssl.SSLContext) -> None:
        self.email = email
        self._credentials = {"email": email, "password": password}
        self.http = httpx.Client(base_url=api_base_url, verify=tls, timeout=60, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def sign_up(self) -> None:
        """Sign up, or log in when this person is known already."""
        answer = self.http.post("/auth/signup", json=self._credentials)
        if answer.status_code == httpx.codes.CONFLICT:
            answer = self.http.post("/auth/login", json=self._credentials)
        self.http.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"

    def connect(self, address: str) -> str:
        """Connect a mailbox and return the account's id. Raises ConnectingFailed."""
        return self.finish_connecting(self.begin_connecting(), address)

    def begin_connecting(self) -> str:
        """Return where the browser is sent to sign in."""
        return str(self._call("POST", "/accounts/connect/outlook", {})["authorization_url"])

    def finish_connecting(self, authorization_url: str, address: str) -> str:
        """Sign in at the provider and come back; return the account's id. Raises ConnectingFailed."""
        consent = self.http.get(f"{authorization_url}&login_hint={address}", headers={"Authorization": ""})
        finished = self.http.get(consent.headers.get("location", ""), headers={"Authorization": ""})
        destination = httpx.URL(finished.headers.get("location", ""))
        if account_id := destination.params.get("account"):
            return str(account_id)
        raise ConnectingFailed(f"connecting {address} ended at {destination or finished.text}")

    def account_of(self, address: str) -> dict[str, Any] | None:
        """Return the account of a mailbox, if this person has connected it."""
        accounts = self._call("GET", "/accounts")["items"]
        return next((account for account in accounts if account["address"].lower() == address.lower()), None)

    def progress(self, account_id: str) -> dict[str, Any]:
        """Return the newest sync of an account."""
        return self._call("GET", f"/accounts/{account_id}/sync")

    def disconnect(self, account_id: str) -> None:
        self.http.delete(f"/accounts/{account_id}").raise_for_status()

    def ask(self, path: str, **query: str | float) -> dict[str, Any]:
        """Read something from the API."""
        return self._call("GET", path, query=query)

    def post(self, path: str) -> dict[str, Any]:
        """Ask the API to do something."""
        return self._call("POST", path)

    def _call(
        self, method: str, path: str, body: object = None, query: Mapping[str, str | float] | None = None
    ) -> dict[str, Any]:
        answer = self.http.request(method, path, json=body, params=query)
        if answer.status_code == httpx.codes.UNAUTHORIZED:  # the access token has expired
            self.sign_up()
            answer = self.http.request(method, path, json=body, params=query)
        document: dict[str, Any] = answer.raise_for_status().json()
        return document
