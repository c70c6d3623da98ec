"""Private keys and the files around them: made owner-only, refused when others may read them, replaced in one step."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

OWNER_ONLY = 0o600
PUBLIC = 0o644
LARGEST = 2**20
"""Bytes of a key, certificate, request or revocation list (one of about 20,000 entries) that is read at most."""


class PemError(ValueError):
    """A file that holds no such thing, or one that does not fit; the text names the file and what was expected."""


def refuse_readable(file: Path) -> None:
    """PermissionError when anybody but the owner may read a private key or a secret.

    Not judged: what systemd hands over (``$CREDENTIALS_DIRECTORY``, whose access list shows as group rights), and
    Windows, whose access lists Python does not show.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if os.name == "nt" or (folder and file.resolve().is_relative_to(Path(folder).resolve())):
        return
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        raise PermissionError(
            f"{file}: others may read it (mode {mode:04o}), so it is refused; "
            f"expected {OWNER_ONLY:04o}: chmod 600 {file}"
        )


def write_file(file: Path, content: bytes, mode: int = PUBLIC, owner: str | None = None) -> None:
    """Replace a file in one durable step: a SIGKILL or a power cut leaves the old content or the new one, whole.

    `owner`: the user that it shall belong to, left out: who runs this. OSError where it cannot be written, LookupError
    for a user that there is not.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # 0600 from its first moment
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            _give(Path(name), mode, owner)
            os.fsync(out.fileno())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(file.parent)


def _give(file: Path, mode: int, owner: str | None) -> None:
    if owner is not None:
        shutil.chown(file, user=owner)
    file.chmod(mode)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # a folder cannot be opened there; NTFS logs the renaming itself
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def new_key() -> ec.EllipticCurvePrivateKey:
    """A key on the curve P-256 (FIPS 186-5; what every TLS 1.2 and 1.3 peer knows)."""
    return ec.generate_private_key(ec.SECP256R1())


def write_key(file: Path, key: PrivateKeyTypes, owner: str | None = None) -> None:
    """Write a private key as PKCS #8 PEM, for its owner alone."""
    form = serialization.PrivateFormat.PKCS8
    content = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    write_file(file, content, OWNER_ONLY, owner)


def read_key(file: Path) -> ec.EllipticCurvePrivateKey:
    """Read a private key of ours; PermissionError when others may read it, PemError when it is none."""
    refuse_readable(file)
    try:
        key = serialization.load_pem_private_key(read_bounded(file), password=None)
    except (ValueError, TypeError) as err:
        raise PemError(f"{file}: expected a private key (PEM, without a password): {err}") from err
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise PemError(f"{file}: expected a key on an elliptic curve, as this program makes them")
    return key


def read_certificate(file: Path) -> x509.Certificate:
    """The first certificate of a PEM file; PemError when there is none."""
    try:
        return x509.load_pem_x509_certificate(read_bounded(file))
    except ValueError as err:
        raise PemError(f"{file}: expected a certificate (PEM): {err}") from err


def read_bounded(file: Path) -> bytes:
    """The bytes of a small file; PemError when it is larger than anything of ours."""
    with file.open("rb") as text:
        content = text.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise PemError(f"{file}: expected at most {LARGEST} bytes")
    return content


def fingerprint(key: PublicKeyTypes) -> str:
    """SHA-256 of a public key (its SubjectPublicKeyInfo), in groups that two people can compare by telephone."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    digest = hashes.Hash(hashes.SHA256())
    digest.update(key.public_bytes(serialization.Encoding.DER, form))
    text = digest.finalize().hex()
    return " ".join(text[at : at + 8] for at in range(0, len(text), 8))
