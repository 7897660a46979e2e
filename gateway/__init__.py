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

What happens to one message: :mod:`gateway.core.process`. How the parts are wired: :mod:`gateway.pipeline`. The
guide to profiles: ``gateway/profiles/README.md``. Imports point one way: command line → wiring → shells → core → schemas.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("province-gateway")
except PackageNotFoundError:  # run from a folder without installing
    __version__ = "0"
