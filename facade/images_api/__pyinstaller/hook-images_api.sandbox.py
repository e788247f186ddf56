"""Put in what the sandbox reads beside its modules, where an application contains it: its dialects and its page."""

from PyInstaller.utils.hooks import collect_data_files  # pyright: ignore[reportMissingModuleSource]

datas = collect_data_files("images_api.sandbox")
