"""A certificate authority of the emulator's own, and one certificate for all names it answers under."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme

from azure_emulator.names import APP_HOSTS, BLOB_HOSTS


@dataclass(frozen=True)
class Certificates:
    """Paths of PEM files."""

    authority: Path
    chain: Path
    key: Path


def make_certificates(folder: Path) -> Certificates:
    folder.mkdir(parents=True, exist_ok=True)
    made = Certificates(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1", *APP_HOSTS, *BLOB_HOSTS)
    authority.cert_pem.write_to_path(made.authority)
    issued.private_key_pem.write_to_path(made.key)
    made.chain.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    return made
