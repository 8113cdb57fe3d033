"""A producer: recognises news in what comes from elsewhere, and keeps it in quarantine until released.

It works from evidence, never from a list of agencies or rubrics; it never invents: what the text does not
say it asks for, derives and marks, or leaves in quarantine with the reason.
"""
