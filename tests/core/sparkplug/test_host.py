"""The Sparkplug host: births, aliases, sequence, deaths, and what is asked, saved and released."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.decoders.sparkplug_b import sparkplug_b
from gateway.core.message import Undecodable
from gateway.core.sparkplug import host
from gateway.core.sparkplug.births import STATE, Address, parse_address
from gateway.core.sparkplug.host import ASK_EVERY_MS, ASK_SELDOM_MS, SparkplugHost, SparkplugVerdict
from schemas.rejects import IgnoreCause, RejectReason
from tests.core.sparkplug_payloads import FLOAT, INT, LONG, STRING, M, payload
from tests.rows import each_row

CORPUS = Path(__file__).parents[3] / "shared" / "corpora" / "sparkplug_b.jsonl"
NOW_MS = 1793491200250
VOLTAGE = M("Voltage/L1", 229.5, FLOAT, alias=1, kind="Float")
POWER = M("Power/Active", 1500, INT, alias=3, kind="Int32")


class Scene:
    """A host that hears the node ``n`` of the group ``g``, and its clock."""

    def __init__(self) -> None:
        self.host = SparkplugHost()
        self.now_ms = NOW_MS

    def hear(
        self, verb: str, *metrics: M, seq: int | None = None, device: str = "pm", replayed: bool = False
    ) -> SparkplugVerdict:
        """One message. Verbs with D come from ``device``."""
        topic = f"spBv1.0/g/{verb}/n" + (f"/{device}" if verb.startswith("D") else "")
        address = parse_address(topic)
        assert address is not None
        return self.host.receive(address, payload(*metrics, seq=seq), self.now_ms, replayed=replayed)

    def births(self, bd_seq: int = 7) -> dict[str, str | None]:
        """The node and its device ``pm`` are born; what is to be saved."""
        return self.hear("NBIRTH", bd(bd_seq), seq=0).save | self.hear("DBIRTH", VOLTAGE, POWER, seq=1).save


def bd(number: int) -> M:
    return M("bdSeq", number, LONG, kind="Int64")


def values(verdict: SparkplugVerdict) -> dict[str | None, object]:
    assert verdict.document is not None
    return {metric["name"]: metric["value"] for metric in verdict.document["metrics"]}


@pytest.fixture
def scene() -> Scene:
    """A host that has heard nothing."""
    return Scene()


@pytest.fixture
def born() -> Scene:
    """A host that has heard the births; the next sequence number is 2."""
    scene = Scene()
    scene.births()
    return scene


@each_row(
    ("topic", "address"),
    [
        pytest.param("spBv1.0/g/NBIRTH/n", Address("g", "NBIRTH", "n"), id="node"),
        pytest.param("spBv1.0/a b/DDATA/Raspberry Pi/x", Address("a b", "DDATA", "Raspberry Pi", "x"), id="device-with-spaces"),
        pytest.param("spBv1.0/STATE/scada", STATE, id="state"),
        pytest.param("STATE/scada", STATE, id="state-of-version-2"),
        pytest.param("spBv1.0/g/NDATA/n/d", None, id="a-node's-verb-with-a-device"),
        pytest.param("spBv1.0/g/DDATA/n", None, id="a-device's-verb-without-one"),
        pytest.param("spBv1.0/g/XDATA/n", None, id="unknown-verb"),
        pytest.param("spBv1.0/g/NDATA/", None, id="empty-node"),
        pytest.param("spBv1.0", None, id="namespace-alone"),
        pytest.param("spBv1.0/g", None, id="two-levels"),
        pytest.param("spAv1.0/g/NDATA/n", None, id="another-namespace"),
        pytest.param("", None, id="empty"),
        pytest.param(f"spBv1.0/g/NDATA/{'n' * 129}", None, id="endless-node"),
    ],
)
def test_a_topic_is_an_address_or_none_of_sparkplugs(topic: str, address: Address | None) -> None:
    assert parse_address(topic) == address


def test_an_alias_has_the_name_and_the_type_of_its_birth(born: Scene) -> None:
    verdict = born.hear("DDATA", M(alias=3, value=0xFFFFFA24, field=INT), M(alias=1, value=230.25, field=FLOAT), seq=2)
    assert values(verdict) == {"Power/Active": -1500, "Voltage/L1": 230.25}
    assert (verdict.rebirth, verdict.save, verdict.missing) == (None, {}, 0)


def test_births_hold_data_too(scene: Scene) -> None:
    assert values(scene.hear("NBIRTH", bd(7), M("Supply", 12.1, FLOAT, kind="Float"), seq=0)) == {"bdSeq": 7, "Supply": 12.1}
    verdict = scene.hear("DBIRTH", VOLTAGE, seq=1)
    assert values(verdict) == {"Voltage/L1": 229.5}
    assert (verdict.online, verdict.released) == (("pm",), ("g/n/pm",))


def test_null_is_no_value_and_history_is_marked(born: Scene) -> None:
    verdict = born.hear("DDATA", M(alias=1, null=True), M(alias=3, value=5, field=INT, historical=True), seq=2)
    assert values(verdict) == {"Voltage/L1": None, "Power/Active": 5}
    assert verdict.document is not None
    assert [metric["is_historical"] for metric in verdict.document["metrics"]] == [False, True]


@pytest.mark.parametrize(
    "metric",
    [
        pytest.param(M(alias=99, value=1.0), id="alias-that-is-not-in-the-birth"),
        pytest.param(M("New", 5, INT), id="number-whose-sign-is-not-known"),
    ],
)
def test_what_means_nothing_waits_whole_and_a_rebirth_is_asked_for(born: Scene, metric: M) -> None:
    verdict = born.hear("DDATA", M(alias=1, value=230.0), metric, seq=2)
    assert (verdict.document, verdict.wait) == (None, "g/n/pm")
    assert verdict.rebirth is not None
    topic, request = verdict.rebirth
    assert topic == "spBv1.0/g/NCMD/n"
    (command,) = sparkplug_b(request)["metrics"]
    assert (command["name"], command["value"]) == ("Node Control/Rebirth", True)


def test_data_before_any_birth_waits_for_it(scene: Scene) -> None:
    """Trap: an alias without a birth must never get an invented name."""
    verdict = scene.hear("DDATA", M(alias=1, value=230.0), seq=9)
    assert verdict.wait == "g/n/pm"
    assert verdict.rebirth is not None
    scene.hear("NBIRTH", bd(7), seq=0)
    assert scene.hear("DBIRTH", VOLTAGE, seq=1).released == ("g/n/pm",)
    assert values(scene.hear("DDATA", M(alias=1, value=230.0), seq=9, replayed=True)) == {"Voltage/L1": 230.0}


def test_the_nodes_own_data_wait_for_the_nodes_birth(scene: Scene) -> None:
    assert scene.hear("NDATA", M(alias=1, value=12.0), seq=9).wait == "g/n"
    assert scene.hear("NBIRTH", M("Supply", 12.1, alias=1, kind="Double"), seq=0).released == ("g/n",)


def test_metrics_that_name_themselves_need_no_birth(scene: Scene) -> None:
    verdict = scene.hear("DDATA", M("Voltage/L1", 230.0, kind="Double"), M("State", "OK", STRING), seq=9)
    assert values(verdict) == {"Voltage/L1": 230.0, "State": "OK"}
    assert verdict.rebirth is not None


def test_a_gap_in_the_sequence_loses_nothing_and_asks_for_a_rebirth(born: Scene) -> None:
    born.hear("DDATA", M(alias=1, value=230.0), seq=2)
    verdict = born.hear("DDATA", M(alias=1, value=231.0), seq=5)
    assert values(verdict) == {"Voltage/L1": 231.0}
    assert verdict.missing == 2
    assert verdict.rebirth is not None


def test_the_sequence_wraps_after_255(born: Scene) -> None:
    for seq in range(2, 600):
        verdict = born.hear("DDATA", M(alias=1, value=230.0), seq=seq % 256)
        assert (verdict.missing, verdict.rebirth) == (0, None)


def test_the_sequence_is_one_for_the_node_and_all_its_devices(born: Scene) -> None:
    assert born.hear("DBIRTH", VOLTAGE, seq=2, device="pm2").missing == 0
    assert born.hear("NDATA", M("Supply", 12.0), seq=3).missing == 0
    assert born.hear("DDEATH", seq=4).missing == 0
    assert born.hear("DDATA", M(alias=1, value=1.0), seq=6, device="pm2").missing == 1


def test_a_message_that_was_overtaken_is_taken_and_no_gap_of_254(born: Scene) -> None:
    found = [born.hear("DDATA", M(alias=1, value=float(seq)), seq=seq) for seq in (2, 4, 3, 5)]
    assert [values(verdict)["Voltage/L1"] for verdict in found] == [2.0, 4.0, 3.0, 5.0]
    assert sum(verdict.missing for verdict in found) == 2
    assert sum(verdict.rebirth is not None for verdict in found) == 1


@pytest.mark.parametrize("after", [0, 1, 58, 200])
def test_any_sequence_number_follows_a_birth_of_the_node(born: Scene, after: int) -> None:
    """Trap: nodes that go on counting at a rebirth, or set their birth to another number than 0."""
    born.hear("NBIRTH", bd(7), seq=57)
    verdict = born.hear("DBIRTH", VOLTAGE, seq=after)
    assert (verdict.missing, verdict.rebirth) == (0, None)


def test_what_is_replayed_says_nothing_of_the_sequence(born: Scene) -> None:
    born.hear("DDATA", M(alias=1, value=230.0), seq=200, replayed=True)
    assert born.hear("DDATA", M(alias=1, value=230.0), seq=2).rebirth is None
    assert born.hear("DDATA", M(alias=99, value=230.0), seq=200, replayed=True).rebirth is None


def test_rebirths_are_asked_for_ever_more_seldom_while_they_do_not_help(born: Scene) -> None:
    asked = []
    for minute in range(600):
        born.now_ms = NOW_MS + minute * ASK_EVERY_MS
        if born.hear("DDATA", M(alias=99, value=1.0)).rebirth:
            asked.append(minute)
    assert asked == [0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303, 363, 423, 483, 543]
    born.now_ms += 3 * ASK_SELDOM_MS
    assert born.hear("DDATA", M(alias=99, value=1.0)).rebirth
    born.now_ms += ASK_EVERY_MS
    assert born.hear("DDATA", M(alias=99, value=1.0)).rebirth, "after a quiet time it starts again"


def test_a_clock_that_was_set_back_does_not_silence_the_requests(scene: Scene) -> None:
    assert scene.hear("NDATA", M(alias=1)).rebirth
    scene.now_ms -= 100 * ASK_SELDOM_MS
    assert scene.hear("NDATA", M(alias=1)).rebirth


def test_the_request_is_repeated_until_the_birth_comes(born: Scene) -> None:
    assert born.hear("DDATA", M(alias=1, value=230.0), seq=9).rebirth
    assert born.hear("DDATA", M(alias=1, value=230.0), seq=10).rebirth is None
    born.now_ms += ASK_EVERY_MS
    assert born.hear("DDATA", M(alias=1, value=230.0), seq=11).rebirth
    born.births()
    born.now_ms += ASK_SELDOM_MS
    assert born.hear("DDATA", M(alias=1, value=230.0), seq=2).rebirth is None


def test_a_new_birth_of_the_node_ends_the_aliases_of_its_devices(born: Scene) -> None:
    born.hear("NBIRTH", bd(8), seq=0)
    assert born.hear("DDATA", M(alias=1, value=230.0), seq=1).wait == "g/n/pm"
    born.hear("DBIRTH", M("Frequency", 50.0, alias=1, kind="Double"), seq=2)
    assert values(born.hear("DDATA", M(alias=1, value=50.01), seq=3)) == {"Frequency": 50.01}


def test_the_death_of_a_node_takes_all_its_devices_along(born: Scene) -> None:
    born.hear("DBIRTH", VOLTAGE, seq=2, device="pm2")
    verdict = born.hear("NDEATH", bd(7))
    assert (verdict.ignored, verdict.offline) == (IgnoreCause.STATUS, ("", "pm", "pm2"))
    assert verdict.save == {"g/n": None, "g/n/pm": None, "g/n/pm2": None}
    assert born.hear("DDATA", M(alias=1, value=230.0), seq=3).wait == "g/n/pm"


def test_a_death_of_an_earlier_session_is_stale(born: Scene) -> None:
    verdict = born.hear("NDEATH", bd(6))
    assert (verdict.ignored, verdict.offline, verdict.save) == (IgnoreCause.STATUS, (), {})
    assert values(born.hear("DDATA", M(alias=1, value=230.0), seq=2)) == {"Voltage/L1": 230.0}


def test_a_death_without_a_number_is_believed(born: Scene) -> None:
    assert born.hear("NDEATH").offline == ("", "pm")


def test_the_death_of_a_device_leaves_the_others(born: Scene) -> None:
    born.hear("DBIRTH", VOLTAGE, seq=2, device="pm2")
    verdict = born.hear("DDEATH", seq=3)
    assert (verdict.offline, verdict.save) == (("pm",), {"g/n/pm": None})
    assert born.hear("DDATA", M(alias=1, value=230.0), seq=4).wait == "g/n/pm"
    assert values(born.hear("DDATA", M(alias=1, value=230.0), seq=5, device="pm2")) == {"Voltage/L1": 230.0}


def test_a_device_that_is_not_born_again_is_offline_and_forgotten_with_the_birth_after(born: Scene) -> None:
    assert born.hear("NBIRTH", bd(8), seq=0).offline == ()
    verdict = born.hear("NBIRTH", bd(9), seq=0)
    assert verdict.offline == ("pm",)
    assert verdict.save["g/n/pm"] is None


@pytest.mark.parametrize("verb", ["NCMD", "DCMD"])
def test_commands_are_no_data(born: Scene, verb: str) -> None:
    assert born.hear(verb, M("Node Control/Rebirth", 1, 14)) == SparkplugVerdict(ignored=IgnoreCause.NOT_DATA)


@pytest.mark.parametrize("text", [b"ONLINE", b'{"online":true,"timestamp":1}', b""])
def test_the_state_of_a_host_application_is_never_read_as_protobuf(scene: Scene, text: bytes) -> None:
    assert scene.host.receive(STATE, text, NOW_MS) == SparkplugVerdict(ignored=IgnoreCause.NOT_DATA)


def test_saved_births_are_in_force_after_a_restart_until_new_ones_come() -> None:
    saved = {key: text for key, text in Scene().births().items() if text}
    after = Scene()
    assert after.host.restore(dict(reversed(saved.items()))) == []
    verdict = after.hear("DDATA", M(alias=3, value=0xFFFFFA24, field=INT), seq=77)
    assert values(verdict) == {"Power/Active": -1500}
    assert verdict.rebirth is not None, "births may have been missed"
    assert after.births() == {}, "they are the same: nothing to save"


def test_births_are_saved_when_they_changed_and_only_then(scene: Scene) -> None:
    assert scene.births(7).keys() == {"g/n", "g/n/pm"}
    assert scene.births(7) == {}
    assert scene.births(8).keys() == {"g/n", "g/n/pm"}
    assert scene.hear("DBIRTH", VOLTAGE, seq=2).save.keys() == {"g/n/pm"}


def test_a_birth_is_stored_as_a_text_with_the_session_of_its_node(scene: Scene) -> None:
    assert scene.births(7) == {
        "g/n": '{"bd_seq":7,"metrics":[["bdSeq",null,"Int64"]]}',
        "g/n/pm": '{"bd_seq":7,"metrics":[["Voltage/L1",1,"Float"],["Power/Active",3,"Int32"]]}',
    }


def test_a_saved_birth_that_exceeds_the_bounds_is_of_no_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "NODE_METRICS_MAX", 2)
    text = '{"bd_seq":7,"metrics":[["a",1,"Float"],["b",2,"Float"]]}'
    assert SparkplugHost().restore({"g/n": text}) == ["g/n"]
    assert SparkplugHost().restore({"g/n": '{"bd_seq":7,"metrics":[["a",1,"Float"]]}'}) == []


def test_only_so_many_nodes_that_were_asked_are_remembered(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "NODES_MAX", 2)

    def asks(node: str) -> bool:
        return scene.host.receive(Address("g", "NDATA", node), payload(M(alias=1, value=1.0)), NOW_MS).rebirth is not None

    assert [asks(node) for node in ("a", "b", "b", "a", "c")] == [True, True, False, False, True]
    assert asks("b"), "the one that was asked longest ago is forgotten, and asked again"
    assert not asks("c")


@pytest.mark.parametrize(
    ("key", "text"),
    [
        pytest.param("g/n/pm", '{"bd_seq":6,"metrics":[]}', id="of-an-older-session"),
        pytest.param("g/other/pm", '{"bd_seq":7,"metrics":[]}', id="without-its-node"),
        pytest.param("g/x", "{", id="damaged"),
        pytest.param("g/x", "[]", id="not-an-object"),
        pytest.param("g/x", '{"bd_seq":7,"metrics":[1]}', id="metric-that-is-none"),
        pytest.param("g/x", '{"bd_seq":7,"metrics":[[[],1,null]]}', id="name-that-is-none"),
        pytest.param("g", '{"bd_seq":7,"metrics":[]}', id="key-that-is-none"),
    ],
)
def test_saved_texts_of_no_use_are_named_for_deletion(key: str, text: str) -> None:
    node = '{"bd_seq":7,"metrics":[["Supply",1,"Float"]]}'
    assert SparkplugHost().restore({key: text, "g/n": node}) == [key]


@pytest.mark.parametrize(
    ("bound", "allowed"),
    [pytest.param("NODES_MAX", 1, id="nodes"), pytest.param("METRICS_KEPT_MAX", 6, id="metrics-of-all-nodes")],
)
def test_a_flood_of_births_is_refused_and_the_known_node_stays(
    born: Scene, monkeypatch: pytest.MonkeyPatch, bound: str, allowed: int
) -> None:
    monkeypatch.setattr(host, bound, allowed)
    with pytest.raises(Undecodable) as why:
        born.host.receive(Address("g", "NBIRTH", "n2"), payload(bd(1), VOLTAGE), NOW_MS)
    assert why.value.reason is RejectReason.UNKNOWN_DEVICE
    assert "g/n2" in why.value.detail
    assert values(born.hear("DDATA", M(alias=1, value=230.0), seq=2)) == {"Voltage/L1": 230.0}


def test_a_birth_that_is_refused_leaves_no_former_aliases(born: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "NODE_METRICS_MAX", 2)
    with pytest.raises(Undecodable, match="too many"):
        born.hear("DBIRTH", VOLTAGE, POWER, seq=2)
    assert born.hear("DDATA", M(alias=1, value=230.0), seq=3).wait == "g/n/pm"


def test_births_and_deaths_for_ever_fill_nothing(scene: Scene) -> None:
    for session in range(300):
        scene.births(session)
        scene.hear("DBIRTH", VOLTAGE, device=f"pm{session}")
        scene.hear("DBIRTH", VOLTAGE, device=f"pm{session}")
        scene.hear("NDEATH" if session % 3 else "DDEATH", bd(session))
    scene.hear("NBIRTH", bd(999))
    scene.hear("NBIRTH", bd(999))
    assert scene.hear("NDEATH", bd(999)).offline == ("",)
    assert scene.host._kept == 0  # noqa: SLF001 - the bound counts what is kept


VERBS = ["NBIRTH", "DBIRTH", "NDATA", "DDATA", "NDEATH", "DDEATH", "NCMD"]


@given(st.lists(st.tuples(st.sampled_from(VERBS), st.binary(max_size=30)), max_size=30))
def test_random_messages_end_in_a_verdict_or_a_refusal(messages: list[tuple[str, bytes]]) -> None:
    host = SparkplugHost()
    for verb, encoded in messages:
        address = Address("g", verb, "n", "d" if verb.startswith("D") else "")
        try:
            verdict = host.receive(address, encoded, NOW_MS)
        except Undecodable:
            continue
        assert [verdict.document is None, verdict.wait is None, verdict.ignored is None].count(False) == 1


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpora are not here")
def test_the_corpus_in_its_order() -> None:
    host = SparkplugHost()
    found = []
    for line in CORPUS.read_text().splitlines():
        row = json.loads(line)
        address = parse_address(row["topic"])
        assert address is not None
        found.append(host.receive(address, base64.b64decode(row["payload_b64"]), NOW_MS))
    taken = [values(verdict) for verdict in found if verdict.document]
    assert [len(metrics) for metrics in taken] == [10, 14, 1, 2, 2, 5, 3, 1]
    assert taken[6] == {"Voltage/L1": 230.25, "Power/Active": 1499, "Current/L1": None}
    assert taken[7] == {"Energy/Import": 50859000}
    assert [bool(verdict.rebirth) for verdict in found].index(True) == 3, "DDATA of the specification has sequence 0 behind 2"
    assert (found[12].wait, bool(found[12].rebirth), found[12].missing) == ("EVN-QuangTri/TBA-0001/PM-1", True, 1)
    assert found[13].offline == ("", "PM-1")
