"""From a response's bytes to a result, an event, or the error to raise."""
