"""The list of the forgotten: hashes with a key of the gateway, which nobody else can turn into devices."""

import hashlib
import hmac
from pathlib import Path

from gateway.support.audit.forgotten import FORGOTTEN, ForgottenDevices, forgotten_beside, join, read


def listed(folder: Path) -> ForgottenDevices:
    return forgotten_beside(folder / "journal.db")


def test_a_device_is_known_again_in_any_spelling_by_who_has_the_key(tmp_path: Path) -> None:
    found = listed(tmp_path)
    assert (found.path, found.key_path) == (tmp_path / f"journal.db{FORGOTTEN}", tmp_path / f"journal.db{FORGOTTEN}-key")
    assert read(found.path) == {}
    digest = found.add("70B3D5E75E000001", 1000)
    assert digest == hmac.new(found.key(), b"70b3d5e75e000001", hashlib.sha256).hexdigest()
    assert (found.path.stat().st_mode & 0o777, found.key_path.stat().st_mode & 0o777) == (0o600, 0o600)
    assert "70b3" not in found.path.read_text().lower()
    again = listed(tmp_path)
    assert again.among(["m1", "70b3d5e75e000001", "m1", "m2"], frozenset({digest})) == ["70b3d5e75e000001"]
    assert again.among(["m1"], frozenset()) == []
    other = ForgottenDevices(found.path, tmp_path / "other-key")
    assert other.digest("70B3D5E75E000001") != digest, "another key"
    assert len(found.key()) == 32
    assert found.key() == again.key()


def test_those_later_than_an_instant_are_found_in_all_lists(tmp_path: Path) -> None:
    found = listed(tmp_path)
    one, other = found.add("m1", 1000), found.add("m2", 2000)
    join(tmp_path / "beside", {"x": 3000})
    assert found.since(1000) == {other}
    assert found.since(999, tmp_path / "beside", tmp_path / "missing") == {one, other, "x"}
    assert found.since(3000, tmp_path / "beside") == frozenset()


def test_lists_are_joined_the_last_forgetting_counts_and_what_is_no_line_is_left_out(tmp_path: Path) -> None:
    found, beside = listed(tmp_path), tmp_path / "beside"
    found.join(beside)
    assert not found.path.exists(), "there is nothing to add"
    beside.write_text("5 a\n\nx b\n7 c d\n9 b\n")
    join(found.path, {"c": 3, "a": 1})
    found.join(beside)
    assert read(found.path) == {"c": 3, "a": 5, "b": 9}
    assert found.path.read_text() == "3 c\n5 a\n9 b\n"
