"""The desk: the newsroom, on Wagtail. A producer.

It owns stories (an item's working copy: drafts, revisions, notes), the people who write and release
them, the rules of release, and the one door from a story to the wire (`release_story`). Nothing of a
story leaves the desk but through that door, and what went through it is a dispatch like any other.
"""
