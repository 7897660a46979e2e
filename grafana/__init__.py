"""Dashboards for operators, as tables of panels.

``tables`` says what each dashboard shows and asks (``ask``), ``influxql`` and ``metricsql`` how that is said to a database,
``guard`` what is refused, ``render`` how it is written for Grafana. ``python grafana/build.py`` writes ``dashboards/*/*.json``;
``--check`` tells whether they are up to date. ``python -m grafana.preview`` draws one from a live database.
"""
