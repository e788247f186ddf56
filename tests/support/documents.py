"""The documentation's blocks of code, run in order as a reader would; `docs/maintainer/tests.md` says what the marks mean."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import venv
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from generation import ROOT, WHEELS, run
from PIL import Image, ImageDraw
from routing import Routing
from sybil import Document, Example, Region
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown.lexers import DirectiveInHTMLCommentLexer, RawFencedCodeBlockLexer

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
KEY = "sk-documentation"
# Whose blocks run in a copy of the repository.
_OF_THE_REPOSITORY = (DOCS / "maintainer", DOCS / "vendor")
_MARK = re.compile(r"<!-- (file|output|needs|held by)(?:: | )?(.*?) ?-->\n\Z")
_LEAD = re.compile(r"(\S+?)(?::\d+)? dialect: (\S+)")
_INFO = re.compile(r"(?P<language>[^\s`]*)[^\n]*\n")
_LONGEST = 120
# What tells the tests of this very run, or of the machine, is nothing to a reader's commands.
_PROXIES = ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy")
_OURS = ("CI", "PYTEST_", "COV_", "COVERAGE_", "OPENAI_", "MAKE", "PIP_", "PYTHON", *_PROXIES)


@dataclass
class Reader:
    """Somebody who runs what a page says, in a folder of their own.

    Attributes:
        page: The page.
        folder: Where they work.
        routing: What leads public hosts to sandboxes.
        elsewhere: Where copies of the repository and environments are made.
    """

    page: Path
    folder: Path
    routing: Routing
    elsewhere: Path
    said: str | None = None
    repository: Path | None = None
    started: list[int] = field(default_factory=list)

    def in_repository(self) -> Path:
        """Return the copy of the repository that this page has."""
        if self.repository is None:
            self.repository = copied_repository(self.elsewhere / "images-api")
        return self.repository

    def environment(self, folder: Path) -> dict[str, str]:
        """Return what a command sees of its surroundings, in a folder."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        told = {"PATH": path, "OPENAI_API_KEY": KEY, "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1", "COLUMNS": "80"}
        if folder == self.repository:
            told |= surroundings(folder)
            # `make test` within the tests: a few of them stand for all.
            told |= {"PYTEST_ADDOPTS": "tests/test_surface.py"}
        return kept | told | self.routing.environment

    def end(self) -> None:
        """End what commands have left running."""
        for group in self.started:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)


class ReadPage(Document):
    """A page with its blocks, which can be evaluated while somebody follows it.

    Attributes:
        reader: Who does; `follow` puts them there.
    """

    reader: Reader


def read(page: Path) -> ReadPage:
    """Return a page with its blocks."""
    document = ReadPage.parse(str(page), _blocks)
    assert isinstance(document, ReadPage)
    return document


def _blocks(document: Document) -> Iterator[Region]:
    fences = list(RawFencedCodeBlockLexer(_INFO)(document))
    for region in fences:
        language, source = region.lexemes["language"], region.lexemes["source"]
        if language.startswith("{"):
            continue  # MyST's own
        mark = _MARK.search(document.text, 0, document.text.rfind("\n", 0, region.start) + 1)
        kind, argument = (mark[1], mark[2]) if mark else ("", "")
        yield Region(region.start, region.end, source, partial(_evaluate, language=language, kind=kind, argument=argument))
    for name, evaluate in (("check", PythonEvaluator()), ("host", _lead)):
        for region in DirectiveInHTMLCommentLexer(name)(document):
            if not any(fence.start <= region.start < fence.end for fence in fences):
                parsed = region.lexemes["arguments"] if name == "host" else region.lexemes["source"]
                yield Region(region.start, region.end, parsed, evaluate)


def _reader(example: Example) -> Reader:
    assert isinstance(example.document, ReadPage)
    return example.document.reader


def _evaluate(example: Example, *, language: str, kind: str, argument: str) -> str | None:
    """Do with a block what its mark says, or run it; return what is wrong with it."""
    reader = _reader(example)
    if kind == "held by":
        test = (ROOT / argument).read_text(encoding="utf-8")
        return None if reader.page.name in test else f"{argument} doesn't name {reader.page.name}"
    if kind == "output":
        return _compare(reader, example.parsed)
    if kind == "file":
        path = reader.folder / argument
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(example.parsed, encoding="utf-8")
    elif kind == "needs" and not (find_spec(argument) or shutil.which(argument)):
        pass
    elif language == "python":
        _python(example)
    elif language == "sh":
        return _shell(reader, example.parsed)
    else:
        what = language or "a block without a language"
        return f"nobody runs {what}: mark it with <!-- file: NAME -->, <!-- output --> or the like"
    return None


def _python(example: Example) -> None:
    with redirect_stdout(StringIO()) as said:
        PythonEvaluator()(example)
    _reader(example).said = said.getvalue()


def _lead(example: Example) -> str | None:
    said = _LEAD.fullmatch(example.parsed)
    if not said:
        return f"<!-- host: NAME dialect: NAME --> is expected, not {example.parsed}"
    _reader(example).routing.lead(said[1], said[2])
    return None


