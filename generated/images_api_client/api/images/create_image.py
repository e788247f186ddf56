from typing import TYPE_CHECKING, Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.create_image_request import CreateImageRequest
from ...models.error_response import ErrorResponse
from ...models.images_response import ImagesResponse
from ...types import Response

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from ...events import AnyImageStreamEvent


def _get_kwargs(
    *,
    body: CreateImageRequest,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/images/generations",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ErrorResponse | ImagesResponse | None:
    try:
        if response.status_code == 200:
            response_200 = ImagesResponse.from_dict(response.json())

            return response_200

        response_default = ErrorResponse.from_dict(response.json())

        return response_default

    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        pass  # not the documented body; Response.content holds what came
    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[ErrorResponse | ImagesResponse]:
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: CreateImageRequest,
) -> Response[ErrorResponse | ImagesResponse]:
    """Create images from a text.

     The images come all at once, or as events while they take shape.

    Args:
        body (CreateImageRequest): What to create, and how.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | ImagesResponse]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    body: CreateImageRequest,
) -> ErrorResponse | ImagesResponse | None:
    """Create images from a text.

     The images come all at once, or as events while they take shape.

    Args:
        body (CreateImageRequest): What to create, and how.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | ImagesResponse
    """

    return sync_detailed(
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: CreateImageRequest,
) -> Response[ErrorResponse | ImagesResponse]:
    """Create images from a text.

     The images come all at once, or as events while they take shape.

    Args:
        body (CreateImageRequest): What to create, and how.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | ImagesResponse]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    body: CreateImageRequest,
) -> ErrorResponse | ImagesResponse | None:
    """Create images from a text.

     The images come all at once, or as events while they take shape.

    Args:
        body (CreateImageRequest): What to create, and how.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | ImagesResponse
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
        )
    ).parsed


def sync_stream(
    *,
    client: AuthenticatedClient | Client,
    body: CreateImageRequest,
) -> "Generator[AnyImageStreamEvent | ErrorResponse | ImagesResponse, None, None]":
    """Create images from a text.

     The images come all at once, or as events while they take shape.

    The response is read as it comes, and closed with the generator; leave it early within
    `contextlib.closing`.

    Args:
        body (CreateImageRequest): What to create, and how.

    Raises:
        errors.UnexpectedStatus: If the response is neither events nor what is documented. It has the body.
        httpx.HTTPError: If the request can't be sent, or the stream breaks off.

    Returns:
        AnyImageStreamEvent | ErrorResponse | ImagesResponse, one by one: each event; an error, be it an event
            or the response; or the response of a server that doesn't stream.
    """

    from ...events import STREAM, event_models  # noqa: PLC0415
    from ...streams import asking_for_stream, sync_events  # noqa: PLC0415

    body = asking_for_stream(body, STREAM)
    kwargs = _get_kwargs(
        body=body,
    )

    return sync_events(
        client.get_httpx_client(),
        kwargs,
        event_models("ImageStreamEvent", ErrorResponse),
        lambda response: _parse_response(client=client, response=response),
    )


def asyncio_stream(
    *,
    client: AuthenticatedClient | Client,
    body: CreateImageRequest,
) -> "AsyncGenerator[AnyImageStreamEvent | ErrorResponse | ImagesResponse, None]":
    """Create images from a text.

     The images come all at once, or as events while they take shape.

    The response is read as it comes, and closed with the generator; leave it early within
    `contextlib.aclosing`.

    Args:
        body (CreateImageRequest): What to create, and how.

    Raises:
        errors.UnexpectedStatus: If the response is neither events nor what is documented. It has the body.
        httpx.HTTPError: If the request can't be sent, or the stream breaks off.

    Returns:
        AnyImageStreamEvent | ErrorResponse | ImagesResponse, one by one: each event; an error, be it an event
            or the response; or the response of a server that doesn't stream.
    """

    from ...events import STREAM, event_models  # noqa: PLC0415
    from ...streams import asking_for_stream, asyncio_events  # noqa: PLC0415

    body = asking_for_stream(body, STREAM)
    kwargs = _get_kwargs(
        body=body,
    )

    return asyncio_events(
        client.get_async_httpx_client(),
        kwargs,
        event_models("ImageStreamEvent", ErrorResponse),
        lambda response: _parse_response(client=client, response=response),
    )
