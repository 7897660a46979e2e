"""The profile language, compiled: a profile's YAML becomes plain functions, once. A message costs only what its profile uses.

From the outside in: :mod:`~gateway.core.profiles.language.profile` (all of a profile) →
:mod:`~gateway.core.profiles.language.mapping` (its points) → :mod:`~gateway.core.profiles.language.items` (``each``, ``map``) →
:mod:`~gateway.core.profiles.language.fields` → :mod:`~gateway.core.profiles.language.values` (the steps of a value) →
:mod:`~gateway.core.profiles.language.sources` and :mod:`~gateway.core.profiles.language.paths` (where it is).

What compiles a part raises :class:`~gateway.core.profiles.language.sources.Fault` for what is wrong in it, with the key below
that part; what knows no keys raises ValueError. :meth:`~gateway.core.profiles.language.sources.Scope.gather` collects them.
"""
