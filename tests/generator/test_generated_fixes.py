"""Each mend of openapi-python-client's templates: what holds with it, on the wire where it shows there, and not without it."""

from __future__ import annotations

import asyncio
import json
import pickle
import sys
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from copy import copy, deepcopy
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from io import BytesIO
from pathlib import Path
from pkgutil import walk_packages
from typing import Any, NamedTuple, get_args, get_type_hints

import httpx
import pytest
from generation import PACKAGE, Part, form_parts, generate, our_contract, run
from PIL import Image

from tools.generator.templates import Fix, FixError, read_fixes, write_templates

FIXES = {fix.id: fix for fix in read_fixes()}
SECRET = "sk-secret"  # noqa: S105  opens nothing
PATIENT = httpx.Timeout(600, connect=5)
LATE_ANNOTATIONS = sys.version_info >= (3, 14)  # https://peps.python.org/pep-0649/
# Ends its part and adds another one, where the boundary is known beforehand.
INJECTION = 'an otter\r\n--+++\r\nContent-Disposition: form-data; name="n"\r\n\r\n10'


def png() -> bytes:
    file = BytesIO()
    Image.new("RGBA", (4, 4)).save(file, "PNG")
    return file.getvalue()


class Request(NamedTuple):
    headers: Mapping[str, str]
    body: bytes

    @property
    def parts(self) -> list[Part]:
        return form_parts(self.headers["content-type"], self.body)


@dataclass
class Reply:
    body: bytes = b"{}"
    status: int = 200
    type: str = "application/json"


class Server(ThreadingHTTPServer):
    """Gives the same answer to everything, and keeps what it was sent; the sandbox has no odd answers to give."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.reply = Reply()
        self.requests: list[Request] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    @property
    def last(self) -> Request:
        return self.requests[-1]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Server)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append(Request(headers, self.rfile.read(int(headers["content-length"]))))
        reply = self.server.reply
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is the base class's
        pass


@pytest.fixture(scope="module")
def running_server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def server(running_server: Server) -> Server:
    running_server.reply = Reply()
    running_server.requests.clear()
    return running_server


class Package(NamedTuple):
    """A generated package, imported piece by piece: without its mends, some pieces can't be."""

    name: str

    def __call__(self, module: str = "") -> Any:
        return import_module(f"{self.name}.{module}" if module else self.name)

    def client(self, server: Server, **settings: Any) -> Any:
        return self("client").AuthenticatedClient(base_url=server.url, token=SECRET, httpx_args={"trust_env": False}, **settings)

    def file(self, content: bytes, name: str | None = None) -> Any:
        return self("types").File(BytesIO(content), name)

    def create(self, client: Any) -> Any:
        body = self("models.create_image_request").CreateImageRequest(prompt="an otter")
        return self("api.images.create_image").sync_detailed(client=client, body=body)

    async def acreate(self, client: Any) -> Any:
        body = self("models.create_image_request").CreateImageRequest(prompt="an otter")
        return await self("api.images.create_image").asyncio_detailed(client=client, body=body)


COMMITTED = Package("images_api_client")
Observation = Callable[[Package, Server], object]


@dataclass(frozen=True)
class Proof:
    """What is seen with a mend, and what is seen without it and the others that only make sense with it."""

    fix: str
    what: str
    observe: Observation
    right: object
    wrong: object
    others: tuple[str, ...] = ()


def outcome(proof: Proof, package: Package, server: Server) -> object:
    try:
        return proof.observe(package, server)
    except (AttributeError, NameError, RecursionError, TypeError, ValueError) as error:
        return type(error)


def edited(package: Package, server: Server, **fields: Any) -> list[Part]:
    request = package("models.create_image_edit_request").CreateImageEditRequest
    body = request(**{"image": package.file(png()), "prompt": "an otter", **fields})
    with package.client(server) as client:
        package("api.images.create_image_edit").sync_detailed(client=client, body=body)
    return server.last.parts


def varied(package: Package, server: Server, **fields: Any) -> list[Part]:
    request = package("models.create_image_variation_request").CreateImageVariationRequest
    with package.client(server) as client:
        body = request(image=package.file(png()), **fields)
        package("api.images.create_image_variation").sync_detailed(client=client, body=body)
    return server.last.parts


def names(parts: list[Part]) -> list[str]:
    return [part.name for part in parts]


