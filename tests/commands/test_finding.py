"""The configuration that a command is about, where ``-c`` does not name it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.commands.cli import main
from tests.commands.stopped import Stopped

Said = Callable[..., tuple[str, str]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Give a command that ends with this status; what it prints on standard output and beside it."""

    def give(*words: str, status: int) -> tuple[str, str]:
        assert main(words) == status
        found = capsys.readouterr()
        return found.out, found.err

    return give


def install(machine: Path, name: str, text: str = "{}") -> Path:
    (machine / name).mkdir()
    file = machine / name / "gateway.yaml"
    file.write_text(text)
    return file


NEEDING = [
    ("status",),
    ("check",),
    ("journal", "drop", "--yes"),
    ("devices", "list"),
    ("devices", "add", "m1"),
    ("alarms", "list"),
    ("audit", "verify"),
    ("report", "completeness", "--from", "2026-10", "--to", "2026-10"),
    ("backup", "x.tar.gz"),
    ("setup", "token", "lan", "read"),
    ("setup", "broker", "--replace"),
]


@pytest.mark.parametrize("words", NEEDING)
def test_where_there_is_none_that_is_said_with_where_it_was_looked_for(
    here: Path, machine: Path, said: Said, words: tuple[str, ...]
) -> None:
    out, err = said(*words, status=2)
    looked = f"{here}/gateway.yaml, {machine}/gateway/gateway.yaml, {machine}/gateway-*/gateway.yaml"
    assert (out, err) == ("", f"no configuration was found: looked at {looked}: name one with -c FILE\n")
    assert list(here.iterdir()) == [], "nothing was made"


@pytest.mark.usefixtures("here")
def test_that_of_this_machine_is_used_and_named_beside_the_output(machine: Path, said: Said) -> None:
    file = install(machine, "gateway-east")
    assert said("devices", "list", "--json", status=0) == ("", f"configuration: {file}\n")


def test_that_of_the_working_folder_comes_first_and_needs_no_word(here: Path, machine: Path, said: Said) -> None:
    install(machine, "gateway")
    (here / "gateway.yaml").write_text("{}")
    assert said("devices", "list", "--json", status=0) == ("", "")


@pytest.mark.usefixtures("here")
def test_of_two_none_is_taken_and_both_are_named(machine: Path, said: Said) -> None:
    files = install(machine, "gateway"), install(machine, "gateway-east")
    _, err = said("journal", "drop", "--yes", status=2)
    assert (
        err == f"there are 2 gateways on this machine: {files[0]}, {files[1]}: name one with -c FILE; status --all shows all\n"
    )


@pytest.mark.usefixtures("here")
def test_a_folder_of_the_machine_that_is_no_gateways_counts_for_nothing(machine: Path, said: Said) -> None:
    for name in ("gateways", "gateway-west", "my-gateway"):
        (machine / name).mkdir()
    (machine / "gateway-notes").touch()
    assert "no configuration was found" in said("status", status=2)[1]


def test_a_gateway_that_ran_here_on_the_defaults_is_found_again(here: Path, stopped: Stopped, said: Said) -> None:
    (here / "data").mkdir()
    stopped.open().close()
    stopped._path.rename(here / "data" / "journal.db")  # noqa: SLF001
    assert said("journal", "status", status=0)[0].startswith("empty, ")


@pytest.mark.parametrize(
    "words",
    [
        ("setup", "grafana", "--store", "influxdb", "--pages", "https://g.example.vn"),
        ("setup", "broker", "--dry-run", "--plugins", "."),
    ],
)
def test_what_prepares_a_gateway_needs_none(here: Path, said: Said, words: tuple[str, ...]) -> None:
    (here / "mosquitto_dynamic_security.so").touch()
    assert said(*words, status=0)[0]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
@pytest.mark.parametrize("mode", [0o700, 0o755])
def test_one_that_this_user_may_not_read_is_said_and_not_passed_over(monkeypatch: pytest.MonkeyPatch, mode: int) -> None:
    with TemporaryDirectory() as folder:  # not in pytest's own, which another run of it closes
        os.chmod(folder, 0o755)  # noqa: PTH101, S103 - anybody's
        monkeypatch.chdir(folder)
        machine = Path(folder)
        file = install(machine, "gateway")
        file.chmod(0o600)
        file.parent.chmod(mode)
        _is_told_to_another_user(machine, file)
        monkeypatch.undo()


def _is_told_to_another_user(machine: Path, file: Path) -> None:
    code = (  # what is loaded on demand is loaded before: the checkout may lie where only root reads
        "import os, sys; from pathlib import Path;"
        "from gateway.commands import finding, stores; from gateway.commands.cli import main;"
        f"finding.MACHINE = Path({str(machine)!r}); os.setgroups([]); os.setgid(65534); os.setuid(65534);"
        "sys.exit(main(['journal', 'status']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        2,
        f"configuration: {file}\n{file}: may not be read by you: repeat the command with sudo, or name one with -c FILE\n",
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be led to do what another may not")
@pytest.mark.parametrize("owned", ["folder", "file"])
def test_root_goes_by_no_file_of_another_that_lies_where_it_works(here: Path, said: Said, owned: str) -> None:
    secret, mine = here.parent / "secret", here / "gateway.yaml"
    secret.write_text("of root")
    mine.write_text(f"http:\n  tokens_file: {secret}\n")
    here.chmod(0o1777)
    os.chown(mine if owned == "file" else here, 4242, 4242)
    _, why = said("setup", "token", "eve", "admin", status=2)
    assert f"{mine}: lies in the working folder, and user 4242 may write it" in why
    assert secret.read_text() == "of root"
