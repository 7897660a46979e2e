"""The manifests for Kubernetes: their form, what they refer to, the gateway's own settings in them. Nothing runs them here."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gateway.admin.broker.configuration import RabbitMqPlaces, rabbitmq_conf
from gateway.admin.databases.victoria_metrics import DEDUP
from gateway.ingest.database.metricsql_http import is_cluster
from gateway.support.config.files import load
from gateway.support.config.model import Config
from gateway.support.config.setting_types import split_url
from gateway.support.registry.shares import shares_of
from tests.deploy import kubernetes_schemas
from tests.deploy.kubernetes_rules import RULES
from tests.deploy.kustomized import Manifest, documents, kustomization_of, named, rendered

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
OVERLAYS = sorted(path.name for path in (FOLDER / "overlays").iterdir())
each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)

OF_THE_OPERATOR = re.compile(r"(mqtt\.)?listeners\.|management\.|loopback_users\.|ssl_options\.(certfile|keyfile) ")
"""Lines of RabbitMQ's configuration about addresses and certificates, which its operator writes by itself."""
MADE_BY_OPERATORS = (
    {"app.kubernetes.io/name": "rabbitmq"},
    *(
        {"app.kubernetes.io/name": name, "app.kubernetes.io/instance": "province", "managed-by": "vm-operator"}
        for name in ("vmstorage", "vmselect", "vminsert")
    ),
)
"""Labels that the operators give to their pods."""


@cache
def manifests(overlay: str) -> list[Manifest]:
    return rendered(FOLDER / "overlays" / overlay)


def gateways(overlay: str) -> Manifest:
    found: Manifest = named(manifests(overlay), "StatefulSet", "gateway")["spec"]
    return found


def pods_of(overlay: str) -> list[str]:
    """The names of the pods."""
    first = gateways(overlay)["ordinals"]["start"]
    return [f"gateway-{number}" for number in range(first, first + gateways(overlay)["replicas"])]


def pod(overlay: str) -> Manifest:
    found: Manifest = gateways(overlay)["template"]["spec"]
    return found


def container(overlay: str) -> Manifest:
    (found,) = pod(overlay)["containers"]
    assert isinstance(found, dict)
    return found


def within(document: object, key: str) -> Iterator[Any]:
    """The values of a key, wherever it stands."""
    if isinstance(document, dict):
        for name, value in document.items():
            if name == key:
                yield value
            yield from within(value, key)
    elif isinstance(document, list):
        for one in document:
            yield from within(one, key)


# ---- Form and references --------------------------------------------------------------------------------------------


@each_overlay
def test_each_manifest_has_the_form_of_its_kind(overlay: str) -> None:
    for one in manifests(overlay):
        jsonschema.validate(one, RULES[one["kind"]])


def test_every_file_is_used_by_a_folder_that_names_it() -> None:
    used = {FOLDER / "README.md"}
    for file in FOLDER.rglob("kustomization.yaml"):
        given = kustomization_of(file.parent)
        names = [*given["resources"], *(patch["path"] for patch in given.get("patches", []))]
        names += [name for generator in given.get("configMapGenerator", []) for name in generator["files"]]
        used |= {file, *((file.parent / name).resolve() for name in names)}
    assert {path for path in FOLDER.rglob("*") if path.is_file()} == {path for path in used if path.is_file()}


@each_overlay
def test_no_two_manifests_have_one_name(overlay: str) -> None:
    names = [(one["kind"], one["metadata"]["name"]) for one in manifests(overlay)]
    assert len(set(names)) == len(names)


@each_overlay
def test_selectors_find_pods(overlay: str) -> None:
    own = gateways(overlay)["template"]["metadata"]["labels"]
    pods = [*({"statefulset.kubernetes.io/pod-name": name} | own for name in pods_of(overlay)), *MADE_BY_OPERATORS]
    selectors = [labels for one in manifests(overlay) for labels in within(one, "matchLabels")]
    selectors += [one["spec"]["selector"] for one in manifests(overlay) if one["kind"] == "Service"]
    for labels in selectors:
        if not set(labels) & {"kubernetes.io/metadata.name", "province.gateway/pages", "province.gateway/store"}:
            assert any(labels.items() <= labelled.items() for labelled in pods), labels


