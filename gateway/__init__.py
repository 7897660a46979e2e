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

The way of one message: :mod:`gateway.core.process`. How the parts are joined: :mod:`gateway.runtime.pipeline`. The guide to
profiles: ``gateway/profiles/README.md``. Each wing imports from those below it, and from no other:

commands    what people type
web         pages and API of the wired gateway
onboarding  from an unknown payload to a registered device
runtime     the living process: its rooms, slow jobs, reloading
admin       what an administrator does once; never loaded by a running gateway
monitoring  what was measured, missed and alarmed
ingest      the way of a reading: intake, codecs, storage, delivery, database
support     what every room stands on: configuration, registry, accounts, words, certificates
core        pure: bytes and the time in, values out; its root holds the steps of a message, its folders the parts they call
"""

__version__ = "0.1.0"
"""Written here alone: the package takes it from here, and to read its metadata instead would slow each start."""
