"""The folder of the open data: what is written, listed, kept and described."""

import gzip
import json
from datetime import date
from pathlib import Path

import pytest

from gateway.monitoring.exports.open_files import INDEX, OpenFile, OpenFiles, catalog
from schemas.open_data import CONTEXT_FILE

ROW: dict[str, str | int] = {
    "day": "2026-10-31",
    "area": "A1",
    "area_name": "=2+3",
    "domain": "water",
    "quantity": "used_m3",
    "unit": "m3",
    "value": "15.000000",
    "devices": 10,
    "uncovered": 0,
    "estimated": "0.0000",
    "suspect": "0.0000",
    "measured": "1.0000",
}


@pytest.fixture
def files(tmp_path: Path) -> OpenFiles:
    return OpenFiles(tmp_path / "data" / "journal.db")


def written(files: OpenFiles, day: str, domain: str = "water") -> OpenFile:
    return files.write(day, domain, [ROW | {"day": day, "domain": domain}], 1000)


def test_a_file_is_csv_in_gzip_and_holds_no_formula(files: OpenFiles) -> None:
    found = written(files, "2026-10-31")
    assert (found.name, found.rows, found.recipients) == ("open-2026-10-31-water.csv.gz", 1, ("public",))
    packed = (files.folder / found.name).read_bytes()
    assert len(packed) == found.size_bytes
    assert gzip.decompress(packed).decode() == (
        "day,area,area_name,domain,quantity,unit,value,devices,uncovered,estimated,suspect,measured\n"
        "2026-10-31,A1,'=2+3,water,used_m3,m3,15.000000,10,0,0.0000,0.0000,1.0000\n"
    )


def test_the_same_figures_are_the_same_file(files: OpenFiles) -> None:
    assert written(files, "2026-10-31").sha256 == written(files, "2026-10-31").sha256


def test_files_of_days_that_are_too_old_are_removed_and_others_listed(files: OpenFiles) -> None:
    first = date(2026, 10, 30)
    files.keep([written(files, "2026-10-29"), written(files, "2026-10-30", "power")], date(2026, 10, 1))
    listed = files.keep([written(files, "2026-10-31"), written(files, "2026-10-31", "power")], first)
    names = [f"open-2026-10-3{day}-{domain}.csv.gz" for day, domain in ((1, "water"), (1, "power"), (0, "power"))]
    assert [file.name for file in listed] == names
    assert files.listed() == listed
    assert sorted(path.name for path in files.folder.iterdir()) == sorted([INDEX, *names])


def test_the_index_names_no_file_that_is_gone_or_lies_elsewhere(files: OpenFiles, tmp_path: Path) -> None:
    (tmp_path / "secret.csv.gz").write_text("x")
    gone, elsewhere = written(files, "2026-10-30"), written(files, "2026-10-31")
    files.keep([gone, OpenFile("../secret.csv.gz", "2026-10-31", "water", 1, 1, "", 1), elsewhere], date(2026, 1, 1))
    (files.folder / gone.name).unlink()
    assert files.listed() == [elsewhere]


@pytest.mark.parametrize("text", ["", "{", '{"files": [{"name": 5}]}', "[]"])
def test_a_damaged_index_lists_nothing_and_is_written_again(files: OpenFiles, text: str) -> None:
    found = written(files, "2026-10-31")
    (files.folder / INDEX).write_text(text)
    assert files.listed() == []
    assert files.keep([found], date(2026, 1, 1)) == [found]
    assert json.loads((files.folder / INDEX).read_text())["files"][0]["sha256"] == found.sha256


def test_no_folder_lists_nothing(files: OpenFiles) -> None:
    assert files.listed() == []


def test_the_catalogue_has_a_dataset_a_domain_with_its_days_and_checksums() -> None:
    files = [OpenFile(f"open-2026-10-{day}-water.csv.gz", f"2026-10-{day}", "water", 1, 5, "ab", 1000) for day in (31, 30)]
    found = catalog(files, "Cấp nước An Bình", "https://creativecommons.org/licenses/by/4.0/")
    (dataset,) = found["dcat:dataset"]
    assert found["dct:publisher"]["foaf:name"] == "Cấp nước An Bình"
    assert dataset["dct:temporal"]["dcat:startDate"]["@value"] == "2026-10-30"
    assert dataset["dct:temporal"]["dcat:endDate"]["@value"] == "2026-10-31"
    assert [title["@language"] for title in dataset["dct:title"]] == ["vi", "en"]
    one = dataset["dcat:distribution"][0]
    assert one["dcat:downloadURL"] == {"@id": "open-2026-10-31-water.csv.gz"}
    assert one["spdx:checksum"]["spdx:checksumValue"] == "ab"
    assert one["dct:license"] == {"@id": "https://creativecommons.org/licenses/by/4.0/"}
    assert "dct:publisher" not in catalog(files, None, None)


def test_the_catalogue_says_of_each_file_what_portals_ask_for() -> None:
    file = OpenFile("open-2026-10-31-power.csv.gz", "2026-10-31", "power", 1, 5, "ab", 1_793_491_200_999)
    water = OpenFile("open-2026-10-31-water.csv.gz", "2026-10-31", "water", 1, 5, "ab", 1000)
    found = catalog([water, file], None, None)
    assert [dataset["dct:identifier"] for dataset in found["dcat:dataset"]] == ["open-power", "open-water"]
    assert found["@type"] == "dcat:Catalog"
    assert set(found["@context"]) == {"dcat", "dct", "foaf", "spdx", "xsd"}
    assert [title["@value"] for title in found["dct:title"]] == ["Dữ liệu mở", "Open data"]
    dataset = found["dcat:dataset"][0]
    assert [title["@value"] for title in dataset["dct:title"]] == ["Dữ liệu mở: Điện", "Open data: Power"]
    assert dataset["@type"] == "dcat:Dataset"
    assert dataset["dct:accrualPeriodicity"]["@id"].endswith("/DAILY")
    assert dataset["dct:description"][1]["@value"].startswith("The figures of each day by area")
    day = {"@type": "xsd:date", "@value": "2026-10-31"}
    period = {"@type": "dct:PeriodOfTime", "dcat:startDate": day, "dcat:endDate": day}
    assert dataset["dct:temporal"] == period
    assert dataset["dcat:distribution"] == [
        {
            "@type": "dcat:Distribution",
            "dct:title": file.name,
            "dcat:downloadURL": {"@id": file.name},
            "dct:issued": {"@type": "xsd:dateTime", "@value": "2026-11-01T00:00:00+00:00"},
            "dct:temporal": period,
            "dcat:mediaType": {"@id": "http://www.iana.org/assignments/media-types/text/csv"},
            "dcat:compressFormat": {"@id": "http://www.iana.org/assignments/media-types/application/gzip"},
            "dcat:byteSize": {"@type": "xsd:nonNegativeInteger", "@value": "5"},
            "dct:conformsTo": {"@id": CONTEXT_FILE},
            "spdx:checksum": {
                "@type": "spdx:Checksum",
                "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha256"},
                "spdx:checksumValue": "ab",
            },
        }
    ]
