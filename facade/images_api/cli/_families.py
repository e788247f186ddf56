"""The families of models: who belongs to one, how long they are offered, and what they take in words."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from images_api._contract.document import MODELS, at
from images_api._contract.document import families as patterns_of
from images_api._contract.wording import listed

from ._facts import model_role, narrowed, use
from ._operations import commands, parameters, roles

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import date

    from images_api._contract.operations import Operation

    from ._facts import Facts, Use

# What everybody asks of a model first, by what it means in the contract's `x-roles`.
_COLUMNS = ("count", "size", "format", "quality")


class State(NamedTuple):
    """Whether a model is still offered on the official host.

    Attributes:
        name: `current`, `ending`, `retired`, or `unlisted` for one that the contract doesn't list.
        date: The day on which it ends or ended, as in the contract; None for one that has no end.
        successor: The model that takes its place; None likewise.
    """

    name: str
    date: str | None = None
    successor: str | None = None


class Family(NamedTuple):
    """Models that take the same.

    Attributes:
        title: What the contract calls the narrowest family that they all belong to; None for a model that no family knows.
        models: Their ids.
    """

    title: str | None
    models: tuple[str, ...]

    def use(self, operation: Operation) -> Use:
        """Return what they take of an operation; of the models that may be named, these."""
        found, role = use(operation, self.models[0]), model_role()
        if role not in found.parameters:
            return found
        facts = found.parameters[role]
        own = facts._replace(choices=self.models, default=facts.default if facts.default in self.models else None)
        return found._replace(parameters={**found.parameters, role: own})


@cache
def known_models() -> tuple[str, ...]:
    """Return the ids of the known models, in the contract's order."""
    return tuple(at(MODELS)["enum"])


@cache
def families() -> tuple[Family, ...]:
    """Return the known models by what they take, in the contract's order."""
    alike: dict[str, list[str]] = {}
    for model in known_models():
        taken = [use(each, model)._replace(reasons={}, reason="") for each in commands().values()]
        alike.setdefault(json.dumps(taken), []).append(model)
    return tuple(Family(_title(models), tuple(models)) for models in alike.values())


def family_of(model: str) -> Family:
    """Return the family of a single model, which may be one that isn't known yet; without a title where none fits."""
    return Family(_title([model]), (model,))


def titled(title: str) -> tuple[Family, ...]:
    """Return the families of a title, in whatever letter case; several where it is that of a wider one."""
    named = [each for each in families() if (each.title or "").casefold() == title.casefold()]
    members = {model for name, models in _titles().items() if name.casefold() == title.casefold() for model in models}
    return tuple(named or (each for each in families() if members.issuperset(each.models)))


def state(model: str, today: date) -> State:
    """Return whether a model is still offered on a day."""
    end: Mapping[str, str] = at(MODELS).get("x-retired", {}).get(model, {})
    if not end:
        return State("current" if model in known_models() else "unlisted")
    return State("retired" if end["date"] <= today.isoformat() else "ending", end["date"], end["successor"])


def limits(operation: Operation, name: str) -> list[str]:
    """Return what known models take for a parameter, in notes such as `1 to 10`, `dall-e-3: 1` or `only for GPT image models`.

    What isn't said: the choices, where a model takes all that the parameter has for any.

    Args:
        operation: The operation.
        name: The parameter.
    """
    uses = {model: use(operation, model) for model in known_models()}
    users = [model for model, found in uses.items() if found.bodies]
    takers = {model: uses[model].parameters[name] for model in users if name in uses[model].parameters}
    if not takers:
        return ["for none of the known models"]
    if name == model_role():
        return [*_only(users, known_models(), "of the known models, {} {}"), *_defaults(takers)]
    every_choice = narrowed([parameters(operation)[name]]).choices
    told = {model: described(facts, every_choice) for model, facts in takers.items()}
    aspects = dict.fromkeys(aspect for each in told.values() for aspect in each)
    notes = [note for aspect in aspects for note in _by_models({model: each.get(aspect, "") for model, each in told.items()})]
    return [*notes, *_only(takers, users), *_by_reference(operation, takers), *_defaults(takers)]


def common_choices(operation: Operation, name: str) -> tuple[Any, ...]:
    """Return the choices of a parameter; none where models differ in them, for then `limits` tells them.

    Args:
        operation: The operation.
        name: The parameter.
    """
    every_choice = narrowed([parameters(operation)[name]]).choices
    takers = [found for model in known_models() if (found := use(operation, model).parameters.get(name))]
    return () if any("choices" in described(facts, every_choice) for facts in takers) else every_choice


