"""Wrong commands as people give them: each ends with its status and a line that says what, where, and what to do."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from gateway.commands import CONFIGURATION, FAULT, UNREACHABLE
from gateway.commands.cli import main, parser
from tests.commands.stopped import Stopped
from tests.commands.test_arguments import ends
from tests.site import Site

MORE: Final = {
    "WORK": ("--until", "2h", "--by", "Lan", "--note", "pump"),
    "AMOUNT": ("--from", "2026-10-01", "--to", "2026-10-02", "--amount", "1", "--by", "Lan", "--note", "read"),
}
WRONG: Final[list[tuple[str, int, str]]] = [
    # A word that is none.
    ("statsu", 2, "'statsu' is none of run, check, .*; did you mean status\\? \\(see gateway --help\\)"),
    ("", 2, "gateway: the following arguments are required: COMMAND \\(see gateway --help\\)"),
    ("-c {site}/gateway.yaml status", 2, "-c stands behind the command, such as gateway status -c gateway.yaml"),
    ("devices lst", 2, "gateway devices: argument ACTION: 'lst' is none of list, .*; did you mean list\\?"),
    ("journal droop", 2, "'droop' is none of status, export, drop, acknowledge; did you mean drop\\?"),
    ("rejects purg", 2, "did you mean purge\\? \\(see gateway rejects --help\\)"),
    ("setup brokr", 2, "did you mean broker\\?"),
    ("export opn", 2, "did you mean open\\?"),
    ("alarms silense", 2, "did you mean silence\\?"),
    ("report consumtion", 2, "did you mean consumption\\?"),
    ("devices list --jsn", 2, "gateway devices list: there is no option --jsn; did you mean --json\\?"),
    ("journal drop --force", 2, "gateway journal: there is no option --force"),
    ("devices list m1", 2, "gateway devices list: there is no place for m1"),
    ("capacity --devices many", 2, "argument --devices: 'many' is not a whole number of 1 or more"),
    ("demo --devices 0", 2, "argument --devices: '0' is not a whole number of 1 or more"),
    ("setup broker --port 99999", 2, "'99999' is not a port: a number from 1 to 65535"),
    ("setup influxdb --keep 3", 2, "argument --keep: '3' is not a span of time; write for example"),
    ("setup grafana --store oracle", 2, "argument --store: 'oracle' is none of influxdb, victoriametrics"),
    ("devices coverage --json --csv", 2, "argument --csv: not allowed with argument --json"),
    ("devices steps --jsn", 2, "did you mean --json\\?"),
    ("alarms list --all", 2, "gateway alarms list: there is no option --all \\(see gateway alarms list --help\\)"),
    ("alarms rules leak", 2, "there is no place for leak"),
    ("alarms history --device", 2, "argument --device: expected one argument"),
    ("alarms silences --sit q1", 2, "there is no option --sit"),
    ("audit list m1", 2, "there is no place for m1"),
    # A configuration that is none.
    ("status", 2, "no configuration was found: looked at .*/gateway.yaml, .*: name one with -c FILE"),
    ("check -c {site}/nope.yaml", 2, "nope.yaml: document: cannot be read: No such file or directory"),
    ("run -c {site}/nope.yaml", 2, "nope.yaml: document: cannot be read: No such file or directory"),
    ("check {site}/nope.yaml", 2, "nope.yaml: document: cannot be read: No such file or directory"),
    ("check -c {site}/odd.yaml", 2, "odd.yaml: mqtt.uri: "),
    ("status --all --under {site}", 2, "there is no gateway\\*/gateway.yaml: name its folder with --under, or a file with -c"),
    # What would be lost, without a terminal.
    ("rejects purge -c {config}", 2, "1 reject of 1 device since .* would be deleted; .*; --yes does it unasked"),
    ("devices revoke m1 -c {config}", 2, "m1 would be cut off at once; .*; --yes does it unasked"),
    ("alarms silence --everywhere WORK -c {config}", 2, "nobody would be told of any alarm of 1 registered devices until "),
    ("setup certificates revoke m1 --to {site}/ca", 2, "the certificate of m1 would be taken back for good"),
    ("setup broker --replace", 2, "no configuration was found"),
    ("setup influxdb --change-retention", 2, "no configuration was found"),
    ("setup rabbitmq --gateways 2 --replace", 2, "no configuration was found"),
    ("journal export {config} -c {config}", 2, "gateway.yaml: is there already: remove it, or name another file"),
    ("backup {config} -c {config}", 2, "gateway.yaml: is there already: remove it, or name another file"),
    ("devices export m1 --out {config} -c {config}", 2, "gateway.yaml: is there already: remove it, or name another file"),
    # A device, a site, an alarm that nobody knows.
    ("devices retire m11 -c {config}", 2, "'m11' is not in the registry; .*; did you mean m1\\?"),
    ("devices edit m11 --area A -c {config}", 2, "'m11' is not in the registry; .*; did you mean m1\\?"),
    ("devices edit m1 -c {config}", 2, "m1: nothing to change is given; for example --area A01"),
    ("devices exchange m11 -c {config}", 2, "'m11' was never heard and is not registered; .*; did you mean m1\\?"),
    ("devices used m11 --at 2h -c {config}", 2, "'m11' was never heard and is not registered; .*; did you mean m1\\?"),
    ("devices resum m11 --from 2h -c {config}", 2, "'m11' was never heard and is not registered; .*; did you mean m1\\?"),
    ("devices add m2 --profile axioma-w11 -c {config}", 2, "there is no profile axioma-w11; did you mean axioma-w1\\?"),
    ("devices add m1 -c {config}", 2, "m1"),
    ("alarms silence --site q11 WORK -c {config}", 2, "--site: 'q11' is of no registered device, .*; did you mean q1\\?"),
    ("alarms silence --device m11 WORK -c {config}", 2, "--device: 'm11' is not registered, .*; did you mean m1\\?"),
    ("alarms silence WORK -c {config}", 2, "one of the arguments --site --device --everywhere is required"),
    ("alarms ack leak@m1 --by Lan -c {config}", 2, "no alarm 'leak@m1' is active; `gateway alarms list` shows those that are"),
    ("alarms unsilence 9 -c {config}", 2, "no planned work 9 goes on; see `gateway alarms silences`"),
    ("rejects show 99 -c {config}", 2, "there is no reject 99; `gateway rejects list` shows those that are kept"),
    ("rejects show m1 -c {config}", 2, "'m1' is not a number: .*: gateway rejects list --device m1"),
    ("rejects list --reason bad_jsn -c {config}", 2, "'bad_jsn' is not one of .*; did you mean bad_json\\?"),
    ("profiles template puls-module", 2, "there is no template puls-module; .*; did you mean pulse-module\\?"),
    ("decode --profile axioma-w11 {config}", 2, "there is no profile axioma-w11; .*; did you mean axioma-w1\\?"),
    ("setup token lan admn -c {config}", 2, "http.tokens_file"),
    ("devices enroll m2 -c {config}", 2, "m2: is not registered; `gateway devices add m2 --site S --domain D` registers it"),
    (
        "setup accounts --accounts {site}/none.json -c {config}",
        2,
        "none.json: cannot be read, and there is no copy: put it back",
    ),
    ("setup access so-xd --domain watr -c {config}", 2, "http.tokens_file: name the file that is to hold the accounts"),
    # A time, a day, a file that is none.
    ("devices exchange m1 --at yesterday -c {config}", 2, "'yesterday' is no time; write a local time such as"),
    ("alarms silence --site q1 --until soon --by L --note x -c {config}", 2, "'soon' is not a time; write for example 2h"),
    ("report consumption -c {config}", 2, "--from: is missing; write 2026-10-31, or 2026-10 for a month"),
    ("report consumption --from 2026-13 --to 2026-12 -c {config}", 2, "'2026-13' is not a day; write 2026-10-31"),
    ("report consumption --from 2026-10 --to 2026-10 --by areas -c {config}", 2, "'areas' is none of .*; did you mean area\\?"),
    ("report billing --month 10 -c {config}", 2, "--month: '10' is not a month; write 2026-10"),
    ("rollups again --from May -c {config}", 2, "--from: 'May' is not a day; write 2026-10-31"),
    ("export open --day 2999-01-01 -c {config}", 2, "--day: 2999-01-01 is not over"),
    ("decode --topic a/b {site}/none", 2, "none: document: cannot be read: No such file or directory"),
    ("devices import {site}/none.csv -c {config}", 2, "none.csv: document: cannot be read: No such file or directory"),
    ("restore {site}/none.tgz -c {config}", 2, "none.tgz: does not exist, or is not for you to read"),
    ("backup {site}/none/b.tgz -c {config}", 2, "b.tgz: there is no folder "),
    ("audit verify --known 1:2 -c {config}", 2, "'1:2' is not NUMBER:HASH, as the log and `gateway audit verify` print it"),
    ("setup copy --to {site}/none.yaml -c {config}", 2, "none.yaml: document: cannot be read: No such file or directory"),
    ("move q1 --to g2 -c {config}", 2, "gateway.yaml: mqtt.shares: is not set: this gateway shares nothing with others"),
    ("standby gone b -c {config}", 2, "gateway.yaml: mqtt.standby.machine: is not set: this gateway stands alone"),
    ("unroutable -c {config}", 2, "gateway.yaml: mqtt.shares: is not set"),
    # Nobody answers.
    ("profiles propose -c {config}", 3, "mqtt://127.0.0.1:9: Connection refused"),
    (
        "devices estimate m1 --from 2026-10-01 --to 2026-10-02 --amount 1 --by L --note n -c {config}",
        3,
        "gateway does not run: .*; start it",
    ),
    (
        "devices correct m1 --from 2026-10-01 --to 2026-10-02 --amount 1 --by L --note n -c {config}",
        3,
        "gateway does not run: .*; start it",
    ),
    ("report completeness --from 2026-10 --to 2026-10 -c {config}", 3, "http://127.0.0.1:9"),
    ("export open --day 2026-10-01 -c {config}", 3, "http://127.0.0.1:9"),
    ("setup influxdb -c {config}", 3, "http://127.0.0.1:9"),
    ("devices forget m1 -c {config}", 3, "http://127.0.0.1:9 does not answer: .*; repeat the command"),
    ("devices export m1 -c {config}", 3, "http://127.0.0.1:9 does not answer: Connection refused"),
    # What was asked shows a fault.
    ("status -c {config}", 1, ""),
]
"""Words, the status with which they end, and what they say beside the output; ``MORE``: what stands for several words."""


@pytest.fixture
def give(
    stopped: Stopped,
    site: Site,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[str], tuple[int, str, str]]]:
    """Give a command in an empty folder, beside a gateway that stands, with a device, a reject and an authority."""
    stopped.reject("m1")
    site.sections["mqtt"] = {"url": "mqtt://127.0.0.1:9"}
    assert site.config
    main(["setup", "certificates", "client", "m1", "--to", str(site.folder / "ca")])
    (site.folder / "odd.yaml").write_text("mqtt: {uri: mqtt://x}")
    monkeypatch.chdir(tmp_path_factory.mktemp("nowhere"))
    capsys.readouterr()

    def give(words: str) -> tuple[int, str, str]:
        line = words.replace("{config}", str(site.folder / "gateway.yaml")).replace("{site}", str(site.folder))
        try:
            status = main([word for part in line.split() for word in MORE.get(part, (part,))])
        except SystemExit as ended:
            status = int(ended.code or 0)
        return status, *capsys.readouterr()

    yield give
    assert not [*Path.cwd().iterdir()], "nothing was made where the command was given"


def seen(folder: Path) -> dict[str, bytes]:
    """Each file that a person keeps, with what is in it."""
    return {str(path): path.read_bytes() for path in folder.rglob("*.*") if path.suffix in {".yaml", ".crt", ".crl", ".key"}}


@pytest.mark.parametrize(("words", "status", "said"), WRONG, ids=[words for words, _, _ in WRONG])
def test_a_wrong_command_says_what_where_and_what_to_do_and_changes_nothing(
    give: Callable[[str], tuple[int, str, str]], site: Site, stopped: Stopped, words: str, status: int, said: str
) -> None:
    before = seen(site.folder)
    ended, out, err = give(words)
    assert (ended, bool(re.search(said, err))) == (status, True), err
    assert "Traceback" not in out + err
    assert err.count("\n") == (1 if said else 0) or "\n" not in err.rstrip("\n"), err
    assert (seen(site.folder), stopped.kept()) == (before, ["m1"])


def test_there_are_more_than_sixty_of_them() -> None:
    assert len({words for words, _, _ in WRONG}) == len(WRONG) >= 60


def test_no_command_is_left_out() -> None:
    first = {" ".join(word for word in words.split() if word[0].isalpha()) for words, _, _ in WRONG}
    names = [end.prog.removeprefix("gateway ") for end in ends(parser())]
    left = [name for name in names if not any(f"{words} ".startswith(f"{name} ") for words in first)]
    assert left == [], "give it wrong words in the table above"


PAGE: Final = (Path(__file__).parents[2] / "docs" / "operation.md").read_text(encoding="utf-8")


def rows(title: str) -> list[str]:
    """The first column of the table below a title of the page about commands."""
    table = PAGE.partition(f"\n### {title}\n")[2].partition("\n#")[0]
    return [line.split(" | ")[0].strip("| ") for line in table.splitlines() if line.startswith("| ")][1:]


def test_each_command_that_asks_and_no_other_stands_on_the_page() -> None:
    named = [name for row in rows("What a command asks first") for name in re.findall("`gateway ([^`]*)`", row)]
    told = {" ".join(word for word in name.split() if word[0].isalpha()) for name in named}
    asking = {end.prog.removeprefix("gateway ") for end in ends(parser()) if "--yes" in end.format_help()}
    assert {name for name in told if not any(f"{name} ".startswith(f"{one} ") for one in asking)} == set()
    assert {one for one in asking if not any(f"{name} ".startswith(f"{one} ") for name in told)} == set()


def test_the_page_has_each_status_once_and_the_table_no_other() -> None:
    assert rows("How a command ends") == ["0", "1", "2", "3"]
    assert {status for _, status, _ in WRONG} == {FAULT, CONFIGURATION, UNREACHABLE}
