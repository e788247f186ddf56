"""Put in what bulk imports by name, when it is first used, and its contact sheet's own files."""

from PyInstaller.utils.hooks import collect_data_files, collect_submodules  # pyright: ignore[reportMissingModuleSource]

hiddenimports = collect_submodules("images_api.bulk")
datas = collect_data_files("images_api.bulk")
