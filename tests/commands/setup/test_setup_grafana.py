"""``gateway setup grafana``: what it chooses by itself, what it refuses, what it writes again."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from gateway.commands.cli import main
from grafana.tables import DASHBOARDS

Command = Callable[..., str]
PAGES = ("--pages", "https://g.example.vn")


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command, given in a folder; it returns what is printed."""
    monkeypatch.chdir(tmp_path)

    def give(*words: str, status: int = 0) -> str:
        assert main(["setup", "grafana", *words]) == status
        said = capsys.readouterr()
        return said.out if status == 0 else said.err

    return give


def configure(**sections: object) -> None:
    for secret in ("token", "crt", "key"):
        Path(secret).write_text("of more than sixteen letters\n")
    Path("gateway.yaml").write_text(json.dumps(sections))


def variable(name: str, board: str = "water", out: str = "grafana") -> str:
    document = json.loads(Path(out, "dashboards", f"{board}.json").read_text(encoding="utf-8"))
    return str(next(one for one in document["templating"]["list"] if one["name"] == name)["current"]["value"])


def source(name: str) -> dict[str, object]:
    (found,) = yaml.safe_load(Path("grafana/provisioning/datasources", f"{name}.yaml").read_text(encoding="utf-8"))[
        "datasources"
    ]
    return dict(found)


def test_a_plain_call_writes_every_file_and_says_what_to_do_next(command: Command) -> None:
    configure(influxdb={"url": "http://127.0.0.1:8086", "api": "v1"})
    said = command(*PAGES)
    written = {path.relative_to("grafana").as_posix() for path in Path("grafana").rglob("*") if path.is_file()}
    assert written == {
        *(f"dashboards/{board.name}.json" for board in DASHBOARDS),
        "provisioning/dashboards/province.yaml",
        "provisioning/datasources/influxdb.yaml",
        "provisioning/alerting/influxdb.yaml",
        "optional/influxdb-rollups.yaml",
        "optional/prometheus.yaml",
    }
    assert said.startswith(f"grafana: {len(written)} files written, 0 as they were\n")
    for step in (
        "/var/lib/grafana/dashboards/province grafana/dashboards/*.json",
        "INFLUXDB_PASSWORD",
        "restart grafana-server",
    ):
        assert step in said
    for caveat in ("was ever loaded into a Grafana server", "13.2 and 11.6"):
        assert caveat in said


def test_a_second_call_writes_what_changed_and_names_what_is_left(command: Command) -> None:
    command("--store", "influxdb", *PAGES)
    before = Path("grafana/dashboards/water.json").stat().st_mtime_ns
    assert ": 0 files written," in command("--store", "influxdb", *PAGES)
    assert Path("grafana/dashboards/water.json").stat().st_mtime_ns == before
    said = command("--store", "victoriametrics", *PAGES)
    assert "grafana/provisioning/datasources/influxdb.yaml: is none of these files" in said
    assert "grafana/dashboards/water.json: is none" not in said


@pytest.mark.parametrize(
    ("influxdb", "store"),
    [
        ({"url": "http://db.example.vn:8086"}, "influxdb"),
        ({"url": "http://db.example.vn:8428"}, "victoriametrics"),
        (
            {"url": "https://db.example.vn/insert/0/influx", "read_url": "https://db.example.vn/select/0/prometheus"},
            "victoriametrics",
        ),
    ],
)
def test_the_store_is_told_by_the_address_that_the_gateway_writes_to(
    command: Command, influxdb: dict[str, str], store: str
) -> None:
    configure(influxdb=influxdb)
    command(*PAGES)
    assert Path(f"grafana/provisioning/alerting/{store}.yaml").exists()


def test_a_store_that_no_address_tells_is_asked_for(command: Command) -> None:
    said = command(*PAGES, status=2)
    assert said == "--store: name one of influxdb, victoriametrics: no address of gateway.yaml tells it\n"
    configure(influxdb={"url": "https://db.example.vn"})
    assert command(*PAGES, status=2) == said
    assert not Path("grafana").exists()


@pytest.mark.parametrize(
    ("api", "words", "token"), [("v1", (), ""), ("v2", (), "Token"), ("v1", ("--influxdb", "3"), "Bearer")]
)
def test_an_influxdb_is_asked_as_its_version_wants(command: Command, api: str, words: tuple[str, ...], token: str) -> None:
    configure(influxdb={"url": "http://127.0.0.1:8086", "api": api})
    said = command(*PAGES, *words)
    secrets = source("influxdb")["secureJsonData"]
    assert secrets == (
        {"httpHeaderValue1": f"{token} ${{INFLUXDB_TOKEN}}"} if token else {"basicAuthPassword": "${INFLUXDB_PASSWORD}"}
    )
    assert ("INFLUXDB_TOKEN" in said) is bool(token)
    assert ("No query was ever asked of an InfluxDB 3" in said) is (words == ("--influxdb", "3"))


