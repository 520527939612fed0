"""PostgreSQL for development and tests: packaged binaries, over TCP on the loopback address, as any user."""

from dev.postgres.cluster import RunningPostgres, start_postgres
from dev.postgres.roles import DatabaseUrls, create_database, create_roles

__all__ = ["DatabaseUrls", "RunningPostgres", "create_database", "create_roles", "start_postgres"]
