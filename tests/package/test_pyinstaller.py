"""What PyInstaller puts into an application: all that is imported by name when it is first used, and the files that are read."""

from __future__ import annotations

import runpy
import sys
import tomllib
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from generation import PACKAGE, ROOT

import images_api
from images_api import bulk, sandbox
from images_api_client.models import _MODULES as MODELS
from images_api_client.operations import REQUESTS

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGES = ("images_api", "images_api_client")
EXTRAS = ("images_api.bulk", "images_api.cli", "images_api.sandbox", "images_api.testing", "images_api.__pyinstaller")


def modules(package: str) -> list[str]:
    """Return a package and all that is in it, by name, without importing what is in it."""
    return [package, *(module.name for module in walk_packages(import_module(package).__path__, f"{package}."))]


def collect_submodules(package: str, filter: Callable[[str], bool] = bool) -> list[str]:  # noqa: A002  PyInstaller's
    return [name for name in modules(package) if filter(name)]


def collect_data_files(package: str) -> list[tuple[str, str]]:
    folder = Path(import_module(package).__path__[0])
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}]
    return [(str(path), str(Path(*package.split("."), path.parent.relative_to(folder)))) for path in files]


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what the hook of the package says."""
    return said(monkeypatch, "images_api")


def said(monkeypatch: pytest.MonkeyPatch, module: str) -> dict[str, Any]:
    """Return what a module's hook says, found as PyInstaller finds it; its own functions are those above: it isn't installed."""
    for name in ("PyInstaller", "PyInstaller.utils", "PyInstaller.utils.hooks"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    functions = {"collect_submodules": collect_submodules, "collect_data_files": collect_data_files}
    vars(sys.modules["PyInstaller.utils.hooks"]).update(functions)
    points = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    (folder,) = EntryPoint("hook-dirs", points["pyinstaller40"]["hook-dirs"], "pyinstaller40").load()()
    return runpy.run_path(str(Path(folder, f"hook-{module}.py")), run_name=f"{images_api.__name__}.hook")


def test_every_module_of_the_core_goes_in_and_no_extra_does(hook: dict[str, Any]) -> None:
    every = {name for package in PACKAGES for name in modules(package)}
    assert set(hook["hiddenimports"]) == {name for name in every if not name.startswith(EXTRAS)}


def test_so_does_whatever_is_imported_by_name(hook: dict[str, Any]) -> None:
    late = {*vars(images_api)["_MODULES"].values()}
    late |= {f"images_api_client.models{module}" for module in MODELS.values()}
    late |= {f"images_api_client{each.module}" for builders in REQUESTS.values() for each in builders.values()}
    assert len(late) > 30
    assert late <= {*hook["hiddenimports"]}


def test_the_contract_goes_in_where_it_is_looked_for(hook: dict[str, Any]) -> None:
    assert (str(PACKAGE / "openapi.json"), "images_api_client") in hook["datas"]


def test_with_the_sandbox_go_its_modules_its_dialects_and_its_page(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = said(monkeypatch, "images_api.sandbox")
    assert "images_api.sandbox._server" in hook["hiddenimports"]
    found = {Path(folder, Path(file).name).as_posix() for file, folder in hook["datas"]}
    folder = Path(sandbox.__file__).parent
    read = {path for kind in ("dialects", "page") for path in Path(folder, kind).iterdir()}
    assert len(read) > 10
    assert {f"images_api/sandbox/{path.relative_to(folder).as_posix()}" for path in read} <= found


def test_with_bulk_go_its_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = said(monkeypatch, "images_api.bulk")
    assert {f"images_api.bulk.{module}" for module in bulk._MODULES.values()} <= {*hook["hiddenimports"]}


def test_and_the_package_puts_none_of_them_in_by_itself(hook: dict[str, Any]) -> None:
    assert not [folder for _, folder in hook["datas"] if "sandbox" in folder]
