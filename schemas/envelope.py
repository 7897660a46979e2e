"""An envelope as a model: where a network server, or another forwarder of frames, puts the parts of a device's frame."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from schemas.profile_values import FirstOf, Part, Paths
from schemas.profile_when import When
from schemas.topics import is_filter

ANY_LORAWAN = "lorawan"
"""Value of ``envelope`` in profiles that take frames from every LoRaWAN network server."""


def _filter(text: str) -> str:
    if not is_filter(text):
        raise ValueError(f"{text!r} is not a topic filter")
    return text


def _payload(written: object) -> object:
    return {"path": written} if isinstance(written, str | list) else written


class FramePayload(Part):
    """The frame's bytes."""

    path: Paths
    encoding: Literal["base64", "hex", "list"] = Field("base64", description="list: a list of numbers 0 to 255.")


def _time(written: object) -> object:
    if isinstance(written, str):
        return {"path": written}
    if isinstance(written, Mapping) and "first_of" in written:
        return {"path": {"first_of": written["first_of"]}} | {key: written[key] for key in written if key != "first_of"}
    return written


class FrameTime(Part):
    """The time at which the frame was received."""

    path: Paths
    format: str = Field(
        "auto",
        description="As in a profile's time: rfc3339; unix_s, unix_ms, unix_us, unix_ns; a pattern like %d.%m.%Y %H:%M; auto: "
        "RFC 3339, or a number whose size tells its unit.",
    )
    zone: str | None = Field(None, description='For times without a zone: "+07:00", UTC or a name as Asia/Ho_Chi_Minh.')
    epoch: str | None = Field(None, description="What unix_* counts from, where not 1970-01-01T00:00:00Z (RFC 3339).")

    def is_plain(self) -> bool:
        """Tell if the time is RFC 3339, or a number since 1970."""
        return self.format == "auto" and self.zone is None and self.epoch is None


class Gateways(Part):
    """The list of radio gateways that heard the frame; the one with the strongest signal counts."""

    of: str = Field(description="Path of the list.")
    rssi: str = Field("rssi", description="Key of the signal strength in dBm, in each one of the list.")
    snr: str = Field("snr", description="Key of the signal-to-noise ratio in dB.")


class EnvelopeSpec(Part):
    """The messages of one kind of network server: how to recognise them, and where each part is."""

    envelope: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", description="Its name, which profiles use.")
    description: str = ""
    lorawan: bool = Field(
        default=False,
        description="A LoRaWAN network server: profiles with envelope: lorawan take its frames; devices are EUIs.",
    )
    topics: list[Annotated[str, AfterValidator(_filter)]] = Field(
        [], description="Topic filters under which it usually publishes."
    )
    when: When = Field(description="Tests by which its messages are recognised.")
    data_when: When = Field(
        When(), description="Which of them carry a frame; the others are joins, acknowledgements and the like."
    )
    heard_when: When | None = Field(
        None, description="Which of the others were sent by the device itself, so that they are a sign of life."
    )
    device: Paths = Field(description="The device; for LoRaWAN its EUI in base64 or hexadecimal.")
    payload: Annotated[FramePayload | None, BeforeValidator(_payload, json_schema_input_type=str | FramePayload | None)] = (
        Field(None, description="The frame's bytes; base64 when only the path is given.")
    )
    decoded: Paths | None = Field(None, description="The result of the server's own codec: an object, or JSON in a text.")
    port: Paths | None = Field(None, description="The frame's port; 0 where it is left out.")
    frame_counter: Paths | None = Field(None, description="The frame's uplink counter; 0 where it is left out.")
    time: Annotated[FrameTime | None, BeforeValidator(_time, json_schema_input_type=str | FirstOf | FrameTime | None)] = Field(
        None, description="When the frame was received, text or number: its path, with the format where it needs one."
    )
    rssi: Paths | None = Field(None, description="Signal strength in dBm.")
    snr: Paths | None = Field(None, description="Signal-to-noise ratio in dB.")
    gateways: Gateways | None = Field(None, description="Where rssi and snr are, once for each gateway.")
    model: Paths | None = Field(
        None, description="The maker's name of the device's model, or the server's name of its profile."
    )

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        if self.envelope == ANY_LORAWAN:
            raise ValueError(f"{ANY_LORAWAN} stands for all LoRaWAN envelopes; give this one another name")
        if not self.when.predicates():
            raise ValueError("when holds no test: every message would be taken for one of these")
        return self
