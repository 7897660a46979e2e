"""The gateway: sensor readings from MQTT to InfluxDB, in one language of quantities, with nothing lost.

::

                            profiles       codecs (another process)
                                    │      ▲
                                    ▼      ▼
    devices ─▶ broker ─▶ intake ─▶ process ─▶ deliver ─▶ InfluxDB
               (MQTT 5)    │        (pure)      │  ▲
                           │        │    │      ▼  │ drain
                           │        ▼    ▼    journal
                           │  rejects  quarantine ─▶ processed again once the missing piece is known
                           └◀── PUBACK when the reading is durable

The way of one message: :mod:`gateway.core.process`. How the parts are joined: :mod:`gateway.pipeline`. The guide to profiles:
``gateway/profiles/README.md``. Imports point one way: command line → wiring → shells → core → schemas. The rooms:

core        pure: bytes and the time in, values out; its root holds the steps of a message, its folders the parts they call
intake      the connection to the broker, and the side effects of messages
delivery    the live lane, the spool into the journal, the drain lane; InfluxDB
storage     the one SQLite file: journal, rejects, quarantine, device snapshots; recovery of a damaged one
codecs      makers' codecs, in a process of their own
config      configuration, registry and profile files, with faults explained to people
explain     one message, explained step by step; the tests inside profiles
proposals   profiles proposed from Home Assistant's discovery messages
status      status, troubles and metrics; jobs: slow tasks beside the lanes
web, i18n   pages and API; every word on them in Vietnamese and English
backup      all that makes a gateway, in one archive, and a gateway made of it
commands    the commands that people type; demo: the whole system on one machine
"""

__version__ = "0.1.0"
"""Written here alone: the package takes it from here, and to read its metadata instead would slow each start."""
