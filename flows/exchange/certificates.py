"""The exchange's own certificates, where no others are given: an authority that sites pin, and a
server certificate under it that is renewed without anybody joining again."""

import ipaddress
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fedclinic.errors import ConfigError

AUTHORITY_YEARS = 20
SERVER_DAYS = 397
RENEW_DAYS = 30


@dataclass(frozen=True)
class ServerIdentity:
    """Files that a TLS server is started with, and what its visitors pin."""

    certificate: Path
    key: Path
    authority: str | None
    """PEM of the authority to pin; None: the certificate is under one of the system's."""


def own_identity(
    folder: Path, names: tuple[str, ...], now: datetime | None = None
) -> ServerIdentity:
    """Read the certificates in a folder, making or renewing what is missing or ends soon."""
    now = now or datetime.now(UTC)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority, authority_key = _authority(folder, now)
    certificate, key = folder / "server.pem", folder / "server.key"
    if not _is_good(certificate, names, now):
        server_key = ec.generate_private_key(ec.SECP256R1())
        issued = _issue_server(authority, authority_key, server_key, names, now)
        _write_private(key, _key_bytes(server_key))
        certificate.write_bytes(issued.public_bytes(Encoding.PEM))
    pem = authority.public_bytes(Encoding.PEM).decode()
    return ServerIdentity(certificate=certificate, key=key, authority=pem)


def given_identity(certificate: Path, key: Path, authority: Path | None) -> ServerIdentity:
    """Use certificates that the coordinator's organisation issued.

    Raises:
        ConfigError: if one is missing or not PEM.
    """
    for path in (certificate, key, authority):
        if path is not None and not path.is_file():
            raise ConfigError(f"no file {path}")
    pem = None if authority is None else authority.read_text(encoding="utf-8")
    return ServerIdentity(certificate=certificate, key=key, authority=pem)


def authority_digest(pem: str) -> str:
    """SHA-256 of an authority's certificate, as a token names it."""
    return x509.load_pem_x509_certificate(pem.encode()).fingerprint(hashes.SHA256()).hex()


def _authority(folder: Path, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    certificate, key = folder / "authority.pem", folder / "authority.key"
    if certificate.is_file() and key.is_file():
        loaded = load_pem_private_key(key.read_bytes(), password=None)
        if not isinstance(loaded, ec.EllipticCurvePrivateKey):
            raise ConfigError(f"{key} is not an elliptic-curve key")
        return x509.load_pem_x509_certificate(certificate.read_bytes()), loaded
    fresh = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fedclinic exchange authority")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(fresh.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365 * AUTHORITY_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(fresh.public_key()), critical=False
        )
        .add_extension(_signs_certificates(), critical=True)
        .sign(fresh, hashes.SHA256())
    )
    _write_private(key, _key_bytes(fresh))
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    return made, fresh


def _issue_server(
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePrivateKey,
    names: tuple[str, ...],
    now: datetime,
) -> x509.Certificate:
    alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
    issuer = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=SERVER_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(alternatives, critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )


def _is_good(path: Path, names: tuple[str, ...], now: datetime) -> bool:
    if not path.is_file():
        return False
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    told = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    left = certificate.not_valid_after_utc - now
    return left > timedelta(days=RENEW_DAYS) and set(told) == {_general_name(n) for n in names}


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _signs_certificates() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
