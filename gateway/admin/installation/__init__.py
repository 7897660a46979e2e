"""Installation on a machine with systemd: versioned environments, a link to the current one, and a way back.

``install.sh`` runs it with the Python of the system, before anything is installed: it needs nothing but that Python.

A *bundle* is a folder with all that one version needs: wheels, lock, units, sample configuration and SHA256SUMS
(:mod:`gateway.admin.installation.bundle`). It is *kept* on the machine, so that an environment can be built again from it.
"""
