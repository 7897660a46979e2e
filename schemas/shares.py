"""The shares of several gateways as a model: ``shares.yaml``, which says who reads what; the same file on each of them."""

from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from schemas.registry import Name
from schemas.topics import SPARKPLUG, is_filter

_DOT: Final = "{!r} has a dot, which is a level of its own in RabbitMQ: the messages would go elsewhere; write a dash"
_KINDS: Final = ("site", "group", "topic")


def has_dot(name: str) -> str | None:
    """The sentence against a name with a dot."""
    return _DOT.format(name) if "." in name else None


def _without_dot(text: str) -> str:
    if what := has_dot(text.removeprefix(f"{SPARKPLUG}/")):
        raise ValueError(what)
    return text


def _topic_filter(text: str) -> str:
    if not is_filter(text) or text.startswith("$share/"):
        raise ValueError(f"{text!r} is not a topic filter")
    return _without_dot(text)


_TopicLevel = Annotated[Name, AfterValidator(_without_dot), Field(json_schema_extra={"not": {"pattern": r"\."}})]
_ShareTopic = Annotated[str, AfterValidator(_topic_filter)]


class _SharesPart(BaseModel):
    """A part of the file: a key that it does not know is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ManagementSpec(_SharesPart):
    """The HTTP API of the broker, by which the gateways watch what leads to their queues."""

    url: str = Field(
        pattern="^https?://", description="Its address, without user and password.", examples=["http://127.0.0.1:15672"]
    )
    username: str = Field(description="The account that watches.", examples=["gateway-watch"])
    password_file: Path = Field(description="The file with its password; from the folder of this file on.")


class ShareSpec(_SharesPart):
    """Messages that go to one gateway: exactly one of ``site``, ``group`` and ``topic``."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [kind]} for kind in _KINDS]})

    site: _TopicLevel | None = Field(None, description="Readings and states of native devices of this site.")
    domain: Literal["water", "power", "traffic", "urban"] | None = Field(
        None, description="Those of one domain only: a site too large for one gateway is split."
    )
    group: _TopicLevel | None = Field(None, description="A Sparkplug group.")
    topic: _ShareTopic | None = Field(
        None, description="Any other topic filter, as an application of a network server.", examples=["application/7/#"]
    )
    weight: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)] | None = Field(
        None, description="Readings per hour, an estimate; the mean of the others where it is left out."
    )
    gateway: Name | None = Field(None, description="The gateway that has it in any case, one of `gateways`.")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(getattr(self, kind) is not None for kind in _KINDS) != 1:
            raise ValueError("a share is a site, a group or a topic: write one of them")
        if self.domain is not None and self.site is None:
            raise ValueError("a domain belongs to a site; write both")
        return self


class SharesSpec(_SharesPart):
    """The whole file."""

    gateways: list[Name] = Field(min_length=1, description="The gateways, by their `mqtt.client_id`.")
    leaving: list[Name] = Field([], description="Gateways that run until they have given up all that they had.")
    management: ManagementSpec | None = Field(None, description="Without it nobody watches the broker.")
    shares: list[ShareSpec] = Field(description="All that there is to share out; each gateway works out its own part.")
