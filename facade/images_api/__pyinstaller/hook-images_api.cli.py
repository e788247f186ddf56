"""Put in what the command line imports by name, when it is first used."""

from PyInstaller.utils.hooks import collect_submodules  # pyright: ignore[reportMissingModuleSource]

hiddenimports = collect_submodules("images_api.cli")
