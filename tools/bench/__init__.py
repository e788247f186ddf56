"""The benchmark: the same work by several clients, against a server that is not the limit."""