def texts(parts: list[Part], start: str) -> dict[str, bytes]:
    return {part.name: part.content for part in parts if part.name.startswith(start)}


def nested(package: Package, server: Server) -> dict[str, bytes]:
    reasoning = package("models.svg_edit_reasoning").SvgEditReasoning(effort="low")
    svg = package("models.svg_edit_settings").SvgEditSettings(model="m", reasoning=reasoning)
    return texts(edited(package, server, svg=svg), "svg")


def uploads(parts: list[Part]) -> list[tuple[str | None, str | None, bytes]]:
    return [part[1:] for part in parts if part.name.startswith("image")]


def status(number: int) -> Observation:
    def observe(package: Package, server: Server) -> object:
        server.reply = Reply(b'{"error": {"message": "busy"}}', number)
        with package.client(server) as client:
            response = package.create(client)
        return response.status_code, type(response.status_code), response.parsed.error.message

    return observe


def unreadable(reply: Reply) -> Observation:
    def observe(package: Package, server: Server) -> object:
        server.reply = reply
        with package.client(server) as client:
            response = package.create(client)
        return response.status_code, response.parsed, response.content

    return observe


def unexpected(package: Package, server: Server) -> object:
    server.reply = Reply(b"<html>busy</html>", 502, "text/html")
    unexpected_status = package("errors").UnexpectedStatus
    with package.client(server, raise_on_unexpected_status=True) as client, pytest.raises(unexpected_status) as caught:
        package.create(client)
    return caught.value.status_code, caught.value.content


def imports_an_event(package: Package, _: Server) -> bool:
    folder = Path(package().__file__).parent
    program = f"import sys, {package.name}.models.image; print('{package.name}.models.partial_image_event' in sys.modules)"
    return run(sys.executable, "-c", program, PYTHONPATH=str(folder.parent)).strip() == "True"


def imports_attrs(package: Package, _: Server) -> bool:
    folder = Path(package().__file__).parent
    program = f"import sys, {package.name}.operations; print('attrs' in sys.modules)"
    return run(sys.executable, "-c", program, PYTHONPATH=str(folder.parent)).strip() == "True"


def bodiless(package: Package, server: Server) -> object:
    missed = ""
    with package.client(server) as client:
        try:
            package("api.images.create_image_edit").sync_detailed(client=client)
        except TypeError as error:
            missed = str(error)
    return "'body'" in missed, [request.body for request in server.requests]


def annotated(package: Package, server: Server) -> list[str]:
    # From 3.14 on, nobody reads the annotations before they are asked for.
    get_type_hints(package("api.images.create_image_edit").sync_detailed)
    return names(edited(package, server))


def representations(package: Package, server: Server) -> object:
    client = package.client(server)
    before = repr(client)
    with client:
        package.create(client)
    return SECRET in before, SECRET in repr(client)


def shared_headers(package: Package, server: Server) -> object:
    headers = {"X-Team": "otters"}
    with package.client(server, headers=headers) as client:
        package.create(client)
    assert (server.last.headers["authorization"], server.last.headers["x-team"]) == (f"Bearer {SECRET}", "otters")
    after = set(headers)

    async def call() -> None:
        async with package.client(server, headers=headers) as client:
            await package.acreate(client)

    asyncio.run(call())
    assert server.last.headers["authorization"] == f"Bearer {SECRET}"
    return after, set(headers)


def shown(**settings: Any) -> Observation:
    def observe(package: Package, _: Server) -> object:
        clients = package("client")
        settings_ = {"base_url": "http://localhost/v1"} | settings
        return [
            SECRET in repr(client) for client in (clients.Client(**settings_), clients.AuthenticatedClient(token="", **settings_))
        ]

    return observe


def timeouts(package: Package, server: Server) -> object:
    client = package.client(server)
    return [connection.timeout for connection in (client.get_httpx_client(), client.get_async_httpx_client())]


def pickled(package: Package, server: Server) -> object:
    try:
        return SECRET.encode() in pickle.dumps(package.client(server))
    except TypeError as error:
        return str(error).partition(":")[0]


