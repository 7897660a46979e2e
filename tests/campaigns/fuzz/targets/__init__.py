"""All targets: which module has which. A module is imported when one of its targets is asked for, since that takes a while."""

from importlib import import_module

from tests.campaigns.fuzz.target import Target

_MODULES = {
    "wires": "mqtt-session http-answer",
    "payloads": "native json obis senml-json senml-cbor cbor sparkplug-payload",
    "described": "csv text struct nested topics",
    "processing": "messages repeated-frames envelopes sparkplug-births",
    "documents": "gateway-yaml registry-yaml registry-csv yaml profiles",
    "stores": "journal-row quarantine-row device-state saved-birth codec-answer",
    "tools": "decode-rows ledger query-answer",
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names.split()}
NAMES = tuple(_MODULE_OF)


def target_of(name: str) -> Target:
    """The target of that name."""
    module = import_module(f"{__name__}.{_MODULE_OF[name]}")
    targets: list[Target] = module.TARGETS
    return next(target for target in targets if target.name == name)
