"""From a request to its response: the only I/O."""
