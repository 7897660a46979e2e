"""Benchmarks: the cost and speed of the gateway, each figure beside a baseline of the same run.

    python -m tests.campaigns.bench [saturation] [latency] [start] [memory] [disk] [catch_up] [--quick] [--json FILE]

A figure alone says as much about the machine as about the gateway; beside a baseline that was measured minutes before, with
the same broker and the same messages, it says something about the gateway. Each part is one module with a function
``measure``; what runs beside the gateway is a process of its own, so that its cost is not counted:

    saturation   burst.py ▶ Mosquitto ▶ gateway ▶ VictoriaMetrics      baselines: plain.py, subscriber.py
    latency      pacer.py ▶ Mosquitto ▶ gateway ▶ door.py              baseline: subscriber.py, a POST for each message
    start        gateway ▶ a socket that notes when SUBSCRIBE comes    baseline: an interpreter and two imports
    memory       pacer.py ▶ Mosquitto ▶ gateway ▶ door.py, InfluxDB    baseline: an interpreter with the gateway's imports
    disk         pacer.py ▶ Mosquitto ▶ gateway ▶ InfluxDB             baseline: SQLite, a commit for each reading
    catch_up     pacer.py ▶ Mosquitto ▶ gateway ▶ tap.py ▶ InfluxDB    baseline: the same bodies by a loop that posts them

What a change costs is asked otherwise, for two figures from two days differ by what else the machine did:

    python -m tests.campaigns.bench --compare OLD_COMMIT [core] [saturation] [uplinks] [start] [--rounds N]

runs the gateway of the old commit and that of the checkout in turns (compare.py), the core also alone (core.py).
"""
