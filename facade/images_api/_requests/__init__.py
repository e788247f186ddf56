"""From a call's arguments to a checked request."""
