"""Workers: processes that do nothing but answer readers, so that folding and the desk never hold them up.

A worker has ready pages and live readers of its own, fed by the main process over a socket. Any other request it
hands on, connection and all, and keeps nothing that is not the main process's: it may end at any moment.
"""
