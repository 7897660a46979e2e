"""Decoders: payload bytes → plain values (None, booleans, numbers, texts, bytes, lists, objects with text keys).

Each raises :class:`gateway.core.message.Undecodable` and nothing else. Text by a template, CSV, pairs and frames of bytes need
options and are compiled: :func:`gateway.core.decoders.text.compile_text`, :func:`~gateway.core.decoders.separated.compile_csv`,
:func:`~gateway.core.decoders.separated.compile_pairs`, :func:`~gateway.core.decoders.struct_frame.compile_struct`.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Final

Decoder = Callable[[bytes], object]


class _LazyDecoders(Mapping[str, Decoder]):
    """The decoders by the names that profiles use. Each is imported on first use: few gateways need them all."""

    def __init__(self, places: Mapping[str, tuple[str, str]]) -> None:
        self._places = places

    def __getitem__(self, name: str) -> Decoder:
        module, function = self._places[name]
        decoder: Decoder = getattr(import_module(f"{__name__}.{module}"), function)
        return decoder

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


DECODERS: Final[Mapping[str, Decoder]] = _LazyDecoders(
    {
        "json": ("plain", "json_object"),
        "json_lenient": ("plain", "json_lenient"),
        "bytes": ("plain", "raw_bytes"),
        "cbor": ("cbor", "cbor"),
        "senml_json": ("senml", "senml_json"),
        "senml_cbor": ("senml", "senml_cbor"),
        "obis": ("obis", "obis"),
        "sparkplug_b": ("sparkplug_b", "sparkplug_b"),
    }
)
"""Decoder by name: the payload's bytes → its value."""
