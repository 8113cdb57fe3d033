"""What a news item is: its fields, its acts, its text and its formats.

Everything here is values and pure functions. Nothing in this room knows a database, a server or Django,
so that every rule of the wire can be read, and tested, without one.
"""
