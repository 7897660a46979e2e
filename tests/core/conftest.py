"""Hypothesis for the tests of the core: many examples, no time limit for one (a busy machine is no fault of the code)."""

from hypothesis import HealthCheck, settings

settings.register_profile("core", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("core")
