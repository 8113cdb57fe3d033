"""Codecs between bytes and NewsItem, one module a format; each reads and writes."""
