"""What a parameter of a method needs: a name that Python and the models take, and a value that can be sent."""

import unicodedata
from collections.abc import Iterator
from keyword import iskeyword

from tools.generator.attributes import attribute_names
from tools.generator.call_words import CALL_WORDS, CLIENT_WORDS
from tools.generator.document import ALTERNATIVES, Place, Schema, Subschema, declared, place_of, resolved
from tools.generator.methods import FORM, JSON, Body, Method

# What a method needs for itself.
_TAKEN_NAMES = {"self", "locals", "__debug__", *CALL_WORDS}
# What the methods of openapi-python-client's models use, beside the attributes that stand for parameters.
_TAKEN_ATTRIBUTES = {
    *("additional_keys", "additional_properties", "from_dict", "to_dict", "to_multipart"),
    *("UNSET", "Unset", "cast", "cls", "d", "field_dict", "src_dict"),
}
# Of these, the models make objects, and expect objects.
_DATES = {"date", "date-time", "uuid"}


def misshapen_body(document: Schema, body: Body) -> Iterator[tuple[Place, str]]:
    """Yield why a body's parameters can't be told, with the place."""
    place = place_of(body.reference)
    if body.schema.get("type") != "object":
        yield place, "must be of type object: its properties are the parameters"
    if body.schema.get("additionalProperties") is False:
        yield (*place, "additionalProperties"), "must not be false: `extra_body` passes on what the contract doesn't know"
    for keyword in ALTERNATIVES:
        for index, part in enumerate(body.schema.get(keyword, ())):
            hidden = [name for name in declared(document, part) if name not in body.properties]
            if hidden:
                why = f"no parameter is looked for here: move {', '.join(hidden)} to the properties of the request itself"
                yield (*place, keyword, index), why


def unusable_parameters(document: Schema, method: Method, body: Body) -> Iterator[tuple[Place, str]]:
    """Yield what is wrong with the parameters in a body, with its place.

    Args:
        document: The contract.
        method: The method that takes them.
        body: One of its bodies, of the right shape.
    """
    for name, schema in body.properties.items():
        place = (*body.place, name)
        if name in body.references:
            yield from (((*place, "x-reference-of"), why) for why in _reference_faults(document, method, body, name))
        elif "x-reference-of" not in schema:
            yield from ((place, why) for why in [*_name_faults(body, name), *_type_faults(document, body, name)])


def _name_faults(body: Body, name: str) -> Iterator[str]:
    plain = unicodedata.normalize("NFKC", name)
    if not name.isidentifier():
        yield "can't be a parameter, for Python takes no such name: give it another one"
    elif name in _TAKEN_NAMES:
        yield f"can't be a parameter, for every method needs {name} for itself: give it another name"
    elif name in CLIENT_WORDS:
        yield f"can't be a parameter, for a client is made with a {name} and can't take it as a default: rename it"
    elif name.endswith("_") and iskeyword(name[:-1]):
        yield f"can't be a parameter, for {name[:-1]} is written so in Python: give it another name"
    elif name.startswith("__") and not name.endswith("__"):
        yield "can't be a parameter, for Python changes names that begin with two underscores: give it another one"
    elif plain != name:
        yield f"can't be a parameter, for Python reads it as {plain}: give it that name"
    elif attribute_names(body.properties)[name] in _TAKEN_ATTRIBUTES:
        yield "can't be a parameter, for the models of openapi-python-client use that name: give it another one"


def _type_faults(document: Schema, body: Body, name: str) -> Iterator[str]:
    schema = resolved(document, body.properties[name])
    if "x-image" in schema:
        if body.media_type != FORM:
            yield f"a file goes along in a body of type {FORM} only: move it there, or let a link stand for it (x-reference-of)"
    elif "binary" in _formats(document, schema):
        yield "a file that is no image can't be given to a method: add `x-image: {}` where it is one, or take it away"
    elif schema.get("format") in _DATES:
        yield f"a text of format {schema['format']} can't be sent as it is: take the format away, and say it in the description"


def _formats(document: Schema, schema: Subschema, seen: frozenset[str] = frozenset()) -> Iterator[object]:
    """Yield the formats of a schema and of all that its values consist of."""
    if isinstance(schema, bool) or schema.get("$ref") in seen:
        return
    if "$ref" in schema:
        seen |= {schema["$ref"]}
    whole = resolved(document, schema)
    yield whole.get("format")
    inner: list[Subschema] = [part for keyword in ALTERNATIVES for part in whole.get(keyword, ())]
    inner += [*whole.get("properties", {}).values(), whole.get("items", True), whole.get("additionalProperties", True)]
    for part in inner:
        yield from _formats(document, part, seen)


def _reference_faults(document: Schema, method: Method, body: Body, name: str) -> Iterator[str]:
    file = body.references[name]
    files = {each.name: each for each in method.parameters if each.is_file}
    schema = resolved(document, body.properties[name])
    several = schema.get("type") == "array"
    one = resolved(document, schema.get("items", {})) if several else schema
    texts = [resolved(document, part) for part in one.get("properties", {}).values()]
    if body.media_type != JSON:
        yield f"belongs to a body of type {JSON}: in a form, the files themselves go along"
    elif file not in files:
        known = f", such as {', '.join(files)}" if files else ", of which there is none"
        yield f"must be the name of a file parameter (x-image) of the operation's form{known}"
    elif list(body.references.values()).index(file) != list(body.references).index(name):
        yield f"another property stands for {file} as well: remove one of them"
    elif files[file].takes_several and not several:
        yield f"must stand beside an array, for {file} takes several images"
    elif not texts or not all(part.get("type") == "string" and "pattern" in part for part in texts):
        yield "must stand beside an object of texts, each with a `pattern` that tells which texts it takes"
