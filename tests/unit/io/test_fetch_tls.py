from __future__ import annotations

import datetime
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from flowerops.errors import RemoteError
from flowerops.io.fetch import fetch
from helpers.scripted_server import Talk, reply, scripted_server

pytestmark = pytest.mark.usefixtures("short_pauses")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate for `localhost`, signed by itself, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(
        now + datetime.timedelta(days=1)
    )
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    encodings = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = tmp_path_factory.mktemp("tls") / "localhost.pem"
    signed = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    pem.write_bytes(key.private_bytes(*encodings) + signed)
    return pem


def over_tls(certificate: Path, script: Talk) -> Talk:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def talk(connection: socket.socket, head: bytes) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            wrapped.recv(65536)
            script(wrapped, head)

    return talk


def test_https_is_verified_against_the_host_name_though_the_address_is_pinned(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with scripted_server(over_tls(certificate, reply(body=b"photo")), reads_head=False) as server:
        assert fetch(f"https://localhost:{server.port}/a.jpg", allow_private=True) == b"photo"
        with pytest.raises(RemoteError, match="certificate"):
            fetch(f"https://127.0.0.1:{server.port}/a.jpg", allow_private=True)


def test_an_untrusted_certificate_is_refused(certificate: Path) -> None:
    script = over_tls(certificate, reply(body=b"photo"))
    with scripted_server(script, reads_head=False) as server, pytest.raises(RemoteError, match="certificate"):
        fetch(f"https://localhost:{server.port}/a.jpg", allow_private=True)