def overview(family: Family) -> dict[str, str]:
    """Return what is most asked for of a family in words, by what it is about; each of several commands in a line of its own."""
    uses = {command: use for command, operation in commands().items() if (use := family.use(operation)).bodies}
    names = dict.fromkeys(name for operation in commands().values() for name in parameters(operation))
    found = {"commands": ", ".join(uses) or "none"}
    for name in (each for role in _COLUMNS if (each := roles().get(role)) in names):
        having = {command: use.parameters[name] for command, use in uses.items() if name in use.parameters}
        found[name] = _by_command({command: ", ".join(described(facts).values()) for command, facts in having.items()})
    images: list[str] = []
    others: list[str] = []
    for name in names:
        having = {command: facts for command, use in uses.items() if (facts := use.parameters.get(name)) and facts.image}
        if any(facts.required for facts in having.values()):
            images.append(_by_command({command: described(facts)["image"] for command, facts in having.items()}))
        elif having:
            others.append(name)
    return found | {"images in": "\n".join([*images, *([f"also {listed(others, 'and')}"] if others else [])])}


def taken(use: Use) -> dict[str, list[str]]:
    """Return what a family takes for each parameter of an operation in words, by the parameter's name."""
    found: dict[str, list[str]] = {}
    for name, facts in use.parameters.items():
        words = list(described(facts).values()) or [listed(facts.types, "or")]
        words = ["as above"] if name == model_role() else words
        words += ["required"] if facts.required else []
        found[name] = words + ([f"default {facts.default}"] if facts.default is not None else [])
    return found


def lacking(operation: Operation, use: Use) -> dict[str, str]:
    """Return the parameters of an operation that aren't taken, each with the contract's reason or an empty text."""
    return {name: use.reasons.get(name, "") for name in parameters(operation) if name not in use.parameters}


def described(facts: Facts, every_choice: Collection[Any] = ()) -> dict[str, str]:
    """Return what a parameter may be in words, by what they are about.

    Args:
        facts: What is known of it.
        every_choice: The choices that go without saying if there are all of them.
    """
    found = _own(facts, every_choice)
    for path, field in _fields(facts.fields):
        words = [*(["required"] if field.required else []), *_own(field).values()]
        found |= {path: f"{path}: {', '.join(words)}"} if words else {}
    return found


def named(models: Collection[str], among: Collection[str]) -> str:
    """Return what to call some of the known models: families that make them up, and the ids of what is left over.

    Args:
        models: The models to call.
        among: Those from which they are to be told apart.
    """
    names = _names(models, among)
    return ", ".join(names) if any(" and " in each for each in names) else listed(names, "and")


def _by_command(texts: Mapping[str, str]) -> str:
    """Return what holds for several commands, said once where it is the same."""
    groups: dict[str, list[str]] = {}
    for command, text in texts.items():
        groups.setdefault(text, []).append(command)
    if len(groups) < 2:  # noqa: PLR2004  nothing to tell apart
        return next(iter(groups), "")
    return "\n".join(f"{', '.join(commands)}: {text}" for text, commands in groups.items() if text)


def _names(models: Collection[str], among: Collection[str]) -> list[str]:
    wanted, left, names = set(models), set(models), list[str]()
    within = {title: members & set(among) for title, members in _titles().items()}
    # The widest first; of families that come to the same here, the narrowest.
    for title in sorted(within, key=lambda each: (-len(within[each]), len(_titles()[each]))):
        if within[title] <= wanted and within[title] & left:
            names.append(title)
            left -= within[title]
    return [*names, *(model for model in known_models() if model in left)]


@cache
def _titles() -> Mapping[str, set[str]]:
    """Return the known models of each family in the contract, by the family's title."""
    found: dict[str, set[str]] = {}
    for model in known_models():
        for title in _titled_patterns(model).values():
            found.setdefault(title, set()).add(model)
    return found


def _title(models: Sequence[str]) -> str | None:
    """Return the title of the narrowest family of the contract that some models belong to; of the first that fits."""
    common = [set(_titled_patterns(model)) for model in models]
    titles = [title for name, title in _titled_patterns(models[0]).items() if all(name in names for names in common)]
    return min(titles, key=lambda title: len(_titles().get(title, ())), default=None)


def _titled_patterns(model: str) -> dict[str, str]:
    """Return the titles of the families of the contract that a model belongs to, by the families' names; some have none."""
    known = at(MODELS)["$defs"]
    return {name: known[name]["title"] for name in patterns_of(model) if "title" in known[name]}


def _by_models(texts: Mapping[str, str]) -> Iterator[str]:
    """Yield what is said of models: of all or of most of them without their names, of the others with."""
    groups: dict[str, list[str]] = {}
    for model, text in texts.items():
        groups.setdefault(text, []).append(model)
    for text, models in sorted(groups.items(), key=lambda each: -len(each[1])):
        is_rule = len(models) * 2 > len(texts) and "" not in groups
        if text:
            yield text if is_rule else f"{named(models, texts)}: {text}"


