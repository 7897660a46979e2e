"""``gateway capacity``: the plan as a table in two languages and as JSON, and what no plan can be made of."""

import json

import pytest

from gateway.commands.cli import main
from tests.rows import each_row

TOWN = ("capacity", "--devices", "100000", "--interval", "15min", "--cabinets", "100")


def told(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    """Give the command; what it prints."""
    assert main([*TOWN, *words]) == status
    said = capsys.readouterr()
    return said.err if status else said.out


def test_the_table_has_each_figure_of_the_plan_with_its_unit(capsys: pytest.CaptureFixture[str]) -> None:
    made = json.loads(told(capsys, "--json"))
    lines = told(capsys).splitlines()
    assert lines[0].startswith("100,000 devices, a reading each in 15min; cabinets: 100")
    shown = [line[42:].strip() for line in lines if line.startswith("  ")]
    cabinet = made["cabinet"]
    assert shown[0] == f"{cabinet['devices']:,.0f}" == "1,000"
    assert shown[1] == f"{cabinet['rate']:,.2f}"
    assert f"{cabinet['gateway_cores']:,.3f}" in shown
    assert f"{made['price_usd']:,.0f}" in shown
    assert all(len(line) == 58 for line in lines if line.startswith("  "))
    size = cabinet["disk_bytes"] / 1e9
    assert f"{size:,.{0 if size >= 100 else 1}f} GB" in shown


def test_numbers_stand_in_vietnamese_as_they_are_written_there(capsys: pytest.CaptureFixture[str]) -> None:
    english, vietnamese = told(capsys).splitlines(), told(capsys, "--language", "vi").splitlines()
    assert len(english) == len(vietnamese)
    swap = str.maketrans(",.", ".,")
    for one, other in zip(english, vietnamese, strict=True):
        if one.startswith("  "):
            assert one[42:].strip().translate(swap) == other[42:].strip()


def test_devices_that_send_together_or_on_another_machine_need_another_plan(capsys: pytest.CaptureFixture[str]) -> None:
    usual = json.loads(told(capsys, "--json"))
    together = json.loads(told(capsys, "--json", "--spread", "1min"))
    assert together["cabinet"]["peak"] == pytest.approx(15 * usual["cabinet"]["peak"])
    assert json.loads(told(capsys, "--json", "--outage", "6h"))["cabinet"]["journal_bytes"] == pytest.approx(
        2 * usual["cabinet"]["journal_bytes"]
    )
    for words in (("--keep", "800d"), ("--keep-years", "20"), ("--store", "victoria-metrics"), ("--machine", "server")):
        assert json.loads(told(capsys, "--json", *words)) != usual


@each_row(
    ("words", "said"),
    [
        (("--interval", "0s"), "--interval: 0s is no time at all\n"),
        (("--interval", "soon"), "--interval: "),
        (("--keep", "0d"), "--keep: 0d is no time at all\n"),
        (("--spread", "16min"), "--spread: devices cannot take longer to send once than --interval, after which"),
        (("--cabinets", "100001"), "--cabinets: there are more cabinets than devices (100,000)\n"),
    ],
)
def test_what_no_plan_can_be_made_of_is_said(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, *words, status=2).startswith(said)


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_a_number_of_devices_is_one_or_more(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["capacity", f"--devices={number}"])
    assert f"{number!r} is not a whole number of 1 or more" in capsys.readouterr().err
