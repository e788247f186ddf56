"""What `make docs` makes sure of: links that lead somewhere, nothing from another host, and pictures that are of today."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tools import pictures
from tools.site import main, problems

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """<link rel="stylesheet" href="a.css?v=1"><link rel="canonical" href="https://docs.example/a.html"><a id="here"></a>
<a href="#here"></a><a href="b.html#there"></a><a href="b.html"></a><a href="https://example.com/x"></a>
<a href="mailto:a@b.c"></a>
<img src="data:image/png;base64,AAAA"><img src="folder/a%20b.png">"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "a.html").write_text(GOOD)
    (tmp_path / "b.html").write_text('<h2 id="there">b</h2>')
    (tmp_path / "a.css").write_text(
        'a { background: url("folder/a%20b.png") } @font-face { src: url(data:font/woff2;base64,AAAA) }'
    )
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a b.png").touch()
    return tmp_path


def test_a_good_one_has_no_problems(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(problems(site)) == []
    assert main([str(site)]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ('<a href="c.html">', "a.html:1: c.html leads nowhere"),
        ('\n<img src="gone.png">', "a.html:2: gone.png leads nowhere"),
        ('<a href="b.html#nowhere">', "a.html:1: b.html#nowhere leads to no heading there"),
        ('<a href="#nowhere">', "a.html:1: #nowhere leads to no heading there"),
        ('<a href="folder">', "a.html:1: folder leads nowhere"),
        ('<script src="https://cdn.example/x.js"></script>', "a.html:1: loads https://cdn.example/x.js from another host"),
        ('<script src="//cdn.example/x.js"></script>', "a.html:1: loads //cdn.example/x.js from another host"),
        ('<img src="http://img.example/x.png">', "a.html:1: loads http://img.example/x.png from another host"),
        ('<link rel="stylesheet" href="https://fonts.example/x">', "a.html:1: loads https://fonts.example/x from another host"),
        ('<link rel="preconnect" href="https://fonts.example">', "a.html:1: loads https://fonts.example from another host"),
        ('<iframe src="https://video.example/1"></iframe>', "a.html:1: loads https://video.example/1 from another host"),
    ],
)
def test_what_is_wrong_is_named(site: Path, html: str, problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    (site / "a.html").write_text(html)
    assert list(problems(site)) == [problem]
    assert main([str(site)]) == 1
    assert capsys.readouterr().err == f"{problem}\n"


@pytest.mark.parametrize("style", ["@import 'https://fonts.example/x.css';", "a { background: url(https://img.example/x.png) }"])
def test_styles_load_nothing_foreign(site: Path, style: str) -> None:
    (site / "a.css").write_text(style)
    (problem,) = problems(site)
    assert problem.startswith("a.css: loads https://")


def test_an_empty_folder_is_no_site(tmp_path: Path) -> None:
    assert list(problems(tmp_path)) == [f"{tmp_path} has no page"]


def test_the_pictures_are_those_that_the_build_makes() -> None:
    assert pictures.main(["--check"]) == 0


def test_a_picture_of_something_else_is_made_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pictures.main(["--check", "--into", str(tmp_path)]) == 1
    assert len(capsys.readouterr().err.splitlines()) == len(pictures.PICTURES)
    assert list(tmp_path.iterdir()) == []
    for name in pictures.PICTURES:
        with Image.open(pictures.FOLDER / name) as picture:
            picture.rotate(180).save(tmp_path / name)
    old = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert pictures.main(["--into", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir() if path.read_bytes() != old[path.name]} == set(pictures.PICTURES)
    assert pictures.main(["--check", "--into", str(tmp_path)]) == 0
