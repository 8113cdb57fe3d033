"""THE LOG: one ordered, append-only, signed log of dispatches.

`append` is the only way in; `read` and `follow` the only ways out. See docs/wire.md for the contract.
"""
