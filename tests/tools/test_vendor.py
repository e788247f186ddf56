"""`make vendor`: what a copy holds, what a second run does, what is refused, and how a code base lives with its copy."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import sys
import tomllib
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from generation import CONTRACT, PACKAGE, ROOT, copy_project, make_environment, our_contract, run
from platforms import needs_links, needs_make, needs_posix

from tools import generate
from tools.generator.trees import contents
from tools.vendor import STAMP, VendorError, main, vendor

if TYPE_CHECKING:
    from collections.abc import Callable

    Edit = Callable[[Path], object]

NAME = PACKAGE.name
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture
def host(tmp_path: Path) -> Path:
    folder = tmp_path / "app" / "acme"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def copy(host: Path) -> Path:
    assert vendor(host, "pictures")
    return host / "pictures"


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """What is there, and when it was written; even the same bytes in a new file are seen."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): (*path.stat()[1:2], path.stat().st_mtime_ns, path.read_bytes()) for path in found
    }


class TestCopy:
    def test_it_holds_the_package_its_licence_and_a_stamp(self, copy: Path) -> None:
        licence = (ROOT / "LICENSE").read_bytes()
        assert contents(copy) == contents(PACKAGE) | {"LICENSE": licence, STAMP: (copy / STAMP).read_bytes()}
        assert "py.typed" in contents(copy)

    def test_nothing_else_is_left_in_the_code_base(self, copy: Path) -> None:
        assert [path.name for path in copy.parent.iterdir()] == ["pictures"]

    def test_the_stamp_says_what_it_is(self, copy: Path) -> None:
        stamp = json.loads((copy / STAMP).read_bytes())
        files = stamp.pop("files")
        assert stamp.pop("edits")
        assert stamp == {
            "package": NAME,
            "version": our_contract()["info"]["version"],
            "contract": f"sha256:{sha256(CONTRACT.read_bytes()).hexdigest()}",
            "generator": f"openapi-python-client {version('openapi-python-client')}",
            "python": PROJECT["requires-python"],
            "dependencies": [each for each in PROJECT["dependencies"] if each.startswith(("attrs", "httpx"))],
            "refresh": "make vendor INTO=<the folder that holds this one> NAME=pictures",
        }
        assert len(stamp["dependencies"]) == 2
        assert files == {name: sha256(text).hexdigest() for name, text in contents(copy).items() if name != STAMP}

    def test_it_is_the_same_wherever_it_is(self, copy: Path, tmp_path: Path) -> None:
        vendor(tmp_path, "pictures")
        assert contents(tmp_path / "pictures") == contents(copy)

    def test_type_checkers_see_its_types_where_it_is_installed(self, tmp_path: Path) -> None:
        environment = make_environment(tmp_path / "venv", "httpx", "attrs")
        host = environment.packages / "acme"
        host.mkdir()
        vendor(host, "pictures")
        (tmp_path / "app.py").write_text(
            "from acme.pictures.models import CreateImageRequest\n"
            "CreateImageRequest(prompt='an otter', n=2)\n"
            "CreateImageRequest(prompt='an otter', n='two')\n"
        )
        options = [
            "--strict",
            "--config-file=",
            "--cache-dir",
            str(tmp_path / "cache"),
            f"--python-executable={environment.python}",
        ]

        def errors() -> list[str]:
            printed = run(sys.executable, "-m", "mypy", *options, "app.py", folder=tmp_path, code=1)
            return [line.split(":")[1] + line.rpartition("  ")[2] for line in printed.splitlines() if ": error: " in line]

        assert errors() == ["3[arg-type]"]
        (host / "pictures" / "py.typed").unlink()
        assert errors() == ["1[import-untyped]"]

    def test_pyright_finds_nothing_in_it(self, copy: Path) -> None:
        # As it checks where nothing is said; strictly, it counts what JSON is made of.
        settings = {"include": ["pictures"], "typeCheckingMode": "standard", "venvPath": sys.prefix, "venv": "."}
        (copy.parent / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
        run(sys.executable, "-m", "basedpyright", folder=copy.parent)


class TestSecondRun:
    def test_it_writes_nothing_without_a_change(self, copy: Path) -> None:
        before = snapshot(copy)
        assert not vendor(copy.parent, "pictures")
        assert snapshot(copy) == before

    @pytest.mark.parametrize("force", [False, True])
    def test_what_python_and_git_do_is_no_edit(self, copy: Path, *, force: bool) -> None:
        (copy / "__pycache__").mkdir()
        (copy / "__pycache__" / "client.cpython-311.pyc").touch()
        module = copy / "client.py"
        module.write_bytes(module.read_bytes().replace(b"\n", b"\r\n"))
        before = snapshot(copy)
        assert not vendor(copy.parent, "pictures", force=force)
        assert snapshot(copy) == before

    @pytest.mark.parametrize(
        ("edit", "seen"),
        [
            (lambda copy: (copy / "client.py").write_text("# mine\n", encoding="utf-8"), ["changed: client.py"]),
            (lambda copy: (copy / "models" / "mine.py").touch(), ["added: models/mine.py"]),
            (lambda copy: (copy / "py.typed").unlink(), ["deleted: py.typed"]),
            (lambda copy: (copy / "LICENSE").rename(copy / "NOTICE"), ["deleted: LICENSE", "added: NOTICE"]),
            (lambda copy: (copy / "openapi.json").write_text("{}", encoding="utf-8"), ["changed: openapi.json"]),
        ],
        ids=["changed", "added", "deleted", "renamed", "no code"],
    )
    def test_edits_are_refused_unless_forced(self, copy: Path, edit: Edit, seen: list[str]) -> None:
        fresh = contents(copy)
        edit(copy)
        edited = snapshot(copy)
        with pytest.raises(VendorError, match="FORCE=1") as refused:
            vendor(copy.parent, "pictures")
        assert [line.strip() for line in str(refused.value).splitlines() if line.startswith("  ")] == seen
        assert snapshot(copy) == edited
        assert vendor(copy.parent, "pictures", force=True)
        assert contents(copy) == fresh

    @needs_links
    @pytest.mark.parametrize(
        ("edit", "seen"),
        [
            (lambda copy: to_link(copy / "client.py"), ["changed: client.py, a symbolic link", "added: client.txt"]),
            (lambda copy: (copy / "mine").symlink_to(copy.parent), ["added: mine, a symbolic link"]),
            (lambda copy: (copy / "mine.py").symlink_to("client.py"), ["added: mine.py, a symbolic link"]),
            (lambda copy: (copy / "mine").symlink_to("nowhere"), ["added: mine, a symbolic link"]),
            (lambda copy: (copy / "models" / "mine" / "deep").mkdir(parents=True), ["added: models/mine/deep, an empty folder"]),
            (lambda copy: to_link(copy / "models"), ["added: models, a symbolic link"]),
            (lambda copy: listen(copy / "mine"), ["added: mine, no file"]),
        ],
        ids=["a file", "a folder", "another file", "nothing", "an empty folder", "a whole folder", "a socket"],
    )
    def test_what_is_no_file_is_an_edit(self, copy: Path, tmp_path: Path, edit: Edit, seen: list[str]) -> None:
        fresh = contents(copy)
        edit(copy)
        beside = tmp_path / "beside.txt"
        beside.write_text("mine", encoding="utf-8")
        with pytest.raises(VendorError, match="FORCE=1") as refused:
            vendor(copy.parent, "pictures")
        lines = [line.strip() for line in str(refused.value).splitlines() if line.startswith("  ")]
        assert [line for line in lines if not line.startswith(("deleted: models/", "added: models.txt/"))] == seen
        assert vendor(copy.parent, "pictures", force=True)
        assert contents(copy) == fresh
        assert not any(path.is_symlink() for path in copy.rglob("*"))
        assert beside.read_text(encoding="utf-8") == "mine"

    @needs_links
    def test_a_link_to_the_copy_stays_one(self, copy: Path, tmp_path: Path) -> None:
        link = tmp_path / "linked"
        link.symlink_to(copy)
        (copy / "client.py").touch()
        (copy / "mine.py").touch()
        vendor(tmp_path, "linked", force=True)
        assert link.is_symlink()
        assert not (copy / "mine.py").exists()

    @needs_posix
    def test_a_write_that_fails_leaves_the_old_copy(self, copy: Path) -> None:
        (copy / "mine.py").touch()
        before = snapshot(copy)
        import resource

        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, ((copy / "openapi.json").stat().st_size - 1, limits[1]))
        try:
            with pytest.raises(OSError, match="File too large"):
                vendor(copy.parent, "pictures", force=True)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert snapshot(copy) == before
        assert [path.name for path in copy.parent.iterdir()] == ["pictures"]

    def test_a_swap_that_fails_puts_the_old_copy_back(self, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (copy / "mine.py").touch()
        before = snapshot(copy)
        rename = Path.rename

        def fail_for_the_new(path: Path, target: Path) -> Path:
            # No file system fails at the second of two renames on demand.
            if not (path / "mine.py").exists():
                raise OSError(path)
            return rename(path, target)

        monkeypatch.setattr(Path, "rename", fail_for_the_new)
        with pytest.raises(OSError, match="pictures"):
            vendor(copy.parent, "pictures", force=True)
        assert snapshot(copy) == before
        assert [path.name for path in copy.parent.iterdir()] == ["pictures"]


def to_link(path: Path) -> None:
    path.rename(path.with_suffix(".txt"))
    path.symlink_to(path.with_suffix(".txt").name)


def listen(path: Path) -> None:
    # A path of the file system, which is all that it leaves behind.
    with socket.socket(socket.AF_UNIX) as server, contextlib.chdir(path.parent):
        server.bind(path.name)


class TestRefusals:
    @needs_links
    @pytest.mark.parametrize("force", [False, True])
    def test_a_link_that_leads_back_to_itself(self, host: Path, *, force: bool) -> None:
        (host / "pictures").symlink_to("pictures")
        with pytest.raises(VendorError, match="leads back to itself"):
            vendor(host, "pictures", force=force)
        assert [path.name for path in host.iterdir()] == ["pictures"]

    @needs_links
    def test_a_link_to_nothing_gets_the_copy_there(self, host: Path) -> None:
        (host / "pictures").symlink_to("elsewhere")
        assert vendor(host, "pictures")
        assert (host / "elsewhere" / STAMP).is_file()
        assert (host / "pictures").is_symlink()

    @pytest.mark.parametrize("name", ["", "acme.pictures", "acme/pictures", "../pictures", "2d", "images-api", "import", "a b"])
    def test_a_package_has_a_pythons_name(self, host: Path, name: str) -> None:
        with pytest.raises(VendorError, match="identifier"):
            vendor(host, name)
        assert snapshot(host.parent) == {}

    @pytest.mark.parametrize("into", ["nowhere", "file"])
    def test_the_folder_has_to_be_there(self, tmp_path: Path, into: str) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(VendorError, match=into):
            vendor(tmp_path / into)
        assert [path.name for path in tmp_path.iterdir()] == ["file"]

    def test_the_folder_is_made_where_it_is_asked_for(self, tmp_path: Path) -> None:
        assert vendor(tmp_path / "app" / "acme", "pictures", parents=True)
        assert (tmp_path / "app" / "acme" / "pictures" / STAMP).is_file()
        assert not vendor(tmp_path / "app" / "acme", "pictures", parents=True)

    def test_no_folder_is_made_for_a_name_that_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(VendorError, match="identifier"):
            vendor(tmp_path / "app", "import", parents=True)
        assert list(tmp_path.iterdir()) == []

    def test_no_folder_is_made_in_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(OSError, match="file"):
            vendor(tmp_path / "file" / "app", parents=True)

    @pytest.mark.parametrize("force", [False, True])
    @pytest.mark.parametrize(
        ("stamp", "reason"),
        [
            (None, "FileNotFoundError"),
            ("", "JSONDecodeError"),
            ("[]", "TypeError"),
            ("{}", "KeyError: 'package'"),
            (json.dumps({"package": NAME}), "KeyError: 'files'"),
            (json.dumps({"package": NAME, "files": "all"}), "ValueError"),
            (json.dumps({"package": "another", "files": {}}), "it is of another"),
            ("\xff", "UnicodeDecodeError"),
            ('{"package": ' + "[" * 100_000, "nested too deeply"),
        ],
    )
    def test_somebody_elses_folder_is_left_alone(self, host: Path, stamp: str | None, reason: str, *, force: bool) -> None:
        theirs = host / "pictures"
        theirs.mkdir()
        (theirs / "mine.py").touch()
        if stamp is not None:
            (theirs / STAMP).write_bytes(stamp.encode("latin-1"))
        before = snapshot(host)
        with pytest.raises(VendorError, match="no copy of") as refused:
            vendor(host, "pictures", force=force)
        assert reason in str(refused.value)
        assert "take another NAME" in str(refused.value)
        assert snapshot(host) == before

    def test_the_package_it_is_copied_from_is_left_alone(self) -> None:
        with pytest.raises(VendorError, match="no copy of"):
            vendor(PACKAGE.parent, force=True)
        assert STAMP not in contents(PACKAGE)

    @pytest.mark.parametrize("force", [False, True])
    def test_a_file_is_left_alone(self, host: Path, *, force: bool) -> None:
        (host / "pictures").write_text("mine", encoding="utf-8")
        with pytest.raises(VendorError, match="no copy of"):
            vendor(host, "pictures", force=force)
        assert (host / "pictures").read_text(encoding="utf-8") == "mine"


class TestProject:
    """The command, in a project whose contract changes."""

    @pytest.fixture
    def project(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        folder = tmp_path / "project"
        folder.mkdir()
        for name in ("LICENSE", "pyproject.toml"):
            shutil.copyfile(ROOT / name, folder / name)
        monkeypatch.setattr(generate, "ROOT", folder)
        return copy_project(folder)

    def test_a_second_run_updates(self, project: Path, host: Path, capsys: pytest.CaptureFixture[str]) -> None:
        def said(*, code: int = 0) -> str:
            assert main([str(host), "--name", "pictures"]) == code
            printed = capsys.readouterr()
            return printed.out if code == 0 else printed.err

        cache = project / "generated" / NAME / "__pycache__"
        cache.mkdir()
        (cache / "client.pyc").touch()
        assert said().endswith("pictures is written.\n")
        assert not (host / "pictures" / cache.name).exists()
        assert said().endswith("pictures is up to date.\n")
        contract = project / CONTRACT.name
        contract.write_text(
            re.sub(r"(?m)^  version: .+$", "  version: 7.0.0", contract.read_text(encoding="utf-8")), encoding="utf-8"
        )
        before = snapshot(host)
        assert "`make generate`" in said(code=1)
        assert snapshot(host) == before
        assert generate.main([]) == 0
        version = our_contract()["info"]["version"]
        assert said().endswith(
            f"pictures is written.\nWhat changed for callers since version {version}:\nNothing changed for callers.\n"
        )
        stamp = json.loads((host / "pictures" / STAMP).read_bytes())
        assert stamp["last update"] == {"from": version, "changes": ["Nothing changed for callers."]}
        assert (stamp["version"], stamp["contract"]) == ("7.0.0", f"sha256:{sha256(contract.read_bytes()).hexdigest()}")
        assert '__version__ = "7.0.0"' in (host / "pictures" / "__init__.py").read_text(encoding="utf-8")

    def test_the_stamp_keeps_what_the_last_update_changed(self, project: Path, host: Path) -> None:
        assert vendor(host, "pictures")
        contract = project / CONTRACT.name
        text = contract.read_text(encoding="utf-8")
        contract.write_text(text.replace("enum: [low, auto]", "enum: [low, auto, high]"), encoding="utf-8")
        assert generate.main([]) == 0
        assert vendor(host, "pictures")
        update = json.loads((host / "pictures" / STAMP).read_bytes())["last update"]
        assert update["changes"][0] == "### Compatible"
        assert "`moderation`: choice high new" in update["changes"][1]
        assert not vendor(host, "pictures")
        (host / "pictures" / "mine.py").touch()
        assert vendor(host, "pictures", force=True)
        assert json.loads((host / "pictures" / STAMP).read_bytes())["last update"] == update

    def test_a_copy_whose_contract_is_gone_is_updated_with_force(self, project: Path, host: Path) -> None:
        assert vendor(host, "pictures")
        (host / "pictures" / "openapi.json").unlink()
        (project / "LICENSE").write_text("Another one.", encoding="utf-8")
        assert vendor(host, "pictures", force=True)
        (line,) = json.loads((host / "pictures" / STAMP).read_bytes())["last update"]["changes"]
        assert line.startswith("There is no contract in the copy of ")

    @pytest.mark.usefixtures("project")
    def test_what_is_refused_is_said(self, host: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([str(host), "--name=acme.pictures"]) == 1
        assert capsys.readouterr().err.startswith("nothing was copied.\nNAME must be")


@needs_make
def test_make_passes_on_what_it_is_given(host: Path) -> None:
    # The environment is the one that runs this, and as it is.
    make = ["make", "--silent", f"--old-file={sys.prefix}/dev", "vendor", f"VENV={sys.prefix}"]
    assert "make vendor INTO=folder" in run(*make, folder=ROOT, code=2)
    assert not list(host.iterdir())
    run(*make, f"INTO={host}", folder=ROOT)
    vendor(host, "pictures")
    assert contents(host / NAME).keys() == contents(host / "pictures").keys()
    (host / "pictures" / "client.py").write_text("", encoding="utf-8")
    assert "changed: client.py" in run(*make, f"INTO={host}", "NAME=pictures", folder=ROOT, code=2)
    run(*make, f"INTO={host}", "NAME=pictures", "FORCE=1", folder=ROOT)
    assert contents(host / NAME)["client.py"] == contents(host / "pictures")["client.py"]


@needs_make
@needs_posix
@pytest.mark.parametrize("name", ["it's/a b;touch c", '-$$(touch c)`touch c`"\\*'])
def test_make_makes_the_folder_that_it_is_given_whatever_it_is_called(host: Path, name: str) -> None:
    make = ["make", "--silent", f"--old-file={sys.prefix}/dev", f"--file={ROOT / 'Makefile'}", "vendor", f"VENV={sys.prefix}"]
    for tool in ("tools", "generated", "docs", "openapi.yaml", "pyproject.toml", "generator-config.yml", "LICENSE"):
        (host / tool).symlink_to(ROOT / tool)
    run(*make, f"INTO={name}", folder=host)
    assert (host / name / NAME / STAMP).is_file()
    assert not (host / "c").exists()
