"""``python -m tests.deploy.kubernetes_schemas DIR``: hold the manifests against published schemas, downloaded by whoever asks.

DIR holds JSON schemas of Kubernetes (files named as ``statefulset-apps-v1.json``, with what they refer to) and definitions of
the operators' resources (YAML, CustomResourceDefinition). Exit status: 0 all fit, 1 one does not, 2 one has no schema in DIR.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from tests.deploy.kustomized import Manifest, rendered

OVERLAYS: Final = Path(__file__).parents[2] / "deploy" / "kubernetes" / "overlays"


def _own_definitions(folder: Path) -> dict[tuple[str, str], Any]:
    """The schemas of operators' resources, by version and kind."""
    found = {}
    for file in sorted(folder.rglob("*.y*ml")):
        for one in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            if isinstance(one, dict) and one.get("kind") == "CustomResourceDefinition":
                group, kind = one["spec"]["group"], one["spec"]["names"]["kind"]
                for version in one["spec"]["versions"]:
                    found[f"{group}/{version['name']}", kind] = version["schema"]["openAPIV3Schema"]
    return found


def _validator(folder: Path, one: Manifest, own: Mapping[tuple[str, str], Any]) -> Draft7Validator | None:
    schema = own.get((one["apiVersion"], one["kind"]))
    if schema is not None:
        return Draft7Validator(_closed(schema))
    group, _, version = one["apiVersion"].rpartition("/")
    name = "-".join(part for part in (one["kind"].lower(), group.partition(".")[0], version) if part)
    file = next(iter(sorted(folder.rglob(f"{name}.json"))), None)
    if file is None:
        return None

    def retrieve(uri: str) -> Resource[Any]:
        return DRAFT7.create_resource(json.loads((file.parent / uri.rpartition("/")[2]).read_text(encoding="utf-8")))

    schema = json.loads(file.read_text(encoding="utf-8"))
    return Draft7Validator(schema, registry=Registry(retrieve=retrieve))  # type: ignore[call-arg]  # its stubs do not know it


def _closed(schema: Any) -> Any:  # noqa: ANN401 - a schema is any JSON
    """The same schema without room for fields that it does not name, which a cluster would drop in silence."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and not schema.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    return closed


def main(words: list[str] | None = None) -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(description="hold the manifests against published schemas")
    parser.add_argument("folder", type=Path, metavar="DIR")
    folder = parser.parse_args(words).folder
    if not folder.is_dir():
        parser.error(f"{folder} is not a folder")
    own, faults, unknown = _own_definitions(folder), 0, 0
    for overlay in sorted(OVERLAYS.iterdir()):
        for one in rendered(overlay):
            what = f"{overlay.name}: {one['kind']} {one['metadata']['name']}"
            validator = _validator(folder, one, own)
            if validator is None:
                unknown += 1
                sys.stdout.write(f"{what}: no schema of {one['apiVersion']} in {folder}\n")
                continue
            wrong = [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in validator.iter_errors(one)]
            faults += len(wrong)
            sys.stdout.write(f"{what}: {'; '.join(wrong) or 'fits'}\n")
    return 1 if faults else 2 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
