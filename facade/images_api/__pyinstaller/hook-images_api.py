"""Put in what is imported by name, when it is first used, and the contract. The extras aren't: who imports one has it."""

from PyInstaller.utils.hooks import collect_data_files, collect_submodules  # pyright: ignore[reportMissingModuleSource]

_EXTRAS = ("images_api.bulk", "images_api.cli", "images_api.sandbox", "images_api.testing", "images_api.__pyinstaller")
hiddenimports = collect_submodules("images_api", filter=lambda module: not module.startswith(_EXTRAS))
hiddenimports += collect_submodules("images_api_client")
datas = collect_data_files("images_api_client")
