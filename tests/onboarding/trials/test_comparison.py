"""A changed profile is compared with the active one on the last messages of devices."""

from pathlib import Path

import pytest

from gateway.core.message import StoredMessage
from gateway.onboarding.trials.recordings import RecordedMessage
from gateway.onboarding.trials.request import COMPARED_MAX, ComparedMessage, compare
from gateway.support.config.files import ConfigurationFault
from tests.core.making import NOW_MS
from tests.site import OWN, Site

CHANGED = OWN.replace("NAME", "own").replace("ph: /ph", "turbidity_ntu: /ph").replace("ph: 7}}]", "turbidity_ntu: 7}}]")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A utility with a profile of its own."""
    found = Site(tmp_path)
    found.profile("own")
    return found


def last(device: str, payload: str, profile: str = "own") -> RecordedMessage:
    return RecordedMessage(StoredMessage(f"own/{device}/{profile}", payload.encode()), NOW_MS)


def test_messages_that_become_something_else_are_shown_and_others_counted(site: Site) -> None:
    found = compare(site.config, CHANGED, [last("d1", '{"ph": 7}'), last("d2", '{"x": 1}'), last("d3", '{"ph": 7}', "another")])
    assert found.same == 1, "a reject as before"
    assert found.differing == [ComparedMessage("d1", {"ph": 7.0}, {"turbidity_ntu": 7.0})]


def test_the_same_profile_changes_nothing(site: Site) -> None:
    found = compare(site.config, OWN.replace("NAME", "own"), [last(f"d{number}", '{"ph": 7}') for number in range(250)])
    assert found == (COMPARED_MAX, [])


def test_a_broken_profile_is_told_where_it_is_broken(site: Site) -> None:
    with pytest.raises(ConfigurationFault, match=r"^profile\.yaml: "):
        compare(site.config, CHANGED.replace("match", "mtach"), [])