def _compare(reader: Reader, wanted: str) -> str | None:
    if reader.said is None:
        return "no block stands before this output"
    checker, flags = doctest.OutputChecker(), doctest.ELLIPSIS
    said, wanted = (f"{text.rstrip()}\n" for text in (reader.said, wanted))
    if checker.check_output(wanted, said, flags):
        return None
    return checker.output_difference(doctest.Example("", wanted), said, flags)


def _shell(reader: Reader, source: str) -> str | None:
    folder = reader.folder
    if re.search(r"^make\b|pip install '?\.", source, re.MULTILINE):
        folder = reader.in_repository()
    environment = reader.environment(folder)
    if re.search(r"\bpip install\b", source):
        installed = Path(tempfile.mkdtemp(dir=reader.elsewhere))
        venv.create(installed, with_pip=True)
        environment["PATH"] = os.pathsep.join([str(installed / "bin"), environment["PATH"]])
        environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(WHEELS), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        environment.pop("PYTHONPATH", None)
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        # Files, not pipes, which whatever goes on in the background would hold open.
        process = subprocess.Popen(  # noqa: S603  the documentation's own
            ["bash", "-euo", "pipefail", "-c", source],  # noqa: S607
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        reader.started.append(process.pid)
        try:
            status: int | str = process.wait(_LONGEST)
        except subprocess.TimeoutExpired:
            status = f"none within {_LONGEST} s"
        stdout.seek(0)
        stderr.seek(0)
        reader.said, told = stdout.read().decode(), stderr.read().decode()
    return f"exit status {status}\n{reader.said}{told}" if status else None


@contextmanager
def follow(document: ReadPage, folder: Path) -> Generator[Reader]:
    """Let somebody follow a page: with a key, with real images at hand, and with hosts that lead to sandboxes.

    Args:
        document: The page, as `read` returned it.
        folder: An empty one.
    """
    page, work = Path(document.path), folder / "work"
    work.mkdir()
    draw_images(work)
    before = Path.cwd()
    with Routing(folder) as routing:
        reader = Reader(page, work, routing, folder)
        if any(map(page.is_relative_to, _OF_THE_REPOSITORY)):
            reader.folder = reader.in_repository()
        document.reader = reader
        document.namespace |= {"sandbox": routing.sandbox, "__name__": "__main__"}
        hidden = {name: "" for name in os.environ if name.lower() in {"no_proxy", "all_proxy"}}
        told = {"OPENAI_API_KEY": KEY, **hidden, **routing.environment}
        try:
            os.chdir(reader.folder)
            with patch.dict(os.environ, told), patch.object(sys, "path", [str(reader.folder), *sys.path]):
                yield reader
        finally:
            os.chdir(before)
            reader.end()


def draw_images(folder: Path) -> None:
    """Draw the images that readers have at hand."""
    sea = Image.linear_gradient("L").resize((1024, 1024)).convert("RGB")
    ImageDraw.Draw(sea).ellipse((300, 400, 720, 820), fill="#7a5a3c")
    sea.save(folder / "otter.png")
    cat = Image.radial_gradient("L").resize((1024, 1024)).convert("RGB")
    cat.save(folder / "cat.png")
    cat.crop((0, 0, 800, 600)).save(folder / "photo.jpg")
    ImageDraw.Draw(cat).polygon([(200, 700), (512, 100), (824, 700)], fill="#335588")
    cat.resize((512, 512)).save(folder / "hat.webp")
    mask = Image.new("RGBA", (1024, 1024), "black")
    mask.paste((0, 0, 0, 0), (256, 0, 768, 512))
    mask.save(folder / "mask.png")
    square = sea.resize((512, 512)).convert("RGBA")
    square.paste((0, 0, 0, 0), (128, 128, 384, 384))
    square.save(folder / "square.png")
    (folder / "prompt.txt").write_text("a baby sea otter on its back\n", encoding="utf-8")


def copied_repository(folder: Path) -> Path:
    """Copy what git knows, or would, into a repository of its own, with an environment for make beside it."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", folder=ROOT).split("\0")
    for name in filter(None, listed):
        source, target = ROOT / name, folder / name
        if source.is_file() and not source.is_symlink():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    who = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com", "-c", "commit.gpgsign=false")
    run("git", "init", "--quiet", "--initial-branch=main", folder=folder)
    run("git", "add", "--all", folder=folder)
    run("git", *who, "commit", "--quiet", "--message=Begin", folder=folder)
    environment = folder.parent / "environment"
    environment.mkdir()
    for part in ("bin", "include", "lib", "lib64", "pyvenv.cfg", "wheels"):
        (environment / part).symlink_to(Path(sys.prefix, part))
    for target in re.findall(r"^\$\(VENV\)/(\w+):", (folder / "Makefile").read_text(encoding="utf-8"), re.MULTILINE):
        (environment / target).touch()
    return folder


def surroundings(repository: Path) -> dict[str, str]:
    """Return the variables with which commands run a copied repository's own code, by make or without."""
    sources = os.pathsep.join(str(repository / name) for name in ("facade", "generated", "."))
    # make installs nothing, whatever is changed: the environment is that of the tests.
    settings = f"VENV={shlex.quote(str(repository.parent / 'environment'))} PIP=:"
    return {"PYTHONPATH": sources, "MAKEFLAGS": settings}


def blocks(page: Path) -> list[Any]:
    """Return a page's blocks."""
    return list(read(page).examples())