def _only(takers: Collection[str], users: Collection[str], words: str = "{} for {}") -> Iterator[str]:
    """Yield who takes it, or who doesn't if that is shorter to say."""
    if others := [model for model in users if model not in takers]:
        told = {"only": takers, "not": others}
        word = min(told, key=lambda each: len(_names(told[each], users)))
        yield words.format(word, named(told[word], users))


def _by_reference(operation: Operation, takers: Mapping[str, Facts]) -> Iterator[str]:
    referring = {kind for kind, body in operation.bodies.items() if body.references}
    having = {kind for facts in takers.values() for kind in facts.bodies}
    if having <= referring and having < operation.bodies.keys():
        yield "only when images are given by reference"
    elif referring - having:
        yield "not when images are given by reference"


def _defaults(takers: Mapping[str, Facts]) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    for model, facts in takers.items():
        if facts.default is not None:
            groups.setdefault(str(facts.default), []).append(model)
    for default, models in groups.items():
        yield f"default: {default}" if len(models) == len(takers) else f"default for {named(models, takers)}: {default}"


def _fields(fields: Mapping[str, Facts], above: str = "") -> Iterator[tuple[str, Facts]]:
    for name, facts in fields.items():
        yield f"{above}{name}", facts
        yield from _fields(facts.fields, f"{above}{name}.")


def _own(facts: Facts, every_choice: Collection[Any] = ()) -> dict[str, str]:
    """Return what is said of a parameter without its fields."""
    bounds = facts.bounds
    found = {
        "value": _range(bounds.get("minimum"), bounds.get("maximum")),
        "above": f"more than {bounds['exclusiveMinimum']}" if "exclusiveMinimum" in bounds else "",
        "below": f"less than {bounds['exclusiveMaximum']}" if "exclusiveMaximum" in bounds else "",
        "step": f"multiples of {bounds['multipleOf']}" if "multipleOf" in bounds else "",
        "length": _counted(bounds.get("minLength"), bounds.get("maxLength"), "character"),
        "items": "" if facts.image else _counted(bounds.get("minItems"), bounds.get("maxItems"), "item"),
        "choices": _choices(facts, every_choice),
        "image": _image(facts),
    }
    return {about: text for about, text in found.items() if text}


def _range(least: float | None, most: float | None) -> str:
    if least is not None and most is not None:
        return f"{least}" if least == most else f"{least} to {most}"
    if most is not None:
        return f"at most {most}"
    return "" if least is None else f"at least {least}"


def _counted(least: float | None, most: float | None, unit: str) -> str:
    numbers = _range(least, most)
    return f"{numbers} {unit}{'' if (least if most is None else most) == 1 else 's'}" if numbers else ""


def _choices(facts: Facts, every_choice: Collection[Any]) -> str:
    if facts.form or facts.sides:
        return ": ".join(filter(None, [facts.form, ", ".join(_sides(facts.sides))]))
    if not facts.choices or set(facts.choices) == set(every_choice):
        return ""
    return ("such as " if facts.is_open else "") + ", ".join(map(str, facts.choices))


def _sides(rules: Mapping[str, float]) -> Iterator[str]:
    if "multipleOf" in rules:
        yield f"multiples of {rules['multipleOf']}"
    if "maximum" in rules:
        yield f"no side above {rules['maximum']}"
    if pixels := _counted(rules.get("minimumPixels"), rules.get("maximumPixels"), "pixel"):
        yield pixels
    if "maximumRatio" in rules:
        yield f"ratio at most {rules['maximumRatio']}:1"


def _image(facts: Facts) -> str:
    if not facts.image:
        return ""
    kinds = [each.partition("/")[2] for each in facts.image.get("types", ())]
    most = facts.bounds.get("maxItems")
    least = facts.bounds.get("minItems")
    words = [
        "one" if most == 1 else "one or more" if (least, most) == (1, None) else _range(least, most),
        "square" if facts.image.get("square") else "",
        listed(kinds, "or") if kinds and "*" not in kinds else "",
        "image" if most == 1 else "images",
        "with an alpha channel" if facts.image.get("alpha") else "",
    ]
    more = [
        f"under {facts.image['bytesBelow'] / (1 << 20):g} MB{'' if most == 1 else ' each'}"
        if "bytesBelow" in facts.image
        else "",
        f"as wide and high as {facts.image['sameSizeAs']}" if "sameSizeAs" in facts.image else "",
    ]
    return ", ".join(filter(None, [" ".join(filter(None, words)), *more]))
