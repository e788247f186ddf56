"""The bytes of one image."""
