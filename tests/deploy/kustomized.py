"""Kustomize as far as our manifests use it: what a folder of them becomes. A key that it does not know is a fault."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import yaml

Manifest = dict[str, Any]

_MERGE_KEYS: Final = {"containers": "name", "env": "name", "volumes": "name", "volumeMounts": "mountPath"}
"""Lists that a patch adds to, by the key that tells their entries apart; it takes the place of all others."""
_KNOWN: Final = {"apiVersion", "kind", "namespace", "resources", "configMapGenerator", "patches", "images"}


def kustomization_of(folder: Path) -> Manifest:
    """The kustomization of a folder."""
    found: Manifest = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    assert set(found) <= _KNOWN, found
    return found


def documents(path: Path) -> list[Manifest]:
    """The documents of a file."""
    return [one for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one is not None]


def rendered(folder: Path) -> list[Manifest]:
    """The manifests of a folder, as they would be applied; names of ConfigMaps without their hash."""
    given = kustomization_of(folder)
    found = [one for name in given["resources"] for one in _resources(folder / name)]
    for generator in given.get("configMapGenerator", []):
        data = {name: (folder / name).read_text(encoding="utf-8") for name in generator["files"]}
        if generator.get("behavior") == "merge":
            named(found, "ConfigMap", generator["name"])["data"] |= data
        else:
            found.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": generator["name"]}, "data": data})
    for patch in given.get("patches", []):
        for change in documents(folder / patch["path"]):
            _merge(named(found, change["kind"], change["metadata"]["name"]), change)
    for image in given.get("images", []):
        for container in _containers(found):
            if container["image"].partition(":")[0] == image["name"]:
                container["image"] = f"{image['newName']}:{image['newTag']}"
    for one in found:
        one["metadata"]["namespace"] = given["namespace"]
    return found


def named(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    """The one of a kind and name."""
    (found,) = [one for one in manifests if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


def _resources(path: Path) -> list[Manifest]:
    return rendered(path) if path.is_dir() else documents(path)


def _containers(manifests: list[Manifest]) -> Iterator[Manifest]:
    for one in manifests:
        yield from one.get("spec", {}).get("template", {}).get("spec", {}).get("containers", [])


def _merge(into: Manifest, change: Manifest) -> None:
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        elif key in _MERGE_KEYS and isinstance(into.get(key), list):
            into[key] = _joined(into[key], value, _MERGE_KEYS[key])
        else:
            into[key] = deepcopy(value)


def _joined(before: list[Manifest], change: list[Manifest], key: str) -> list[Manifest]:
    """The list of both; what is new stands before what was there, as kustomize does."""
    known = {one[key]: one for one in before}
    for one in change:
        if one[key] in known:
            _merge(known[one[key]], one)
    return [*(deepcopy(one) for one in change if one[key] not in known), *before]
