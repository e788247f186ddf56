"""The distribution as it is built and installed: what it holds, what it needs, and that it works with that and no more."""

from __future__ import annotations

import ast
import json
import re
import sys
import tarfile
import zipfile
from email.parser import Parser
from importlib.metadata import packages_distributions
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from generation import PACKAGE, ROOT, Environment, make_environment, our_contract, run
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

import images_api
import images_api_client
from tools.generator.trees import contents
from tools.vendor import STAMP, vendor

if TYPE_CHECKING:
    from email.message import Message
    from pathlib import Path

    from images_api import ImagesClient
    from images_api.sandbox import Sandbox

FACADE = ROOT / "facade" / "images_api"
VERSION = our_contract()["info"]["version"]
INFO = f"images_api-{VERSION}.dist-info"


class Built(NamedTuple):
    wheel: Path
    sdist: Path

    def files(self) -> dict[str, bytes]:
        with zipfile.ZipFile(self.wheel) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def metadata(self) -> Message:
        return Parser().parsestr(self.files()[f"{INFO}/METADATA"].decode())

    def requirements(self, *extras: str) -> list[Requirement]:
        """Those that an installation with these extras has to fulfil."""
        everything = [Requirement(text) for text in self.metadata().get_all("Requires-Dist", [])]
        return [each for each in everything if not each.marker or any(each.marker.evaluate({"extra": extra}) for extra in extras)]


def build(source: Path, target: Path) -> Built:
    run(sys.executable, "-m", "hatchling", "build", "-d", str(target), folder=source)
    (wheel,), (sdist,) = target.glob("*.whl"), target.glob("*.tar.gz")
    return Built(wheel, sdist)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(ROOT, tmp_path_factory.mktemp("dist"))


def names(sdist: Path) -> set[str]:
    with tarfile.open(sdist) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def unpacked(sdist: Path, folder: Path) -> Path:
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return folder / f"images_api-{VERSION}"


