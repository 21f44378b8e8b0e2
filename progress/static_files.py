"""Static files as they are collected: small, and by names that change with their content, so that
browsers keep them for ever."""

from typing import Any

from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core.files.base import ContentFile, File
from rcssmin import cssmin
from rjsmin import jsmin
from whitenoise.storage import CompressedManifestStaticFilesStorage

MINIFIERS = {".js": jsmin, ".css": cssmin}


class HashedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # it has no type hints
    """Where nothing has been collected, files are served by their own names, as they are."""

    support_js_module_import_aggregation = True

    def url(self, name: str | None, force: bool = False) -> str:
        """The address of a file."""
        if not self.hashed_files:
            return StaticFilesStorage.url(self, name)
        return str(super().url(name, force))

    def _save(self, name: str, content: File[Any]) -> str:
        for suffix, minify in MINIFIERS.items():
            if name.startswith("headway/") and name.endswith(suffix) and ".min." not in name:
                content.seek(0)
                text = content.read()
                text = text.decode() if isinstance(text, bytes) else text
                content = ContentFile(minify(text).encode(), name)
        return str(super()._save(name, content))
