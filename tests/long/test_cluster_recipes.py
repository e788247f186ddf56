"""The recipes of docs/app/bulk-recipes.md, run as they stand there, each in a process of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from bulk_jobs import assert_sound, write_job
from counting_server import CountingServer

from images_api.bulk import State

DOCS = Path(__file__).parents[2] / "docs" / "app" / "bulk-recipes.md"
BEGINNING = """
import sys
from images_api import ImagesClient
job, into, base_url = sys.argv[1:]
client = ImagesClient(base_url=base_url)
"""
# What a recipe needs of the outside, in a form that a test can have: no wait, two processes, Celery without Redis.
IN_PLACE_OF = {
    "500 / 16": "60_000",
    "ray.init()": "ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)",
    '.appName("images")': '.appName("images").master("local[2]").config("spark.ui.enabled", "false")',
    'broker="redis://localhost", backend="redis://localhost"': 'broker="memory://", backend="cache+memory://"',
    "\nresults =": (
        "\nfrom celery.contrib.testing.worker import start_worker\n"
        "working = start_worker(app, perform_ping_check=False)\nworking.__enter__()\n\nresults ="
    ),
}
NEEDS = {"Ray": ["ray"], "Spark": ["pyspark"], "Celery": ["celery"]}
COMMANDS = {"Spark": "java"}


def recipe(name: str) -> str:
    text = DOCS.read_text()
    beginning = re.findall(r"```python\n(.*?)```", text.partition("## Ray")[0], re.DOTALL)
    own = re.findall(r"```python\n(.*?)```", text.partition(f"## {name}")[2].partition("\n## ")[0], re.DOTALL)
    script = "\n".join([BEGINNING, *beginning, *own])
    for there, here in IN_PLACE_OF.items():
        script = script.replace(there, here)
    return script


def is_there(name: str) -> bool:
    return all(map(find_spec, NEEDS[name])) and bool(name not in COMMANDS or shutil.which(COMMANDS[name]))


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.skipif(not is_there(name), reason=f"{name} isn't installed")) for name in NEEDS],
)
def test_a_recipe_makes_each_image_once(tmp_path: Path, name: str) -> None:
    script = tmp_path / "recipe.py"
    script.write_text(recipe(name))
    job = write_job(tmp_path, 250)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYSPARK_PYTHON": sys.executable}
    with CountingServer() as server:
        for _ in range(2):  # the second time, there is nothing to do
            done = subprocess.run(  # noqa: S603  our own
                [sys.executable, script, job, tmp_path / "out", server.base_url],
                capture_output=True,
                text=True,
                env=environment,
                check=False,
                timeout=300,
            )
            assert done.returncode == 0, done.stderr[-3000:]
            assert "250 lines: 250 done" in done.stdout
            assert set(assert_sound(tmp_path / "out", server.made).values()) == {State.DONE}
            assert set(server.made.values()) == {1}
