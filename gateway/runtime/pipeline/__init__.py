"""Wiring: from the configuration to a gateway, made from top to bottom, each part complete when it is made.

:func:`gateway.runtime.pipeline.build.build` is the list; each room of the gateway is built in a module of its own, from the
rooms that stand before it. No decision is made here; :mod:`gateway.commands.run` gives the gateway life.
"""
