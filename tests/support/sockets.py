"""How the servers of the tests end connections, on every system."""

from __future__ import annotations

import os
import socket
import struct

# To close at once, whatever is still to be sent: https://learn.microsoft.com/windows/win32/api/winsock/ns-winsock-linger
_ABORT = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


def reset_when_closed(connection: socket.socket) -> None:
    """Let the end of a connection be a reset, which the client sees as an error."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
