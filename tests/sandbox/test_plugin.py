"""The fixtures of `images_api.testing` as an app gets them: in a pytest of their own, where any warning is an error."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from images_api import ImagesClient
    from images_api.sandbox import Sandbox

pytest_plugins = ("pytester",)
APP = """
    import pytest
    from images_api import ImagesClient
    SMALL = {"model": "dall-e-2", "size": "256x256"}

    def app(prompt):
        with ImagesClient() as client:
            return client.generate(prompt, **SMALL)
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pytest.RunResult]:
    """Run an app's tests, with no plugins but ours and those that are named."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_PLUGINS", raising=False)
    pytester.makepyfile(app=APP)

    def run_tests(*arguments: str, plugins: tuple[str, ...] = (), **modules: str) -> pytest.RunResult:
        for name, text in modules.items():
            pytester.makepyfile(**{f"test_{name}": f"from app import *\n{dedent(text)}"})
        named = [word for name in ("images_api.testing", *plugins) for word in ("-p", name)]
        return pytester.runpytest_subprocess("-W", "error", "-p", "no:cacheprovider", *named, *arguments)

    return run_tests


def test_an_app_that_takes_everything_from_the_environment_talks_to_the_sandbox(
    run: Callable[..., pytest.RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = {"OPENAI_API_KEY": "sk-that-is-billed", "OPENAI_BASE_URL": "http://192.0.2.1/v1", "OPENAI_ORG_ID": "org-outside"}
    outside |= {"OPENAI_PROJECT_ID": "proj-outside", "HTTP_PROXY": "http://192.0.2.1:3128", "NO_PROXY": "intranet"}
    outside |= {"OPENAI_API_BASE": "http://192.0.2.2/v1"}
    for name, value in outside.items():
        monkeypatch.setenv(name, value)
    own = f"""
        import openai, os

        def test_own_client(images_sandbox):
            app("an otter")
            (request,) = images_sandbox.requests
            assert request.parameters["prompt"] == "an otter"
            assert images_sandbox.pictures_made == 1
            assert not {{"openai-organization", "openai-project"}} & set(request.headers)
            assert "sk-" not in str(request)

        def test_another_client(images_sandbox):
            with openai.OpenAI() as client:
                client.images.generate(prompt="an otter", **SMALL)
            assert images_sandbox.pictures_made == 1
            assert os.environ["OPENAI_API_BASE"] == images_sandbox.base_url
            assert os.environ["NO_PROXY"].split(",") == ["127.0.0.1", "localhost", "intranet"]

        def test_afterwards_all_is_as_before():
            assert {outside!r}.items() <= os.environ.items()
            assert "no_proxy" not in os.environ
    """
    run(own=own).assert_outcomes(passed=3)


def test_one_sandbox_serves_all_tests_and_remembers_none_of_them(run: Callable[..., pytest.RunResult]) -> None:
    text = """
        urls = set()

        @pytest.mark.parametrize("number", range(3))
        def test_first(images_sandbox, images_client, number):
            assert (images_sandbox.requests, images_sandbox.pictures_made) == ((), 0)
            images_client.generate("an otter", **SMALL)
            urls.add(images_sandbox.base_url)

        def test_last():
            assert len(urls) == 1
    """
    run(clean=text).assert_outcomes(passed=4)


def test_files_that_arrived_are_images(run: Callable[..., pytest.RunResult]) -> None:
    text = """
        from PIL import Image

        def test_files(images_sandbox, images_client):
            image, mask = (Image.new("RGBA", (256, 256), colour) for colour in ("red", "#0000"))
            images_client.edit(image, "a beret", mask=mask)
            images = images_sandbox.requests[0].images
            colours = {name: several[0].to_pil().getpixel((0, 0)) for name, several in images.items()}
            assert colours == {"image": (255, 0, 0, 255), "mask": (0, 0, 0, 0)}
    """
    run(files=text).assert_outcomes(passed=1)


def test_settings_are_what_a_fixture_says_where_it_says_it(run: Callable[..., pytest.RunResult]) -> None:
    usual = """
        def test_usual(images_sandbox, images_client):
            with pytest.raises(Exception, match="does not exist"):
                images_client.generate("x", model="of-our-own")
    """
    own = """
        @pytest.fixture(scope="session")
        def images_sandbox_settings():
            return {"api_key": "sk-of-the-sandbox", "any_model": True}

        def test_own(images_sandbox, images_client):
            images_client.generate("x", model="of-our-own", size="64x64")
            app("the key is in the environment")
            with ImagesClient("sk-another") as client, pytest.raises(Exception, match="401"):
                client.generate("x", **SMALL)
    """
    several = """
        @pytest.fixture(params=[0.0, 0.01])
        def images_sandbox_settings(request):
            return {"latency": request.param}

        urls = []

        @pytest.mark.parametrize("number", range(2))
        def test_several(images_sandbox, number):
            urls.append(images_sandbox.base_url)

        def test_one_for_each_choice():
            assert (len(urls), len(set(urls))) == (4, 2)
    """
    run(a_usual=usual, b_own=own, c_several=several, d_usual=usual).assert_outcomes(passed=8)


@pytest.mark.parametrize(
    ("plugins", "mark", "more"),
    [
        (("pytest_asyncio.plugin",), "pytest.mark.asyncio", ""),
        (("anyio",), "pytest.mark.anyio", "@pytest.fixture\ndef anyio_backend(): return 'asyncio'"),
    ],
    ids=["pytest-asyncio", "anyio"],
)
def test_the_async_client_leaves_nothing_open_whoever_runs_the_loop(
    run: Callable[..., pytest.RunResult], plugins: tuple[str, ...], mark: str, more: str
) -> None:
    text = """
        import asyncio, gc

        async def calls(client):
            links = await asyncio.gather(*(client.generate("an otter", **SMALL) for _ in range(3)))
            assert all([await link[0].aread() for link in links])
            async with client.stream_generate("an otter", size="1024x1024", partial_images=2) as stream:
                async for event in stream:
                    break

        @MARK
        async def test_loop_of_a_plugin(images_sandbox, async_images_client):
            await calls(async_images_client)
            assert images_sandbox.pictures_made == 4

        def test_loops_of_an_app(async_images_client):
            asyncio.run(calls(async_images_client))
            asyncio.run(calls(async_images_client))

        @MARK
        async def test_what_is_collected_was_closed(async_images_client):
            gc.collect()
    """
    arguments = ("-o", "asyncio_default_fixture_loop_scope=function") if plugins == ("pytest_asyncio.plugin",) else ()
    run(*arguments, plugins=plugins, loops=f"{more}\n{dedent(text).replace('MARK', mark)}").assert_outcomes(passed=3)


def test_workers_have_a_sandbox_each(run: Callable[..., pytest.RunResult]) -> None:
    text = """
        @pytest.mark.parametrize("number", range(6))
        def test_alone(images_sandbox, number):
            app("an otter")
            assert images_sandbox.pictures_made == 1
    """
    run("-n2", plugins=("xdist",), alone=text).assert_outcomes(passed=6)


def test_without_the_extra_one_line_says_what_to_install(run: Callable[..., pytest.RunResult], pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import sys; sys.modules['uvicorn'] = None")
    result = run(extra="def test_it(images_client): pass")
    result.assert_outcomes(errors=1)
    heading = next(index for index, line in enumerate(result.outlines) if "ERROR at setup of test_it" in line)
    told, end = result.outlines[heading + 1 : heading + 3]
    assert told == "the sandbox needs more than is installed (uvicorn): pip install 'images-api[sandbox]'"
    assert "short test summary" in end


def test_all_fixtures_are_told(run: Callable[..., pytest.RunResult]) -> None:
    told = run("--fixtures").stdout.str()
    for name in ("images_sandbox", "images_client", "async_images_client", "images_sandbox_settings"):
        assert f"\n{name}" in told
    assert "no docstring available" not in told.partition("images_sandbox_settings")[2]


def test_what_became_of_a_request_is_told_before_the_answer_ends(sandbox: Sandbox, client: ImagesClient) -> None:
    with client.stream_generate("an otter", size="1024x1024", partial_images=3):
        assert sandbox.requests[0].status == 200


def test_pytest_loads_nothing_with_it_before_a_test_asks() -> None:
    program = """if True:
        import contextlib, importlib, os, sys, pytest
        before = set(sys.modules)
        import images_api.testing, images_api.testing._fixtures
        print(*(set(sys.modules) - before))
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    assert set(done.stdout.split()) == {"images_api", "images_api.testing", "images_api.testing._fixtures"}
