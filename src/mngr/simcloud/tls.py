"""Https with a certificate authority of this run alone: clients trust it by its file, and nothing else does."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

DAYS = "30"
LIMIT_S = 20.0
SETTINGS = """
[req]
distinguished_name = name
prompt = no
x509_extensions = authority
[name]
CN = simcloud's own authority, of one run
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:localhost, DNS:*.localhost, IP:127.0.0.1, IP:0:0:0:0:0:0:0:1
"""
VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
"""By which clients are told of an authority's file: Python's requests; OpenSSL, Go and httpx; curl; Node."""


class NoTls(Exception):
    """There can be no https here; the message says why."""


@dataclass(frozen=True)
class Tls:
    """`ca` is the authority's certificate (PEM)."""

    ca: Path
    context: ssl.SSLContext

    def env(self) -> dict[str, str]:
        return dict.fromkeys(VARIABLES, str(self.ca))


def make(folder: Path, names: Iterable[str] = ()) -> Tls:
    """An authority and a certificate for 127.0.0.1, localhost and those names, with their files in that folder. Raises NoTls."""
    if not shutil.which("openssl"):
        raise NoTls("openssl isn't installed")
    settings, ca, ca_key = folder / "openssl.cnf", folder / "ca.pem", folder / "ca.key"
    request, certificate, key = folder / "server.csr", folder / "server.pem", folder / "server.key"
    settings.write_text(SETTINGS.rstrip() + "".join(f", DNS:{name}" for name in names) + "\n")
    new = ("req", "-config", settings, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    _openssl(*new, "-x509", "-days", DAYS, "-keyout", ca_key, "-out", ca)
    _openssl(*new, "-new", "-subj", "/CN=127.0.0.1", "-keyout", key, "-out", request)
    signed = ("-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-extfile", settings, "-extensions", "server")
    _openssl("x509", "-req", "-in", request, *signed, "-days", DAYS, "-out", certificate)
    ca_key.unlink()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return Tls(ca, context)


def _openssl(*arguments: str | Path) -> None:
    try:
        done = subprocess.run(
            ["openssl", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise NoTls(f"openssl {arguments[0]}: {problem}")
    if done.returncode:
        raise NoTls(f"openssl {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