@each_overlay
def test_mounts_are_of_volumes_and_every_volume_is_mounted(overlay: str) -> None:
    claims = [claim["metadata"]["name"] for claim in gateways(overlay)["volumeClaimTemplates"]]
    volumes = {volume["name"]: volume for volume in pod(overlay)["volumes"]}
    mounts = container(overlay)["volumeMounts"]
    assert {mount["name"] for mount in mounts} == {*claims, *volumes}
    assert len({mount["mountPath"] for mount in mounts}) == len(mounts)
    for mount in mounts:
        if "configMap" in volumes.get(mount["name"], {}):
            data = named(manifests(overlay), "ConfigMap", volumes[mount["name"]]["configMap"]["name"])["data"]
            assert mount["subPath"] in data
            assert mount["readOnly"]


@each_overlay
def test_ports_are_those_of_the_pages(overlay: str) -> None:
    ports = {port["name"]: port["containerPort"] for port in container(overlay)["ports"]}
    assert ports == {"pages": Config().http.port}
    probes = [container(overlay)[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")]
    assert {(probe["path"], probe["port"]) for probe in probes} == {("/healthz", "pages")}, "the one path without a token"
    services = {one["metadata"]["name"]: one for one in manifests(overlay) if one["kind"] == "Service"}
    assert gateways(overlay)["serviceName"] in services
    for one in services.values():
        assert {port["targetPort"] for port in one["spec"]["ports"]} <= set(ports)
    for backend in within(manifests(overlay), "backend"):
        assert backend["service"]["name"] in services


@each_overlay
def test_a_variable_is_expanded_only_behind_its_definition(overlay: str) -> None:
    """Kubernetes leaves ``$(NAME)`` as it is where NAME stands further down, and a patch puts its own in front."""
    known: set[str] = set()
    for entry in container(overlay)["env"]:
        assert set(re.findall(r"\$\((\w+)\)", entry.get("value", ""))) <= known, entry
        known.add(entry["name"])
    assert set(re.findall(r"\$\((\w+)\)", str(container(overlay)["volumeMounts"]))) <= known


@each_overlay
def test_a_gateway_is_the_image_of_ours_and_has_no_rights(overlay: str) -> None:
    lines = (FOLDER.parent / "compose" / "Containerfile").read_text(encoding="utf-8").splitlines()
    (user,) = (line.removeprefix("USER ") for line in lines if line.startswith("USER "))
    context = pod(overlay)["securityContext"]
    assert f"{context['runAsUser']}:{context['runAsGroup']}" == user
    assert context["fsGroup"] == context["runAsGroup"], "or it may not write to its volume"
    assert f"WORKDIR {container(overlay)['workingDir']}" in lines
    assert container(overlay)["image"].split("/")[-1].partition(":")[0] == "gateway"
    assert pod(overlay)["terminationGracePeriodSeconds"] > 5


@each_overlay
def test_secrets_are_files_and_the_guide_makes_each(overlay: str) -> None:
    guide = (FOLDER / "README.md").read_text(encoding="utf-8")
    secrets = {name for one in manifests(overlay) for name in within(one, "secretName")}
    assert secrets
    for name in secrets:
        assert re.search(rf"create secret (generic|tls) {name} ", guide), name
    assert "secretKeyRef" not in str(manifests(overlay))
    assert not [one["name"] for one in container(overlay)["env"] if re.search("(PASSWORD|TOKEN)$", one["name"])]


# ---- The gateway's settings -----------------------------------------------------------------------------------------


def settings(overlay: str, name: str, folder: Path) -> Config:
    """The configuration of one gateway, as its pod would read it, with files in place of its mounts."""
    home = folder / "var/lib/gateway"
    home.mkdir(parents=True)
    for file, text in named(manifests(overlay), "ConfigMap", "gateway")["data"].items():
        (home / file).write_text(text.replace("/run/", f"{folder}/run/"))
    environment = {}
    for entry in container(overlay)["env"]:
        text = entry.get("value", name).replace("$(POD_NAME)", name)
        environment[entry["name"]] = text.replace("/run/", f"{folder}/run/")
    for mount in container(overlay)["volumeMounts"]:
        if mount["mountPath"].startswith("/run/"):
            place = folder / mount["mountPath"][1:]
            if not {"subPath", "subPathExpr"} & set(mount):  # a folder of one file
                place /= {"broker-ca": "ca.crt", "pages-tokens": "tokens"}.get(mount["name"], "token")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("a secret of more than sixteen letters\n")
    return load(home / "gateway.yaml", environment)


@each_overlay
def test_each_gateway_takes_its_settings(overlay: str, tmp_path: Path) -> None:
    claim = gateways(overlay)["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"]
    for name in pods_of(overlay):
        config = settings(overlay, name, tmp_path / name)
        assert config.mqtt.client_id == config.mqtt.username == name
        assert config.http.host == "::"
        room_bytes = int(claim.removesuffix("Gi")) * 2**30
        assert config.journal.max_bytes + config.journal.min_free_bytes < room_bytes
        home = tmp_path / name / "var/lib/gateway"
        for path in (config.devices.registry, config.profiles.path, config.journal.path, config.alarms.rules):
            assert path.is_relative_to(home), "it outlives the pod"


def test_the_gateways_of_a_province_share_its_sites_on_its_broker_and_store(tmp_path: Path) -> None:
    found = manifests("province")
    broker, store = named(found, "RabbitmqCluster", "rabbitmq")["spec"], named(found, "VMCluster", "province")["spec"]
    configs = [settings("province", name, tmp_path / name) for name in pods_of("province")]
    shares = shares_of(configs[0].mqtt)
    assert shares is not None
    assert list(shares.gateways) == [config.mqtt.client_id for config in configs]
    for config in configs:
        found_there = shares_of(config.mqtt)
        assert found_there is not None
        assert found_there.assigned == shares.assigned
        assert split_url(config.mqtt.url).hostname == "rabbitmq"
        assert split_url(config.influxdb.url).netloc == "vminsert-province:8480"
        assert split_url(config.influxdb.asked_url).netloc == "vmselect-province:8481"
        assert is_cluster(config.influxdb.asked_url)
    assert {rule["host"] for rule in named(found, "Ingress", "pages")["spec"]["rules"]} == set(configs[0].http.hosts)
    assert shares.management is not None
    assert shares.management.password_file.read_text()
    written = rabbitmq_conf(RabbitMqPlaces(Path(), Path()), configs[0].mqtt.session_expiry, configs[0].mqtt.receive_maximum)
    lines = [line for line in written.splitlines() if line and not line.startswith("#") and not OF_THE_OPERATOR.match(line)]
    assert broker["rabbitmq"]["additionalConfig"].splitlines() == lines
    kept = timedelta(days=int(store["retentionPeriod"].removesuffix("d")))
    assert kept >= configs[0].time.max_past + timedelta(days=62)
    assert store["replicationFactor"] < store["vmstorage"]["replicaCount"]
    for part in ("vmstorage", "vmselect"):
        assert DEDUP in {f"-{flag}={value}" for flag, value in store[part]["extraArgs"].items()}


def test_a_broker_without_tls_is_not_offered() -> None:
    broker = named(manifests("province"), "RabbitmqCluster", "rabbitmq")["spec"]
    assert broker["tls"]["disableNonTLSListeners"]
    policies = [one for one in manifests("province") if one["kind"] == "NetworkPolicy"]
    assert 1883 not in {port["port"] for one in policies for ports in within(one, "ports") for port in ports}


def test_the_command_holds_each_manifest_against_a_schema_of_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kubernetes_schemas.main([str(tmp_path)]) == 2
    assert "VMCluster province: no schema of operator.victoriametrics.com/v1beta1" in capsys.readouterr().out
    (tmp_path / "service-v1.json").write_text('{"properties": {"spec": {"$ref": "_definitions.json#/spec"}}}')
    (tmp_path / "_definitions.json").write_text('{"spec": {"required": ["clusterIP"]}}')
    schema = {"properties": {"spec": {"properties": {"replicas": {"type": "integer"}}}}}
    versions = [{"name": "v1beta1", "schema": {"openAPIV3Schema": schema}}]
    definition = {"group": "rabbitmq.com", "names": {"kind": "RabbitmqCluster"}, "versions": versions}
    (tmp_path / "definition.yaml").write_text(json.dumps({"kind": "CustomResourceDefinition", "spec": definition}))
    assert kubernetes_schemas.main([str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "existing: Service gateway: fits" in said
    assert "province: Service gateway-1: spec: 'clusterIP' is a required property" in said
    assert "RabbitmqCluster rabbitmq: spec: Additional properties are not allowed" in said


@pytest.mark.skipif(shutil.which("kustomize") is None, reason="kustomize is not installed")
@each_overlay
def test_kustomize_makes_the_same_of_them(overlay: str, tmp_path: Path) -> None:
    done = subprocess.run(["kustomize", "build", FOLDER / "overlays" / overlay], capture_output=True, text=True, check=True)
    (tmp_path / "built.yaml").write_text(re.sub(r"\bgateway-[a-z0-9]{10}\b", "gateway", done.stdout))
    built, ours = (
        [json.dumps(one, sort_keys=True) for one in some] for some in (documents(tmp_path / "built.yaml"), manifests(overlay))
    )
    assert sorted(built) == sorted(ours)
