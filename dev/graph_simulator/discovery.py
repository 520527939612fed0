"""What the sign-in service publishes about itself: the OpenID configuration and the keys."""

from typing import Any

from dev.graph_simulator.directory import CONSUMER_TENANT
from dev.graph_simulator.simulator import Simulator


def issuer_tenant(simulator: Simulator, authority: str) -> str | None:
    """Return what stands for the tenant in an authority's issuer, or None when there is no such authority."""
    if authority.lower() in ("common", "organizations"):
        return "{tenantid}"
    if authority.lower() == "consumers":
        return CONSUMER_TENANT
    tenant = simulator.directory.tenant_of(authority)
    return tenant.id if tenant else None


def openid_configuration(simulator: Simulator, authority: str, tenant: str) -> dict[str, Any]:
    root = f"{simulator.base_url}/{authority}"
    return {
        "token_endpoint": f"{root}/oauth2/v2.0/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "jwks_uri": f"{root}/discovery/v2.0/keys",
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": f"{simulator.base_url}/{tenant}/v2.0",
        "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
        "http_logout_supported": False,
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username", "name", "tid", "ver"],
        "tenant_region_scope": None,
        "cloud_instance_name": "localhost",
    }


def key_set(simulator: Simulator) -> dict[str, Any]:
    return {"keys": simulator.keys.published(simulator.base_url)}
