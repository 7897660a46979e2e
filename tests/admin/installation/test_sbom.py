"""The bill of materials: all of the lock is in it, and it keeps to the rules of CycloneDX 1.6 for what it uses of it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gateway.admin.installation import sbom
from gateway.admin.installation.release import SUMS, digest
from gateway.admin.installation.sbom import LockedPackage, locked_packages

ROOT = Path(__file__).parents[3]
LOCK = (ROOT / "requirements-runtime.lock").read_text(encoding="utf-8")
SMALL = """\
# comment of the tool
one==1.0 ; sys_platform == 'linux' \\
    --hash=sha256:{a} \\
    --hash=sha256:{b}
    # via province-gateway (pyproject.toml)
two==2.0.post1 \\
    --hash=sha256:{c}
    # via
    #   -c requirements.lock
    #   one
    #   province-gateway (pyproject.toml)
""".format(a="a" * 64, b="b" * 64, c="c" * 64)

TEXT = {"type": "string", "minLength": 1}


def closed(required: str = "", **properties: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """An object of these properties and no others."""
    return {"type": "object", "additionalProperties": False, "required": required.split(), "properties": properties}


def listed(items: Mapping[str, object]) -> dict[str, Any]:
    """A list whose elements differ from each other."""
    return {"type": "array", "items": items, "uniqueItems": True}


LICENCE = {
    "oneOf": [
        closed("license", license={"oneOf": [closed("id", id=TEXT), closed("name", name=TEXT)]}),
        closed("expression", expression=TEXT),
    ]
}
COMPONENT = closed(
    "type name version bom-ref",
    type={"enum": ["application", "library"]},
    name=TEXT,
    version=TEXT,
    purl={"type": "string", "pattern": r"^pkg:[a-z]+/[\w.-]+@[\w.+-]+$"},
    hashes=listed(closed("alg content", alg={"const": "SHA-256"}, content={"type": "string", "pattern": "^[0-9a-f]{64}$"})),
    licenses=listed(LICENCE),
    properties=listed(closed("name value", name=TEXT, value={"type": "string"})),
    **{"bom-ref": TEXT},
)
SCHEMA = closed(
    "bomFormat specVersion serialNumber version metadata components dependencies",
    bomFormat={"const": "CycloneDX"},
    specVersion={"const": "1.6"},
    serialNumber={"type": "string", "pattern": "^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"},
    version={"type": "integer", "minimum": 1},
    metadata=closed("component", component=COMPONENT),
    components=listed(COMPONENT),
    dependencies=listed(closed("ref dependsOn", ref=TEXT, dependsOn=listed(TEXT))),
)
"""The rules of the published bom-1.6.schema.json for all that we write, and nothing else allowed."""


def checked(text: str) -> dict[str, Any]:
    """A bill that keeps to the rules."""
    bill: dict[str, Any] = json.loads(text)
    jsonschema.validate(bill, SCHEMA)
    return bill


def bill_of(lock: str) -> dict[str, Any]:
    return checked(sbom.sbom_text(lock))


def test_a_lock_is_read_with_its_hashes_machines_and_who_needs_what() -> None:
    assert locked_packages(SMALL) == [
        LockedPackage("one", "1.0", "sys_platform == 'linux'", ("a" * 64, "b" * 64), (sbom.PROJECT,)),
        LockedPackage("two", "2.0.post1", "", ("c" * 64,), ("one", sbom.PROJECT)),
    ]


def test_every_locked_package_is_in_the_bill_and_nothing_else() -> None:
    parts = bill_of(LOCK)["components"]
    assert {(part["name"], part["version"]) for part in parts} == {(one.name, one.version) for one in locked_packages(LOCK)}
    assert all(part["hashes"] for part in parts)
    assert sum("licenses" in part for part in parts) > 0.9 * len(parts)


def test_an_expression_of_licences_stands_alone() -> None:
    lists = [part["licenses"] for part in bill_of(LOCK)["components"] if "licenses" in part]
    assert not [found for found in lists if len(found) > 1 and any("expression" in licence for licence in found)]


def test_references_are_unique_and_lead_to_something_and_everything_is_reached_from_the_project() -> None:
    bill = bill_of(LOCK)
    project = bill["metadata"]["component"]["bom-ref"]
    refs = [project, *(part["bom-ref"] for part in bill["components"])]
    assert len(refs) == len(set(refs))
    needs = {dependency["ref"]: dependency["dependsOn"] for dependency in bill["dependencies"]}
    assert list(needs) == refs
    reached, ahead = {project}, [project]
    while ahead:
        new = set(needs[ahead.pop()]) - reached
        reached |= new
        ahead += new
    assert reached == set(refs)


def test_the_same_lock_makes_the_same_bill_and_another_one_another_number() -> None:
    assert sbom.sbom_text(LOCK) == sbom.sbom_text(LOCK)
    assert bill_of(LOCK)["serialNumber"] != bill_of(SMALL)["serialNumber"]
    assert bill_of(SMALL)["dependencies"][0]["dependsOn"] == ["pkg:pypi/one@1.0", "pkg:pypi/two@2.0.post1"]


def test_of_the_files_of_a_package_only_those_at_hand_are_named() -> None:
    one, two = checked(sbom.sbom_text(SMALL, "1.0", {"b" * 64}))["components"]
    assert [found["content"] for found in one["hashes"]] == ["b" * 64]
    assert "hashes" not in two


def test_it_is_written_where_it_is_wanted_and_a_place_that_cannot_be_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sbom.main(["--out", str(tmp_path / "new" / "bill.json")]) == 0
    checked((tmp_path / "new" / "bill.json").read_text(encoding="utf-8"))
    assert sbom.main(["--out", "/proc/bill.json"]) == 1
    assert "/proc/bill.json: cannot be written" in capsys.readouterr().err


@pytest.mark.slow
def test_a_bundle_holds_the_bill_of_its_own_wheels(bundle: Path) -> None:
    bill = checked((bundle / sbom.SBOM).read_text(encoding="utf-8"))
    wheels = {digest(path) for path in (bundle / "wheels").glob("*/*.whl")}
    assert {found["content"] for part in bill["components"] for found in part.get("hashes", ())} == wheels
    assert bill["metadata"]["component"]["version"] == (bundle / "VERSION").read_text(encoding="utf-8").strip()
    assert sbom.SBOM in (bundle / SUMS).read_text(encoding="utf-8")
