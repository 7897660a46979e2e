"""Dashboards for operators, as tables of panels.

``tables`` says what each dashboard shows and asks (``ask``), ``influxql`` and ``metricsql`` how that is said to a database,
``guard`` what is refused, ``render`` how it is written for Grafana, ``made`` which files a site gets, ``build`` what the
repository keeps of them. ``make judge-grafana`` draws them with Grafana's own parts.
"""
