"""A WebSub hub for our own public feeds: who asked for one, and proved that it did, is posted each new content."""
