"""Figures for everybody: the open data of a day, with what describes them."""
