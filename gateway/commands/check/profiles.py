"""The part of ``gateway check`` about profiles: the tests inside them, of all or of one file; models that none of them has."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway.commands.terminal import say, say_table, warn
from gateway.core.profiles.envelopes import Envelopes
from gateway.core.profiles.matching import Profiles
from gateway.ingest.catalog import Catalog, survey
from gateway.ingest.codecs.process import SyncCodecs
from gateway.onboarding.explain.profile_tests import Checked, check_profile, unfilled
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.config.profile_files import ProfileFile, read_documents, read_profiles
from schemas.nearest import nearest
from schemas.registry import plain_name

_HEAD: Final = ("profile", "from", "active", "devices", "codec", "tests")
_HOW_IN_FORCE: Final = "(a shipped profile is active when profiles.enable or a registered device names it)"


@dataclass(slots=True)
class Faults:
    """Lines: faults, for which the gateway refuses the configuration, and warnings of what may be a mistake."""

    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @contextmanager
    def of_file(self, path: Path | None) -> Iterator[None]:
        """Keep the faults of a file and say that it is faulty: the others are still to be checked."""
        try:
            yield
        except ConfigurationFault as fault:
            self.faults += fault.lines
            say(f"{path}: faulty")


def check_profiles(config: Config, catalog: Catalog, found: Faults) -> None:
    """Run the tests inside all profiles and print a table; return the failures of the active ones."""
    everything = survey(config, catalog.registry, all_shipped=True)
    devices = Counter(profile.name for device in catalog.registry.devices for profile in catalog.profiles.named(device))
    rows = [_HEAD]
    with SyncCodecs(everything.codecs, unconfined=config.runs_unconfined_codecs) as codecs:
        for name, file in sorted(everything.files.items(), key=lambda item: (item[1].shipped, item[0])):
            active_profiles = name in catalog.files
            verdict, of_file, _ = _check_profile(file, everything.profiles.envelopes, codecs)
            if active_profiles:
                found.faults += of_file.faults
                found.warnings += of_file.warnings
            codec = file.compiled.codec.name if file.compiled.codec else "-"
            whose = "shipped" if file.shipped else "yours"
            rows.append((name, whose, "yes" if active_profiles else "no", str(devices[name]), codec, verdict))
    say("")
    say_table(rows)
    if len(catalog.files) < len(everything.files):
        say(_HOW_IN_FORCE)
    say(*[f"missing protection against codecs: {text}" for text in codecs.unprotected])
    if codecs.refused and catalog.codecs:
        waits = f"the frames that need one of these wait in quarantine: {', '.join(sorted(catalog.codecs))}"
        found.warnings.append(f"{codecs.refused}; until then {waits}")
    if not catalog.faults:  # else a model may be that of a profile which cannot be read
        found.warnings += _models_of_none(config.devices.registry, everything)


def check_one_profile(path: Path) -> None:
    """Check one file without any configuration, print a verdict on each test; ConfigurationFault if one fails."""
    if not any(
        isinstance(document, Mapping) and document.keys() & {"profile", "envelope"} for document in read_documents(path)
    ):
        what = f"holds no profile, which begins with profile: NAME; a configuration is checked by gateway check -c {path}"
        raise ConfigurationFault([f"{path}: document: {what}"])
    loaded = read_profiles(path.parent, file=path, wanted=())
    found, envelopes = Faults(loaded.fault_lines), Envelopes(loaded.envelopes.values())
    files = loaded.profiles.values()
    with SyncCodecs({file.codec.name: file.codec for file in files if file.codec}) as codecs:
        for file in files:
            verdict, of_file, tests = _check_profile(file, envelopes, codecs)
            say(f"{file.compiled.name}: {verdict}", *(f"  {'FAIL' if test.faults else 'pass'}  {test.name}" for test in tests))
            found.faults += of_file.faults
            found.warnings += of_file.warnings
            if any(test.faults for test in tests):
                say(f"each step of a message: gateway decode --profile {path} --topic TOPIC MESSAGE")
    for warning in [*found.warnings, codecs.refused]:
        if warning:
            warn(warning)
    if found.faults:
        raise ConfigurationFault(found.faults)


def _models_of_none(path: Path, everything: Catalog) -> Iterator[str]:
    """Models of registered devices that no profile has: a typing error would leave the device unread."""
    devices: dict[str, list[str]] = {}
    for device in everything.registry.devices:
        if device.model is not None and device.profile is None and not everything.profiles.named(device):
            devices.setdefault(device.model, []).append(device.id)
    there = {
        plain_name(model): model for file in everything.files.values() for model in (file.model.profile, *file.model.models)
    }
    for model, ids in devices.items():
        close = nearest(plain_name(model), there)
        meant = f"did you mean {there[close]}?" if close else "this is correct if they send iot/v1/… themselves"
        who = ids[0] if len(ids) == 1 else f"{ids[0]} and {len(ids) - 1} more"
        yield f"{path}: devices: no profile has the model {model} ({who}); {meant}"


def _check_profile(file: ProfileFile, envelopes: Envelopes | None, codecs: SyncCodecs) -> tuple[str, Faults, Sequence[Checked]]:
    """The verdict on one profile, its faults, and its tests."""
    codec = file.compiled.codec
    if codec is not None and (wrong := codecs.fault(codec.name)):
        return f"codec: {wrong}", Faults([f"{file.codec}: codec: {wrong}"]), ()
    if codec is not None and codecs.refused:
        return "codec: not run here", Faults(), ()
    alone = Profiles([file.compiled], envelopes)
    checked = check_profile(file.compiled.name, file.model.tests, alone, codecs)
    failed = [test for test in checked if test.faults]
    verdict = f"{len(failed)} of {len(checked)} FAIL" if failed else f"{len(checked)} of {len(checked)} pass"
    faults = [f"{file.path}: tests: {test.name}: {fault}" for test in failed for fault in test.faults]
    warnings = [] if file.shipped else [*file.warnings]
    if not (file.shipped or failed):  # a test that fails may be the one that fills a field
        warnings += [f"{file.path}: {text}" for text in unfilled(file.model, checked)]
    return verdict, Faults(faults, warnings), checked
