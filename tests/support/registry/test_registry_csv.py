"""Devices from a spreadsheet, as spreadsheets write them."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from gateway.support.config.files import ConfigurationFault
from gateway.support.registry.csv_file import RegistryRow, merge, read_rows, row_faults
from schemas.registry import RegisteredDevice, Registry

AREAS = {"A1": "Phường Trung Tâm"}
EUI = "24e124136d000001"


def rows(folder: Path, content: str | bytes, registry: Registry | None = None) -> list[RegistryRow]:
    file = folder / "devices.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_rows(file, registry or Registry(areas=AREAS))


def device(folder: Path, content: str | bytes) -> RegisteredDevice:
    (row,) = rows(folder, content)
    return row.device


def faults(folder: Path, content: str | bytes, registry: Registry | None = None) -> list[str]:
    with pytest.raises(ConfigurationFault) as found:
        rows(folder, content, registry)
    return [line.removeprefix(f"{folder / 'devices.csv'}: ") for line in found.value.lines]


def test_every_column_is_taken(tmp_path: Path) -> None:
    head = (
        "id,site,domain,area,profile,model,serial,interval,silent_after,lat,lon,address,installed,params.ct_ratio,params.phase"
    )
    found = device(tmp_path, f"{head}\nem-1,s1,power,A1,p1,Meter,00012074,15min,2h,22.5,104,12 Hoàng Liên,2026-03-14,40,L1\n")
    assert found == RegisteredDevice(
        id="em-1",
        site="s1",
        domain="power",
        area="A1",
        profile="p1",
        model="Meter",
        serial="00012074",
        interval=timedelta(minutes=15),
        silent_after=timedelta(hours=2),
        lat=22.5,
        lon=104,
        address="12 Hoàng Liên",
        installed=date(2026, 3, 14),
        params={"ct_ratio": 40, "phase": "L1"},
    )


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("id;lat;model;params.k\nd1;22,5;Đồng hồ;0,5\n".encode("utf-8-sig"), id="excel-in-vietnam"),
        pytest.param("sep=;\r\nid;lat;model;params.k\r\nd1;22.5;Đồng hồ;0.5\r\n", id="separator-named"),
        pytest.param("id\tlat\tmodel\tparams.k\nd1\t22,5\tĐồng hồ\t0,5\n".encode("utf-16"), id="unicode-text"),
        pytest.param('id,lat,model,params.k\r\n d1 ,"22,5",Đồng hồ,0.5\r\n', id="quoted-decimal-comma"),
        pytest.param("params.k,model,lat,id,,\n\n,,,,,\n0.5,Đồng hồ,22.5,d1,,\n", id="blank-rows-and-columns"),
    ],
)
def test_any_spreadsheet_may_have_written_it(tmp_path: Path, content: str | bytes) -> None:
    assert device(tmp_path, content) == RegisteredDevice(id="d1", lat=22.5, model="Đồng hồ", params={"k": 0.5})


def test_quotes_hold_delimiters_quotes_and_line_feeds(tmp_path: Path) -> None:
    assert device(tmp_path, 'id,model\nd1,"a, ""b""\nc"\n').model == 'a, "b"\nc'


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("40", 40),
        ("-1.5", -1.5),
        ("1e-7", 1e-7),
        ("TRUE", True),
        ("false", False),
        ("0012", "0012"),
        ("1.2.3", "1.2.3"),
        ("+5", "+5"),
        ("123456789012345678", 123456789012345678),
        ("no", "no"),
    ],
)
def test_a_parameter_is_a_number_where_it_could_not_be_a_name(tmp_path: Path, cell: str, value: object) -> None:
    found = device(tmp_path, f"id,params.x\nd1,{cell}\n").params["x"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(("cell", "seconds"), [("15min", 900), ("900", 900), ("0.5", 0.5), ("1 h", 3600)])
def test_an_interval_without_a_unit_is_seconds(tmp_path: Path, cell: str, seconds: float) -> None:
    assert device(tmp_path, f"id,interval\nd1,{cell}\n").interval == timedelta(seconds=seconds)
    assert device(tmp_path, f"id,silent_after\nd1,{cell}\n").silent_after == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param("id,lat\nd1,1\nd2,91\n", "row 3: lat: '91' is more than 90", id="bounds"),
        pytest.param("id,site\nd1,Hồ 1\n", "row 2: site: 'Hồ 1' may hold 1 to 64 of", id="grammar"),
        pytest.param("id,lat\n,1\n", "row 2: id: is missing", id="no-id"),
        pytest.param("id,area\nd1,A9\n", "row 2: area: A9 is not among the areas of the registry", id="area"),
        pytest.param("id\nd1\n\nd1\n", "row 4: id: d1 is in row 2 already", id="twice"),
        pytest.param(f"id\n{EUI}\n{EUI.upper()}\n", f"row 3: id: {EUI.upper()} is in row 2 already", id="eui-twice"),
        pytest.param("id,interval\nd1,often\n", "row 2: interval: 'often' is not a span of time", id="interval"),
        pytest.param(
            "id,installed\nd1,14/03/2026\n", "row 2: installed: '14/03/2026' is not a date; write it as 2026-03-14", id="date"
        ),
        pytest.param("id\n2.4E+17\n", "Excel made a number of it: format the column as text", id="excel-number"),
        pytest.param("id\nd1,x\n", "row 2: 'x' is in a column without a name", id="beyond-the-header"),
        pytest.param("id,,lat\nd1,x,1\n", "row 2: 'x' is in a column without a name", id="column-without-name"),
        pytest.param(
            "id,colour\nd1,red\n", "row 1: colour: there is no such column; the columns are id, source, site", id="unknown"
        ),
        pytest.param("id,params\nd1,1\n", "row 1: params: there is no such column", id="parameter-without-name"),
        pytest.param("id,lat,lat\nd1,1,2\n", "row 1: lat: this column occurs twice", id="column-twice"),
        pytest.param("site\ns1\n", "row 1: id: this column is missing", id="no-id-column"),
        pytest.param("", "row 1: id: this column is missing", id="empty-file"),
        pytest.param('id\n"d1\n', "line 2: unexpected end of data", id="quote-not-closed"),
        pytest.param("id,model\nd1,Đồng hồ\n".encode("cp1258", "replace"), "is not UTF-8; in Excel save it as", id="code-page"),
        pytest.param(f"id,params.x\nd1,{'9' * 400}.0\n", "row 2: params.x: inf is not a number", id="number-without-end"),
    ],
)
def test_a_faulty_cell_is_named_by_row_and_column(tmp_path: Path, content: str | bytes, said: str) -> None:
    (line,) = faults(tmp_path, content)
    assert said in line


def test_every_faulty_cell_is_named_and_a_flood_of_them_cut(tmp_path: Path) -> None:
    assert len(faults(tmp_path, "id,lat,lon\na b,91,181\nc,92,1\n")) == 4
    many = faults(tmp_path, "id,lat\n" + "".join(f"d{n},91\n" for n in range(150)))
    assert (len(many), many[-1]) == (101, "50 faults more")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationFault, match=r"none\.csv: document: cannot be read: No such file"):
        read_rows(tmp_path / "none.csv", Registry())


def test_known_devices_take_what_is_filled_and_new_ones_come_last(tmp_path: Path) -> None:
    before = Registry(
        areas=AREAS, devices=[RegisteredDevice(id=name, site="s1", params={"a": 1, "b": 2}) for name in ("x", "y", EUI)]
    )
    content = f"id,site,lat,params.a\ny,,5,7\nnew,s2,,\nx,s1,,\n{EUI.upper()},s9,,\n"
    found = merge(before, rows(tmp_path, content, before))
    assert [device.id for device in found.registry.devices] == ["x", "y", EUI, "new"]
    assert found.registry.devices[1] == RegisteredDevice(id="y", site="s1", lat=5, params={"a": 7, "b": 2})
    assert found.registry.devices[2].site == "s9"
    assert found.added == [RegisteredDevice(id="new", site="s2")]
    assert sorted(found.changed) == [1, 2]
    assert found.registry.areas == AREAS


def test_a_source_is_a_column_and_belongs_to_one_device(tmp_path: Path) -> None:
    assert device(tmp_path, "id,source\nkitchen,Ổ cắm bàn\n").source == "Ổ cắm bàn"
    registry = Registry(devices=[RegisteredDevice("hall", source="sn-1")])
    (fault,) = faults(tmp_path, "id,source\nkitchen,sn-1\n", registry)
    assert fault.startswith("row 2: source: 'sn-1', the source of kitchen, is also the source of hall")


def test_faults_of_the_merged_registry_are_told_of_the_rows_that_name_a_device(tmp_path: Path) -> None:
    before = Registry(areas=AREAS, devices=[RegisteredDevice("x"), RegisteredDevice("y")])
    named = rows(tmp_path, "id,site\ny,s1\nnew,s2\n", before)
    merged = merge(before, named).registry
    told = [(("devices", 0, "profile"), "of x"), (("devices", 1, "params", "k"), "of y"), (("devices", 2, "profile"), "of new")]
    path = tmp_path / "devices.csv"
    assert row_faults(path, named, merged, told) == [f"{path}: row 2: params.k: of y", f"{path}: row 3: profile: of new"]
    many = [(("devices", 1, "profile"), f"fault {number}") for number in range(103)]
    cut = row_faults(path, named, merged, many)
    assert (len(cut), cut[-1]) == (101, f"{path}: 3 faults more")
    assert len(row_faults(path, named, merged, many[:100])) == 100


def test_a_place_may_have_decimal_commas(tmp_path: Path) -> None:
    found = device(tmp_path, "id;lat;lon\nx;22,5;104,25\n")
    assert (found.lat, found.lon) == (22.5, 104.25)
