"""The command ``firmware-sim device``: its options, and the choice between the screen and a script."""

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from firmware_sim.technician.script import PlayScript
    from firmware_sim.technician.session import PlaySession

FAULT, USAGE, UNREACHABLE = 1, 2, 3
NO_SCREEN: Final = (
    "the screen needs Textual: pip install 'province-gateway[terminal]'. Without a screen: --script FILE, or --set flow=1.2 "
    "--send 3"
)
NO_TERMINAL: Final = "this is no terminal: give --script FILE, --send N or --for TIME"


def add_device_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``device`` to its parser."""
    parser.add_argument("kind", nargs="?", default="", metavar="KIND", help="water, power, traffic, urban, or as water-meter")
    parser.add_argument("--id", metavar="ID", help="its id (default: sim-W-1 for water)")
    parser.add_argument("--site", metavar="S", help="its site (default: test)")
    parser.add_argument("--as-real", action="store_true", help="allow an id that does not begin with sim-")
    parser.add_argument("--profile", metavar="NAME", help="play a device of this make, or of a profile in FILE.yaml")
    parser.add_argument(
        "--profiles", type=Path, default=Path("profiles"), metavar="DIR", help="own profiles (default: profiles)"
    )
    parser.add_argument(
        "--broker", default="mqtt://127.0.0.1:1883", metavar="URL", help="broker: mqtt[s]://[user:password@]host[:port]"
    )
    parser.add_argument(
        "--ca", metavar="FILE", help="certificate authority of broker and gateway (PEM), for mqtts:// and https://"
    )
    parser.add_argument("--from-qr", metavar="TEXT", help="broker, account and topic from an enrolment; -: from standard input")
    parser.add_argument("--gateway", metavar="URL", help="ask this gateway what became of each message: http://HOST:8080")
    parser.add_argument("--gateway-token-file", type=Path, metavar="FILE", help="file with a token that may read")
    parser.add_argument(
        "--interval", type=float, default=10.0, metavar="S", help="seconds between readings; 0: only when told (default: 10)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another seed gives another device (default: 1)")
    parser.add_argument("--language", choices=("vi", "en"), help="default: English if LANG begins with en, else Vietnamese")
    script = parser.add_argument_group("without a screen")
    script.add_argument(
        "--script", type=Path, metavar="FILE", help="play the lines of a file: TIME set KNOB VALUE, TIME leak on, …"
    )
    script.add_argument("--set", action="append", default=[], metavar="KNOB=VALUE", help="set a knob: flow=1.2")
    script.add_argument("--on", action="append", default=[], metavar="CONDITION", help="begin a condition: leak, network, …")
    script.add_argument("--do", action="append", default=[], metavar="ACTION", help="do something once: garbage, repeat, …")
    script.add_argument("--send", type=int, metavar="N", help="end after so many messages")
    script.add_argument("--for", dest="span", metavar="TIME", help="end after this time: 60s")


def play_device(arguments: argparse.Namespace) -> int:
    """Play a device; return the exit status: 0 all arrived, 1 not, 2 usage, 3 the broker was not reached."""
    from firmware_sim.technician.script import BadScript  # noqa: PLC0415 - --help is quick without the MQTT client
    from firmware_sim.technician.setup import BadPlay  # noqa: PLC0415 - as above

    try:
        script = _script(arguments)
        if script is None and not (sys.stdin.isatty() and sys.stderr.isatty()):
            sys.stderr.write(f"firmware-sim: {NO_TERMINAL}\n")
            return USAGE
        return asyncio.run(_play(arguments, script))
    except (BadPlay, BadScript) as error:
        sys.stderr.write(f"firmware-sim: {error}\n")
        return USAGE
    except OSError as error:
        sys.stderr.write(f"firmware-sim: {error}\n")
        return UNREACHABLE
    except KeyboardInterrupt:
        return FAULT


async def _play(arguments: argparse.Namespace, script: "PlayScript | None") -> int:
    from firmware_sim.technician.script import ScriptPlayer, check_script  # noqa: PLC0415 - as above
    from firmware_sim.technician.setup import BadPlay  # noqa: PLC0415 - as above

    session = _session(arguments)
    language = arguments.language or _usual_language()
    if script is not None:
        check_script(script, session.device)
        return await ScriptPlayer(session, script, language, lambda line: print(line, flush=True)).play()
    try:
        from firmware_sim.technician.screen import PlayScreen  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if error.name != "textual":
            raise
        raise BadPlay(NO_SCREEN) from None
    await PlayScreen(session, language).run_async()
    return 0


def _session(arguments: argparse.Namespace) -> "PlaySession":
    from firmware_sim.technician.setup import BadPlay, PlayRequest, kinds, make_session  # noqa: PLC0415 - as above

    if arguments.kind and arguments.kind not in kinds():
        raise BadPlay(f"there is no kind {arguments.kind!r}: {', '.join(kinds())}")
    if not 0 <= arguments.interval <= 86_400:  # noqa: PLR2004 - a day
        raise BadPlay(f"--interval {arguments.interval:g} is not between 0 and 86400")
    return make_session(
        PlayRequest(
            kind=arguments.kind,
            name=arguments.id,
            site=arguments.site,
            broker=arguments.broker,
            ca=arguments.ca,
            from_qr=arguments.from_qr,
            profile=arguments.profile,
            own_profiles=arguments.profiles,
            gateway=arguments.gateway,
            token_file=arguments.gateway_token_file,
            interval_s=arguments.interval,
            seed=arguments.seed,
            as_real=arguments.as_real,
        )
    )


def _script(arguments: argparse.Namespace) -> "PlayScript | None":
    """The script in a file or in the options; None: the screen is wanted."""
    from firmware_sim.technician.script import BadScript, parse_script, script_of_options  # noqa: PLC0415 - as above

    options = (arguments.set, arguments.on, arguments.do, arguments.send, arguments.span)
    if arguments.script is None:
        return script_of_options(*options) if any(options) else None
    if any(options):
        raise BadScript("--script says all that happens: leave out --set, --on, --do, --send and --for")
    try:
        return parse_script(arguments.script.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadScript(f"--script {arguments.script}: {getattr(error, 'strerror', None) or error}") from None
    except BadScript as error:
        raise BadScript(f"{arguments.script}: {error}") from None


def _usual_language() -> str:
    """The language of the terminal: Vietnamese, unless it is an English one."""
    spoken = next((text for key in ("LC_ALL", "LC_MESSAGES", "LANG") if (text := os.environ.get(key))), "")
    return "en" if spoken.lower().startswith("en") else "vi"
