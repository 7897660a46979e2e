"""The catalogue of the open data: DCAT, the vocabulary of data portals, as JSON-LD. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from gateway.monitoring.exports.open_files import OpenFile
from gateway.support.i18n.languages import words
from schemas.open_data import CONTEXT_FILE

_CONTEXT: Final = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_DAILY: Final = "http://publications.europa.eu/resource/authority/frequency/DAILY"
_MEDIA: Final = "http://www.iana.org/assignments/media-types/"
_LANGUAGES: Final = ("vi", "en")


def catalog(files: Sequence[OpenFile], publisher: str | None, license_: str | None) -> dict[str, Any]:
    """The catalogue: a dataset for each domain, a distribution for each of its files.

    :param publisher: the name of the utility.
    :param license_: the address of the licence.
    """
    by_domain: dict[str, list[OpenFile]] = {}
    for file in files:
        by_domain.setdefault(file.domain, []).append(file)
    return {
        "@context": _CONTEXT,
        "@type": "dcat:Catalog",
        "dct:title": _texts("open_data"),
        **({"dct:publisher": {"@type": "foaf:Agent", "foaf:name": publisher}} if publisher else {}),
        "dcat:dataset": [_dataset(domain, found, license_) for domain, found in sorted(by_domain.items())],
    }


def _dataset(domain: str, files: Sequence[OpenFile], license_: str | None) -> dict[str, Any]:
    days = sorted(file.day for file in files)
    return {
        "@type": "dcat:Dataset",
        "dct:identifier": f"open-{domain}",
        "dct:title": [
            {"@language": code, "@value": f"{words(code)['open_data']}: {words(code)[domain]}"} for code in _LANGUAGES
        ],
        "dct:description": _texts("open_data_means"),
        "dct:accrualPeriodicity": {"@id": _DAILY},
        "dct:temporal": {
            "@type": "dct:PeriodOfTime",
            "dcat:startDate": _date(days[0]),
            "dcat:endDate": _date(days[-1]),
        },
        "dcat:distribution": [_distribution(file, license_) for file in files],
    }


def _distribution(file: OpenFile, license_: str | None) -> dict[str, Any]:
    issued = datetime.fromtimestamp(file.made_ms // 1000, UTC).isoformat()
    return {
        "@type": "dcat:Distribution",
        "dct:title": file.name,
        "dcat:downloadURL": {"@id": file.name},
        "dct:issued": {"@type": "xsd:dateTime", "@value": issued},
        "dct:temporal": {"@type": "dct:PeriodOfTime", "dcat:startDate": _date(file.day), "dcat:endDate": _date(file.day)},
        "dcat:mediaType": {"@id": f"{_MEDIA}text/csv"},
        "dcat:compressFormat": {"@id": f"{_MEDIA}application/gzip"},
        "dcat:byteSize": {"@type": "xsd:nonNegativeInteger", "@value": str(file.size_bytes)},
        "dct:conformsTo": {"@id": CONTEXT_FILE},
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha256"},
            "spdx:checksumValue": file.sha256,
        },
        **({"dct:license": {"@id": license_}} if license_ else {}),
    }


def _texts(key: str) -> list[dict[str, str]]:
    return [{"@language": code, "@value": words(code)[key]} for code in _LANGUAGES]


def _date(day: str) -> dict[str, str]:
    return {"@type": "xsd:date", "@value": day}
