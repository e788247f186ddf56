"""Writes docs/reference/: what the contract says to whoever calls the API, in Markdown."""
