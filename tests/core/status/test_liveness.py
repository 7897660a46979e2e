from gateway.core.status.progress import Liveness, WorkerSight

PATIENCE_S = 45.0


def sight(*, has_work: bool = True, progress: float = 0, waits_for: str = "") -> WorkerSight:
    return WorkerSight("spool", has_work, progress, waits_for)


def looked(sights: list[WorkerSight], every_s: float = 20.0) -> list[str]:
    """Look at a worker again and again; the result of the last look."""
    liveness, found = Liveness(PATIENCE_S), []
    for number, one in enumerate(sights):
        found = liveness.stuck([one], number * every_s)
    return found


def test_a_worker_that_stands_still_with_work_is_stuck_once_patience_is_over() -> None:
    assert looked([sight()] * 3) == []
    assert looked([sight()] * 4) == ["spool"]


def test_one_that_advances_is_not_stuck() -> None:
    assert looked([sight(progress=number) for number in range(9)]) == []


def test_one_without_work_is_not_stuck() -> None:
    assert looked([sight(has_work=False)] * 9) == []


def test_one_that_waits_for_a_named_thing_is_not_stuck_however_long_that_is_away() -> None:
    assert looked([sight(waits_for="InfluxDB")] * 99) == []


def test_patience_begins_again_after_work_or_a_wait() -> None:
    assert looked([sight(), sight(), sight(waits_for="the disk"), sight(), sight()]) == []
    assert looked([sight(), sight(), sight(has_work=False), sight(), sight()]) == []
    assert looked([sight(), sight(), sight(progress=1), sight(progress=1), sight(progress=1)]) == []
