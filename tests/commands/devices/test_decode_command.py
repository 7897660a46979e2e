"""``gateway decode``: from where the payload comes, as what it is read, and what is said where it cannot be."""

import base64
import io
import json
from types import SimpleNamespace

import pytest

from gateway.commands.cli import main
from tests.site import Site

TOPIC, PAYLOAD = "iot/v1/s1/water/m1/readings", b'{"ph": 7}'


class Decode:
    """The command on a utility's folder."""

    def __init__(self, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
        assert site.config
        self.folder, self._capsys = site.folder, capsys
        self.file = site.folder / "message"

    def __call__(self, *words: str, status: int = 0) -> str:
        """Give it; what it prints."""
        assert main(["decode", "-c", str(self.folder / "gateway.yaml"), *words]) == status
        said = self._capsys.readouterr()
        return said.err if status == 2 else said.out

    def points(self, *words: str) -> list[float]:
        """The pH of each message."""
        return [json.loads(line)["points"][0]["fields"]["ph"] for line in self("--json", *words).splitlines()]


@pytest.fixture
def decode(site: Site, capsys: pytest.CaptureFixture[str]) -> Decode:
    return Decode(site, capsys)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], PAYLOAD),
        (["--hex"], PAYLOAD.hex(" ").encode()),
        (["--base64"], base64.b64encode(PAYLOAD)[:6] + b"\n" + base64.b64encode(PAYLOAD)[6:]),
    ],
    ids=["as-it-is", "hex", "base64-in-lines"],
)
def test_a_payload_is_read_as_it_was_written_down(
    decode: Decode, monkeypatch: pytest.MonkeyPatch, words: list[str], text: bytes
) -> None:
    decode.file.write_bytes(text)
    assert decode.points("--topic", TOPIC, *words, str(decode.file)) == [7]
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(text)))
    assert decode.points("--topic", TOPIC, *words) == [7]


def test_a_recording_has_a_message_a_line_each_with_its_topic(decode: Decode) -> None:
    lines = [json.dumps({"topic": TOPIC, "payload": {"ph": ph}}) for ph in (6, 8)]
    decode.file.write_text("\n".join(lines))
    assert decode.points("--jsonl", str(decode.file)) == [6, 8]


def test_a_message_that_is_rejected_is_a_failure_and_the_others_are_shown(decode: Decode) -> None:
    lines = [json.dumps({"topic": TOPIC, "payload": payload}) for payload in ({"ph": "?"}, {"ph": 7})]
    decode.file.write_text("\n".join(lines))
    assert len(decode("--json", "--jsonl", str(decode.file), status=1).splitlines()) == 2


def test_without_a_topic_a_native_reading_is_recognised_and_anything_else_is_asked_about(decode: Decode) -> None:
    decode.file.write_bytes(PAYLOAD)
    assert decode.points(str(decode.file)) == [7]
    decode.file.write_bytes(b"\x01\x02")
    assert "--topic: name the topic: the payload is neither an uplink" in decode(str(decode.file), status=2)


def test_what_cannot_be_read_is_named_with_the_reason(decode: Decode) -> None:
    none = str(decode.folder / "none")
    assert f"{none}: document: cannot be read: No such file" in decode("--topic", TOPIC, none, status=2)
    decode.file.write_text("7g")
    assert f"{decode.file}: document: " in decode("--topic", TOPIC, "--hex", str(decode.file), status=2)
    assert f"{none}: document: does not exist" in decode("--registry", none, str(decode.file), status=2)
