"""TLS before a PostgreSQL server that was built without: what a station says goes on in clear over the server's own socket.

It answers on threads of the station's own process, so that a question to the server that holds all threads is never answered.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import sqlalchemy
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST: Final = "localhost"
"""The name in the server's certificate."""
_SSL_REQUEST: Final = bytes.fromhex("0000000804d2162f")
"""Source: postgresql.org/docs/current/protocol-message-formats.html, SSLRequest."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA: its certificate is in `file`."""

    name: str
    key: ec.EllipticCurvePrivateKey
    file: Path

    @classmethod
    def make(cls, name: str, folder: Path) -> Authority:
        """Make one."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = cls(name, key, folder / f"{name}.pem")
        made.file.write_bytes(made._certified(name, key, is_ca=True))
        return made

    def certificate(self, folder: Path, *, is_over: bool = False) -> Path:
        """Make a server's certificate, in one file with its key; `is_over`: of yesterday."""
        key = ec.generate_private_key(ec.SECP256R1())
        file = folder / f"{self.name}-{is_over}.server.pem"
        encoding, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        clear = key.private_bytes(encoding, kind, serialization.NoEncryption())
        file.write_bytes(clear + self._certified(HOST, key, is_ca=False, is_over=is_over))
        return file

    def _certified(self, name: str, key: ec.EllipticCurvePrivateKey, *, is_ca: bool, is_over: bool = False) -> bytes:
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_named(name))
            .issuer_name(_named(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + timedelta(days=-1 if is_over else 1))
            .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


@contextmanager
def tls_front(url: str, certificate: Path) -> Iterator[int]:
    """Answer as the server at `url` with a certificate, and give the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    behind = f"{sqlalchemy.make_url(url).query['host']}/.s.PGSQL.5432"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_answer, args=(listening, context, behind), daemon=True).start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)


def _answer(listening: socket.socket, context: ssl.SSLContext, behind: str) -> None:
    with suppress(OSError):
        while True:
            threading.Thread(target=_serve, args=(listening.accept()[0], context, behind), daemon=True).start()


def _serve(station: socket.socket, context: ssl.SSLContext, behind: str) -> None:
    server = socket.socket(socket.AF_UNIX)
    with suppress(OSError), station, server:
        assert station.recv(len(_SSL_REQUEST)) == _SSL_REQUEST
        station.sendall(b"S")
        with context.wrap_socket(station, server_side=True) as spoken:
            server.connect(behind)
            while _pass_on(spoken, server):
                pass


def _pass_on(spoken: ssl.SSLSocket, server: socket.socket) -> bool:
    """Pass on what one of the two said, in one thread, as TLS wants it; False when it said its last."""
    ready = [spoken] if spoken.pending() else select.select([spoken, server], [], [])[0]
    for source in ready:
        said = source.recv(65536)
        (server if source is spoken else spoken).sendall(said)
        if not said:
            return False
    return True
