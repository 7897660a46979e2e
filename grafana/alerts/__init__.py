"""Alerts for sites that watch by Grafana, Prometheus or vmalert: one table, rendered for each of them.

Conditions of devices are judged by the gateway alone (measurement ``alarm``). Here stand only rules that pass its alarms on,
and rules about the gateway itself.
"""
