"""A plugin of pytest that puts httpx2 in httpx's place, as an app may that has moved to it.

PYTEST_PLUGINS loads it, which every process of a run heeds before anything imports httpx: see `make test-httpx2`.
"""

import httpx2

httpx2.alias_httpx()


def pytest_report_header() -> str:
    """Say with what the tests are run."""
    return f"httpx: {httpx2.__name__} {httpx2.__version__}"
