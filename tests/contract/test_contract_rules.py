"""Every rule of the contract, through the client: what it allows is sent and answered, what it forbids sends no byte."""

from __future__ import annotations

import base64
import io
import json
import re
import warnings
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pytest
from contract_tables import SCHEMAS, at, bound, choices, families, picture_rule, rules, sample, supports, types
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pictures import drawn, padded, turned
from platforms import OPENED_FOLDER

from images_api import BadRequestError, ImagesClient, InvalidRequestError, Problem, UnreadableFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from images_api.sandbox import Sandbox

    Refusals = Callable[..., tuple[Problem, ...]]

REQUESTS = {
    "generate": "CreateImageRequest",
    "edit": "CreateImageEditRequest",
    "edit by reference": "CreateImageEditByReferenceRequest",
    "create_variation": "CreateImageVariationRequest",
}
PNG = drawn()
LINK = "data:image/png;base64," + base64.b64encode(PNG).decode()
PLAIN: dict[str, dict[str, Any]] = {
    "generate": {"prompt": "x"},
    "edit": {"image": PNG, "prompt": "x"},
    "edit by reference": {"image": LINK, "prompt": "x"},
    "create_variation": {"image": PNG},
}
GPT1 = ["gpt-image-1-mini", "gpt-image-1.5", "chatgpt-image-latest"]
GPT2 = ["gpt-image-2"]
GPT25 = ["gpt-image-2.5-flare", "gpt-image-2.6-sunburst"]
GPT = GPT1 + GPT2 + GPT25
DALLE2, DALLE3, OTHER = ["dall-e-2"], ["dall-e-3"], ["someone-elses-model"]
MODELS = DALLE2 + DALLE3 + GPT + OTHER
# The same rules hold for models of the same families.
ONE_OF_EACH_KIND = list({frozenset(families(model)): model for model in MODELS}.values())
# Small pictures are drawn fast; where a model has no small ones, nothing is said.
SMALL = dict.fromkeys(GPT2 + GPT25, "1024x640") | dict.fromkeys(OTHER, "64x64") | dict.fromkeys(DALLE2, "256x256")
# What a parameter can't be without.
COMPANIONS: dict[str, dict[str, Any]] = {
    "output_compression": {"output_format": "jpeg"},
    "frame_count": {"output_format": "gif"},
    "frame_duration_ms": {"output_format": "gif", "frame_count": 2},
    "svg": {"output_format": "svg"},
    "partial_images": {"stream": True},
    "stream": {"stream": True},
}
_TESTED_APART = {"prompt", "model", "image", "images", "mask", "markup"}


class Case(NamedTuple):
    """A rule: with which models a call passes, and with which change it is refused, for which parameter."""

    method: str
    models: list[str]
    passes: dict[str, Any]
    refused: dict[str, Any]
    parameter: str


def problems(client: ImagesClient, method: str, model: str | None, /, **given: Any) -> tuple[Problem, ...]:
    """Make a call: the problems for which it was refused, or none when it was answered with pictures."""
    small: dict[str, Any] = {"size": SMALL[model]} if model in SMALL and "n" in SCHEMAS[REQUESTS[method]]["properties"] else {}
    if method == "create_variation":
        small = {"size": "256x256"}
    arguments = {**PLAIN[method], "model": model, **small, **given}
    arguments = {name: value() if callable(value) else value for name, value in arguments.items()}
    streams = arguments.pop("stream", False)
    call = getattr(client, ("stream_" if streams else "") + method.removesuffix(" by reference"))
    try:
        if streams:
            with call(**arguments) as stream:
                pictures = stream.result()
        else:
            pictures = call(**arguments)
    except InvalidRequestError as error:
        return error.problems
    except TypeError as error:
        # What an operation has no parameter for, Python refuses.
        unknown = re.search(r"unexpected keyword argument '(\w+)'", str(error))
        if unknown is None:
            raise
        return (Problem(unknown[1], arguments[unknown[1]], "is no parameter"),)
    assert len(pictures) == (arguments.get("n") or 1)
    return ()


LIVING = [(method, model) for method, request in REQUESTS.items() for model in MODELS if supports(request, "model", model)]


@pytest.fixture(scope="module")
def client(running_sandbox: Sandbox) -> Iterator[ImagesClient]:
    # One for all, since a pool of connections takes longer to open than a call does.
    with ImagesClient(base_url=running_sandbox.base_url) as client:
        yield client


@pytest.fixture
def refusals(client: ImagesClient, sandbox: Sandbox) -> Callable[..., tuple[Problem, ...]]:
    """`problems`, and that the sandbox was asked if and only if there are none."""

    def refusals(method: str, model: str | None, /, **given: Any) -> tuple[Problem, ...]:
        before = len(sandbox.requests)
        found = problems(client, method, model, **given)
        assert len(sandbox.requests) - before == (not found)
        return found

    return refusals


