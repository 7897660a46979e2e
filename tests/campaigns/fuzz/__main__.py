"""``python -m tests.campaigns.fuzz``: ``run`` all targets for a bounded time, ``replay`` an input that failed."""

import argparse
import signal
import sys
import traceback
from importlib import import_module
from pathlib import Path

from tests.campaigns.fuzz import engines


def main() -> int:
    """Exit status: 0; 1 when an input fails; 2 when nothing can be run."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.fuzz", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="feed targets for a bounded time")
    run.add_argument("--seconds", type=int, default=300, help="for all together")
    run.add_argument("target", nargs="*", help="all of them without")
    replay = commands.add_parser("replay", help="feed inputs that failed once more")
    replay.add_argument("file", nargs="+", type=Path)
    replay.add_argument("--target", help="where the folder of the file does not name it")
    one = commands.add_parser("one", help="feed one target in this process")
    one.add_argument("target")
    one.add_argument("seconds", type=int)
    options = parser.parse_args()
    if options.command == "one":
        engines.fuzz(options.target, options.seconds)
        return 0
    return _run(options.target, options.seconds) if options.command == "run" else _replay(options.file, options.target)


def _run(wanted: list[str], seconds: int) -> int:
    known = import_module("tests.campaigns.fuzz.targets").NAMES
    if unknown := sorted(set(wanted) - set(known)):
        _say(f"there is no target {', '.join(unknown)}; there are {', '.join(known)}")
        return 2
    try:
        if said := engines.install():
            _say(said)
    except engines.NoEngine as why:
        _say(str(why))
        return 2
    campaign = import_module("tests.campaigns.fuzz.campaign")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # either way the targets end with this process
    turns = campaign.Turns(wanted or known, seconds, _say).run()
    print(campaign.table(turns))  # noqa: T201
    files = [file.relative_to(engines.CHECKOUT) for turn in turns for file in turn.found]
    for file in files:
        _say(f"{file} fails {file.parent.parent.name}; to see how: .venv/bin/python -m tests.campaigns.fuzz replay {file}")
    return int(any(turn.failed for turn in turns))


def _replay(files: list[Path], target: str | None) -> int:
    """Feed inputs once more; the folder of a file is its target's, or lies in it."""
    targets, judged = import_module("tests.campaigns.fuzz.targets"), import_module("tests.campaigns.fuzz.target").judged
    status = 0
    for file in files:
        name = target or next((part for part in reversed(file.resolve().parts[:-1]) if part in targets.NAMES), None)
        if name is None or name not in targets.NAMES:
            _say(f"{file}: of which target is it? --target with one of {', '.join(targets.NAMES)}")
            return 2
        try:
            judged(targets.target_of(name))(file.read_bytes())
        except BaseException:  # noqa: BLE001 - whatever a parser raises is what was asked for
            status = 1
            _say(f"{file} fails {name}:\n{traceback.format_exc()}")
        else:
            _say(f"{file} passes {name}")
    return status


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
