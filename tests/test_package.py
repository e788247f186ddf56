"""The distribution as it is built and installed: what it holds, what it needs, and that it works with that and no more."""

from __future__ import annotations

import ast
import json
import sys
import tarfile
import zipfile
from email.parser import Parser
from importlib.metadata import packages_distributions
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from generation import CONTRACT, PACKAGE, ROOT, make_environment, run
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

import images_api_client
from tools.generator.contract import read_contract
from tools.generator.trees import contents

if TYPE_CHECKING:
    from email.message import Message
    from pathlib import Path

    from images_api.sandbox import Sandbox

FACADE = ROOT / "facade" / "images_api"
VERSION = read_contract(CONTRACT)["info"]["version"]
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
    foreign = names - sys.stdlib_module_names - {"images_api", "images_api_client"}
    return {str(canonicalize_name(owner)) for name in foreign for owner in owners[name]}


class TestWheel:
    def test_it_holds_both_packages_and_nothing_else(self, built: Built) -> None:
        wanted = {
            f"{package.name}/{name}": content for package in (FACADE, PACKAGE) for name, content in contents(package).items()
        }
        assert {name: content for name, content in built.files().items() if not name.startswith(f"{INFO}/")} == wanted

    @pytest.mark.parametrize("name", ["images_api/py.typed", "images_api_client/py.typed", "images_api_client/openapi.json"])
    def test_it_holds_what_is_no_code(self, built: Built, name: str) -> None:
        assert name in built.files()

    def test_it_runs_everywhere(self, built: Built) -> None:
        assert built.wheel.name == f"images_api-{VERSION}-py3-none-any.whl"

    def test_its_licence_and_readme_are_there(self, built: Built) -> None:
        metadata = built.metadata()
        assert (metadata["Name"], metadata["License-Expression"]) == ("images-api", "MIT")
        assert built.files()[f"{INFO}/licenses/LICENSE"].strip()
        assert str(metadata.get_payload()).strip() == (ROOT / "README.md").read_text(encoding="utf-8").strip()

    def test_there_is_one_version(self, built: Built) -> None:
        assert built.metadata()["Version"] == VERSION == images_api_client.__version__

    def test_it_needs_what_it_imports(self, built: Built) -> None:
        core = imported(*FACADE.glob("_*.py"), *PACKAGE.rglob("*.py"))
        # Pictures are handed over as Pillow's to those who have it.
        assert core - {"pillow"} == {requirement.name for requirement in built.requirements()}

    def test_the_sandbox_needs_what_it_imports(self, built: Built) -> None:
        needed = imported(*(FACADE / "sandbox").glob("*.py"))
        allowed = {requirement.name for requirement in built.requirements("sandbox")}
        assert needed <= allowed


class TestSdist:
    def test_it_holds_what_a_maintainer_needs(self, built: Built) -> None:
        with tarfile.open(built.sdist) as archive:
            names = {name.partition("/")[2] for name in archive.getnames()}
        tests = {f"tests/{path.name}" for path in (ROOT / "tests").glob("*.py")}
        tools = {f"tools/{name}" for name in contents(ROOT / "tools")}
        assert {
            "openapi.yaml",
            "generator-config.yml",
            "Makefile",
            "pyproject.toml",
            "README.md",
            "LICENSE",
        } | tests | tools <= names
        assert not {name.partition("/")[0] for name in names} & {".venv", ".git", "demo", "dist", ".mypy_cache", ".ruff_cache"}
        assert not [name for name in names if "__pycache__" in name]

    def test_it_makes_the_same_wheel(self, built: Built, tmp_path: Path) -> None:
        with tarfile.open(built.sdist) as archive:
            archive.extractall(tmp_path, filter="data")
        again = build(tmp_path / f"images_api-{VERSION}", tmp_path / "dist")
        assert again.wheel.read_bytes() == built.wheel.read_bytes()


def size(picture: Path) -> tuple[int, int]:
    with Image.open(picture) as opened:
        return opened.size


class TestInstalled:
    def install(self, built: Built, folder: Path, *arguments: str, extras: tuple[str, ...] = ()) -> dict[str, Any]:
        requirements = [str(requirement).partition(";")[0] for requirement in built.requirements(*extras)]
        environment = make_environment(folder / "venv", requirements)
        for name, content in built.files().items():
            file = environment.packages / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        output = environment.run(ROOT / "tests" / "installed_calls.py", str(folder), *arguments)
        said: dict[str, Any] = json.loads(output)
        assert all(path.startswith(str(environment.packages)) for path in said["packages"])
        assert said["versions"] == [VERSION, VERSION]
        assert said["awaited"] == 2
        assert said["saved"] == ["otter-1.png", "otter-2.png", "beret.png"]
        assert [size(folder / name) for name in said["saved"]] == [(64, 32), (64, 32), (64, 64)]
        return said

    def test_it_works_with_its_requirements_alone(self, built: Built, sandbox: Sandbox, tmp_path: Path) -> None:
        said = self.install(built, tmp_path, sandbox.base_url)
        assert said["missing"] == ["PIL", "starlette", "uvicorn", "click", "rich", "dask", "fsspec", "openai", "pytest"]

    def test_the_sandbox_works_with_its_extra(self, built: Built, tmp_path: Path) -> None:
        said = self.install(built, tmp_path, extras=("sandbox",))
        assert not {"PIL", "starlette", "uvicorn"} & set(said["missing"])
        assert {"openai", "pytest"} <= set(said["missing"])