def derived(derive: Callable[[Any], Any], header: str) -> Observation:
    """See what a client sends that was used before another one was made of it, and what the other one sends."""

    async def asynchronously(package: Package, server: Server) -> list[str | None]:
        async with package.client(server) as first:
            await package.acreate(first)
            async with derive(first) as second:
                sent = []
                for client in (first, second):
                    await package.acreate(client)
                    assert server.last.headers["authorization"] == f"Bearer {SECRET}"
                    sent.append(server.last.headers.get(header))
        return sent

    def observe(package: Package, server: Server) -> object:
        with package.client(server) as first:
            package.create(first)
            with derive(first) as second:
                sent = []
                for client in (first, second):
                    package.create(client)
                    assert server.last.headers["authorization"] == f"Bearer {SECRET}"
                    sent.append(server.last.headers.get(header))
        return sent, asyncio.run(asynchronously(package, server))

    return observe


def derived_timeout(package: Package, server: Server) -> object:
    short = httpx.Timeout(1)
    first = package.client(server)
    first.get_httpx_client()
    first.get_async_httpx_client()
    second = first.with_timeout(short)
    assert (second.get_httpx_client().timeout, second.get_async_httpx_client().timeout) == (short, short)
    return first.get_httpx_client().timeout, first.get_async_httpx_client().timeout


def copied(copy_of: Callable[[Any], Any]) -> Observation:
    """See whether a copy of a client that is in use sends with its token, and by its connections."""

    async def asynchronously(package: Package, server: Server) -> object:
        async with package.client(server) as client:
            await package.acreate(copy_of(client))
            return copy_of(client).get_async_httpx_client() is client.get_async_httpx_client()

    def observe(package: Package, server: Server) -> object:
        with package.client(server) as client:
            package.create(copy_of(client))
            same = copy_of(client).get_httpx_client() is client.get_httpx_client()
        also = asyncio.run(asynchronously(package, server))
        return same, also, {request.headers["authorization"] for request in server.requests}

    return observe


def replied(package: Package, server: Server) -> object:
    """See which parts of a reply that holds two images its repr shows."""
    image = b64encode(png()).decode()
    server.reply = Reply(json.dumps({"data": [{"b64_json": image}, {"url": image}]}).encode())
    with package.client(server) as client:
        response = package.create(client)
    return [image in repr(each) for each in (response, response.parsed, response.parsed.data[0])]


def of_file(package: Package, _: Server) -> object:
    shown = repr(package("types").File(png(), "otter.png"))
    return "PNG" in shown, "otter.png" in shown


def bare(**fields: Any) -> Observation:
    return lambda package, server: [part[:3] for part in edited(package, server, **fields) if part.filename]


def streams(package: Package, server: Server) -> object:
    """Return what the stream of each operation gives, of a server that streams."""
    server.reply = Reply(EVENTS, type="text/event-stream")
    file = package.file(png())
    found = []
    with package.client(server) as client:
        for operation, fields in (
            ("create_image", {"prompt": "x"}),
            ("create_image_edit", {"prompt": "x", "image": file}),
            ("create_image_variation", {"image": file}),
        ):
            module = package(f"api.images.{operation}")
            body = getattr(module, f"{operation.title().replace('_', '')}Request")(**fields)
            found += [type(event).__name__ for event in module.sync_stream(client=client, body=body)]
    return found


PAGE = b"<html><title>502 Bad Gateway</title></html>"
EVENTS = b'event: image_generation.completed\ndata: {"type": "image_generation.completed"}\n\n'
FORMS = ("forms-import",)
FILES = ("files-import",)
PNG = ("upload.png", "image/png")