class TestEveryParameterAndModel:
    """Held against the contract itself, so that what is added to it is tested with no edit here."""

    @pytest.mark.parametrize(("method", "model"), [each for each in LIVING if each[1] in ONE_OF_EACH_KIND])
    def test_takes_what_the_contract_says_and_nothing_else(self, refusals: Refusals, method: str, model: str) -> None:
        request = REQUESTS[method]
        wrong = []
        for name in SCHEMAS[request]["properties"].keys() - _TESTED_APART:
            named = choices(request, name, OTHER[0])
            for value in named or [sample(request, name, model if supports(request, name, model) else OTHER[0])]:
                right = value in choices(request, name, model) if named else supports(request, name, model)
                given = {**COMPANIONS.get(name, {}), name: value}
                if (name not in {each.parameter for each in refusals(method, model, **given)}) != right:
                    wrong.append((name, value))
        assert not wrong

    @pytest.mark.parametrize(
        ("method", "name", "keyword"),
        [
            (method, name, keyword)
            for method, request in REQUESTS.items()
            for name in SCHEMAS[request]["properties"]
            for keyword in ("minimum", "maximum", "minLength", "maxLength")
            if any(bound(request, name, model, keyword) is not None for model in ONE_OF_EACH_KIND)
        ],
    )
    def test_bounds_are_inclusive(self, refusals: Refusals, method: str, name: str, keyword: str) -> None:
        request = REQUESTS[method]
        for model in ONE_OF_EACH_KIND:
            limit = bound(request, name, model, keyword)
            if limit is None or (method, model) not in LIVING or not supports(request, name, model):
                continue
            beyond = limit - 1 if keyword.startswith("min") else limit + 1
            inside, outside = ("x" * limit, "x" * beyond) if keyword.endswith("Length") else (limit, beyond)
            more = COMPANIONS.get(name, {})
            assert refusals(method, model, **{**more, name: inside}) == (), model
            (problem,) = refusals(method, model, **{**more, name: outside})
            assert problem[:2] == (name, outside)
            assert str(limit) in problem.why

    @pytest.mark.parametrize(
        ("method", "name"),
        [
            (method, name)
            for method, request in REQUESTS.items()
            for name in SCHEMAS[request]["properties"]
            if name not in {"image", "images", "mask", "markup", "stream"}
        ],
    )
    def test_types(self, refusals: Refusals, method: str, name: str) -> None:
        wrong: dict[str, list[Any]] = {
            "integer": [True, "3", 2.5, 3.0, [1], {}, float("nan")],
            "string": [7, True, ["x"], {}, b"x", "\ud800"],
            "object": [7, True, "x", ["x"]],
        }
        taken = types(REQUESTS[method], name)
        more = COMPANIONS.get(name, {})
        for value in wrong[next(iter(taken - {"null"}))]:
            assert [each.parameter for each in refusals(method, OTHER[0], **{**more, name: value})] == [name], value
        # None is what wasn't said, of whatever type a parameter is.
        required = name in SCHEMAS[REQUESTS[method]]["required"]
        small = {"size": None} if name == "model" else {}
        nothing = refusals(method, OTHER[0], **{**small, **more, name: None})
        assert [each.parameter for each in nothing] == ([name] if required else [])


def cases() -> Iterator[Case]:
    yield from _sizes()
    yield from _models()
    yield from _formats()
    yield from _edits()


def _sizes() -> Iterator[Case]:
    free = rules(REQUESTS["generate"], "size", GPT2[0])[-1]["x-sides"]
    names = ("multipleOf", "maximum", "minimumPixels", "maximumPixels", "maximumRatio")
    step, side, fewest, pixels, ratio = (free[name] for name in names)
    # The least height at that ratio, and one step less of the least square.
    low = next(height for height in range(step, side, step) if ratio * height**2 >= fewest)
    square = next(height for height in range(step, side, step) if height**2 >= fewest)
    for method in ("generate", "edit", "edit by reference"):
        for right, wrong in (
            ("1536x864", "1530x864"),
            ("864x1536", "864x1530"),
            (f"{square}x{square}", f"{square - step}x{square}"),
            (f"{square}x{square}", f"{square - 1}x{square + 1}"),
            ("1024x640", "1024x624"),
            (f"{low * ratio}x{low}", f"{low * ratio + step}x{low}"),
            (f"{low}x{low * ratio}", f"{low}x{low * ratio + step}"),
            ("auto", "Auto"),
            ("1024x1024", "1024X1024"),
            ("1024x1024", "1024"),
            ("1024x1024", "01024x1024"),
            ("1024x1024", "1024x1024\n"),
            ("1024x1024", "٦٤x٦٤"),
            ("1024x1024", "0x0"),
            ("1024x1024", "-64x64"),
            ("1024x1024", ""),
            # More digits than Python reads.
            ("1024x1024", "1" * 4301 + "x16"),
        ):
            yield Case(method, [GPT2[0], GPT25[0]], {"size": right}, {"size": wrong}, "size")
    # Two sides may each be allowed and yet make too many pixels.
    widest = f"{side}x{pixels // side}"
    yield Case("generate", GPT2[:1], {"size": widest}, {"size": f"{side}x{pixels // side + step}"}, "size")
    yield Case("generate", GPT25[:1], {"size": f"{side}x{side // ratio}"}, {"size": f"{side + step}x{side // ratio}"}, "size")
    yield Case("generate", DALLE2, {"size": "256x256"}, {"size": "1024x1792"}, "size")
    yield Case("generate", DALLE2, {"size": "512x512"}, {"size": "auto"}, "size")
    yield Case("generate", DALLE3, {"size": "1792x1024"}, {"size": "1536x1024"}, "size")
    yield Case("generate", GPT1, {"size": "1024x1536"}, {"size": "1024x1792"}, "size")
    yield Case("create_variation", DALLE2, {"size": "512x512"}, {"size": "1792x1024"}, "size")
    yield Case("create_variation", DALLE2, {"size": "1024x1024"}, {"size": "auto"}, "size")


