"""What can be known of `infra/` without Azure: `python -m dev.infra`."""
