"""Tell PyInstaller what to put into an application: https://pyinstaller.org/en/stable/hooks.html#provide-hooks-with-package."""


def get_hook_dirs() -> list[str]:
    """Return the folders with hooks, for the entry point."""
    return [*__path__]
