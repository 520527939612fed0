"""The simulator's certificate, signed by an authority of its own that is made at the first start."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509

CA_FILE, CA_KEY_FILE, HOST_FILE = "ca.pem", "ca.key", "localhost.pem"
HOST_LIFE = timedelta(days=365)
RENEWED_BEFORE = timedelta(days=7)


def server_context(ca_dir: Path) -> ssl.SSLContext:
    """Return a TLS context for localhost. Files that are there and not about to expire are used again."""
    ca_dir.mkdir(parents=True, exist_ok=True)
    if not (_is_current(ca_dir / CA_FILE) and (ca_dir / CA_KEY_FILE).exists()):
        _make_authority(ca_dir)
    if not _is_current(ca_dir / HOST_FILE):
        _make_host(ca_dir)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca_dir / HOST_FILE)
    return context


def _make_authority(ca_dir: Path) -> None:
    authority = trustme.CA(organization_name="Graph simulator", key_type=trustme.KeyType.ECDSA)
    _write_private(ca_dir / CA_KEY_FILE, authority.private_key_pem.bytes())
    authority.cert_pem.write_to_path(ca_dir / CA_FILE)
    (ca_dir / HOST_FILE).unlink(missing_ok=True)


def _make_host(ca_dir: Path) -> None:
    authority = trustme.CA.from_pem((ca_dir / CA_FILE).read_bytes(), (ca_dir / CA_KEY_FILE).read_bytes())
    expires = datetime.now(UTC) + HOST_LIFE
    host = authority.issue_cert("localhost", "127.0.0.1", "::1", not_after=expires, key_type=trustme.KeyType.ECDSA)
    _write_private(ca_dir / HOST_FILE, host.private_key_and_cert_chain_pem.bytes())


def _write_private(path: Path, data: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(data)


def _is_current(path: Path) -> bool:
    if not path.exists():
        return False
    pem = path.read_bytes()
    certificate = x509.load_pem_x509_certificate(pem[pem.index(b"-----BEGIN CERTIFICATE") :])
    return certificate.not_valid_after_utc > datetime.now(UTC) + RENEWED_BEFORE
