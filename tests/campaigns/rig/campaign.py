"""Many schedules, some side by side, each in a process and a folder of its own; and what came of them."""

import shutil
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.commands.demo.services import Program, Service
from tests.campaigns.rig.trial import Trial
from tests.campaigns.rig.verdict import VERDICT, Verdict

POLL_S: Final = 0.1
PATIENCE_S: Final = 240.0
"""So long after its last fault a schedule may take."""


@dataclass(frozen=True)
class Campaign:
    """The task of a campaign.

    :ivar seconds: how long faults come in each schedule.
    :ivar folder: where the schedules have their folders; those of green ones are removed.
    :ivar tell: is told of each verdict as it comes.
    """

    trial: Trial[Any]
    numbers: Sequence[int]
    seconds: float
    side_by_side: int
    folder: Path
    tell: Callable[[Verdict], None] = lambda _: None

    def run(self) -> list[Verdict]:
        """Carry all out; the verdicts in the order of their numbers. Nothing is left running, whatever ends it."""
        verdicts: list[Verdict] = []
        waiting = list(self.numbers)
        running: dict[int, tuple[Service, float]] = {}
        with ExitStack() as ending:
            while waiting or running:
                while waiting and len(running) < self.side_by_side:
                    number = waiting.pop(0)
                    service = self._service(number)
                    ending.callback(service.kill)
                    service.start()
                    running[number] = service, time.monotonic() + self.seconds + PATIENCE_S
                time.sleep(POLL_S)
                for number, (service, deadline_s) in list(running.items()):
                    if service.pid is None or time.monotonic() > deadline_s:
                        del running[number]
                        service.kill()
                        verdicts.append(self._verdict(number, service))
                        self.tell(verdicts[-1])
        return sorted(verdicts, key=lambda verdict: verdict.number)

    def _folder(self, number: int) -> Path:
        return self.folder / f"schedule-{number}"

    def _service(self, number: int) -> Service:
        folder = self._folder(number)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        arguments = ["-m", self.trial.command, "one", str(number), str(self.seconds), str(folder.resolve())]
        return Service("schedule", "", 0, folder.resolve(), "", Program(Path(sys.executable)), arguments, lambda: True)

    def _verdict(self, number: int, service: Service) -> Verdict:
        """Read what the schedule's process left; one that left nothing has failed."""
        file = self._folder(number) / VERDICT
        if file.exists():
            verdict = Verdict.from_json(file.read_text())
        else:
            setting = self.trial.setting_of(number)
            deeds = list(map(str, self.trial.deeds(number, self.seconds)))
            printed = service.log.read_text(errors="replace") if service.log.exists() else ""
            verdict = Verdict(number, setting.name, deeds, faults=[f"the campaign itself failed: {printed[-500:].strip()}"])
        if verdict.is_green:
            shutil.rmtree(self._folder(number), ignore_errors=True)
        return verdict
