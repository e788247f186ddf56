"""Connections belong to a process: a fork shares none with its parent, whose answers it would take."""

from __future__ import annotations

import json
import os
from base64 import b64encode

import pytest
from pictures import drawn
from platforms import needs_posix
from raw_server import RawServer, reply

from images_api import ImagesClient

BODY = json.dumps({"data": [{"b64_json": b64encode(drawn()).decode()}]}).encode()


@needs_posix
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_makes_connections_of_its_own() -> None:
    with RawServer(reply(BODY)) as server, ImagesClient(base_url=server.base_url) as client:
        client.generate("x")
        child = os.fork()
        if child == 0:
            try:
                client.generate("x")
            finally:
                os._exit(len(client._connections._pools) - 1)
        assert os.waitpid(child, 0)[1] == 0
        client.generate("x")
        assert [request.connection for request in server.requests] == [0, 1, 0]
