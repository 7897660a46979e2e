"""Dashboards for operators, as tables of panels.

``tables`` says what each dashboard shows, ``influxql`` how it is asked, ``render`` how it is written for Grafana.
``python grafana/build.py`` writes ``dashboards/*.json``; ``--check`` tells whether they are up to date.
"""