def _models() -> Iterator[Case]:
    for method in REQUESTS:
        takers = [model for taken, model in LIVING if taken == method]
        for wrong in (0, -1, True, "3", 2.5, 3.0):
            yield Case(method, takers, {"n": 1}, {"n": wrong}, "n")
        for wrong in (11, 10**20):
            yield Case(method, [model for model in takers if model not in OTHER], {"n": 1}, {"n": wrong}, "n")
        yield Case(method, takers, {}, {"qality": "low"}, "qality")
    yield Case("generate", DALLE3, {"n": None}, {"n": 2}, "n")
    yield Case("generate", DALLE2, {"response_format": "b64_json"}, {"response_format": "png"}, "response_format")
    yield Case("generate", GPT, {}, {"response_format": "b64_json"}, "response_format")
    yield Case("edit", GPT, {}, {"response_format": "url"}, "response_format")
    yield Case("edit by reference", GPT, {}, {"response_format": "url"}, "response_format")
    yield Case("generate", DALLE3, {"style": "natural"}, {"style": "dull"}, "style")
    yield Case("generate", DALLE2 + GPT, {}, {"style": "vivid"}, "style")
    yield Case("edit", DALLE2 + GPT, {}, {"style": "vivid"}, "style")
    yield Case("generate", DALLE3, {"quality": "hd"}, {"quality": "fine"}, "quality")
    yield Case("generate", DALLE2, {"quality": "standard"}, {"quality": "hd"}, "quality")
    yield Case("generate", GPT1 + GPT2, {"quality": "high"}, {"quality": "xhigh"}, "quality")
    yield Case("edit", GPT1 + GPT2, {"quality": "auto"}, {"quality": "max"}, "quality")
    yield Case("generate", GPT25, {"quality": "xhigh"}, {"quality": "standard"}, "quality")
    yield Case("edit", GPT25, {"quality": "max"}, {"quality": "hd"}, "quality")
    yield Case("edit by reference", GPT25, {"quality": "max"}, {"quality": "standard"}, "quality")
    yield Case("generate", GPT, {"moderation": "low"}, {"moderation": "high"}, "moderation")
    yield Case("generate", DALLE2 + DALLE3, {}, {"moderation": "auto"}, "moderation")
    yield Case("edit", DALLE2 + GPT, {}, {"moderation": "low"}, "moderation")
    yield Case("edit by reference", GPT, {"moderation": "low"}, {"moderation": "none"}, "moderation")
    yield Case("create_variation", DALLE2 + OTHER, {"response_format": "url"}, {"prompt": "x"}, "prompt")
    yield Case("create_variation", DALLE2 + OTHER, {"n": 2}, {"mask": PNG}, "mask")


