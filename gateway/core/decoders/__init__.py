"""Decoders: payload bytes → plain values (None, booleans, numbers, texts, bytes, lists, objects with text keys).

Each raises :class:`gateway.core.message.Undecodable` and nothing else. Text by a template, CSV, pairs and frames of bytes need
options and are compiled: :func:`gateway.core.decoders.text.compile_text`, :func:`~gateway.core.decoders.text.compile_csv`,
:func:`~gateway.core.decoders.text.compile_pairs`, :func:`~gateway.core.decoders.struct_frame.compile_struct`. These raise
ValueError for options that no payload fits.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final

from gateway.core.message import Undecodable
from schemas.rejects import RejectReason

Decoder = Callable[[bytes], object]

PLACES: Final[Mapping[str, tuple[str, str]]] = {
    "json": ("plain", "json_object"),
    "json_lenient": ("plain", "json_lenient"),
    "bytes": ("plain", "raw_bytes"),
    "cbor": ("cbor", "cbor"),
    "senml_json": ("senml", "senml_json"),
    "senml_cbor": ("senml", "senml_cbor"),
    "obis": ("obis", "obis"),
    "sparkplug_b": ("sparkplug_b", "sparkplug_b"),
}
"""Name of a decoder that needs no options → its module here and its function."""


def decoder_of(name: str) -> Decoder:
    """The decoder by the name that profiles use. Each is imported on first use: few gateways need them all."""
    module, function = PLACES[name]
    decoder: Decoder = getattr(import_module(f"{__name__}.{module}"), function)
    return decoder


def bad_payload(detail: str) -> Undecodable:
    """The fault of a payload that is not what its decoder or profile expects."""
    return Undecodable(RejectReason.BAD_PAYLOAD, detail)
