"""``python -m tests.firmware_sim.weeks``: draw the weeks of docs/physics.md."""

from math import fsum
from pathlib import Path
from typing import Final

from tests.firmware_sim.weeks import chart, measured, simulated

PICTURES: Final = Path(__file__).parents[3] / "docs" / "pictures"
MOST_PCT: Final = 40.0
FREE_PCT: Final = 10.0


def main() -> None:
    """Write the pictures."""
    weeks = {
        "water": ("Inflow of districts, against its mean", measured.water(), simulated.water()),
        "electricity": ("Load of houses, against its mean", measured.electricity(), simulated.electricity()),
        "traffic": ("Occupancy of a lane of a highway, against its mean", measured.occupancy(), simulated.occupancy()),
    }
    for name, (title, there, here) in weeks.items():
        (PICTURES / f"week-{name}.svg").write_text(chart.week(title, there, here), encoding="utf-8")
    there_points = against_free(measured.speeds_by_occupancy())
    here_points = against_free(
        [
            (values["occupancy_pct"], values["mean_speed_km_h"])
            for values in simulated.readings(simulated.busy_junction(), 300.0)
            if "mean_speed_km_h" in values
        ]
    )
    title = "Speed over occupancy of a lane, against the speed of a free one"
    drawn = chart.branches(title, there_points, here_points, MOST_PCT)
    (PICTURES / "week-branches.svg").write_text(drawn, encoding="utf-8")


def against_free(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Occupancies with speeds against the mean of those at a low occupancy."""
    free = [speed for occupancy, speed in points if occupancy < FREE_PCT]
    return [(occupancy, speed * len(free) / fsum(free)) for occupancy, speed in points]


if __name__ == "__main__":
    main()
