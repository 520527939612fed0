"""Runbooks tried on a real system: it is broken, the page's own commands are run, and the mirror is proved."""
