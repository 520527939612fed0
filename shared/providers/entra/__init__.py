"""Microsoft Entra: signing in, consent, and tokens for mailboxes."""