def _formats() -> Iterator[Case]:
    svg = {"output_format": "svg", "svg": {"model": "gpt-5"}}
    for method, models in (("generate", GPT), ("edit", GPT[::3])):
        for transparent, opaque in ((None, "jpeg"), ("png", "gif"), ("webp", "svg")):
            yield Case(
                method,
                models,
                {"background": "transparent", "output_format": transparent},
                {"background": "transparent", "output_format": opaque},
                "background",
            )
        for packed, plain in (("jpeg", "png"), ("webp", "gif"), ("webp", "svg")):
            level = {"output_compression": 1}
            yield Case(method, models, level | {"output_format": packed}, level | {"output_format": plain}, "output_compression")
        gif = {"output_format": "gif", "frame_count": 2, "frame_duration_ms": 20}
        for name in ("frame_count", "frame_duration_ms"):
            for other in (None, "png", "svg"):
                yield Case(method, models, gif, {"output_format": other, name: gif[name]}, name)
        yield Case(method, models, svg, svg | {"output_format": "gif"}, "svg")
        yield Case(method, models, svg, {"svg": svg["svg"]}, "svg")
        yield Case(method, models, svg | {"n": 1}, svg | {"n": 2}, "n")
        for effort in ("none", "max"):
            whole = {"model": "gpt-5", "reasoning": {"effort": effort}}
            yield Case(
                method,
                models,
                svg | {"svg": whole},
                svg | {"svg": whole | {"reasoning": {"effort": "wild"}}},
                "svg.reasoning.effort",
            )
        yield Case(method, models, svg, svg | {"svg": {"model": 5}}, "svg.model")
        yield Case(method, models, {"stream": True, "partial_images": 2}, {"partial_images": 2}, "partial_images")
        for one_piece in ("gif", "svg"):
            more = {"output_format": one_piece, "stream": True}
            yield Case(method, models, more | {"output_format": "jpeg"}, more, "stream")
    # An edit's settings of the svg are all optional; those of a new picture name a model.
    yield Case("generate", GPT25 + OTHER, svg, svg | {"svg": {"reasoning": None}}, "svg.model")
    yield Case("edit", GPT25, svg | {"svg": {}}, svg | {"svg": {"reasoning": {"effort": None}}}, "svg.reasoning.effort")
    yield Case("generate", GPT25 + OTHER, svg | {"svg": {"model": "m", "reasoning": {"effort": None}}}, svg | {"svg": []}, "svg")
    # The default format is known of GPT models only.
    yield Case("generate", GPT, {}, {"output_compression": 50}, "output_compression")
    for name in ("background", "output_format", "output_compression", "complexity", "frame_count", "svg"):
        given = {name: next(iter(choices(REQUESTS["generate"], name, OTHER[0])), sample(REQUESTS["generate"], name, OTHER[0]))}
        yield Case("generate", DALLE2 + DALLE3, {}, given, name)
        yield Case("edit", DALLE2, {}, given, name)


def _edits() -> Iterator[Case]:
    for method in ("edit", "edit by reference"):
        yield Case(method, ["gpt-image-1.5"], {"input_fidelity": "high"}, {"input_fidelity": "medium"}, "input_fidelity")
        yield Case(method, ["gpt-image-1-mini"], {"input_fidelity": "low"}, {"input_fidelity": "high"}, "input_fidelity")
        yield Case(method, GPT2 + GPT25, {}, {"input_fidelity": "low"}, "input_fidelity")
    yield Case("edit", DALLE2, {}, {"input_fidelity": "low"}, "input_fidelity")
    mask = {"mask": PNG}
    yield Case("edit", DALLE2 + GPT, mask, {"mask": drawn(mode="RGB")}, "mask")
    yield Case("edit", DALLE2 + GPT, mask, {"mask": drawn(32, 32)}, "mask")
    yield Case("edit", GPT25, mask, {"mask": drawn(kind="WEBP")}, "mask")
    yield Case("edit", GPT25 + OTHER, mask, {"mask": [PNG, PNG]}, "mask")
    yield Case("edit", GPT25, mask | {"output_format": "webp"}, mask | {"output_format": "gif"}, "mask")
    yield Case("edit", GPT25, {"markup": PNG}, {"markup": PNG, "mask": PNG}, "mask")
    yield Case("edit", GPT25, {"markup": PNG}, {"markup": drawn(mode="RGB")}, "markup")
    yield Case("edit", GPT25, {"markup": PNG}, {"markup": drawn(64, 32)}, "markup")
    yield Case("edit", GPT25, {"markup": PNG}, {"markup": drawn(kind="WEBP")}, "markup")
    yield Case("edit", [*DALLE2, *GPT1, *GPT2], {}, {"markup": PNG}, "markup")
    # The mask belongs to the first picture, whatever the size of the others.
    two = [drawn(32, 32), drawn(64, 64)]
    yield Case("edit", GPT, {"image": two, "mask": drawn(32, 32)}, {"image": two, "mask": PNG}, "mask")
    # A picture's size is the one it is shown in.
    on_its_side = turned(64, 32, 6)
    yield Case(
        "edit", GPT25, {"image": on_its_side, "mask": drawn(32, 64)}, {"image": on_its_side, "mask": drawn(64, 32)}, "mask"
    )
    several = {"image": [PNG, PNG]}
    yield Case("edit", DALLE2, {"image": [PNG]}, several, "image")
    yield Case("create_variation", DALLE2 + OTHER, {"image": [PNG]}, several, "image")
    most = bound(REQUESTS["edit"], "image", GPT[0], "maxItems") or 0
    yield Case("edit", GPT, {"image": [PNG] * most}, {"image": [PNG] * (most + 1)}, "image")
    yield Case("edit", GPT + OTHER, several, {"image": []}, "image")
    links = [LINK] * (bound(REQUESTS["edit by reference"], "images", GPT[0], "maxItems") or 0)
    yield Case("edit by reference", GPT, {"image": links}, {"image": [*links, LINK]}, "images")
    yield Case("edit by reference", GPT + OTHER, {"mask": LINK}, {"markup": LINK}, "markup")
    # A picture that shows where to edit needs no alpha channel of its own.
    opaque = {"image": drawn(mode="RGB")}
    yield Case("edit", DALLE2, opaque | mask, opaque, "image")
    yield Case("create_variation", DALLE2 + OTHER, opaque, {"image": b"no picture"}, "image")
    yield Case("edit", DALLE2, {"image": drawn(mode="LA")}, {"image": drawn(64, 32)}, "image")
    yield Case("create_variation", DALLE2, {"image": PNG}, {"image": drawn(32, 64)}, "image")
    for method in ("edit", "create_variation"):
        models = [model for taken, model in LIVING if taken == method]
        yield Case(method, models, {"image": PNG}, {"image": b""}, "image")
        yield Case(method, models, {"image": PNG}, {"image": b"no picture"}, "image")
    yield from _bytes()


