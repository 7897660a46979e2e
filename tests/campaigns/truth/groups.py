"""Groups of meters: what is used, supplied, produced and lost in an area, behind a parent, in all of a town. Pure."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from tests.campaigns.truth.calendar import Period
from tests.campaigns.truth.figures import NOTHING, Amount, Truth
from tests.campaigns.truth.town import Meter, parents, role_of


class KnownMeters(Protocol):
    """The questions of a group to its meters."""

    def taken(self, device: str, period: Period) -> Amount:
        """Return what came in through a meter."""

    def given(self, device: str, period: Period) -> Amount:
        """Return what went out through it."""

    def is_last(self, meter: Meter) -> bool:
        """Tell if what it counts is used."""

    def strangers(self, feed: Meter) -> int:
        """Return how many customers in its zone are not registered."""

    def stored(self, feed: str, period: Period) -> Amount | None:
        """Return what a tank behind it took in."""


class Group:
    """Meters of a domain that belong together.

    :ivar feeds: those through which something comes in.
    """

    def __init__(
        self, known: KnownMeters, domain: str, inside: Sequence[Meter], feeds: Sequence[Meter], all_of_them: Sequence[Meter]
    ) -> None:
        self._known = known
        self._domain = domain
        self._inside = inside
        self._feeds = feeds
        names = {meter.id for meter in inside}
        on_the_way = {meter.id for meter in inside if role_of(meter) != "use"}  # a customer's submeters take nothing away
        self._leaving = [one for one in all_of_them if one.id not in names and on_the_way.intersection(parents(one))]
        self._is_supplied = any(role_of(meter) != "use" for meter in feeds)

    def figure(self, what: str, period: Period) -> Truth | None:
        """Return a figure of it."""
        figures = {"used": self._of_used, "produced": self._of_produced, "supplied": self._of_supplied, "lost": self._of_lost}
        return figures[what](period) if what in figures else None

    def _of_used(self, period: Period) -> Truth:
        if not any(map(self._known.is_last, self._inside)):
            return Truth(0.0, may_be_absent=True)
        return _told(self._used(period))

    def _of_produced(self, period: Period) -> Truth:
        return _told(self._produced(period))._replace(may_be_absent=not any(meter.solar for meter in self._inside))

    def _of_supplied(self, period: Period) -> Truth:
        return _told(self._supplied(period)) if self._is_supplied else Truth(None)

    def _of_lost(self, period: Period) -> Truth:
        """Strangers take from a zone what looks lost; a tank's waves hide what an hour loses.

        Who is behind no feed takes nothing of what was supplied: so losses of areas add up to the whole.
        """
        between = [meter for meter in self._inside if role_of(meter) != "use"]
        if not self._is_supplied or any(self._known.strangers(meter) > 0 for meter in between):
            return Truth(None)
        fed = [meter for meter in self._inside if self._known.is_last(meter) and parents(meter)]
        lost = self._supplied(period) + -total(self._known.taken(meter.id, period) for meter in fed)
        for meter in between:
            stored = self._known.stored(meter.id, period)
            if stored is not None and period.step == "hour":
                return Truth(None)
            lost = lost + -(stored or NOTHING)
        return _told(lost)

    def _used(self, period: Period) -> Amount:
        return total(self._known.taken(meter.id, period) for meter in self._inside if self._known.is_last(meter))

    def _produced(self, period: Period) -> Amount:
        return total(self._known.given(meter.id, period) for meter in self._inside if self._known.is_last(meter))

    def _supplied(self, period: Period) -> Amount:
        return self._net(self._feeds, period) + -self._net(self._leaving, period) + self._produced(period)

    def _net(self, meters: Iterable[Meter], period: Period) -> Amount:
        return total(self._known.taken(one.id, period) + -self._known.given(one.id, period) for one in meters)


def total(amounts: Iterable[Amount]) -> Amount:
    """Add up."""
    found = NOTHING
    for amount in amounts:
        found = found + amount
    return found


def _told(amount: Amount) -> Truth:
    return Truth(amount.value, amount.within, amount.unknowable)
