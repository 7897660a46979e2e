"""Rounds of gateways that share devices: one of them calls a device silent, once none of them hears it, and no other does."""

from gateway.core.alarms.alarm import AlarmState
from gateway.core.alarms.rules import ClockWrong, Completeness, Rule, Silent
from gateway.core.status.silence import Membership, NewestReadings, Silence
from tests.core.alarms.alarming import Bed, above, registered, rule
from tests.core.making import DAY_MS, HOUR_MS, MINUTE_MS, NOW_MS, tell_time

RULES = (
    rule(Silent("site"), name="site_silent"),
    rule(Silent(), name="device_silent"),
    rule(above("alarm_leak", 0), name="leak"),
)
NAMES = [f"d{number}" for number in range(6)]


class Member:
    """One of several gateways, with the devices of a site; it asks the database before each round, as a real one does."""

    def __init__(self, *, leads: bool, database: dict[str, int], devices: int = 1, rules: tuple[Rule, ...] = RULES) -> None:
        self.elsewhere = NewestReadings()
        self.database: dict[str, int] | None = database
        self.bed = Bed(*rules, silence=Silence(membership=Membership(self.elsewhere, leads)))
        for name in NAMES[:devices]:
            self.bed.device(name, registered(name))

    def hear(self, now_ms: int, name: str = "d0", *, leak: bool = False) -> list[str]:
        """Receive a reading, which is soon in the database."""
        assert self.database is not None
        self.database[name] = self.bed.devices[name].newest_ms = now_ms
        return self.bed.send(now_ms, name, alarm_leak=leak)

    def round(self, now_ms: int) -> list[str]:
        """Make a round; what is told."""
        if self.database is not None:
            self.elsewhere.take(self.database, set(NAMES), now_ms)
        return [told for told in self.bed.tick(now_ms) if not told.startswith("overdue")]


def pair(devices: int = 1) -> tuple[Member, Member]:
    """The leader and another member, beside one database."""
    database: dict[str, int] = {}
    return Member(leads=True, database=database, devices=devices), Member(leads=False, database=database, devices=devices)


def rounds(members: tuple[Member, ...], minutes: range) -> list[tuple[int, int, str]]:
    """Make rounds of a minute; return what members tell: minute, member, words."""
    told = []
    for minute in minutes:
        for number, member in enumerate(members):
            told += [(minute, number, words) for words in member.round(NOW_MS + minute * MINUTE_MS)]
    return told


def test_a_device_that_wanders_is_never_called_silent() -> None:
    members = pair()
    for turn in range(40):  # five turns here, five there, and none of both hears it for longer than its span of silence
        members[turn // 5 % 2].hear(NOW_MS + 15 * turn * MINUTE_MS)
        assert rounds(members, range(15 * turn, 15 * turn + 15)) == []


def test_a_silent_device_is_told_once_by_the_leader_whoever_heard_it_last() -> None:
    for last in (0, 1):
        members = pair()
        members[1 - last].hear(NOW_MS - HOUR_MS)
        members[last].hear(NOW_MS)
        assert rounds(members, range(120)) == [(46, 0, "raised device_silent@d0")], "a minute later than a gateway alone"
        members[1].hear(NOW_MS + 2 * HOUR_MS)
        assert rounds(members, range(120, 165)) == [(120, 0, "cleared device_silent@d0")]


def test_a_site_whose_devices_are_spread_is_told_once() -> None:
    members = pair(6)
    for number, name in enumerate(NAMES):
        members[number % 2].hear(NOW_MS + number * 1000, name)
    assert [(member, told) for _, member, told in rounds(members, range(120))] == [(0, "raised site_silent@s1")]


def test_half_a_site_that_another_gateway_hears_is_no_silent_site() -> None:
    members = pair(6)
    for name in NAMES:
        members[0].hear(NOW_MS, name)
    for turn in range(1, 12):
        for name in NAMES:
            members[1].hear(NOW_MS + 15 * turn * MINUTE_MS, name)
        assert rounds(members, range(15 * turn, 15 * turn + 15)) == []


def test_while_the_database_does_not_answer_no_silence_begins_or_ends() -> None:
    leader, other = pair(2)
    leader.hear(NOW_MS - HOUR_MS)
    other.hear(NOW_MS, "d1")
    assert rounds((leader, other), range(30)) == [(0, 0, "raised device_silent@d0")]
    database, leader.database, other.database = leader.database, None, None
    assert rounds((leader, other), range(30, 300)) == []
    assert leader.bed.is_active("device_silent", "d0")
    leader.database = other.database = database
    assert rounds((leader, other), range(300, 310)) == [(300, 0, "raised device_silent@d1")]


def test_an_alarm_about_a_value_ends_here_once_another_gateway_has_the_device() -> None:
    leader, other = pair()
    assert other.hear(NOW_MS, leak=True) == ["raised leak@d0"]
    leader.hear(NOW_MS + 15 * MINUTE_MS, leak=True)
    assert other.round(NOW_MS + 15 * MINUTE_MS) == [], "it may come back: readings are shared out one by one"
    leader.hear(NOW_MS + HOUR_MS, leak=True)
    assert rounds((leader, other), range(60, 62)) == [(60, 1, "cleared leak@d0")]
    assert leader.bed.is_active("leak", "d0"), "who hears it goes on"


def test_a_wrong_clock_is_not_told_by_who_no_longer_hears_the_device() -> None:
    database: dict[str, int] = {}
    rules = (rule(ClockWrong(), name="clock_wrong"),)
    leader, other = (Member(leads=leads, database=database, rules=rules) for leads in (True, False))
    other.hear(NOW_MS)
    tell_time(other.bed.devices["d0"], DAY_MS, NOW_MS)
    assert other.round(NOW_MS) == ["raised clock_wrong@d0"]
    leader.hear(NOW_MS + HOUR_MS)
    assert rounds((leader, other), range(60, 65)) == [(60, 1, "cleared clock_wrong@d0")]


def test_an_alarm_of_a_day_stays_with_the_leader_whoever_hears_the_device() -> None:
    database: dict[str, int] = {}
    rules = (rule(Completeness(0.9), above("alarm_leak", 0), name="lacking"),)
    leader, other = (Member(leads=leads, database=database, rules=rules) for leads in (True, False))
    leader.hear(NOW_MS, leak=True)
    leader.bed.alarms.day(leader.bed.devices["d0"], 0.5, NOW_MS)
    assert leader.bed.told() == []
    other.hear(NOW_MS + HOUR_MS)
    assert rounds((leader, other), range(60, 65)) == [], "the leak has gone over, the day has not"
    leader.bed.alarms.day(leader.bed.devices["d0"], 1.0, NOW_MS + DAY_MS)
    assert leader.bed.told() == ["cleared lacking@d0"]


def test_who_no_longer_leads_ends_its_silences() -> None:
    former = Member(leads=False, database={})
    former.bed.alarms.restore(_silence_of_a_leader(), NOW_MS)
    assert former.round(NOW_MS) == ["cleared device_silent@d0"]


def _silence_of_a_leader() -> list[AlarmState]:
    leader = Member(leads=True, database={})
    leader.hear(NOW_MS - HOUR_MS)
    leader.round(NOW_MS)
    return list(leader.bed.alarms.states)
