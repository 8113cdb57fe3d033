"""The running server: a process that folds the wire and keeps its embargoes, and workers that serve readers.

Threads: the event loop answers what workers hand on; the folder follows the wire, announces, folds and renders; the
settler writes the rendered pages to files; others push to subscribers, send replays and mail, keep the clocks. Each has
its own connection to the database, and all stop together.
"""
