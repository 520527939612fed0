"""The local stack: every part of the product on this machine, started and stopped together."""
