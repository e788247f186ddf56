"""What apps see: the exported names, the two clients side by side, docstrings, types, and what an import costs."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import subprocess
import sys
from importlib import import_module
from importlib.resources import files
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import pytest

import images_api
from images_api import (
    AsyncImagesClient,
    AsyncImageStream,
    GeneratedImage,
    ImagesAPIError,
    ImagesClient,
    ImagesResult,
    ImageStream,
)
from images_api.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMESPACES = ["images_api", "images_api.sandbox", "images_api.testing"]
TWINS = [(ImagesClient, AsyncImagesClient), (ImageStream, AsyncImageStream)]
CONTEXT = {"__enter__": "__aenter__", "__exit__": "__aexit__", "__iter__": "__aiter__", "result": "aresult"}
SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields):\n((?:    .*\n|\n)+)", re.MULTILINE)
ENTRY = re.compile(r"^    \*{0,2}(\w+):", re.MULTILINE)
# What only apps need that draw, serve, run from a shell, in a notebook or on a cluster.
OF_THE_EXTRAS = [
    *("PIL", "starlette", "uvicorn", "multipart", "python_multipart", "click", "rich", "dask", "distributed", "fsspec"),
    "IPython",
]
STANDARD = set(sys.stdlib_module_names)
# All that is loaded before the first call: what is more costs every program that imports a client.
OF_A_CLIENT = {
    "images_api",
    *(f"images_api._{name}" for name in ("client", "errors", "messages", "problems", "secrets", "settings")),
    "images_api.options",
    *(
        f"images_api._{name}"
        for name in ("contract", "contract.addresses", "contract.document", "http", "http.codings", "http.pools")
    ),
    *(f"images_api_client{name}" for name in ("", ".operations", ".options")),
}
ON_FIRST_USE = ["jsonschema_rs", "pybase64", "dateutil", "attrs", "images_api_client.models", "images_api_client.client"]


def exported(namespace: str) -> dict[str, Any]:
    module = import_module(namespace)
    return {name: getattr(module, name) for name in module.__all__ if name != "__version__"}


def public(kind: type, names: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the members that a class and its bases of this package define, by name."""
    own = [base for base in reversed(kind.__mro__) if base.__module__.startswith("images_api")]
    members = {name: member for base in own for name, member in vars(base).items()}
    listed = set(names or {}) | set((names or {}).values())
    return {name: member for name, member in members.items() if not name.startswith("_") or name in listed}


# --- names ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_the_exported_names_are_sorted_and_each_once(namespace: str) -> None:
    names = list(import_module(namespace).__all__)

    assert names == sorted(set(names))


def test_nothing_is_public_that_is_not_exported() -> None:
    assert dir(images_api) == sorted(images_api.__all__)
    with pytest.raises(AttributeError, match="no attribute 'ImageClient'"):
        _ = images_api.ImageClient  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_only_things_of_the_packages_own_are_exported(namespace: str) -> None:
    things = [(name, value) for name, value in exported(namespace).items() if inspect.isclass(value) or inspect.isfunction(value)]
    assert {name for name, value in things if not value.__module__.startswith("images_api.")} == set()


def error_tree(root: type[ImagesAPIError] = ImagesAPIError) -> Iterator[type[ImagesAPIError]]:
    yield root
    for kind in root.__subclasses__():
        yield from error_tree(kind)


def test_every_error_is_exported() -> None:
    own = {kind.__name__: kind for kind in error_tree() if kind.__module__.startswith("images_api.")}

    assert own.items() <= exported("images_api").items()


def said_of_types(kind: type) -> Iterator[str]:
    """Yield what a class says of its public fields, and of what its public members give."""
    yield from (str(text) for name, text in inspect.get_annotations(kind).items() if not name.startswith("_"))
    for member in public(kind).values():
        function = member.fget if isinstance(member, property) else member
        if isinstance(function, FunctionType):
            yield str(function.__annotations__.get("return", ""))


def test_every_class_that_a_public_member_gives_is_exported() -> None:
    modules = [module for name, module in sys.modules.items() if name.startswith("images_api._")]
    values = [(name, value, module) for module in modules for name, value in vars(module).items() if inspect.isclass(value)]
    own = {name for name, value, module in values if value.__module__ == module.__name__ and Protocol not in value.__bases__}
    kinds = [value for value in exported("images_api").values() if inspect.isclass(value)]
    given = {word for kind in kinds for text in said_of_types(kind) for word in re.findall(r"\w+", text)}

    assert {"ImagesResult", "HTTPInfo"} <= given & own <= set(images_api.__all__)


