"""Microsoft Graph as a mail provider."""