PROOFS = [
    Proof(
        "random-boundary",
        "a prompt adds no field",
        lambda package, server: names(edited(package, server, prompt=INJECTION)),
        ["prompt", "model", "image"],
        ["prompt", "n", "model", "image"],
    ),
    Proof(
        "random-boundary-single-body",
        "a user's name adds no field",
        lambda package, server: names(varied(package, server, user=INJECTION)),
        ["model", "user", "image"],
        ["model", "user", "n", "image"],
    ),
    Proof(
        "forms-like-everyone-else",
        "booleans are lower case",
        lambda package, server: texts(edited(package, server, stream=True), "stream"),
        {"stream": b"true"},
        {"stream": b"True"},
        FORMS,
    ),
    Proof(
        "forms-like-everyone-else",
        "None is left out",
        lambda package, server: texts(edited(package, server, n=None), "n"),
        {},
        {"n": b"None"},
        FORMS,
    ),
    Proof(
        "forms-like-everyone-else",
        "texts have no type",
        lambda package, server: {part.type for part in edited(package, server, n=2) if part.filename is None},
        {None},
        {"text/plain"},
        FORMS,
    ),
    Proof(
        "forms-like-everyone-else",
        "objects are spread out",
        nested,
        {"svg[model]": b"m", "svg[reasoning][effort]": b"low"},
        {"svg": b'{"model": "m", "reasoning": {"effort": "low"}}'},
        FORMS,
    ),
    Proof(
        "forms-like-everyone-else",
        "several files have brackets",
        lambda package, server: names(edited(package, server, image=[package.file(png()), package.file(png())])),
        ["prompt", "model", "image[]", "image[]"],
        ["image", "image", "prompt", "model"],
        FORMS,
    ),
    Proof(
        "forms-like-everyone-else",
        "texts come before files",
        lambda package, server: names(edited(package, server, mask=package.file(png()), n=2)),
        ["prompt", "model", "n", "image", "mask"],
        ["image", "prompt", "mask", "model", "n"],
        FORMS,
    ),
    Proof(
        "forms-like-everyone-else",
        "a file that is given bare is a file",
        bare(image=png(), mask=BytesIO(png())),
        [("image", *PNG), ("mask", *PNG)],
        AttributeError,
        FORMS,
    ),
    Proof(
        "forms-like-everyone-else",
        "a path is no text",
        bare(image="otter.png"),
        TypeError,
        AttributeError,
        FORMS,
    ),
    Proof(
        "forms-import",
        "a form can be made",
        lambda package, server: names(edited(package, server)),
        ["prompt", "model", "image"],
        NameError,
    ),
    Proof(
        "files-have-names-and-types",
        "a file without a name is a file",
        lambda package, server: uploads(edited(package, server)),
        [("upload.png", "image/png", png())],
        [(None, None, png())],
        FILES,
    ),
    Proof(
        "files-have-names-and-types",
        "a picture's type comes from its bytes",
        lambda package, server: uploads(edited(package, server, image=package.file(png(), "otter.bin"))),
        [("otter.bin", "image/png", png())],
        [("otter.bin", "application/octet-stream", png())],
        FILES,
    ),
    Proof(
        "files-have-names-and-types",
        "a file that is no picture is a file",
        lambda package, server: uploads(edited(package, server, image=package.file(b"??"))),
        [("upload.bin", "application/octet-stream", b"??")],
        [(None, None, b"??")],
        FILES,
    ),
    Proof(
        "files-import",
        "a file can be sent",
        lambda package, server: uploads(edited(package, server)),
        [("upload.png", "image/png", png())],
        NameError,
    ),
    Proof(
        "any-status",
        "a status is documented as a number",
        lambda package, _: get_type_hints(package("types").Response)["status_code"],
        int,
        HTTPStatus,
    ),
    Proof(
        "one-unset",
        "a copied or pickled UNSET is UNSET",
        lambda package, _: copy(package("types").UNSET) is package("types").UNSET,
        right=True,
        wrong=False,
    ),
    Proof(
        "unset-by-name",
        "UNSET is shown by its name",
        lambda package, _: repr(package("types").UNSET) == "UNSET",
        right=True,
        wrong=False,
    ),
    Proof(
        "files-of-bytes",
        "bytes of any kind are a file",
        lambda package, server: uploads(edited(package, server, image=package("types").File(bytearray(png()), "a.png"))),
        [("a.png", "image/png", png())],
        AttributeError,
    ),
    Proof(
        "files-of-bytes",
        "a path is none",
        lambda package, _: package("types").File("otter.png").payload,
        TypeError,
        "otter.png",
    ),
    Proof("short-files", "repr shows no bytes of a file", of_file, (False, True), (True, True)),
    Proof("short-replies", "repr shows no image of a reply", replied, [False] * 3, [True, False, False]),
    Proof("short-models", "repr shows no image of a model", replied, [False] * 3, [True] * 3),
    Proof("short-models-import", "a model can be made", replied, [False] * 3, NameError),
    Proof("types-import", "the types can be imported", replied, [False] * 3, NameError),
    *(
        Proof("copies", f"a {how.__name__} of a client works", copied(how), (True, True, {f"Bearer {SECRET}"}), TypeError)
        for how in (copy, deepcopy)
    ),
    Proof("streams", "each operation streams", streams, ["CompletedImageEvent"] * 3, AttributeError),
    Proof("streams-schemas", "the events have models", streams, ["CompletedImageEvent"] * 3, AttributeError),
    *(
        Proof("any-status-built", f"a {number} is a reply", status(number), (number, int, "busy"), ValueError)
        for number in (499, 520, 524, 529)
    ),
    Proof(
        "required-body-default",
        "a body can't be forgotten",
        bodiless,
        (True, []),
        (False, [b""]) if LATE_ANNOTATIONS else NameError,
    ),
    Proof("required-body-default", "the operation's types can be read", annotated, ["prompt", "model", "image"], NameError),
    *(
        Proof("unreadable-reply", what, unreadable(reply), (reply.status, None, reply.body), error)
        for what, reply, error in (
            ("a page with 200 is kept", Reply(PAGE, type="text/html"), json.JSONDecodeError),
            ("a page with 502 is kept", Reply(PAGE, 502, "text/html"), json.JSONDecodeError),
            ("an event stream is kept", Reply(EVENTS, type="text/event-stream"), json.JSONDecodeError),
            ("an empty body is no riddle", Reply(b""), json.JSONDecodeError),
            ("a picture is kept", Reply(png(), type="image/png"), UnicodeDecodeError),
            ("a list is kept", Reply(b"[1]"), TypeError),
            ("a text is kept", Reply(b'"busy"', 503), ValueError),
            ("null is kept", Reply(b"null"), TypeError),
            ("a bottomless body is kept", Reply(b"[" * 100_000), RecursionError),
        )
    ),
    Proof("unreadable-reply", "it can be raised", unexpected, (502, b"<html>busy</html>"), json.JSONDecodeError),
    Proof(
        "unreadable-reply-type",
        "nothing promises a parsed body",
        lambda package, _: type(None) in get_args(get_type_hints(package("api.images.create_image")._parse_response)["return"]),
        right=True,
        wrong=False,
    ),
    Proof(
        "short-error-message",
        "a message is short",
        lambda package, _: len(str(package("errors").UnexpectedStatus(500, b"x" * 10_000))) < 500,
        right=True,
        wrong=False,
    ),
    Proof("quiet-token", "repr hides the token, before and after use", representations, (False, False), (True, True)),
    Proof(
        "headers-of-its-own",
        "the caller's headers stay as they were",
        shared_headers,
        ({"X-Team"}, {"X-Team"}),
        ({"X-Team", "Authorization"}, {"X-Team", "Authorization"}),
    ),
    *(
        Proof("quiet-fields-and-timeout", f"repr hides {what}", shown(**settings), [False, False], [True, True])
        for what, settings in (
            ("cookies", {"cookies": {"session": SECRET}}),
            ("headers", {"headers": {"api-key": SECRET}}),
            ("the proxy", {"httpx_args": {"proxy": f"http://otter:{SECRET}@localhost"}}),
            ("the URL's password", {"base_url": f"http://otter:{SECRET}@localhost/v1"}),
            ("the URL's user", {"base_url": f"http://{SECRET}@localhost/v1"}),
            ("the URL's query", {"base_url": f"http://localhost/v1?key={SECRET}"}),
        )
    ),
    Proof("quiet-fields-and-timeout", "there is a timeout", timeouts, [PATIENT, PATIENT], [httpx.Timeout(None)] * 2),
    Proof("default-timeout", "the timeout is there to be named", timeouts, [PATIENT, PATIENT], NameError),
    Proof("no-pickle", "no secret is pickled", pickled, "AuthenticatedClient can't be pickled", wrong=True),
    Proof(
        "with-headers-copies",
        "a used client keeps its headers",
        derived(lambda client: client.with_headers({"X-Team": "otters"}), "x-team"),
        ([None, "otters"], [None, "otters"]),
        (["otters", "otters"], ["otters", "otters"]),
    ),
    Proof(
        "with-cookies-copies",
        "a used client keeps its cookies",
        derived(lambda client: client.with_cookies({"team": "otters"}), "cookie"),
        ([None, "team=otters"], [None, "team=otters"]),
        (["team=otters", "team=otters"], ["team=otters", "team=otters"]),
    ),
    Proof(
        "with-timeout-copies",
        "a used client keeps its timeout",
        derived_timeout,
        (PATIENT, PATIENT),
        (httpx.Timeout(1), httpx.Timeout(1)),
    ),
    Proof(
        "banner-and-version",
        "the package names its contract's version",
        lambda package, _: package().__version__,
        our_contract()["info"]["version"],
        AttributeError,
    ),
    Proof("late-models", "one model doesn't import all", imports_an_event, right=False, wrong=True),
    Proof("late-clients", "the operations alone don't import attrs", imports_attrs, right=False, wrong=True),
    Proof(
        "banner-and-version",
        "the package says how it was made",
        lambda package, _: "`make generate`" in package().__doc__,
        right=True,
        wrong=False,
    ),
]


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Proof], Package]]:
    """Generates a package for what a proof takes out, once."""
    folder = tmp_path_factory.mktemp("packages")
    made: dict[str, Package] = {}

    def package(proof: Proof) -> Package:
        fixes = [proof.fix, *proof.others]
        name = "_".join(["without", *fixes]).replace("-", "_")
        if name not in made:
            generate(folder / name, without=fixes)
            made[name] = Package(name)
        return made[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield package


proofs = pytest.mark.parametrize("proof", [pytest.param(proof, id=f"{proof.fix}: {proof.what}") for proof in PROOFS])


@proofs
def test_what_a_fix_is_for_holds(proof: Proof, server: Server) -> None:
    assert outcome(proof, COMMITTED, server) == proof.right


@proofs
def test_it_is_the_fix_that_makes_it_hold(proof: Proof, server: Server, without: Callable[[Proof], Package]) -> None:
    assert outcome(proof, without(proof), server) == proof.wrong


@pytest.mark.parametrize("fix", FIXES)
def test_every_fix_is_shown_to_matter(fix: str) -> None:
    assert fix in {proof.fix for proof in PROOFS}


def test_no_proof_outlives_its_fix() -> None:
    assert {fix for proof in PROOFS for fix in (proof.fix, *proof.others)} <= FIXES.keys()


def test_every_module_can_be_imported() -> None:
    package = COMMITTED()
    modules = [module.name for module in walk_packages(package.__path__, f"{package.__name__}.")]
    assert len(modules) == len([path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem != "__init__"])
    for module in modules:
        import_module(module)


def test_no_two_boundaries_are_the_same(server: Server) -> None:
    for _ in range(3):
        edited(COMMITTED, server)
    assert len({request.headers["content-type"] for request in server.requests}) == 3


def test_one_file_has_no_brackets(server: Server) -> None:
    file = COMMITTED.file(png())
    for image in (file, [file]):
        assert names(edited(COMMITTED, server, image=image)) == ["prompt", "model", "image"]


def test_what_the_contract_does_not_know_goes_into_the_form_as_well(server: Server) -> None:
    request = COMMITTED("models.create_image_variation_request").CreateImageVariationRequest
    body = request(image=COMMITTED.file(png()))
    body["extra"] = {"list": [True, 1.5], "none": None}
    body["sketch"] = COMMITTED.file(png(), "sketch.png")
    with COMMITTED.client(server) as client:
        COMMITTED("api.images.create_image_variation").sync_detailed(client=client, body=body)
    assert [part[:2] for part in server.last.parts if part.name not in {"model", "image"}] == [
        ("extra[list][]", None),
        ("extra[list][]", None),
        ("sketch", "sketch.png"),
    ]
    assert [part.content for part in server.last.parts if part.name == "extra[list][]"] == [b"true", b"1.5"]


class TestTemplates:
    FIX = Fix("a-mend", "errors.py.jinja", "It was wrong.", "https://example.com", "class UnexpectedStatus", "class Odd")

    def test_a_fix_is_applied(self, tmp_path: Path) -> None:
        write_templates([self.FIX], tmp_path)
        assert "class Odd" in (tmp_path / "errors.py.jinja").read_text(encoding="utf-8")

    @pytest.mark.parametrize(
        ("changed", "why"),
        [
            ({"find": "what nobody wrote"}, "errors.py.jinja is there 0 times"),
            ({"find": "self"}, r"errors.py.jinja is there \d+ times"),
            ({"template": "gone.py.jinja"}, "no template gone.py.jinja"),
        ],
    )
    def test_one_that_does_not_fit_is_named(self, tmp_path: Path, changed: dict[str, str], why: str) -> None:
        with pytest.raises(FixError, match=f"'a-mend' no longer applies: .*{why}"):
            write_templates([replace(self.FIX, **changed)], tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_ids_are_unique(self) -> None:
        assert len(FIXES) == len(read_fixes())
