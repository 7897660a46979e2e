"""``gateway check FILE``: one profile by itself, as its author checks it."""

import pytest

from gateway.commands.cli import main
from tests.site import CODEC, OWN, RADIO, Site


def check_one(site: Site, capsys: pytest.CaptureFixture[str], file: str) -> tuple[int, str, list[str]]:
    """As ``check``, of one profile, with no configuration anywhere."""
    status = main(["check", str(site.folder / file)])
    said = capsys.readouterr()
    return status, said.out.replace(f"{site.folder}/", ""), said.err.replace(f"{site.folder}/", "").splitlines()


def test_a_profile_is_checked_by_itself_and_each_of_its_tests_is_named(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.profile("broken", "profile: NAME\nmatch: [")
    site.profile("mine", RADIO.replace("{topic: app", "{name: a frame, topic: app"), mine=CODEC)
    status, out, said = check_one(site, capsys, "profiles/mine.yaml")
    assert (status, out) == (0, "mine: 1 of 1 pass\n  pass  a frame\n")
    assert said == ["warning: profiles/mine.yaml: points.0.fields.ph: no test gives it a value"]


def test_a_test_that_fails_is_named_with_what_came_out_and_how_to_see_why(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.profile("pump", OWN.replace("fields: {ph: 7}", "fields: {ph: 8}"))
    status, out, said = check_one(site, capsys, "profiles/pump.yaml")
    assert (status, out.splitlines()[:2]) == (2, ["pump: 1 of 1 FAIL", "  FAIL  test 1"])
    assert out.splitlines()[2].endswith("gateway decode --profile profiles/pump.yaml --topic TOPIC MESSAGE")
    assert said == ["profiles/pump.yaml: tests: test 1: ph should be 8, but is 7.0"]


@pytest.mark.parametrize(
    ("file", "text", "fault"),
    [
        (
            "profiles/pump.yaml",
            OWN.replace("NAME", "pump").replace("{ph: /ph}", "{pH: /ph}"),
            "profiles/pump.yaml: points.0.fields.pH: ",
        ),
        ("profiles/pump.yaml", "profile: pump\nmatch: [", "profiles/pump.yaml: line 3: "),
        ("profiles/pump.yaml", RADIO.replace("NAME", "pump"), "profiles/pump.yaml: codec: pump.js is not beside the profile"),
        ("profiles/pump.yaml", OWN, "profiles/pump.yaml: profile: 'NAME' is not of the form 1 to 64 of a-z 0-9"),
        (
            "gateway.yaml",
            "mqtt: {url: mqtt://localhost}",
            "gateway.yaml: document: holds no profile, which begins with profile: NAME",
        ),
        ("none.yaml", None, "none.yaml: document: cannot be read: No such file"),
    ],
)
def test_what_is_wrong_with_one_profile_is_told_with_its_key(
    site: Site, capsys: pytest.CaptureFixture[str], file: str, text: str | None, fault: str
) -> None:
    if text is not None:
        (site.folder / file).write_text(text)
    status, out, said = check_one(site, capsys, file)
    assert (status, out, len(said)) == (2, "", 1), said
    assert said[0].startswith(fault)


@pytest.mark.parametrize("options", [["--connect"], ["-c", "gateway.yaml"]])
def test_with_one_profile_nothing_of_an_installation_is_asked_for(
    site: Site, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    site.profile("pump")
    assert main(["check", *options, str(site.folder / "profiles" / "pump.yaml")]) == 2
    assert capsys.readouterr().err == "check: a profile is checked by itself: leave -c and --connect out\n"
