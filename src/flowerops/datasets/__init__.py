"""Immutable dataset versions: raw (the photos as received) and processed (decoded, resized, split)."""
