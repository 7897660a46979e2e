"""A changed profile compared with the active one, on the last messages of devices."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

from gateway.ingest.catalog import load_catalog
from gateway.onboarding.trials.recordings import RecordedMessage
from gateway.onboarding.trials.request import pasted_catalog
from gateway.onboarding.trials.trial import Trials, TriedMessage
from gateway.support.config.model import Config

COMPARED_MAX: Final = 200
"""Most messages that the profile takes and that are compared."""

_WhatComes = Mapping[str, Any] | str | None


class ComparedMessage(NamedTuple):
    """The last message of a device, by both profiles.

    :ivar before: its values now, by quantity, or the reason of its reject; None: nothing would come of it.
    :ivar after: likewise with the changed profile.
    """

    device: str
    before: _WhatComes
    after: _WhatComes


class ProfileComparison(NamedTuple):
    """The outcome of a comparison.

    :ivar same: number of messages of which the same comes as before.
    :ivar differing: the others.
    """

    same: int
    differing: list[ComparedMessage]


def compare(config: Config, profile_text: str, messages: Iterable[RecordedMessage]) -> ProfileComparison:
    """Compare a changed profile with what is active, on the messages that it takes.

    It takes some milliseconds a message: for a thread, not for the loop.

    :raises ConfigurationFault: the profile or the registry cannot be used.
    """
    with TemporaryDirectory(prefix="gateway-trial-") as folder:
        changed, active = pasted_catalog(config, profile_text, Path(folder)), load_catalog(config)
        with Trials(config, changed, named="the request") as after, Trials(config, active) as before:
            same, differing = 0, list[ComparedMessage]()
            for message in messages:
                tried = after.take(message)
                if tried.profile is None:
                    continue
                compared = ComparedMessage(tried.device, _became(before.take(message)), _became(tried))
                if compared.before == compared.after:
                    same += 1
                else:
                    differing.append(compared)
                if same + len(differing) == COMPARED_MAX:
                    break
    return ProfileComparison(same, differing)


def _became(tried: TriedMessage) -> _WhatComes:
    document = tried.document.get("if_registered") or tried.document
    values = {
        " ".join((field, *(f"{tag}={text}" for tag, text in point["tags"].items() if tag not in _OF_THE_DEVICE))): value
        for point in document["points"]
        for field, value in point["fields"].items()
        if field not in _BESIDE
    }
    return values or (document["reject"]["reason"] if document["reject"] else None)


_OF_THE_DEVICE: Final = frozenset({"area", "device", "site"})
_BESIDE: Final = frozenset({"quality", "seq"})
