"""The ways in which a dispatch is pushed: webhook, file drop, e-mail; each hands over one and says how that went."""