def imported(*modules: Path) -> set[str]:
    """The names of the distributions that modules import, wherever in them."""
    names = set()
    for module in modules:
        for node in ast.walk(ast.parse(module.read_bytes())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names.add(node.module.partition(".")[0])
    owners = packages_distributions()
    foreign = names - sys.stdlib_module_names - {"images_api", "images_api_client"} - {"_typeshed"}  # type checkers have that
    return {str(canonicalize_name(owner)) for name in foreign for owner in owners[name]}


class TestWheel:
    def test_it_holds_both_packages_and_nothing_else(self, built: Built) -> None:
        wanted = {
            f"{package.name}/{name}": content for package in (FACADE, PACKAGE) for name, content in contents(package).items()
        }
        assert {name: content for name, content in built.files().items() if not name.startswith(f"{INFO}/")} == wanted

    @pytest.mark.parametrize(
        "name",
        [
            *("images_api/py.typed", "images_api_client/py.typed", "images_api_client/openapi.json"),
            "images_api/sandbox/page/index.html",
        ],
    )
    def test_it_holds_what_is_no_code(self, built: Built, name: str) -> None:
        assert name in built.files()

    def test_it_runs_everywhere(self, built: Built) -> None:
        assert built.wheel.name == f"images_api-{VERSION}-py3-none-any.whl"

    def test_its_licence_and_readme_are_there(self, built: Built) -> None:
        metadata = built.metadata()
        assert (metadata["Name"], metadata["License-Expression"]) == ("images-api", "MIT")
        assert built.files()[f"{INFO}/licenses/LICENSE"].strip()
        assert str(metadata.get_payload()).strip() == (ROOT / "README.md").read_text(encoding="utf-8").strip()

    def test_it_needs_what_it_imports(self, built: Built) -> None:
        extras = {"bulk", "cli", "sandbox", "testing", "__pyinstaller"}
        rooms = (path for path in FACADE.rglob("*.py") if not extras & {*path.relative_to(FACADE).parts})
        core = imported(*rooms, *PACKAGE.rglob("*.py"))
        # Pictures are handed over as Pillow's, and shown in IPython's notebooks, to those who have them.
        assert core - {"ipython", "pillow"} == {requirement.name for requirement in built.requirements()}

    @pytest.mark.parametrize(
        ("room", "extras", "beside"),
        [
            ("sandbox", ["sandbox"], set()),
            # Thumbnails are for those who have Pillow, which previews get with textual-image.
            ("bulk", ["bulk", "dask"], {"pillow"}),
            ("cli", ["cli", "dask"], {"pillow"}),
        ],
    )
    def test_a_room_needs_what_it_imports(self, built: Built, room: str, extras: list[str], beside: set[str]) -> None:
        needed = imported(*(FACADE / room).glob("*.py"))
        assert needed <= beside | {requirement.name for requirement in built.requirements(*extras)}

    def test_what_is_for_tests_needs_pytest_besides(self, built: Built) -> None:
        needed = imported(*(FACADE / "testing").glob("*.py"))
        allowed = {requirement.name for requirement in built.requirements("sandbox")}
        assert needed <= allowed | {"pytest"}


@pytest.mark.parametrize(
    "command", [["twine", "check", "--strict"], ["check_wheel_contents"]], ids=["twine", "check-wheel-contents"]
)
def test_a_checker_finds_nothing(built: Built, command: list[str]) -> None:
    files = [built.wheel, built.sdist] if "twine" in command else [built.wheel]
    run(sys.executable, "-m", *command, *files, folder=ROOT)


def test_one_version_holds_everywhere(built: Built, client: ImagesClient, sandbox: Sandbox, tmp_path: Path) -> None:
    client.generate("an otter")
    vendor(tmp_path)
    said = {
        "wheel": built.metadata()["Version"],
        "facade": images_api.__version__,
        "generated client": images_api_client.__version__,
        "User-Agent": sandbox.requests[0].headers["user-agent"].removeprefix("images-api/"),
        "vendored copy": json.loads((tmp_path / PACKAGE.name / STAMP).read_bytes())["version"],
    }
    assert said == dict.fromkeys(said, VERSION)


class TestSdist:
    def test_it_holds_what_a_maintainer_needs(self, built: Built) -> None:
        tests = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py")}
        tools = {f"tools/{name}" for name in contents(ROOT / "tools")}
        assert {
            "openapi.yaml",
            "generator-config.yml",
            "Makefile",
            "pyproject.toml",
            "README.md",
            "LICENSE",
        } | tests | tools <= names(built.sdist)

    def test_what_tools_leave_behind_stays_out(self, built: Built, tmp_path: Path) -> None:
        source = unpacked(built.sdist, tmp_path)
        left = [".venv/bin/x.py", ".venv-3.12/x.py", ".venv-lowest.txt", ".git/x", "demo/x.png", "dist/x.whl", ".coverage"]
        left += [".mypy_cache/x", ".ruff_cache/x", ".pytest_cache/x", ".hypothesis/x", "tools/__pycache__/x.pyc"]
        for name in left:
            file = source / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        again = build(source, tmp_path / "dist")
        assert names(again.sdist) == names(built.sdist)
        assert again.files().keys() == built.files().keys()

    def test_it_makes_the_same_wheel(self, built: Built, tmp_path: Path) -> None:
        again = build(unpacked(built.sdist, tmp_path), tmp_path / "dist")
        assert again.wheel.read_bytes() == built.wheel.read_bytes()


def app_tests(environment: Environment, folder: Path, *arguments: str, code: int = 0) -> str:
    """Run what the documentation says of tests of an app, and return what pytest says of it."""
    page = (ROOT / "docs/app/testing.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^(?:<!-- file: (\S+) -->\n)?```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    files = {name: block for name, block in blocks if name}
    for name, block in {**files, "test_others.py": "".join(block for name, block in blocks if not name)}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(block, encoding="utf-8")
    pytest = (environment.python, "-I", "-W", "error", "-m", "pytest", "-W", "error", f"--basetemp={folder / 'temporary'}")
    return run(*pytest, *arguments, folder=folder, code=code)


def size(picture: Path) -> tuple[int, int]:
    with Image.open(picture) as opened:
        return opened.size


class TestInstalled:
    def install(self, requirement: str, folder: Path, *arguments: str) -> dict[str, Any]:
        environment = make_environment(folder / "venv", requirement)
        output = environment.run(ROOT / "tests" / "support" / "installed_calls.py", str(folder), *arguments)
        said: dict[str, Any] = json.loads(output)
        assert all(path.startswith(str(environment.packages)) for path in said["packages"])
        assert said["versions"] == [VERSION] * 3
        assert said["awaited"] == 2
        assert said["saved"] == ["otter-1.png", "otter-2.png", "beret.png"]
        assert [size(folder / name) for name in said["saved"]] == [(64, 32), (64, 32), (64, 64)]
        return said

    @pytest.mark.parametrize("kind", ["wheel", "sdist"])
    def test_it_works_with_its_requirements_alone(self, built: Built, kind: str, sandbox: Sandbox, tmp_path: Path) -> None:
        said = self.install(str(getattr(built, kind)), tmp_path, sandbox.base_url)
        assert said["missing"] == ["PIL", "starlette", "uvicorn", "click", "rich", "dask", "fsspec", "openai", "pytest"]

    def test_the_sandbox_works_with_its_extra(self, built: Built, tmp_path: Path) -> None:
        said = self.install(f"{built.wheel}[sandbox]", tmp_path)
        assert not {"PIL", "starlette", "uvicorn"} & set(said["missing"])
        assert {"openai", "pytest"} <= set(said["missing"])

    def test_the_command_is_there(self, built: Built, tmp_path: Path) -> None:
        environment = make_environment(tmp_path / "venv", f"{built.wheel}[cli,sandbox]")
        command = environment.python.with_name("images-api")
        assert run(command, "--version") == f"images-api {VERSION}\n"
        assert run(command, "generate", "a baby sea otter", "--local", folder=tmp_path) == "a-baby-sea-otter-1.png\n"
        assert size(tmp_path / "a-baby-sea-otter-1.png") == (1024, 1024)

    def test_without_the_extra_the_command_says_what_to_install(self, built: Built, tmp_path: Path) -> None:
        environment = make_environment(tmp_path / "venv", str(built.wheel))
        said = run(environment.python.with_name("images-api"), "--help", code=1)
        assert said == "images-api needs more than is installed (click): pip install 'images-api[cli]'\n"

    def test_an_app_is_tested_as_the_documentation_says(self, built: Built, tmp_path: Path) -> None:
        environment = make_environment(tmp_path / "venv", f"{built.wheel}[sandbox]", "pytest")
        assert "8 passed" in app_tests(environment, tmp_path)
        assert "fixture 'images_sandbox' not found" in app_tests(environment, tmp_path, "-p", "no:images_api.testing", code=1)

    def test_without_the_extra_pytest_says_what_to_install(self, built: Built, tmp_path: Path) -> None:
        environment = make_environment(tmp_path / "venv", str(built.wheel), "pytest")
        (tmp_path / "test_0.py").write_text("def test(images_client): pass", encoding="utf-8")
        said = run(environment.python, "-I", "-W", "error", "-m", "pytest", "-W", "error", "-q", folder=tmp_path, code=1)
        (told,) = (line for line in said.splitlines() if line.startswith("the sandbox needs more than is installed"))
        assert told.endswith("pip install 'images-api[sandbox]'")
