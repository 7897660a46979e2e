"""Accounts of Mosquitto's dynamic security, as the plugin's file and its commands have them."""

from gateway.ingest.broker.dynamic_security import BrokerAccount


def test_an_account_that_is_printed_does_not_tell_its_password() -> None:
    assert "hunter2" not in repr(BrokerAccount("m1", [], "hunter2"))
