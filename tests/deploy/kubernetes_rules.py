"""The rules of Kubernetes' and the operators' published interfaces for what our manifests use of them; nothing else is allowed.

Read in the published definitions: Kubernetes 1.28 to 1.37; RabbitmqCluster of rabbitmq/cluster-operator, VMCluster of
VictoriaMetrics/operator, both v1beta1.
"""

from typing import Any, Final

Rule = dict[str, Any]

_TEXT: Final[Rule] = {"type": "string", "minLength": 1}
_NUMBER: Final[Rule] = {"type": "integer", "minimum": 0}
_TRUTH: Final[Rule] = {"type": "boolean"}
_NAME: Final[Rule] = {"type": "string", "pattern": r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"}
_TEXTS: Final[Rule] = {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1}
_WORDS: Final[Rule] = {"type": "array", "items": _TEXT, "minItems": 1}
_QUANTITY: Final[Rule] = {"type": "string", "pattern": r"^\d+(m|[KMGT]i)?$"}
_PORT: Final[Rule] = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 65535}, _NAME]}
_STACK: Final[Rule] = {"enum": ["SingleStack", "PreferDualStack", "RequireDualStack"]}


def _closed(properties: Rule, *required: str) -> Rule:
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": list(required)}


def _list(items: Rule) -> Rule:
    return {"type": "array", "items": items, "minItems": 1}


def _manifest(version: str, kind: str, **sections: Rule) -> Rule:
    head = {"apiVersion": {"const": version}, "kind": {"const": kind}, "metadata": _METADATA}
    return _closed(head | sections, "apiVersion", "kind", "metadata", *sections)


