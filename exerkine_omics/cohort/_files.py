"""Files that appear whole or not at all: written beside, then renamed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def write_whole(path: Path, write: Callable[[Path], object]) -> Path:
    """Call ``write`` on a name beside ``path`` and rename."""
    beside = path.with_name(f".{path.name}.partial{path.suffix}")
    try:
        write(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path


def write_text(path: Path, text: str) -> Path:
    """Write text whole."""
    return write_whole(path, lambda p: p.write_text(text, encoding="utf-8"))