def _bytes() -> Iterator[Case]:
    for method, name, models in (
        ("edit", "image", DALLE2),
        ("edit", "image", GPT25[:1]),
        ("edit", "mask", DALLE2 + GPT[:1]),
        ("edit", "markup", GPT25[:1]),
        ("create_variation", "image", DALLE2),
    ):
        limit = picture_rule(REQUESTS[method], name, models[0], "bytesBelow")
        yield Case(method, models, {name: _of_size(limit - 1)}, {name: _of_size(limit)}, name)


def _of_size(size: int) -> Callable[[], bytes]:
    # Made when it is needed: 50 MB are not for a table.
    return cache(lambda: padded(PNG, size))


Call = tuple[str, str, dict[str, Any]]


def each_once(calls: Iterable[tuple[Call, str]]) -> dict[str, Any]:
    """Return the calls as parameters, those that several rules share once."""
    unique = {repr(call): (call, parameter) for call, parameter in calls}.values()
    names = [f"{method}-{model}-{parameter}-{number}" for number, ((method, model, _), parameter) in enumerate(unique)]
    return {"argvalues": list(unique), "ids": names}


CASES = [(model, case) for case in cases() for model in case.models]


@pytest.mark.parametrize(
    ("call", "parameter"), **each_once(((case.method, model, case.passes), case.parameter) for model, case in CASES)
)
def test_a_rule_lets_through_what_keeps_it(refusals: Refusals, call: Call, parameter: str) -> None:
    method, model, given = call
    assert refusals(method, model, **given) == ()


@pytest.mark.parametrize(
    ("call", "parameter"), **each_once(((case.method, model, case.refused), case.parameter) for model, case in CASES)
)
def test_a_rule_refuses_what_breaks_it_and_names_it(refusals: Refusals, call: Call, parameter: str) -> None:
    method, model, given = call
    assert {each.parameter for each in refusals(method, model, **given)} == {parameter}


@pytest.mark.parametrize("method", ["generate", "edit"])
@pytest.mark.parametrize(
    "given", [{"prompt": "\ud800"}, {"user": "a\udfff"}, {"svg": {"model": "\ud800"}, "output_format": "svg"}]
)
def test_half_a_character_is_refused_wherever_it_stands(refusals: Refusals, method: str, given: dict[str, Any]) -> None:
    found = refusals(method, GPT25[0], **given)
    assert {problem.parameter.partition(".")[0] for problem in found} == {next(iter(given))}
    assert any("surrogates not allowed" in problem.why for problem in found)


_CIRCLE: list[Any] = []
_CIRCLE.append(_CIRCLE)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.binary(max_size=20)
    | st.sampled_from(
        [object(), int, io.BytesIO(PNG), PNG, LINK, _CIRCLE, 10**400, "\ud800", Path("gone.png"), "png", "auto", "dall-e-3"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3)
    ),
    max_leaves=4,
)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(method=st.sampled_from(sorted(PLAIN)), data=st.data())
def test_whatever_is_given_is_either_answered_or_refused_unsent(
    client: ImagesClient, running_sandbox: Sandbox, method: str, data: st.DataObject
) -> None:
    names = sorted({*SCHEMAS[REQUESTS[method]]["properties"], *PLAIN[method]} - {"images", "stream"})
    wrong = {**PLAIN[method], "size": "256x256", **data.draw(st.dictionaries(st.sampled_from(names), ANYTHING, max_size=3))}
    running_sandbox.clear()
    sent = True
    try:
        getattr(client, method.removesuffix(" by reference"))(**wrong)
    except InvalidRequestError:
        sent = False
    except BadRequestError:
        # Bytes that begin like a picture, and a link to nowhere, are the server's to refuse.
        assert "image" in wrong
    assert len(running_sandbox.requests) == sent


