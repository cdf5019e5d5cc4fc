"""PostgreSQL as Cadran runs it: one small driver over ``initdb`` and ``postgres``, so that the wheel can be swapped.

``prepare`` makes a directory ready, ``start_cluster`` runs a server there as a child of this process. A server never
outlives the process that started it, and what it acknowledged survives its own death (``durable``).
"""

from __future__ import annotations

from cadran.kernel.postgres.binaries import Binaries, PostgresError, locate
from cadran.kernel.postgres.cluster import Cluster, prepare, start_cluster
from cadran.kernel.postgres.credentials import (
    APPLICATION_ROLE,
    DATABASE,
    OWNER_ROLE,
    SUPERUSER,
    Credentials,
    read_credentials,
)
from cadran.kernel.postgres.roles import (
    BENEFICIARY_ROLE,
    EXTENSIONS,
    STAFF_ROLE,
    application_role_problems,
    production_script,
)

__all__ = [
    "APPLICATION_ROLE",
    "BENEFICIARY_ROLE",
    "DATABASE",
    "EXTENSIONS",
    "OWNER_ROLE",
    "STAFF_ROLE",
    "SUPERUSER",
    "Binaries",
    "Cluster",
    "Credentials",
    "PostgresError",
    "application_role_problems",
    "locate",
    "prepare",
    "production_script",
    "read_credentials",
    "start_cluster",
]
