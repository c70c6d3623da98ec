"""Ciphers: the vectors of the notes (1.8) and of the standards."""

from __future__ import annotations

import pytest
from pydantic import SecretStr, ValidationError

from collector.reports.ciphers import Aes, Plain, Sm4, encrypt

KEY, IV = SecretStr("0123456789abcdef"), SecretStr("fedcba9876543210")
TEXT = b'{"dataId":"6f1f1c7e-0b52-4f0e-9a55-1f6f3f5a0c01","reportType":"report"}'
AES = "8QdWZPypWfToq/VX2VPxdIbit4303w1/tILAP+Sx8rkIzC9DkacPVsCL9UWEXoWBGwcSseooW0U1dijmtXKbKSQ6e2AaeBlK1vsoXS1gkI8="
SM4 = (
    "32C3C02B6301DDAE94973C8675F617E8A897A65165FDF2EE9BC5A2B013C6206959BF3F51137FC9A4D2EB2853343271FDE5730378AF4CF028D7"
    "5628148B409B22E63DF135B8CCE2053723B831EE0F3E68"
)


def test_both_vectors_of_the_notes() -> None:
    assert encrypt(TEXT, Aes(type="aes-128-cbc", key=KEY, iv=IV)) == AES
    assert encrypt(TEXT, Sm4(type="sm4-cbc", key=KEY, iv=IV)) == SM4
    assert encrypt(TEXT, Plain()) == TEXT.decode()


def test_the_standards_own_vector_of_sm4() -> None:
    """GB/T 32907-2016, appendix A.1: one block; CBC with a zero IV is the block itself."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    key = plain = bytes.fromhex("0123456789abcdeffedcba9876543210")
    made = Cipher(algorithms.SM4(key), modes.CBC(bytes(16))).encryptor()
    assert (made.update(plain) + made.finalize()).hex() == "681edf34d206965e86b3e94f536e4246"


def test_a_key_of_another_length_is_a_mistake_in_the_settings() -> None:
    with pytest.raises(ValidationError, match="expected 16 characters"):
        Aes(type="aes-128-cbc", key=SecretStr("short"), iv=IV)