class TestModels:
    @pytest.mark.parametrize("method", ["edit", "edit by reference", "create_variation"])
    def test_dall_e_3_creates_only(self, refusals: Refusals, method: str) -> None:
        assert "model" in {each.parameter for each in refusals(method, DALLE3[0])}

    @pytest.mark.parametrize("model", GPT)
    def test_gpt_models_do_not_vary(self, refusals: Refusals, model: str) -> None:
        assert [each.parameter for each in refusals("create_variation", model)] == ["model"]

    def test_dall_e_2_edits_uploads_only(self, refusals: Refusals) -> None:
        assert "model" in {each.parameter for each in refusals("edit by reference", DALLE2[0])}

    @pytest.mark.parametrize("method", REQUESTS)
    def test_no_model_at_all_is_bound_by_the_general_rules_only(self, refusals: Refusals, method: str) -> None:
        assert refusals(method, None) == ()

    @pytest.mark.parametrize("method", ["generate", "edit", "create_variation"])
    def test_without_a_word_the_default_model_and_its_rules_hold(
        self, client: ImagesClient, sandbox: Sandbox, method: str
    ) -> None:
        default = SCHEMAS[REQUESTS[method]]["properties"]["model"]["default"]
        wrong = {"image": drawn(64, 32)} if method == "create_variation" else {"quality": "standard"}
        with pytest.raises(InvalidRequestError, match=f"for {re.escape(default)}"):
            getattr(client, method)(**PLAIN[method] | wrong)
        assert not sandbox.requests


class TestMessages:
    @pytest.mark.parametrize(
        ("method", "given", "text"),
        [
            ("generate", {"model": "dall-e-3", "n": 3}, "n must be at most 1 for dall-e-3, got 3"),
            ("generate", {"model": "gpt-image-2", "n": 0}, "n must be at least 1, got 0"),
            ("generate", {"model": "gpt-image-2", "n": True}, "n must be a whole number, got True"),
            ("generate", {"model": "gpt-image-2", "n": "3"}, "n must be a whole number, got '3'"),
            ("generate", {"model": "dall-e-3", "prompt": ""}, "prompt must have at least 1 character(s), got ''"),
            (
                "generate",
                {"model": "dall-e-2", "size": "1024x1792"},
                "size must be 256x256, 512x512 or 1024x1024 for dall-e-2, got '1024x1792'",
            ),
            (
                "generate",
                {"model": "gpt-image-2", "size": "1530x864"},
                "size must have sides that are multiples of 16 for gpt-image-2, got '1530x864'",
            ),
            ("generate", {"model": "gpt-image-2", "size": "big"}, "size must be auto or WIDTHxHEIGHT for gpt-image-2, got 'big'"),
            (
                "generate",
                {"model": "gpt-image-2", "response_format": "url"},
                "response_format is not supported for gpt-image-2 (leave it out: base64 always comes), got 'url'",
            ),
            (
                "generate",
                {"model": "gpt-image-2", "output_compression": 4},
                (
                    "output_compression is not supported for gpt-image-2 without output_format "
                    "(the default format png has no compression), got 4"
                ),
            ),
            (
                "generate",
                {"model": "gpt-image-2", "output_format": "jpeg", "background": "transparent"},
                (
                    "background must not be transparent with output_format jpeg "
                    "(only png and webp can be transparent), got 'transparent'"
                ),
            ),
            (
                "edit",
                {"model": "dall-e-3"},
                (
                    "model is not supported for dall-e-3 "
                    "(dall-e-3 creates images, it neither edits nor varies them), got 'dall-e-3'"
                ),
            ),
            (
                "edit",
                {"mask": ("m.png", drawn(32, 48)), "model": "gpt-image-2"},
                (
                    "mask must have the width and height of image, 64x64 for gpt-image-2, "
                    f"got 'm.png' (image/png, 32x48, {len(drawn(32, 48))} bytes)"
                ),
            ),
            (
                "create_variation",
                {"image": ("a/b.txt", b"text")},
                "image must be png for dall-e-2 (the contract's default model), got 'b.txt' (no known image format, 4 bytes)",
            ),
            (
                "edit",
                {"image": ("b.txt", b"text"), "model": "someone-elses-model"},
                "image must be png, jpeg, webp, gif or another image format, got 'b.txt' (no known image format, 4 bytes)",
            ),
        ],
    )
    def test_name_parameter_rule_reason_and_value(
        self, client: ImagesClient, method: str, given: dict[str, Any], text: str
    ) -> None:
        with pytest.raises(InvalidRequestError) as caught:
            getattr(client, method)(**PLAIN[method] | given)
        assert str(caught.value) == text

    def test_cut_long_values(self, client: ImagesClient) -> None:
        with pytest.raises(InvalidRequestError) as caught:
            client.generate("x" * 100_000, model="dall-e-2")
        assert str(caught.value).startswith("prompt must have at most 1000 characters for dall-e-2, got 'xxx")
        assert len(str(caught.value)) < 200

    def test_tell_all_problems_at_once_in_the_contracts_order(self, client: ImagesClient, sandbox: Sandbox) -> None:
        wrong: dict[str, Any] = {
            "model": "gpt-image-2",
            "user": 5,
            "style": "vivid",
            "quality": "hd",
            "response_format": "png",
            "size": "1x",
            "n": 11,
        }
        with pytest.raises(InvalidRequestError) as caught:
            client.generate("", **wrong)
        names = [problem.parameter for problem in caught.value.problems]
        assert names == ["prompt", "n", "size", "response_format", "quality", "style", "user"]
        assert str(caught.value) == "; ".join(map(str, caught.value.problems))
        assert not sandbox.requests

    def test_tell_of_every_picture_that_is_wrong(self, refusals: Refusals) -> None:
        wrong = [PNG, b"no picture", drawn(kind="BMP", mode="RGB"), b""]
        found = refusals("edit", "gpt-image-2", image=wrong, mask=drawn(32, 32), n=0)
        assert [each.parameter for each in found] == ["image[1]", "image[2]", "image[3]", "image[3]", "mask", "n"]

    @pytest.mark.parametrize("method", ["generate", "edit", "create_variation", "stream_generate"])
    @pytest.mark.parametrize("name", ["qality", "glow", "stream", "images"])
    def test_what_is_no_parameter_is_no_argument(self, client: ImagesClient, sandbox: Sandbox, method: str, name: str) -> None:
        with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'"):
            getattr(client, method)(**PLAIN[method.removeprefix("stream_")], **{name: True})
        assert not sandbox.requests

    def test_say_that_a_value_is_the_clients_default(self, sandbox: Sandbox) -> None:
        with (
            ImagesClient(base_url=sandbox.base_url, model="dall-e-3", n=2) as client,
            pytest.raises(InvalidRequestError, match=re.escape("n must be at most 1 for dall-e-3 (the client's default), got 2")),
        ):
            client.generate("x")
        assert not sandbox.requests


