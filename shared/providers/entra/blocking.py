"""
MSAL and its HTTP, which block: called in threads only, and imported late, because MSAL takes long to import.

Sessions and MSAL's cache of metadata are kept per thread, as neither promises to bear sharing.
"""

import ssl
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import msal
import requests
from requests.adapters import HTTPAdapter

from shared.errors import ProviderRejected, ProviderUnavailable, ReauthenticationRequired
from shared.providers.entra.errors import authorize_error_from, error_from
from shared.providers.entra.grants import Flow, Grant, MailboxGrant, Renewed
from shared.providers.entra.id_tokens import IdTokenVerifier
from shared.providers.retry_after import retry_after_seconds
from shared.secrets import SecretSource
from shared.settings import Settings

SCOPES: Final = ["User.Read", "Mail.ReadWrite", "Mail.Send"]
CAPABILITIES: Final = ["cp1"]  # we understand claims challenges
TIMEOUT_SECONDS: Final = (5, 15)  # to connect, to answer
TOO_MANY_REQUESTS: Final = 429
SERVER_ERRORS: Final = 500


class _Adapter(HTTPAdapter):
    """Trusts what our TLS context trusts, and nothing from the environment; gives up in time."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - requests' own
        super().init_poolmanager(*args, **{**kwargs, "ssl_context": self._tls})

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:  # noqa: ANN401 - requests' own
        """Leave the authorities to the context: requests would add those that it brings."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ANN401 - requests' own
        return super().send(request, *args, **{**kwargs, "timeout": kwargs.get("timeout") or TIMEOUT_SECONDS})


class BlockingEntra:
    def __init__(self, settings: Settings, secrets: SecretSource, tls: ssl.SSLContext) -> None:
        self._client_id = settings.microsoft_client_id
        self._secrets = secrets
        self._authority = settings.microsoft_authority
        self._redirect_uri = f"{settings.public_base_url}/api/oauth/callback/outlook"
        self._tls = tls
        self._of_thread = threading.local()
        self._sessions: list[requests.Session] = []
        self._id_tokens = IdTokenVerifier(self._fetch, self._authority, self._client_id)

    def start_flow(self, claims: str | None) -> Flow:
        app = self._app(self._authority, msal.SerializableTokenCache())
        flow = app.initiate_auth_code_flow(
            SCOPES,
            redirect_uri=self._redirect_uri,
            prompt="select_account",
            response_mode="form_post",
            claims_challenge=claims,
        )
        # The cookie that ties the sign-in to its browser does not travel with a form from another site, so the answer
        # comes as a query. MSAL warns whoever tells it so.
        url = flow["auth_uri"].replace("response_mode=form_post", "response_mode=query")
        return Flow(authorization_url=url, state=flow["state"], secret=flow)

    def redeem(self, secret: Mapping[str, Any], answer: Mapping[str, str]) -> Grant:
        if "error" in answer:
            raise authorize_error_from(answer)
        cache = msal.SerializableTokenCache()
        app = self._app(self._authority, cache)
        told = {name: answer[name] for name in ("code", "state") if name in answer}
        try:
            tokens = app.acquire_token_by_auth_code_flow(dict(secret), told)
        except (ValueError, RuntimeError) as exc:  # a state or a nonce that is not the flow's
            raise ProviderRejected(f"MSAL refused the answer: {type(exc).__name__}") from exc
        if "error" in tokens:
            raise error_from(tokens)
        identity = self._id_tokens.verify(str(tokens.get("id_token")), _nonce_of(secret))
        granted = {one.rpartition("/")[2].lower() for one in str(tokens.get("scope")).split()}
        scopes = tuple(one for one in SCOPES if one.lower() in granted)
        is_lasting = bool(list(cache.search(cache.CredentialType.REFRESH_TOKEN)))
        return Grant(
            identity=identity,
            access_token=tokens["access_token"],
            mailbox=MailboxGrant(identity.tenant_id, scopes if is_lasting else (), cache.serialize()),
        )

    def renew(self, grant: MailboxGrant, *, is_forced: bool, claims: str | None) -> Renewed:
        cache = msal.SerializableTokenCache()
        cache.deserialize(grant.cache)
        # Tokens of a personal account, or of a guest, are renewed only by the tenant that gave them.
        app = self._app(f"{self._authority.rpartition('/')[0]}/{grant.tenant_id}", cache)
        accounts = app.get_accounts()
        if not accounts:
            raise ReauthenticationRequired("no account in the token cache")
        tokens = app.acquire_token_silent_with_error(
            list(grant.scopes), accounts[0], force_refresh=is_forced, claims_challenge=claims
        )
        if tokens is None:
            raise ReauthenticationRequired("no refresh token in the token cache")
        if "error" in tokens:
            raise error_from(tokens)
        return Renewed(
            access_token=tokens["access_token"],
            expires_at=datetime.now(UTC) + timedelta(seconds=int(tokens["expires_in"])),
            changed=MailboxGrant(grant.tenant_id, grant.scopes, cache.serialize()) if cache.has_state_changed else None,
        )

    def close(self) -> None:
        for session in self._sessions:
            session.close()

    def _app(self, authority: str, cache: msal.SerializableTokenCache) -> msal.ConfidentialClientApplication:
        """Make an MSAL application. The authority is a setting, so nobody needs to be asked whether it exists."""
        session, http_cache = self._http()
        try:
            return msal.ConfidentialClientApplication(
                self._client_id,
                client_credential=self._secrets.current.microsoft_client_secret,
                authority=authority,
                instance_discovery=False,
                client_capabilities=CAPABILITIES,
                token_cache=cache,
                http_client=session,
                http_cache=http_cache,
            )
        except ValueError as exc:
            raise ProviderUnavailable("the sign-in service's configuration cannot be read") from exc

    def _fetch(self, url: str) -> Mapping[str, Any]:
        session, _ = self._http()
        answer = session.get(url)
        if not answer.ok:
            raise ProviderUnavailable(f"{answer.status_code} from the sign-in service")
        try:
            document = answer.json()
        except ValueError as exc:
            raise ProviderUnavailable("an answer of the sign-in service that is not JSON") from exc
        if not isinstance(document, dict):
            raise ProviderUnavailable("an answer of the sign-in service that is not a JSON object")
        return document

    def _http(self) -> tuple[requests.Session, dict[str, Any]]:
        if not hasattr(self._of_thread, "session"):
            session = requests.Session()
            session.trust_env = False
            session.mount("https://", _Adapter(self._tls))
            session.hooks["response"].append(_raise_outage)
            self._sessions.append(session)
            self._of_thread.session, self._of_thread.http_cache = session, {}
        return self._of_thread.session, self._of_thread.http_cache


def _raise_outage(answer: requests.Response, *_args: object, **_kwargs: object) -> None:
    """Turn what MSAL would hide or raise in its own way into ours, with the wait that the service asks for."""
    if answer.status_code == TOO_MANY_REQUESTS or answer.status_code >= SERVER_ERRORS:
        answer.close()
        wait = retry_after_seconds(answer.headers.get("Retry-After"), answer.headers.get("Date"))
        raise ProviderUnavailable(f"{answer.status_code} from the sign-in service", retry_after_seconds=wait)


def _nonce_of(secret: Mapping[str, Any]) -> str:
    """Take the nonce that was sent: MSAL keeps another, of which that one is the hash."""
    return parse_qs(urlsplit(str(secret["auth_uri"])).query)["nonce"][0]
