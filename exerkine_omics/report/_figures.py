"""Pictures as data URIs, so that the page needs nothing beside itself."""

from __future__ import annotations

import base64
from pathlib import Path

from exerkine_omics.errors import InputError

_KINDS = {".png": "image/png", ".svg": "image/svg+xml"}


def embed(path: str | Path, folder: Path) -> str:
    """Write a picture as data URI; inside an ``img`` no script of an SVG runs.

    Parameters
    ----------
    path
        PNG or SVG; relative to ``folder`` or absolute.
    folder
        Folder of the report.
    """
    place = Path(path) if Path(path).is_absolute() else folder / path
    kind = _KINDS.get(place.suffix.lower())
    if kind is None:
        raise InputError(
            f"The figure {str(path)!r} is neither PNG nor SVG",
            where="figures of the summary",
            fix="Save it as .png or .svg.",
        )
    try:
        content = place.read_bytes()
    except OSError as error:
        raise InputError(
            f"The figure {str(place)!r} cannot be read: {error.strerror}",
            where="figures of the summary",
            fix="Run the stage that draws it again.",
        ) from None
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
