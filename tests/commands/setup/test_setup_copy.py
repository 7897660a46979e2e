"""``gateway setup copy``: what it says before it copies."""

import os
from pathlib import Path

import pytest
import yaml

from gateway.commands.cli import main
from gateway.commands.demo.services import Service
from gateway.ingest.storage.beside import lock

FINAL = "no gateway runs here: what is copied and compared now is final"


@pytest.mark.real
def test_a_plan_says_whether_what_is_copied_now_is_final_or_the_gateway_runs(
    influxdb: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, target, journal = tmp_path / "gateway.yaml", tmp_path / "new.yaml", tmp_path / "journal.db"
    section = {"url": influxdb.url, "api": "v1"}
    config.write_text(yaml.safe_dump({"influxdb": section, "journal": {"path": str(journal)}}))
    target.write_text(yaml.safe_dump({"influxdb": section | {"bucket": "new"}}))
    command = ["setup", "copy", "-c", str(config), "--to", str(target), "--dry-run"]
    assert main(command) == 0
    assert FINAL in capsys.readouterr().out
    descriptor = lock(journal)
    try:
        assert main(command) == 0
    finally:
        os.close(descriptor)
    said = capsys.readouterr().out
    assert "\nthe gateway runs\n" in said
    assert FINAL not in said
