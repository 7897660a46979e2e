"""InfluxDB 2 and 3 are set up, by what their documentation says: the servers here are stubs of our own."""

from pathlib import Path

import pytest

from tests.admin.databases.commanding import Said, configure, setup
from tests.admin.databases.stubs import ADMIN, influxdb2, influxdb3


def administer(folder: Path, url: str, *arguments: str, shown: str = ADMIN, **influxdb: str) -> Said:
    """Give the command with a token of all rights."""
    config = configure(folder, url=url, rollups={"bucket": "iot-rollups"}, **influxdb)
    (folder / "admin").write_text(f"{shown}\n")
    return setup(config, "--admin-token-file", folder / "admin", *arguments)


def test_buckets_and_tokens_with_one_right_each_are_made_once(tmp_path: Path) -> None:
    with influxdb2() as (url, stub):
        planned = administer(tmp_path, url, "--dry-run")
        assert planned.status == 0
        assert not stub.buckets
        assert administer(tmp_path, url, "--keep", "800d").status == 0
        rules = {one["name"]: one["retentionRules"] for one in stub.buckets}
        assert rules == {"iot": [{"type": "expire", "everySeconds": 800 * 86400}], "iot-rollups": []}
        ids = {one["id"] for one in stub.buckets}
        rights = {
            one["description"]: {
                (right["action"], right["resource"]["type"], right["resource"]["id"]) for right in one["permissions"]
            }
            for one in stub.tokens
        }
        assert rights == {
            "gateway-1 writes": {("write", "buckets", id_) for id_ in ids},
            "gateway-1 reads": {("read", "buckets", id_) for id_ in ids},
            "gateway-1: Grafana reads": {("read", "buckets", id_) for id_ in ids},
        }
        written = {path.name: path.read_text().strip() for path in (tmp_path / "secrets").iterdir()}
        tokens = [one["token"] for one in stub.tokens]
        assert written == dict(zip(["influxdb.token", "influxdb-read.token", "grafana.token"], tokens, strict=True))
        again = administer(tmp_path, url, "--keep", "800d")
        assert again.status == 0
        assert "created" not in again.out
        assert [one["token"] for one in stub.tokens] == tokens


def test_what_gateway_yaml_lacks_is_written_there_with_the_organisation_that_was_found(tmp_path: Path) -> None:
    (tmp_path / "admin").write_text(ADMIN)
    file = tmp_path / "gateway.yaml"
    with influxdb2() as (url, stub):
        file.write_text(f"influxdb:\n  url: {url} # ours\n")
        said = setup(file, "--admin-token-file", tmp_path / "admin")
        assert said.status == 0, said.err
        assert file.read_text() == (
            f"influxdb:\n  org: province\n  token_file: secrets/influxdb.token\n"
            f"  read_token_file: secrets/influxdb-read.token\n  url: {url} # ours\n"
        )
        assert len(stub.tokens) == 3
        assert setup(file, "--admin-token-file", tmp_path / "admin").status == 0
    assert file.read_text().count("org:") == 1


@pytest.mark.parametrize("maps_by_itself", [pytest.param(True, marks=pytest.mark.slow), False])
def test_a_bucket_answers_influxql_by_a_mapping_of_the_server_or_of_ours(tmp_path: Path, *, maps_by_itself: bool) -> None:
    with influxdb2(maps_by_itself=maps_by_itself) as (url, stub):
        for _ in range(2):
            assert administer(tmp_path, url).status == 0
            made = {(one["database"], one["retention_policy"], one["default"]) for one in stub.mappings}
            assert made == (set() if maps_by_itself else {("iot", "autogen", True), ("iot-rollups", "autogen", True)})


def test_a_token_that_lacks_a_right_is_replaced_and_the_old_one_ends(tmp_path: Path) -> None:
    with influxdb2() as (url, stub):
        config = configure(tmp_path, url=url)
        (tmp_path / "admin").write_text(ADMIN)
        assert setup(config, "--admin-token-file", tmp_path / "admin").status == 0
        before = {one["token"] for one in stub.tokens}
        found = administer(tmp_path, url, "--yes")
        assert found.status == 0
        assert found.out.count("created, in place of the old one") == 3
        assert len(stub.tokens) == 3
        assert not before & {one["token"] for one in stub.tokens}
        assert (tmp_path / "secrets" / "influxdb.token").read_text().strip() in {one["token"] for one in stub.tokens}


@pytest.mark.slow
def test_a_token_that_was_not_made_here_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "influxdb.token").write_text("by hand\n")
    with influxdb2() as (url, stub):
        refused = administer(tmp_path, url)
        assert refused.status == 3
        assert "with a token that was not made here" in refused.err
        assert administer(tmp_path, url, "--replace", "--yes").status == 0
        assert len(stub.tokens) == 3


@pytest.mark.slow
def test_another_retention_of_a_bucket_is_changed_only_when_told(tmp_path: Path) -> None:
    with influxdb2() as (url, stub):
        assert administer(tmp_path, url, "--keep", "800d").status == 0
        refused = administer(tmp_path, url, "--keep", "900d")
        assert refused.status == 3
        assert "bucket iot is there and keeps 800 days, not 900 days" in refused.err
        assert administer(tmp_path, url, "--keep", "900d", "--change-retention", "--yes").status == 0
        assert stub.buckets[0]["retentionRules"] == [{"type": "expire", "everySeconds": 900 * 86400}]


def test_a_wrong_token_and_a_wrong_organisation_are_told(tmp_path: Path) -> None:
    with influxdb2() as (url, _):
        wrong = administer(tmp_path, url, shown="a-guess")
        assert wrong.status == 3
        assert "does not let us administer it (401 unauthorized access)" in wrong.err
        lost = administer(tmp_path, url, org="elsewhere")
        assert (lost.status, lost.err) == (3, f"{url}: there is no organisation elsewhere; organisations there: province\n")
        assert "--admin-token-file" in setup(tmp_path / "gateway.yaml").err


def test_databases_of_influxdb_3_are_made_once_with_how_long_they_keep(tmp_path: Path) -> None:
    with influxdb3() as (url, stub):
        made = administer(tmp_path, url, "--keep", "800d")
        assert made.status == 0
        assert stub.databases == {"iot": f"{800 * 86400}s", "iot-rollups": None}
        assert "tokens of administrators only" in made.out
        written = {path.name: path.read_text().strip() for path in (tmp_path / "secrets").iterdir()}
        assert written == {"influxdb.token": stub.tokens["gateway-1"], "grafana.token": stub.tokens["gateway-1-grafana"]}
        again = administer(tmp_path, url, "--keep", "900d")
        assert again.status == 0
        assert "neither tells nor changes how long it keeps" in again.out
        assert stub.databases["iot"] == f"{800 * 86400}s"
        (tmp_path / "secrets" / "grafana.token").unlink()
        lost = administer(tmp_path, url)
        assert lost.status == 3
        assert "--replace gives gateway-1-grafana a new one" in lost.err
        assert administer(tmp_path, url, "--replace", "--yes").status == 0
        assert administer(tmp_path, url, shown="a-guess").status == 3
        assert (
            administer(tmp_path, url, bucket="a/b").err
            == "influxdb.bucket: InfluxDB 3 takes no 'a/b'; use letters, digits, - and _\n"
        )
