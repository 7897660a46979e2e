"""The gateway: from MQTT to InfluxDB, one clean language of quantities on the way, nothing lost.

::

                            profiles       codecs (another process)
                                    │      ▲
                                    ▼      ▼
    devices ─▶ broker ─▶ intake ─▶ process ─▶ deliver ─▶ InfluxDB
               (MQTT 5)    │        (pure)      │  ▲
                           │        │    │      ▼  │ drain
                           │        ▼    ▼    journal
                           │  rejects  quarantine ─▶ again, when what it waits for is known
                           └◀── PUBACK when durable somewhere

The way of one message: :mod:`gateway.core.process`. How the parts are joined: :mod:`gateway.pipeline`. The guide to profiles:
``gateway/profiles/README.md``. Imports point one way: command line → wiring → shells → core → schemas. The rooms:

core        pure: bytes and the time in, values out; its root is a message's way, its folders are what that calls
intake      the connection to the broker, and what a message asks for beside data
delivery    the live lane, the spool into the journal, the drain lane; InfluxDB
storage     the one SQLite file: journal, rejects, quarantine, device snapshots; recovery of a damaged one
codecs      makers' codecs, in a process of their own
config      configuration, registry and profile files, with faults said for people
explain     one message with each step told; the tests inside profiles
proposals   profiles proposed from Home Assistant's discovery messages
status      status, troubles and metrics; jobs: slow tasks beside the lanes
web, i18n   pages and API; every word on them in Vietnamese and English
commands    what people type; demo: the whole way on one machine
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("province-gateway")
except PackageNotFoundError:  # run from a folder without installing
    __version__ = "0"
