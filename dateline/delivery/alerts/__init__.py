"""Alerts: a reader who asked for it, and confirmed, gets a mail when something of a section or urgency is published."""
