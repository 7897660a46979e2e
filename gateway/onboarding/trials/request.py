"""A trial somebody asks for: a payload in any form, by the active profiles or by one that is named, with a topic or without.

Or a changed profile, compared with the active one on the last messages of devices.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

from pydantic import Field

from gateway.ingest.catalog import Catalog, load_catalog
from gateway.onboarding.explain.expected_points import NOT_VALUES, PLACE_TAGS
from gateway.onboarding.explain.steps import steps
from gateway.onboarding.trials.recordings import PayloadForm, RecordedMessage, guess_topic, message_of
from gateway.onboarding.trials.trial import Trials, TriedMessage
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.i18n.glossary import closed_lists

_NAMED: Final = "the request"


class TrialRequest(PayloadForm):
    """A payload to try, with what is known of it.

    :ivar topic: empty: it is guessed from the payload.
    :ivar profile: the only profile to ask, by its name or by a model; empty: all active ones, and the shipped ones.
    :ivar profile_text: a profile that is tried before it is saved; replaces ``profile``.
    """

    topic: str = ""
    profile: str = Field("", pattern=r"^[^/\\]*$")  # names what is known, never a file
    profile_text: str = ""


def try_message(config: Config, request: TrialRequest) -> TriedMessage:
    """Try the message of a request; ConfigurationFault if profile or registry, ValueError if payload or topic cannot be used.

    It takes a tenth of a second and starts a process where the profile has a codec: for a thread, not for the loop.
    """
    with TemporaryDirectory(prefix="gateway-trial-") as folder:
        if request.profile_text:
            catalog = pasted_catalog(config, request.profile_text, Path(folder))
        else:
            catalog = load_catalog(config, also=request.profile or None, all_shipped=not request.profile)
        recorded = _recorded(request, catalog)
        with Trials(config, catalog, named=_NAMED if request.profile or request.profile_text else "") as trials:
            return trials.take(recorded)


def tried_document(tried: TriedMessage, language: str) -> dict[str, Any]:
    """The outcome of a trial: the form of ``gateway decode --json`` with its remarks, and ``topic`` and ``steps``."""
    told = steps(tried.trace, tried.document, closed_lists(language))
    remarks = {f"{label}_remark": remark for label, remark in tried.remarks.items()}
    explained = {"topic": tried.trace.arrival.message.topic, "steps": [{"what": what, "value": value} for what, value in told]}
    return tried.document | remarks | explained


def pasted_catalog(config: Config, profile_text: str, folder: Path) -> Catalog:
    """The catalog with a profile that is not saved yet, in a folder for now, alone; ConfigurationFault if it is faulty."""
    file = folder / "profile.yaml"
    file.write_text(profile_text, encoding="utf-8")
    try:
        return load_catalog(config, also=str(file))
    except ConfigurationFault as fault:
        raise ConfigurationFault([line.replace(f"{folder}/", "") for line in fault.lines]) from fault


def _recorded(request: TrialRequest, catalog: Catalog) -> RecordedMessage:
    payload = request.body()
    if request.topic:
        return RecordedMessage(message_of(request.topic, payload, retain=request.retain), request.arrived_ms())
    guess = guess_topic(payload, catalog, named=bool(request.profile or request.profile_text))
    if guess is None:
        raise ValueError("name the topic: the payload is neither an uplink of a known network server nor a native reading")
    return RecordedMessage(message_of(guess.topic, payload, retain=request.retain), request.arrived_ms(), guess)


COMPARED_MAX: Final = 200
"""Most messages that the profile takes and that are compared."""

_WhatComes = Mapping[str, Any] | str | None


class ComparedMessage(NamedTuple):
    """The last message of a device, by both profiles."""

    device: str
    before: _WhatComes  # its values now, by quantity, or the reason of its reject; None: nothing would come of it
    after: _WhatComes  # likewise with the changed profile


class ProfileComparison(NamedTuple):
    """The outcome of a comparison: the number of messages of which the same comes as before, and the others."""

    same: int
    differing: list[ComparedMessage]


def compare(config: Config, profile_text: str, messages: Iterable[RecordedMessage]) -> ProfileComparison:
    """Compare a changed profile with what is active, on the messages that it takes; ConfigurationFault if it cannot be used.

    It takes some milliseconds a message: for a thread, not for the loop.
    """
    with TemporaryDirectory(prefix="gateway-trial-") as folder:
        changed, active = pasted_catalog(config, profile_text, Path(folder)), load_catalog(config)
        with Trials(config, changed, named=_NAMED) as after, Trials(config, active) as before:
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
        " ".join((field, *(f"{tag}={text}" for tag, text in point["tags"].items() if tag not in PLACE_TAGS))): value
        for point in document["points"]
        for field, value in point["fields"].items()
        if field not in NOT_VALUES
    }
    return values or (document["reject"]["reason"] if document["reject"] else None)
