"""The profile language, compiled: what a profile's YAML says becomes plain functions, once.

A message then pays for what its profile uses. From the outside in: :mod:`~gateway.core.language.profile` (all of a profile) →
:mod:`~gateway.core.language.mapping` (its points) → :mod:`~gateway.core.language.items` (``each``) →
:mod:`~gateway.core.language.fields` → :mod:`~gateway.core.language.values` (the steps of a value) →
:mod:`~gateway.core.language.sources` and :mod:`~gateway.core.language.paths` (where it stands).
"""
