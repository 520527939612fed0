"""Every runbook that is rehearsed."""

from collections.abc import Mapping
from typing import Final

from dev.rehearsals.client_secret import ClientSecret
from dev.rehearsals.lost_queue import LostQueue
from dev.rehearsals.lost_tables import LostTables
from dev.rehearsals.poison_flood import PoisonFlood
from dev.rehearsals.rehearsal import Rehearsal
from dev.rehearsals.restore_database import RestoreDatabase
from dev.rehearsals.tenant_offboarding import TenantOffboarding

REHEARSALS: Final[Mapping[str, type[Rehearsal]]] = {
    each.page: each for each in (RestoreDatabase, LostQueue, LostTables, ClientSecret, PoisonFlood, TenantOffboarding)
}
