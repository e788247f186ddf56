"""A store of objects for fsspec, which several processes reach: `plain:///folder`. It can do what object stores can, no more.

An object is written whole, over another one or only where there is none; it is read, listed and removed. Nothing is appended to,
written in part or renamed.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Any, ClassVar

import fsspec

BASE: Any = fsspec.AbstractFileSystem  # whose types say nothing


class PlainStore(BASE):  # type: ignore[misc]
    protocol = "plain"
    calls: ClassVar[list[str]] = []

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        self.calls.append(f"{mode} {path}")
        target = Path(self._strip_protocol(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        written = target.parent / f".{token_hex(8)}"
        written.write_bytes(value)
        if mode == "create":
            try:
                os.link(written, target)
            finally:
                written.unlink()
        else:
            written.replace(target)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        return Path(self._strip_protocol(path)).read_bytes()[start:end]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        found = Path(self._strip_protocol(path))
        return {"name": str(found), "size": found.stat().st_size, "type": "directory" if found.is_dir() else "file"}

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:  # noqa: FBT001, FBT002  as fsspec's is
        found = sorted(each for each in Path(self._strip_protocol(path)).iterdir() if not each.name.startswith("."))
        return [self.info(str(each)) if detail else str(each) for each in found]

    def rm_file(self, path: str) -> None:
        with suppress(FileNotFoundError):
            Path(self._strip_protocol(path)).unlink()

    def get_file(self, rpath: str, lpath: str, **_: Any) -> None:
        Path(lpath).write_bytes(self.cat_file(rpath))

    def put_file(self, lpath: str, rpath: str, **_: Any) -> None:
        self.pipe_file(rpath, Path(lpath).read_bytes())


fsspec.register_implementation("plain", PlainStore, clobber=True)
