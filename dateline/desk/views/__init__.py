"""The desk's own screens. Thin: each reads its request, calls one use case, prints what it did."""