def test_type_checkers_may_look_inside() -> None:
    for package in ("images_api", "images_api_client"):
        assert files(package).joinpath("py.typed").is_file(), package


# --- sync and async ---------------------------------------------------------------------------------------------------------


def parameters(function: Any) -> list[tuple[str, Any, Any, Any]]:
    return [(each.name, each.kind, each.default, each.annotation) for each in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize(("sync", "not_sync"), TWINS)
def test_sync_and_async_have_the_same_members(sync: type, not_sync: type) -> None:
    assert {CONTEXT.get(name, name) for name in public(sync, CONTEXT)} == set(public(not_sync, CONTEXT))


@pytest.mark.parametrize(
    ("sync", "not_sync", "name"),
    [(sync, not_sync, name) for sync, not_sync in TWINS for name in ["__init__", *public(sync, CONTEXT)]],
)
def test_sync_and_async_members_take_the_same(sync: type, not_sync: type, name: str) -> None:
    one, other = inspect.getattr_static(sync, name), inspect.getattr_static(not_sync, CONTEXT.get(name, name))

    assert type(one) is type(other)
    if isinstance(one, property):
        assert one.fget is not None
        assert other.fget.__annotations__ == one.fget.__annotations__
    elif isinstance(one, FunctionType):
        # What they send with, inside, is the one thing in which the two may differ.
        theirs = [each for each in parameters(other) if each[0] != "send"]
        assert theirs == [each for each in parameters(one) if each[0] != "send"]


@pytest.mark.parametrize("kind", [GeneratedImage, ImagesResult])
def test_what_can_be_awaited_takes_and_gives_what_its_sync_twin_does(kind: type) -> None:
    awaited = {name: member for name, member in public(kind).items() if inspect.iscoroutinefunction(member)}

    assert awaited
    for name, member in awaited.items():
        assert inspect.signature(member) == inspect.signature(getattr(kind, name.removeprefix("a"))), name


def test_every_call_has_a_stream_that_takes_the_same() -> None:
    calls = {"generate": "stream_generate", "edit": "stream_edit", "create_variation": "stream_variation"}

    assert set(calls) | set(calls.values()) | {"close", "low_level"} == set(public(ImagesClient))
    for call, stream in calls.items():
        assert parameters(getattr(ImagesClient, stream)) == parameters(getattr(ImagesClient, call))


# --- docstrings -------------------------------------------------------------------------------------------------------------


class Documented(NamedTuple):
    """Something public with a docstring, or without."""

    name: str
    thing: Any

    @property
    def doc(self) -> str:
        return inspect.cleandoc(self.thing.__doc__ or "") + "\n"

    def entries(self, section: str) -> list[str]:
        return [name for title, text in SECTION.findall(self.doc) if title == section for name in ENTRY.findall(text)]

    @property
    def parameters(self) -> list[str]:
        names = [each.name for each in inspect.signature(self.thing).parameters.values()]
        return [name for name in names if name not in {"self", "cls"} and not name.startswith("_")]


def documented() -> Iterator[Documented]:
    for namespace in NAMESPACES:
        for name, value in exported(namespace).items():
            if inspect.isclass(value) or isinstance(value, FunctionType):
                yield Documented(name, value)
            if inspect.isclass(value):
                for member_name, member in public(value).items():
                    if isinstance(member, property | FunctionType | classmethod | staticmethod):
                        yield Documented(f"{name}.{member_name}", member)


THINGS = list(documented())
CLASSES = [each for each in THINGS if inspect.isclass(each.thing)]
TELLING = [each for each in CLASSES if each.entries("Attributes")]
FUNCTIONS = [each for each in THINGS if isinstance(each.thing, FunctionType)]
PROPERTIES = [each for each in THINGS if isinstance(each.thing, property)]


def each_of(things: list[Documented]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("thing", things, ids=[each.name for each in things])


@each_of(THINGS)
def test_a_docstring_begins_with_a_sentence_on_a_line_of_its_own(thing: Documented) -> None:
    first, _, rest = thing.doc.partition("\n")

    assert re.fullmatch(r"(`\w+`|[A-Z]|[1-5]\d\d\b).*[.]", first), first
    assert rest == "" or rest.startswith("\n")


@each_of([*FUNCTIONS, *PROPERTIES])
def test_a_docstring_says_what_to_do_in_the_imperative(thing: Documented) -> None:
    verb = thing.doc.split()[0]

    assert verb == "Return" if isinstance(thing.thing, property) else re.fullmatch(r"[A-Z][a-z]*[a-rt-z]", verb), verb


@each_of(FUNCTIONS)
def test_args_name_every_parameter_in_order(thing: Documented) -> None:
    assert thing.entries("Args") == thing.parameters


MAKERS = [Documented(f"{kind.__name__}.__init__", kind.__init__) for kind in (ImagesClient, AsyncImagesClient)]


@each_of([*MAKERS, *(each for each in CLASSES if each.name == "Sandbox")])
def test_args_name_everything_that_makes_a_client(thing: Documented) -> None:
    assert thing.entries("Args") == thing.parameters


@each_of([each for each in FUNCTIONS if inspect.signature(each.thing).return_annotation not in {"None", None}])
def test_what_comes_back_is_told(thing: Documented) -> None:
    assert thing.doc.startswith("Return ") or "\nReturns:\n    " in thing.doc


@each_of([each for each in FUNCTIONS if re.match(r"(Async)?Image(s?Client|Stream|sResult)[.]|GeneratedImage[.]", each.name)])
def test_what_does_io_tells_its_errors(thing: Documented) -> None:
    assert thing.entries("Raises") or thing.name.endswith(".close")


@each_of(THINGS)
def test_the_errors_that_are_told_exist(thing: Documented) -> None:
    builtin = vars(import_module("builtins"))

    for name in thing.entries("Raises"):
        assert issubclass(exported("images_api").get(name) or builtin[name], Exception)


@each_of(TELLING)
def test_the_attributes_that_are_told_exist(thing: Documented) -> None:
    own = [base for base in thing.thing.__mro__ if base.__module__.startswith("images_api")]
    fields = {name for base in own for name in inspect.get_annotations(base)}
    source = "".join(map(inspect.getsource, own))

    for name in thing.entries("Attributes"):
        assert name in fields or hasattr(thing.thing, name) or re.search(rf"self\.{name}\b.* = ", source), name


@each_of([each for each in TELLING if dataclasses.is_dataclass(each.thing)])
def test_every_field_is_told_unless_the_class_tells_all_at_once(thing: Documented) -> None:
    fields = {name for name in inspect.get_annotations(thing.thing) if not name.startswith("_")}

    assert fields == set(thing.entries("Attributes")) or "None where the server didn't say" in thing.doc.partition("\n")[0]


# --- import -----------------------------------------------------------------------------------------------------------------


def loaded(program: str) -> set[str]:
    """The modules that a program loads, those of httpx left out."""
    program = f"import sys, httpx; before = set(sys.modules); {program}; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing() -> None:
    assert loaded("import images_api") - {"images_api"} <= STANDARD


def test_importing_a_client_loads_what_it_is_made_of() -> None:
    found = loaded("from images_api import ImagesClient, AsyncImagesClient")

    assert {name for name in found if name.startswith("images_api")} == OF_A_CLIENT
    assert {name.partition(".")[0] for name in found} - STANDARD == {"images_api", "images_api_client"}
    assert not {"asyncio", "importlib.resources", "ssl", "tempfile", "zipfile"} & found


@pytest.mark.parametrize("absent", [OF_THE_EXTRAS, ON_FIRST_USE], ids=["of the extras", "on first use"])
def test_importing_needs_nothing_that_is_not_needed_yet(absent: list[str]) -> None:
    # A None in sys.modules makes an import fail, wherever it stands.
    program = f"import sys; sys.modules.update(dict.fromkeys({absent})); import images_api; images_api.ImagesClient"

    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)  # noqa: S603

    assert (done.stderr, done.returncode) == ("", 0)


def test_every_name_is_found_by_itself() -> None:
    # One process for all of them, in which the package is new for each.
    program = """if True:
        import json, sys
        found = {}
        for name in sys.argv[1:]:
            for module in [each for each in sys.modules if each.startswith("images_api")]:
                del sys.modules[module]
            import images_api
            getattr(images_api, name)
            found[name] = [each for each in sys.modules if each.startswith("images_api")]
        print(json.dumps(found))
    """
    names = exported("images_api")
    command = [sys.executable, "-W", "error", "-c", program, *names]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)  # noqa: S603  ours
    for name, value in names.items():
        assert set(found[name]) - {"images_api"}
        assert not inspect.isclass(value) or value.__module__ in found[name]


def test_a_call_loads_no_extra_and_no_asyncio() -> None:
    with Sandbox() as sandbox:
        found = loaded(
            f"from images_api import ImagesClient; ImagesClient(base_url={sandbox.base_url!r}).generate('x')[0].read()"
        )

    assert "images_api._responses.result" in found
    assert (
        not {
            *OF_THE_EXTRAS,
            "asyncio",
            "dateutil",
            "zipfile",
            "images_api._requests.uploads",
            "images_api.sandbox",
        }
        & found
    )
    assert "images_api_client.models.completed_image_event" not in found
