"""httpx alone: JSON parsed, base64 decoded by the standard library, files written in a worker thread when there is a loop."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import httpx

from tools.bench.clients.request import AT_ONCE, KEY, MODEL, PROMPT, SIZE, write_job

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_HEADERS = {"Authorization": f"Bearer {KEY}"}
# Pictures take their time, and so does a queue for a connection.
_TIMEOUT = httpx.Timeout(600, connect=5)
_REQUEST = {"prompt": PROMPT, "model": MODEL, "size": SIZE}


class Client:
    """For threads."""

    def __init__(self, base_url: str) -> None:
        self._http = httpx.Client(base_url=base_url, headers=_HEADERS, timeout=_TIMEOUT)

    def call(self) -> int:
        response = self._http.post("/images/generations", json=_REQUEST)
        return sum(map(len, _pictures(response)))

    def save(self, folder: Path) -> None:
        _save(self._http.post("/images/generations", json=_REQUEST), folder)

    def edit(self, paths: Sequence[Path]) -> int:
        files = [("image[]", (path.name, path.open("rb"), "image/png")) for path in paths]
        try:
            response = self._http.post("/images/edits", data=_REQUEST, files=files)
        finally:
            for _, (_, file, _) in files:
                file.close()
        return sum(map(len, _pictures(response)))

    def watch(self, partial_images: int) -> int:
        received = 0
        request = _REQUEST | {"stream": True, "partial_images": partial_images}
        with self._http.stream("POST", "/images/generations", json=request) as response:
            response.raise_for_status()
            for line in response.iter_lines():
                if line.startswith("data: "):
                    received += len(base64.b64decode(json.loads(line.removeprefix("data: "))["b64_json"]))
        return received

    def bulk(self, lines: int, folder: Path) -> None:
        import asyncio

        into = folder / "out"
        into.mkdir()
        asyncio.run(self._bulk(write_job(lines, folder), into))

    async def _bulk(self, job: Path, folder: Path) -> None:
        import asyncio

        with job.open(encoding="utf-8") as file:
            async with httpx.AsyncClient(base_url=self._http.base_url, headers=_HEADERS, timeout=_TIMEOUT) as http:

                async def work() -> None:
                    for text in file:
                        line = json.loads(text)
                        response = await http.post("/images/generations", json=line["body"])
                        await asyncio.to_thread(_save, response, folder, line["custom_id"])

                await asyncio.gather(*(work() for _ in range(AT_ONCE)))


class AsyncClient:
    """For asyncio."""

    def __init__(self, base_url: str) -> None:
        self._http = httpx.AsyncClient(base_url=base_url, headers=_HEADERS, timeout=_TIMEOUT)

    async def call(self) -> int:
        response = await self._http.post("/images/generations", json=_REQUEST)
        return sum(map(len, _pictures(response)))

    async def save(self, folder: Path) -> None:
        import asyncio

        response = await self._http.post("/images/generations", json=_REQUEST)
        await asyncio.to_thread(_save, response, folder)


def _pictures(response: httpx.Response) -> list[bytes]:
    response.raise_for_status()
    document: Any = response.json()
    return [base64.b64decode(entry["b64_json"]) for entry in document["data"]]


def _save(response: httpx.Response, folder: Path, name: str = "") -> None:
    for number, content in enumerate(_pictures(response), 1):
        (folder / f"{name}{number}.png").write_bytes(content)
