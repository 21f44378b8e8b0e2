"""Static files as they are collected: small, and by names that change with their content, so that
browsers keep them for ever."""

import gzip
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core.files.base import ContentFile, File
from rcssmin import cssmin
from rjsmin import jsmin
from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage

MINIFIERS = {".js": jsmin, ".css": cssmin}


class OnceCompressor(Compressor):  # type: ignore[misc]  # it has no type hints
    """Leaves a file alone whose compressed twins say the same already: to compress is most of what
    collecting takes."""

    def compress(self, path: str) -> list[str]:
        """Writes the compressed twins of a file that have changed, and returns their paths."""
        last = Path(f"{path}.gz")  # of the two
        if last.exists() and gzip.decompress(last.read_bytes()) == Path(path).read_bytes():
            return []
        return [str(written) for written in super().compress(path)]


class HashedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # it has no type hints
    """Where nothing has been collected, files are served by their own names, as they are."""

    support_js_module_import_aggregation = True

    def url(self, name: str | None, force: bool = False) -> str:
        """The address of a file."""
        if not self.hashed_files:
            return StaticFilesStorage.url(self, name)
        return str(super().url(name, force))

    def create_compressor(self, **options: Any) -> Compressor:
        """What compresses the collected files."""
        return OnceCompressor(**options)

    def _save(self, name: str, content: File[Any]) -> str:
        for suffix, minify in MINIFIERS.items():
            if name.startswith("headway/") and name.endswith(suffix) and ".min." not in name:
                content.seek(0)
                text = content.read()
                text = text.decode() if isinstance(text, bytes) else text
                content = ContentFile(minify(text).encode(), name)
        return str(super()._save(name, content))
