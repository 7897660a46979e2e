"""Wiring: from the configuration to a gateway, made from top to bottom, each part complete when it is made.

:class:`gateway.runtime.pipeline.build.Parts` is the list; each room of the gateway is a class that is made from the rooms that
stand before it. No decision is made here; :mod:`gateway.commands.run` gives the gateway life.
"""
