"""The line of a QR code that tells a device its broker, account and topic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.enrolment import BadEnrolment, Enrolment, parse_enrolment
from tests.rows import each_row

CA = "0123456789abcdef" * 4
LINE = f"mqtts://wm-1:s%3Acret@broker.example:8884/?topic=iot%2Fv1%2Fs1%2Fwater%2Fwm-1%2Freadings&ca={CA}"
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


def test_a_line_tells_account_broker_topic_and_authority() -> None:
    expected = Enrolment("wm-1", "s:cret", "broker.example", 8884, "iot/v1/s1/water/wm-1/readings", CA)
    assert parse_enrolment(f"  {LINE}\n") == expected
    assert str(expected) == LINE


def test_a_fingerprint_may_be_written_as_openssl_prints_it() -> None:
    printed = ":".join(CA[at : at + 2] for at in range(0, 64, 2)).upper()
    assert parse_enrolment(LINE.replace(CA, printed)).ca_sha256 == CA


def test_without_a_port_and_an_authority_the_usual_ones_hold() -> None:
    found = parse_enrolment("mqtts://u:p@[::1]/?topic=a/b")
    assert (found.host, found.port, found.topic, found.ca_sha256) == ("::1", 8883, "a/b", None)


@given(TEXTS, TEXTS, TEXTS.filter(lambda text: not set(text) & set("+#\0")))
def test_every_value_survives_the_line(username: str, password: str, topic: str) -> None:
    enrolment = Enrolment(username, password, "h", 1883, topic, CA)
    assert parse_enrolment(str(enrolment)) == enrolment


@each_row(
    ("line", "fault"),
    [
        ("", "an empty line"),
        ("mqtt://u:s3cret@h/?topic=a", "is not an enrolment"),  # a password in the clear
        ("mqtts://h/?topic=a", "user and password are missing"),
        ("mqtts://u:s3cret@h:port/?topic=a", "Port could not be cast"),
        ("mqtts://u:s3cret@h/path?topic=a", "is not an enrolment"),
        ("mqtts://u:s3/cret@h/?topic=a", "is not an enrolment|cast"),  # the password was not encoded
        ("mqtts://u:s3cret@h/", "topic=''"),
        ("mqtts://u:s3cret@h/?topic=a/%23", "topic='a/#'"),
        ("mqtts://u:s3cret@h/?topic=a&topic=b", "twice"),
        ("mqtts://u:s3cret@h/?topic=a&qos=1", "qos is not known"),
        ("mqtts://u:s3cret@h/?topic=a&ca=12", "ca=12 is not a SHA-256"),
    ],
)
def test_a_line_that_is_none_is_refused_with_a_sentence_without_its_password(line: str, fault: str) -> None:
    with pytest.raises(BadEnrolment, match=fault) as refused:
        parse_enrolment(line)
    assert "cret" not in str(refused.value)
    assert "cret" not in repr(Enrolment("u", "s3cret", "h", 1, "t"))