@pytest.mark.parametrize(("language", "words", "title"), [("en", (), "Province"), ("en", ("--language", "vi"), "Tỉnh")])
def test_the_language_is_the_gateways_unless_another_is_named(
    command: Command, language: str, words: tuple[str, ...], title: str
) -> None:
    configure(language=language)
    command("--store", "influxdb", *PAGES, *words)
    provider = yaml.safe_load(Path("grafana/provisioning/dashboards/province.yaml").read_text(encoding="utf-8"))["providers"][0]
    assert provider["folder"] == title


@pytest.mark.parametrize(
    ("http", "address"),
    [
        ({"host": "192.0.2.7"}, "http://192.0.2.7:8080"),
        ({"host": "2001:db8::7", "port": 80}, "http://[2001:db8::7]"),
        ({"host": "::", "hosts": ["g.example.vn"], "port": 443, "tls": {"cert": "crt", "key": "key"}}, "https://g.example.vn"),
    ],
)
def test_links_lead_to_the_address_at_which_others_open_the_pages(
    command: Command, http: dict[str, object], address: str
) -> None:
    configure(http={"token_file": "token", **http})
    command("--store", "influxdb")
    assert variable("gateway_page") == address


@pytest.mark.parametrize(
    ("http", "why"),
    [
        ({}, "127.0.0.1 (http.host) is each reader's own machine"),
        ({"host": "127.0.0.1", "hosts": ["g.example.vn"]}, "127.0.0.1 (http.host) is each reader's own machine"),
        ({"host": "::", "token_file": "token"}, ":: (http.host) is no name, and http.hosts has none"),
    ],
)
def test_an_address_that_nobody_else_reaches_is_refused_with_what_to_do(
    command: Command, http: dict[str, object], why: str
) -> None:
    configure(http=http)
    said = command("--store", "influxdb", status=2)
    assert said.startswith(f"--pages: {why}; give the address at which operators open the gateway's pages, such as ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--pages", "g.example.vn"), "--pages: 'g.example.vn' is not an address"),
        (("--pages", "ftp://g.example.vn"), "--pages: 'ftp://g.example.vn' is not an address"),
        (("--pages", "http://lan:secret@g.example.vn"), "--pages: an address holds no user and no password"),
        (("--pages", "http://g.example.vn:99999"), "--pages: 'http://g.example.vn:99999' is not an address"),
        ((*PAGES, "--runbooks", "wiki"), "--runbooks: 'wiki' is not an address"),
        ((*PAGES, "--installed-at", "dashboards"), "--installed-at: dashboards: begin with /"),
        ((*PAGES, "--out", "program"), "--out: program: is a folder of the program"),
        ((*PAGES, "--out", "file"), "file: cannot be written: "),
    ],
)
def test_a_wrong_choice_is_refused_in_words_and_nothing_is_written(command: Command, words: tuple[str, ...], said: str) -> None:
    Path("program").mkdir()
    Path("program/__init__.py").touch()
    Path("file").touch()
    assert command("--store", "influxdb", *words, status=2).startswith(said)
    assert not Path("grafana").exists()
    assert "secret" not in said


@pytest.mark.parametrize("words", [("--store", "oracle"), ("--language", "fr"), ("--pressure", "psi"), ("--simulated", "some")])
def test_a_choice_that_there_is_not_ends_with_two(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["setup", "grafana", *words])
    assert f"argument {words[0]}: {words[1]!r} is none of " in capsys.readouterr().err


def test_choices_of_the_site_stand_in_the_files(command: Command) -> None:
    words = (
        "--pages",
        "http://localhost:8080/",
        "--simulated",
        "shown",
        "--pressure",
        "mH2O",
        "--installed-at",
        "/srv/d",
        "--out",
        "o",
    )
    said = command("--store", "victoriametrics", *words)
    assert (variable("gateway_page", out="o"), variable("simulated", out="o")) == ("http://localhost:8080", "~")
    assert "mH₂O" in Path("o/dashboards/water.json").read_text(encoding="utf-8")
    assert 'path: "/srv/d"' in Path("o/provisioning/dashboards/province.yaml").read_text(encoding="utf-8")
    assert "-t /srv/d o/dashboards/*.json" in said
