"""The files that a request is made of."""

from contextlib import ExitStack


class OpenFiles(ExitStack):
    """The files of one request, to be closed with it.

    Attributes:
        given_up: Whether nobody waits for the request any more, and the rest needn't be read.
    """

    given_up = False
