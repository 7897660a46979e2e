"""Notices wait in order, are bounded, and are forgotten on disk when they were taken."""

from gateway.ingest.storage.alarms import Notice
from gateway.monitoring.alarms import outbox
from gateway.monitoring.alarms.outbox import INFLUXDB, WEBHOOK, Outbox


def bodies(box: Outbox, receiver: str = WEBHOOK) -> list[str]:
    return [notice.body for notice in box.first(receiver, 100)]


def test_each_receiver_has_its_own_in_order_and_nobody_is_told_for_others() -> None:
    box = Outbox([INFLUXDB, WEBHOOK])
    assert box.add(box.number([(WEBHOOK, "a"), (INFLUXDB, "b"), ("nobody", "c"), (WEBHOOK, "d")])) == 0
    assert (bodies(box), bodies(box, INFLUXDB)) == (["a", "d"], ["b"])
    box.remove(box.first(WEBHOOK, 1))
    assert (bodies(box), box.gone(), box.gone()) == (["d"], [1], [])


def test_numbers_go_on_after_those_on_disk_and_what_is_for_nobody_now_is_forgotten() -> None:
    box = Outbox([INFLUXDB])
    box.restore([Notice(7, INFLUXDB, "old"), Notice(9, WEBHOOK, "for nobody")])
    assert [notice.number for notice in box.number([(INFLUXDB, "new")])] == [10]
    assert (bodies(box, INFLUXDB), box.gone()) == (["old"], [9])


def test_the_oldest_make_room_also_while_they_are_on_their_way() -> None:
    box = Outbox([WEBHOOK])
    box.add(box.number([(WEBHOOK, str(number)) for number in range(outbox.WAITING_MAX)]))
    on_their_way = box.first(WEBHOOK, 2)
    assert box.add(box.number([(WEBHOOK, "new")])) == 1
    box.remove(on_their_way)
    assert bodies(box)[0] == "2"
    assert box.gone() == [1, 2]