_METADATA: Final = _closed({"name": _NAME, "namespace": _NAME, "labels": _TEXTS}, "name", "namespace")
_SELECTOR: Final = _closed({"matchLabels": _TEXTS}, "matchLabels")
_RESOURCES: Final = _closed(
    {
        key: {"type": "object", "additionalProperties": _QUANTITY, "propertyNames": {"enum": ["cpu", "memory"]}}
        for key in ("requests", "limits")
    }
)
_SPREAD: Final = _list(
    _closed(
        {
            "maxSkew": _NUMBER,
            "topologyKey": _TEXT,
            "whenUnsatisfiable": {"enum": ["DoNotSchedule", "ScheduleAnyway"]},
            "labelSelector": _SELECTOR,
        },
        *("maxSkew", "topologyKey", "whenUnsatisfiable"),
    )
)
_CLAIM: Final = _closed(
    {"accessModes": _WORDS, "resources": _closed({"requests": _closed({"storage": _QUANTITY}, "storage")}, "requests")},
    "resources",
)
_PROBE: Final = _closed(
    {
        "httpGet": _closed({"path": {"type": "string", "pattern": "^/"}, "port": _PORT}, "port"),
        **{key: {"type": "integer", "minimum": 1} for key in ("periodSeconds", "timeoutSeconds", "failureThreshold")},
    },
    "httpGet",
)
_ENTRY: Final = _closed(
    {
        "name": _TEXT,
        "value": {"type": "string"},
        "valueFrom": _closed({"fieldRef": _closed({"fieldPath": _TEXT}, "fieldPath")}, "fieldRef"),
    },
    "name",
)
_MOUNT: Final = _closed(
    {"name": _NAME, "mountPath": _TEXT, "subPath": _TEXT, "subPathExpr": _TEXT, "readOnly": _TRUTH}, "name", "mountPath"
)
_CONTAINER: Final = _closed(
    {
        "name": _NAME,
        "image": _TEXT,
        "args": _WORDS,
        "workingDir": _TEXT,
        "env": _list(_ENTRY),
        "ports": _list(_closed({"name": _NAME, "containerPort": _PORT}, "containerPort")),
        "startupProbe": _PROBE,
        "livenessProbe": _PROBE,
        "readinessProbe": _PROBE,
        "resources": _RESOURCES,
        "securityContext": _closed(
            {
                "allowPrivilegeEscalation": {"const": False},
                "readOnlyRootFilesystem": {"const": True},
                "capabilities": _closed({"drop": {"const": ["ALL"]}}, "drop"),
            },
            *("allowPrivilegeEscalation", "readOnlyRootFilesystem", "capabilities"),
        ),
        "volumeMounts": _list(_MOUNT),
    },
    *("name", "image", "securityContext", "resources", "livenessProbe"),
)
_VOLUME: Final = {
    **_closed(
        {
            "name": _NAME,
            "configMap": _closed({"name": _NAME}, "name"),
            "secret": _closed({"secretName": _NAME, "defaultMode": {"const": 0o440}}, "secretName", "defaultMode"),
            "emptyDir": _closed({"medium": {"const": "Memory"}, "sizeLimit": _QUANTITY}),
        },
        "name",
    ),
    "minProperties": 2,
    "maxProperties": 2,
}
_POD: Final = _closed(
    {
        "automountServiceAccountToken": {"const": False},
        "enableServiceLinks": {"const": False},
        "terminationGracePeriodSeconds": _NUMBER,
        "securityContext": _closed(
            {
                "runAsNonRoot": {"const": True},
                **dict.fromkeys(("runAsUser", "runAsGroup", "fsGroup"), _NUMBER),
                "fsGroupChangePolicy": {"enum": ["OnRootMismatch", "Always"]},
                "seccompProfile": _closed({"type": {"const": "RuntimeDefault"}}, "type"),
            },
            *("runAsNonRoot", "runAsUser", "runAsGroup", "fsGroup", "seccompProfile"),
        ),
        "topologySpreadConstraints": _SPREAD,
        "containers": _list(_CONTAINER),
        "volumes": _list(_VOLUME),
    },
    *("containers", "securityContext", "automountServiceAccountToken"),
)
_STATEFUL_SET: Final = _closed(
    {
        "serviceName": _NAME,
        "replicas": _NUMBER,
        "ordinals": _closed({"start": _NUMBER}, "start"),
        "podManagementPolicy": {"enum": ["OrderedReady", "Parallel"]},
        "minReadySeconds": _NUMBER,
        "selector": _SELECTOR,
        "template": _closed({"metadata": _closed({"labels": _TEXTS}, "labels"), "spec": _POD}, "metadata", "spec"),
        "volumeClaimTemplates": _list(
            _closed({"metadata": _closed({"name": _NAME}, "name"), "spec": _CLAIM}, "metadata", "spec")
        ),
    },
    *("serviceName", "selector", "template"),
)
_SERVICE: Final = _closed(
    {
        "clusterIP": {"const": "None"},
        "publishNotReadyAddresses": _TRUTH,
        "ipFamilyPolicy": _STACK,
        "selector": _TEXTS,
        "ports": _list(_closed({"name": _NAME, "port": _PORT, "targetPort": _PORT}, "port")),
    },
    *("ipFamilyPolicy", "selector", "ports"),
)
_PEER: Final = {
    **_closed({"podSelector": _SELECTOR, "namespaceSelector": _SELECTOR, "ipBlock": _closed({"cidr": _TEXT}, "cidr")}),
    "minProperties": 1,
}
_PORTS: Final = _list(_closed({"protocol": {"enum": ["TCP", "UDP"]}, "port": _PORT}, "port"))
_NETWORK_POLICY: Final = _closed(
    {
        "podSelector": _SELECTOR,
        "policyTypes": {"type": "array", "items": {"enum": ["Ingress", "Egress"]}, "minItems": 1},
        "ingress": _list(_closed({"from": _list(_PEER), "ports": _PORTS})),
        "egress": _list(_closed({"to": _list(_PEER), "ports": _PORTS}, "to")),
    },
    *("podSelector", "policyTypes"),
)
_BACKEND: Final = _closed(
    {"service": _closed({"name": _NAME, "port": _closed({"name": _NAME}, "name")}, "name", "port")}, "service"
)
_INGRESS: Final = _closed(
    {
        "tls": _list(_closed({"secretName": _NAME, "hosts": _WORDS}, "secretName", "hosts")),
        "rules": _list(
            _closed(
                {
                    "host": _TEXT,
                    "http": _closed(
                        {
                            "paths": _list(
                                _closed(
                                    {"path": _TEXT, "pathType": {"const": "Prefix"}, "backend": _BACKEND}, "pathType", "backend"
                                )
                            )
                        },
                        "paths",
                    ),
                },
                *("host", "http"),
            )
        ),
    },
    *("tls", "rules"),
)
_RABBITMQ: Final = _closed(
    {
        "replicas": {"enum": [1, 3, 5]},
        "image": _TEXT,
        "service": _closed({"type": {"enum": ["ClusterIP", "LoadBalancer", "NodePort"]}}),
        "override": _closed({"service": _closed({"spec": _closed({"ipFamilyPolicy": _STACK})})}),
        "persistence": _closed({"storage": _QUANTITY, "storageClassName": _NAME}),
        "resources": _RESOURCES,
        "tls": _closed({"secretName": _NAME, "caSecretName": _NAME, "disableNonTLSListeners": _TRUTH}),
        "rabbitmq": _closed(
            {
                "additionalPlugins": {"type": "array", "items": {"type": "string", "pattern": r"^\w+$"}, "maxItems": 100},
                "additionalConfig": {"type": "string", "maxLength": 2000},
                "advancedConfig": {"type": "string", "maxLength": 100_000},
            }
        ),
        "affinity": _closed(
            {
                "podAntiAffinity": _closed(
                    {
                        "requiredDuringSchedulingIgnoredDuringExecution": _list(
                            _closed({"topologyKey": _TEXT, "labelSelector": _SELECTOR}, "topologyKey")
                        )
                    }
                )
            }
        ),
    }
)
_VM_PART: Final[Rule] = {
    "replicaCount": {"type": "integer", "minimum": 1},
    "extraArgs": _TEXTS,
    "podDisruptionBudget": _closed({"maxUnavailable": _NUMBER}),
    "resources": _RESOURCES,
    "topologySpreadConstraints": _SPREAD,
}
_VM_CLUSTER: Final = _closed(
    {
        "clusterVersion": {"type": "string", "pattern": r"^v[\d.]+-cluster$"},
        "retentionPeriod": {"type": "string", "pattern": r"^[0-9]+(h|d|w|y)?$"},
        "replicationFactor": {"type": "integer", "minimum": 1},
        "useStrictSecurity": _TRUTH,
        "vmstorage": _closed(
            _VM_PART
            | {"storageDataPath": _TEXT, "storage": _closed({"volumeClaimTemplate": _closed({"spec": _CLAIM}, "spec")})}
        ),
        "vmselect": _closed(_VM_PART | {"cacheMountPath": _TEXT}),
        "vminsert": _closed(_VM_PART),
    },
    *("vmstorage", "vmselect", "vminsert"),
)
_BUDGET: Final = _closed({"maxUnavailable": _NUMBER, "selector": _SELECTOR}, "maxUnavailable", "selector")
RULES: Final = {
    "ConfigMap": _manifest("v1", "ConfigMap", data=_TEXTS),
    "Service": _manifest("v1", "Service", spec=_SERVICE),
    "StatefulSet": _manifest("apps/v1", "StatefulSet", spec=_STATEFUL_SET),
    "PodDisruptionBudget": _manifest("policy/v1", "PodDisruptionBudget", spec=_BUDGET),
    "NetworkPolicy": _manifest("networking.k8s.io/v1", "NetworkPolicy", spec=_NETWORK_POLICY),
    "Ingress": _manifest("networking.k8s.io/v1", "Ingress", spec=_INGRESS),
    "RabbitmqCluster": _manifest("rabbitmq.com/v1beta1", "RabbitmqCluster", spec=_RABBITMQ),
    "VMCluster": _manifest("operator.victoriametrics.com/v1beta1", "VMCluster", spec=_VM_CLUSTER),
}
"""Kind → the form of its manifests."""
