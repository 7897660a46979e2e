"""Sessions end: by rest, by age, by logging out, by too many others."""

from gateway.support.access.accounts import AccountRole, UserAccount
from gateway.web.people.sessions import SESSION_IDLE_S, SESSION_LASTS_S, Sessions

LAN = UserAccount("lan", AccountRole.TECHNICIAN, bytes(32))


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now_s


def test_a_session_goes_on_while_it_is_used_and_ends_by_rest() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    name = sessions.begin(LAN)
    for _ in range(5):
        clock.now_s += SESSION_IDLE_S - 1
        assert sessions.use(name)
    clock.now_s += SESSION_IDLE_S
    assert not sessions.use(name)


def test_a_session_ends_by_age_however_much_it_is_used() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    name = sessions.begin(LAN)
    while clock.now_s < SESSION_LASTS_S - 60:
        assert sessions.use(name)
        clock.now_s += 60
    clock.now_s = SESSION_LASTS_S
    assert not sessions.use(name)


def test_a_session_that_was_ended_or_never_began_opens_nothing() -> None:
    sessions = Sessions()
    name, other = sessions.begin(LAN), sessions.begin(LAN)
    sessions.end(name)
    assert [sessions.use(shown) for shown in (name, "", "guessed", "\udcff", other)] == [None, None, None, None, LAN]


def test_a_session_has_a_long_random_name_of_its_own() -> None:
    sessions = Sessions()
    names = {sessions.begin(LAN) for _ in range(100)}
    assert len(names) == 100
    assert min(map(len, names)) >= 43, "256 bits"


def test_among_too_many_sessions_the_one_that_rested_longest_ends() -> None:
    sessions = Sessions()
    first, second = sessions.begin(LAN), sessions.begin(LAN)
    assert sessions.use(first)
    for _ in range(999):
        sessions.begin(LAN)
    assert (sessions.use(first), sessions.use(second)) == (LAN, None)
