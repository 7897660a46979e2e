"""Accounts as RabbitMQ keeps them."""

import base64
import hashlib

from gateway.ingest.broker.rabbitmq.accounts import gateway_account, password_hash

DOCUMENTED = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
"""Of the password test12, in RabbitMQ's documentation."""


def is_taken(password: str, kept: str) -> bool:
    """Tell if RabbitMQ takes a password for the hash it keeps: a salt of four bytes, then SHA-256 of salt and password."""
    raw = base64.b64decode(kept)
    return hashlib.sha256(raw[:4] + password.encode()).digest() == raw[4:]


def test_a_hash_is_one_that_rabbitmq_takes_the_password_for_and_no_other() -> None:
    assert is_taken("test12", DOCUMENTED)
    assert is_taken("secret", password_hash("secret"))
    assert not is_taken("secret2", password_hash("secret"))


def test_an_account_that_is_printed_does_not_tell_its_password() -> None:
    assert "hunter2" not in repr(gateway_account("gateway-1", "hunter2"))
