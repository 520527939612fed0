"""Reads real mail from files and lays it out as the content of one mailbox. Knows nothing of any mail service."""
