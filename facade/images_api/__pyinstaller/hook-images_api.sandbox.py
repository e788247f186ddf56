"""Put in what the sandbox imports by name, when it is first used, and what it reads: its dialects and its page."""

from PyInstaller.utils.hooks import collect_data_files, collect_submodules  # pyright: ignore[reportMissingModuleSource]

hiddenimports = collect_submodules("images_api.sandbox")
datas = collect_data_files("images_api.sandbox")
