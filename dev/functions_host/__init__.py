"""A local host for Azure Functions apps of the Python v2 model: HTTP, queue and timer triggers, without Azure."""
