"""Water formulas judged by EPANET (wntr): a network of 20 junctions with leaks and a tank, over a day."""

import math
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.physics.hydraulics import Pipe
from firmware_sim.physics.network import Junction, Leak, Network, PipeBetween, Tank, follow, pressure_head_m
from firmware_sim.physics.shapes import DISTRICT_INFLOW
from firmware_sim.signals import rng

wntr = pytest.importorskip("wntr", reason="the judges are not installed: make judge")

HOURS = 24
STEP_H = 0.25
SOURCE_M = 60.0
TANKS = {
    "roomy": Tank(bottom_m=48.0, area_m2=150.0, level_m=3.0, highest_m=8.0),
    "soon full and soon empty": Tank(bottom_m=50.5, area_m2=15.0, level_m=1.0, highest_m=2.0),
}
PATTERN = DISTRICT_INFLOW[:HOURS]


def town(exponent: float, seed: int) -> Network:
    """Twenty junctions in a line with four shortcuts, two of them leaking."""
    chance = rng("judge", seed)
    leaks = {place: Leak(chance.uniform(2, 5) / 40**exponent, exponent) for place in (5, 11)}
    junctions = {
        f"n{number}": Junction(chance.uniform(0, 15), chance.uniform(2, 12), leaks.get(number)) for number in range(20)
    }
    pipes = [PipeBetween("source", "n0", Pipe(800, 0.25, 130)), PipeBetween("tank", "n10", Pipe(300, 0.20, 130))]
    pipes += [
        PipeBetween(f"n{number}", f"n{number + 1}", Pipe(chance.uniform(100, 400), 0.20 if number < 10 else 0.15, 120))
        for number in range(19)
    ]
    pipes += [PipeBetween(f"n{one}", f"n{two}", Pipe(500, 0.12, 110)) for one, two in ((0, 9), (3, 14), (5, 19), (2, 12))]
    return Network(junctions, pipes)


def judged(network: Network, tank: Tank, exponent: float, folder: Path) -> tuple[Any, Any]:
    """Pressures and leaks of EPANET; a leak is an emitter."""
    model = wntr.network.WaterNetworkModel()
    model.add_pattern("day", list(PATTERN))
    model.add_reservoir("source", base_head=SOURCE_M)
    model.add_tank(
        "tank",
        elevation=tank.bottom_m,
        init_level=tank.level_m,
        max_level=tank.highest_m,
        diameter=2 * math.sqrt(tank.area_m2 / math.pi),
    )
    for name, junction in network.junctions.items():
        model.add_junction(name, base_demand=junction.demand_m3_h / 3600, demand_pattern="day", elevation=junction.elevation_m)
        if junction.leak is not None:
            model.get_node(name).emitter_coefficient = junction.leak.coefficient / 3600
    for number, each in enumerate(network.pipes):
        pipe = each.pipe
        model.add_pipe(f"p{number}", each.start, each.end, pipe.length_m, pipe.diameter_m, pipe.roughness)
    model.options.hydraulic.emitter_exponent = exponent
    model.options.hydraulic.inpfile_units = "LPS"  # in others wntr converts emitters as if their exponent were 0.5
    model.options.hydraulic.headloss = "H-W"
    model.options.hydraulic.demand_model = "DDA"
    model.options.time.duration = round((HOURS - STEP_H) * 3600)
    model.options.time.hydraulic_timestep = model.options.time.report_timestep = round(STEP_H * 3600)
    model.options.time.pattern_timestep = 3600
    found = wntr.sim.EpanetSimulator(model).run_sim(file_prefix=str(folder / "town"))
    return found.node["pressure"], found.node["demand"]


@pytest.mark.slow
@pytest.mark.parametrize("exponent", [0.5, 1.1])
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("tank", TANKS.values(), ids=TANKS)
def test_pressures_and_leaks_of_a_day_are_those_of_epanet(exponent: float, seed: int, tank: Tank, tmp_path: Path) -> None:
    network = town(exponent, seed)
    pressures, demands = judged(network, tank, exponent, tmp_path)
    errors, leaked, leaked_there = [], 0.0, 0.0
    levels_m = set()
    for step in follow(network, {"source": SOURCE_M}, {"tank": tank}, PATTERN, STEP_H):
        at_s = round(step.hour * 3600)
        levels_m.add(step.tank.level_m)
        for name, junction in network.junctions.items():
            there_m = pressures.loc[at_s, name]
            errors.append((pressure_head_m(network, step.heads, name) - there_m) / there_m)
            if junction.leak is not None:
                leaked += step.heads.leaks_m3_h[name]
                leaked_there += 3600 * demands.loc[at_s, name] - junction.demand_m3_h * PATTERN[int(step.hour)]
    rmse = math.sqrt(math.fsum(error * error for error in errors) / len(errors))
    levels = f"tank at {min(levels_m):.1f} to {max(levels_m):.1f} m"
    print(f"{levels}: pressure RMSE {100 * rmse:.4f} %, leak flow {100 * (leaked / leaked_there - 1):+.4f} %")  # noqa: T201 - make judge shows it
    assert rmse < 0.02
    assert leaked == pytest.approx(leaked_there, rel=0.01)
