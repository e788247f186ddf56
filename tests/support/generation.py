"""What the tests of the generated client and of the distribution share: packages, environments, forms."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from email.message import Message
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jinja2
import pytest

from tools.generator import package_writer
from tools.generator.contract import read_contract
from tools.generator.templates import read_fixes

if TYPE_CHECKING:
    from collections.abc import Collection

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = ROOT / "openapi.yaml"
CONFIG = ROOT / "generator-config.yml"
PACKAGE = ROOT / "generated" / "images_api_client"
REFERENCE = ROOT / "docs" / "reference"
# `make test` downloads what the distribution needs to be built and installed.
WHEELS = Path(sys.prefix) / "wheels"


class Part(NamedTuple):
    """A part of a form as it was on the wire."""

    name: str
    filename: str | None
    type: str | None
    content: bytes


def form_parts(content_type: str, body: bytes) -> list[Part]:
    """Take a form apart by its boundary and nothing else, as a server does that trusts nobody."""
    header = Message()
    header["content-type"] = content_type
    assert header.get_content_type() == "multipart/form-data"
    delimiter = f"\r\n--{header.get_param('boundary')}".encode()
    preamble, *parts, end = (b"\r\n" + body).split(delimiter)
    assert (preamble, end) == (b"", b"--\r\n")
    return [_part(part) for part in parts]


def _part(text: bytes) -> Part:
    head, blank, content = text.partition(b"\r\n\r\n")
    assert blank
    headers = Message()
    for line in head.decode().removeprefix("\r\n").split("\r\n"):
        key, _, value = line.partition(": ")
        headers[key] = value
    assert set(headers.keys()) <= {"Content-Disposition", "Content-Type"}
    name, filename = (headers.get_param(key, None, "content-disposition") for key in ("name", "filename"))
    return Part(str(name), None if filename is None else str(filename), headers["content-type"], content)


def generate(target: Path, *, contract: Path = CONTRACT, without: Collection[str] = ()) -> None:
    """Generate the package into a folder, with some mends of the generator taken out."""
    fixes = [fix for fix in read_fixes() if fix.id not in without]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(package_writer, "read_fixes", lambda: fixes)
        patch.setattr(jinja2.Environment, "compile", compile_once)
        if contract == CONTRACT:
            patch.setattr(package_writer, "read_contract", lambda path: our_contract())
        package_writer.write_package(contract, CONFIG, target)


_compile = jinja2.Environment.compile
_compiled: dict[object, Any] = {}


def compile_once(environment: jinja2.Environment, source: str, name: str | None = None, *given: Any, **more: Any) -> Any:
    """Compile a template as its environment does, but equal ones once: that takes a third of a generation."""
    settings = environment.trim_blocks, environment.lstrip_blocks, environment.keep_trailing_newline
    key = source, name, settings, tuple(sorted(environment.extensions))
    if key not in _compiled:
        _compiled[key] = _compile(environment, source, name, *given, **more)
    return _compiled[key]


def our_contract() -> dict[str, Any]:
    """Return openapi.yaml, to be changed; to read and to check it takes half the time of a generation, and is done once."""
    copy: dict[str, Any] = json.loads(_our_contract())
    return copy


@cache
def _our_contract() -> str:
    return json.dumps(read_contract(CONTRACT))


def copy_project(folder: Path) -> Path:
    """Copy what `make generate` reads and writes, and the facade that stands on it."""
    for name in ("openapi.yaml", "generator-config.yml", "pyproject.toml"):
        shutil.copyfile(ROOT / name, folder / name)
    for name in ("tools", "generated", "facade", "docs/reference"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


class Environment(NamedTuple):
    """A virtual environment."""

    python: Path
    packages: Path

    def run(self, script: Path, *arguments: str) -> str:
        """Run a script that sees this environment alone; a warning fails it."""
        return run(self.python, "-I", "-W", "error", script, *arguments)


def make_environment(folder: Path, *requirements: str) -> Environment:
    """Make an environment and install this and what it needs into it, as a user does, but without an index."""
    builder = venv.EnvBuilder(symlinks=os.name == "posix")
    builder.create(folder)
    python = Path(builder.ensure_directories(folder).env_exec_cmd)
    # Isolated from this process's settings, which may name an index.
    pip = (sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "--python", python)
    run(*pip, "install", "--no-index", "--find-links", WHEELS, "--no-compile", *requirements)
    return Environment(python, Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)})))


def run(*command: str | Path, folder: Path | None = None, code: int = 0, **environment: str) -> str:
    """Run a command without this process's settings, and return what it prints; it must end with this exit code."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "OPENAI_", "MAKE"))}
    # A proxy of this machine has no business between a test and a server on 127.0.0.1.
    kept |= {"NO_PROXY": "*", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(  # noqa: S603  the commands are this repository's
        command, cwd=folder, env=kept | environment, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr
