"""Questions that a part answers once it works."""

import ssl

import httpx

# Who answers on the loopback address is ours; the product itself checks the certificate.
_NO_CHECK = ssl.create_default_context()
_NO_CHECK.check_hostname = False
_NO_CHECK.verify_mode = ssl.CERT_NONE


def answers_http(url: str) -> bool:
    """Return whether a server answers a GET with anything but its own failure."""
    try:
        answer = httpx.get(url, timeout=2, trust_env=False, verify=_NO_CHECK)
    except (httpx.HTTPError, OSError):
        return False
    return answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR
