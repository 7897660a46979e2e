"""Setting up a cluster of VictoriaMetrics: its processes are on other machines, so this looks, and says what they need."""

from collections.abc import Iterator, Sequence
from typing import Final

from gateway.admin.databases.steps import DatabaseKind, KeptPlace, SetupFault, kind_of
from gateway.admin.databases.victoria_metrics import DEDUP, dedup_fault, retention_flag
from gateway.support.plain_http import PlainHttp

_OK: Final = 200
_COPIES: Final = "-replicationFactor=2"


def check_dedup(asked: PlainHttp, process: PlainHttp) -> str:
    """Look how vmselect counts points that are written again; return the sentence for people.

    :param asked: the address for questions.
    :param process: the address at which vmselect tells of itself.
    :raises SetupFault: it counts them twice, does not tell, or something else answers.
    """
    kind, version = kind_of(asked)
    if kind is not DatabaseKind.VICTORIA_METRICS:
        raise SetupFault(f"{asked.url} is InfluxDB {version}, not vmselect")
    answer = process.send("GET", "/flags")
    if answer.status != _OK:
        raise SetupFault(
            f"{process.url}/flags: vmselect does not tell its flags ({answer.describe()}): see that it has {DEDUP}"
        )
    if fault := dedup_fault(answer.text()):
        raise SetupFault(f"{process.url} {fault}")
    return f"{process.url}: vmselect runs with {DEDUP}"


def flags_of(places: Sequence[KeptPlace]) -> Iterator[str]:
    """The flags that the processes need, a line each.

    :raises SetupFault: a place keeps too little.
    """
    yield f"vminsert   {_COPIES}"
    yield f"vmselect   {_COPIES} {DEDUP}"
    for number, place in enumerate(places):
        whose = "   (of the cluster at influxdb.rollups.url)" if number else ""
        yield f"vmstorage  {retention_flag(place)} {DEDUP}{whose}"
