"""What openapi-python-client calls the attributes of its models."""

from collections.abc import Iterable

from openapi_python_client.strings import PythonIdentifier

PREFIX = "field_"


def attribute_names(properties: Iterable[str], prefix: str = PREFIX) -> dict[str, str]:
    """Return the attribute of a model for each property of its schema.

    Args:
        properties: The properties in the schema's order, which matters where two would be called the same.
        prefix: What stands before a name that Python would not take.
    """
    names: dict[str, str] = {}
    for name in properties:
        attribute = str(PythonIdentifier(name, prefix))
        for other, taken in list(names.items()):
            if taken == attribute:
                names[other], attribute = (str(PythonIdentifier(each, prefix, skip_snake_case=True)) for each in (other, name))
        names[name] = attribute
    return names
