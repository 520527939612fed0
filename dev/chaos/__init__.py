"""The whole system under every fault that mail services, machines and people think of, and the proof afterwards."""
