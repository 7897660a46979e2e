"""The published schema of ``shares.yaml``: it takes what the gateway takes, and says what each key is."""

import json
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

import schemas
from gateway.support.registry.shares import faults_of
from tests.rows import each_row
from tests.support.registry.test_shares import TWO

SCHEMA = json.loads((Path(schemas.__file__).parent / "json" / "shares.json").read_bytes())
PROVINCE = Path(__file__).parents[2] / "deploy" / "kubernetes" / "overlays" / "province" / "shares.yaml"


@each_row(
    ("shares", "is_taken"),
    [
        ("[{site: ward-1, weight: 1200}, {site: ward-2, domain: water, gateway: gateway-2}]", True),
        ('[{topic: "application/7/#"}, {group: xa-tan-an}]', True),
        ("[]", True),
        ("[{site: a, group: b}]", False),
        ("[{weight: 3}]", False),
        ("[{site: ward.1}]", False),
        ("[{site: a, weight: 0}]", False),
        ("[{site: a, domain: gas}]", False),
        ("[{site: a, wieght: 3}]", False),
        ("[{site: a}]\nmanagement: {url: 'ftp://a', username: b, password_file: c}", False),
        ("[{site: a}]\nmanagement: {url: 'https://a', username: b, password_file: c}", True),
        ("[{site: a}]\nmanagement: {url: 'https://a', username: b}", False),
    ],
)
def test_the_schema_of_shares_takes_what_the_gateway_takes(shares: str, is_taken: bool) -> None:  # noqa: FBT001
    document = yaml.safe_load(f"{TWO}shares: {shares}")
    assert (Draft202012Validator(SCHEMA).is_valid(document), not faults_of(document)) == (is_taken, is_taken)


def test_the_schema_of_shares_takes_the_file_of_the_manifests_and_describes_every_key() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(yaml.safe_load(PROVINCE.read_text()))
    parts: list[dict[str, Any]] = [SCHEMA, *SCHEMA["$defs"].values()]
    assert [key for part in parts for key, about in part["properties"].items() if "description" not in about] == []
