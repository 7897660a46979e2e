"""A judge of the dashboards made of Grafana's own published parts; it shares nothing with the maker of the dashboards."""