class TestFiles:
    @pytest.mark.parametrize(("method", "model"), [each for each in LIVING if each[0] in {"edit", "create_variation"}])
    def test_types_are_those_of_the_contract_by_their_bytes(self, refusals: Refusals, method: str, model: str) -> None:
        right = picture_rule(REQUESTS[method], "image", model, "types")
        for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"):
            mode = "RGB" if kind in {"JPEG", "BMP"} else "RGBA"
            found = refusals(method, model, image=("picture.png", drawn(mode=mode, kind=kind)))
            is_right = any(fnmatchcase(f"image/{kind.lower()}", each) for each in right)
            assert ("image" not in {each.parameter for each in found}) == is_right, kind

    def test_types_are_not_taken_on_trust(self, refusals: Refusals) -> None:
        for content in (b"no picture", drawn(mode="RGB", kind="BMP")):
            found = refusals("edit", GPT2[0], image=("picture.png", content, "image/png"))
            assert [each.parameter for each in found] == ["image"]

    def test_other_models_take_any_size_in_bytes(self, refusals: Refusals) -> None:
        assert refusals("edit", OTHER[0], image=_of_size(5 << 20)) == ()
        assert refusals("create_variation", OTHER[0], image=_of_size(5 << 20)) == ()

    @pytest.mark.parametrize("name", ["image", "mask", "markup"])
    def test_that_can_not_be_read_are_os_errors(self, client: ImagesClient, sandbox: Sandbox, tmp_path: Path, name: str) -> None:
        for path, cause in ((".", OPENED_FOLDER), ("gone.png", FileNotFoundError), ("a\0b", ValueError)):
            pictures: dict[str, Any] = {"image": PNG, name: tmp_path / path}
            with pytest.raises(OSError, match=f"{name} can't be read") as caught:
                client.edit(prompt="x", **pictures)
            assert isinstance(caught.value, UnreadableFileError)
            assert isinstance(caught.value.__cause__, cause)
            assert [problem[:2] for problem in caught.value.problems] == [(name, tmp_path / path)]
        assert not sandbox.requests

    def test_that_can_not_be_read_come_with_all_other_problems(self, client: ImagesClient, tmp_path: Path) -> None:
        pictures: list[Any] = [PNG, tmp_path / "gone.png", io.StringIO("x")]
        with pytest.raises(UnreadableFileError) as caught:
            client.edit(pictures, "x", model="gpt-image-2", n=11, mask=drawn(32, 32))
        assert [problem.parameter for problem in caught.value.problems] == ["image[1]", "image[2]", "mask", "n"]
        assert isinstance(caught.value.__cause__, FileNotFoundError)

    def test_opened_as_text_are_refused(self, client: ImagesClient, sandbox: Sandbox, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        path.write_bytes(PNG)
        with path.open(encoding="latin-1") as file, pytest.raises(InvalidRequestError, match="open it with 'rb'"):
            client.edit(file, "x")  # type: ignore[arg-type]
        assert not sandbox.requests


class TestReferences:
    def test_go_as_json(self, client: ImagesClient, sandbox: Sandbox) -> None:
        client.edit([LINK, LINK], "x", mask=LINK, size="1024x640")
        assert sandbox.requests[-1].headers["content-type"] == "application/json"
        reference = {"image_url": LINK}
        sent = json.loads(sandbox.requests[-1].body)
        assert (sent["images"], sent["mask"]) == ([reference, reference], reference)

    def test_may_be_links_of_an_earlier_reply(self, client: ImagesClient) -> None:
        made = client.generate("x", model="dall-e-2", size="256x256")[0]
        assert made.url is not None
        assert client.edit(made.url, "x")[0].width == 256

    def test_may_be_file_ids(self, client: ImagesClient, sandbox: Sandbox) -> None:
        # The sandbox stores no files and says so; what it was asked is what matters.
        with pytest.raises(BadRequestError):
            client.edit("file-abc123", "x", mask="file-def456")
        sent = json.loads(sandbox.requests[-1].body)
        assert (sent["images"], sent["mask"]) == ([{"file_id": "file-abc123"}], {"file_id": "file-def456"})

    def test_are_not_files_that_are_there(self, client: ImagesClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "file-otter.png").write_bytes(drawn(32, 32))
        assert client.edit("file-otter.png", "x")[0].width == 32

    @pytest.mark.parametrize(
        "mixed",
        [{"image": [PNG, LINK]}, {"image": LINK, "mask": PNG}, {"image": PNG, "mask": LINK}, {"image": PNG, "markup": "file-1"}],
    )
    def test_do_not_mix_with_files(self, client: ImagesClient, sandbox: Sandbox, mixed: dict[str, Any]) -> None:
        names = " and ".join(mixed)
        with pytest.raises(InvalidRequestError, match=f"{names} must all be files, or all be links"):
            client.edit(prompt="x", **mixed)
        assert not sandbox.requests

    def test_are_bounded_in_length(self, refusals: Refusals) -> None:
        longest = at("#/components/schemas/CreateImageRequest/$defs/ReferenceRules")["properties"]["image_url"]["maxLength"]
        head, tail = "data:image/png;base64,", "%3D"
        # A text of base64 is four by four characters long; an escaped sign makes up for the rest.
        count = (longest - len(head) - len(tail) + 1) // 4 * 3 - 1
        link = head + base64.b64encode(padded(PNG, count)).decode().replace("=", tail)
        assert len(link) == longest
        assert refusals("edit by reference", GPT2[0], image=link) == ()
        (problem,) = refusals("edit by reference", GPT2[0], image=[LINK, link + "A"])
        assert problem.parameter == "images.1.image_url"
        assert str(longest) in problem.why


class TestValidate:
    @pytest.mark.parametrize("stream", [False, True])
    def test_warn_warns_where_the_call_stands_and_sends(self, sandbox: Sandbox, *, stream: bool) -> None:
        client = ImagesClient(base_url=sandbox.base_url, validate="warn")

        def call() -> None:
            if stream:
                client.stream_generate("x", model=GPT2[0], n=11, output_format="jpeg", output_compression=101).result()
            else:
                client.generate("x", model=GPT2[0], n=11, output_format="jpeg", output_compression=101)

        with client, pytest.warns(UserWarning, match="must be at most") as caught, pytest.raises(BadRequestError):
            call()
        assert [str(warning.message).split()[0] for warning in caught] == ["n", "output_compression"]
        assert {warning.filename for warning in caught} == {__file__}
        sent = json.loads(sandbox.requests[-1].body)
        assert (sent["n"], sent["output_compression"]) == (11, 101)

    @pytest.mark.parametrize(("validate", "warned"), [("warn", 2), ("off", 0)])
    def test_otherwise_the_server_decides(
        self, sandbox: Sandbox, recwarn: pytest.WarningsRecorder, validate: Literal["warn", "off"], warned: int
    ) -> None:
        warnings.simplefilter("always")
        with ImagesClient(base_url=sandbox.base_url, validate=validate) as client, pytest.raises(BadRequestError):
            client.edit(drawn(64, 32, mode="RGB", kind="JPEG"), "x", model="gpt-image-2", n=11, mask=PNG)
        assert len(sandbox.requests) == 1
        assert len(recwarn) == warned

    @pytest.mark.parametrize("validate", ["warn", "off"])
    def test_no_mode_sends_what_can_not_be_sent(self, sandbox: Sandbox, validate: Literal["warn", "off"]) -> None:
        with ImagesClient(base_url=sandbox.base_url, validate=validate) as client:
            with pytest.raises(UnreadableFileError):
                client.edit("gone.png", "x")
            with warnings.catch_warnings(action="ignore"), pytest.raises(InvalidRequestError, match="can't be encoded"):
                client.generate("\ud800")
        assert not sandbox.requests
