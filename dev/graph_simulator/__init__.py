"""A stand-in for Microsoft Graph mail and Entra sign-in: one HTTPS server for local work and tests."""
