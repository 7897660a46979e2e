"""Formulas of water, electricity, traffic and the town, each in one function that names its source. Pure.

Units are those that the formula has in its field; the name of each argument and result says which.
"""
