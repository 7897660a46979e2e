"""The codecs that ship with the product, run as any network server would run them: no profile, no gateway."""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import quickjs

PROFILES = Path(__file__).parents[2] / "gateway" / "profiles"

FRAMES = {
    "arad-sonata": (1, "9d59040800000012d68707"),
    "axioma-w1": (100, "55cb585f7cf29d0400120ae0fe575f8a570400cd04cb04cc04cd04ca04c404c504c404f004e604dc04d604b9057905"),
    "bmeters-iwm": (1, "4467452300000000000100142a011b"),
    "bosch-parking": (3, "00000000990200d100050000001d020200"),
    "decentlab-dl-ctd10": (1, "0207d9000390888081006400000c60"),
    "decentlab-dl-pr36": (1, "02032b0003806797810c2b"),
    "kamstrup-lorawan": (1, "7a05000000446d00204339441387d6120044933c0800000052ff250400623b0000523bfa00615b80515b80"),
    "milesight-ct101": (85, "0397102700000498b80b"),
    "milesight-em300-di": (85, "01755c0367340104686520ce9e74466310015d02000001000005e10a0088023393bb44"),
    "milesight-em500-pp": (85, "017564037b0a00"),
    "milesight-em500-swl": (85, "0175640377020020ce9e7446630a00"),
    "milesight-vs133": (85, "03d24800000004d2c800000005cc010002000fe30210070910e40109101121"),
    "milesight-ws523": (85, "08700105812c07c94a0003743009068309660000048007000000"),
    "yobiiq-em4301": (2, "fe036735fedcfe0c00000906fe10ffffaaa3fe1dcefe231383"),
}
"""A sound frame of each: port and bytes."""

Decode = Callable[..., dict[str, Any]]


@pytest.fixture(params=FRAMES)
def codec(request: pytest.FixtureRequest) -> str:
    """The name of a shipped codec."""
    return str(request.param)


@pytest.fixture
def decode(codec: str) -> Decode:
    """The codec, in a context of its own."""
    context = quickjs.Context()
    context.eval((PROFILES / f"{codec}.js").read_text(encoding="utf-8"))
    context.eval("function call(input) { return JSON.stringify(decodeUplink(JSON.parse(input))); }")

    def decode(port: int, frame: bytes, **variables: float) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(
            context.get("call")(json.dumps({"bytes": list(frame), "fPort": port, "variables": variables}))
        )
        return answer

    return decode


def test_a_sound_frame_gives_data_without_complaint(codec: str, decode: Decode) -> None:
    """Nothing in it is unknown."""
    port, frame = FRAMES[codec]
    answer = decode(port, bytes.fromhex(frame))
    assert answer["data"]
    assert "errors" not in answer
    assert "warnings" not in answer


def test_a_cut_frame_gives_what_is_whole_or_an_error(codec: str, decode: Decode) -> None:
    """A frame may end between two values; one that ends within a value is an error: no value is made of half of one."""
    port, text = FRAMES[codec]
    frame = bytes.fromhex(text)
    whole = decode(port, frame)["data"]
    for end in range(len(frame)):
        answer = decode(port, frame[:end])
        assert ("data" in answer) != ("errors" in answer), end
        if codec not in SPOKEN_BY_LENGTH:
            assert _is_part(answer.get("data", {}), whole), end


SPOKEN_BY_LENGTH = {"axioma-w1"}
"""Their length says what the frame is: a shorter one is another."""


def _is_part(part: object, whole: object) -> bool:
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and _is_part(value, whole[key]) for key, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) <= len(whole) and all(map(_is_part, part, whole))
    return bool(part == whole)


def test_random_bytes_never_make_a_codec_throw(codec: str, decode: Decode) -> None:
    """Two thousand frames, half of them a sound one with a few bytes changed."""
    dice = random.Random(codec)  # noqa: S311 - no secret
    port, sound = FRAMES[codec]
    for _ in range(1000):
        decode(dice.choice([port, dice.randrange(256)]), dice.randbytes(dice.randrange(60)))
        frame = bytearray.fromhex(sound)
        for _ in range(dice.randrange(1, 4)):
            frame[dice.randrange(len(frame))] = dice.randrange(256)
        decode(port, bytes(frame))


def test_a_codec_keeps_to_what_every_network_server_runs(codec: str) -> None:
    """ECMAScript 5: some servers run nothing newer."""
    source = re.sub(r"//.*", "", (PROFILES / f"{codec}.js").read_text(encoding="utf-8"))
    assert not re.search(r"\b(let|const|class|async|await)\s+\w|\(var \w+ of\b|=>|`|\.\.\.", source)


def test_every_shipped_codec_is_tried_here() -> None:
    """A codec without a frame above would not be tried at all."""
    assert {path.stem for path in PROFILES.glob("*.js")} == set(FRAMES), "write port and bytes of a sound frame into FRAMES"
