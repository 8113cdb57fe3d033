"""Dateline runs a news agency's wire: one ordered, append-only, signed log of dispatches.

Producers append to the wire; everything a reader, an editor or a subscriber sees is folded from it.
"""

__version__ = "0.1.0"
