"""Files that appear whole or not at all: written beside, then renamed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from exerkine_omics.cohort import plain
from exerkine_omics.errors import InputError


@contextmanager
def staging(out: Path) -> Iterator[Path]:
    """Work in a folder beside ``out``; on success its content replaces that of ``out``.

    A run that fails leaves ``out`` as it was.
    """
    if out.exists() and not out.is_dir():
        raise InputError("The output is a file, not a folder", where=str(out))
    folder = out.parent / f".{out.name}.partial-{os.getpid()}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"Cannot write here: {error.strerror}", where=str(out.parent)) from error
    try:
        yield folder
        out.mkdir(exist_ok=True)
        # status.tsv last: where it stands, all else does
        for item in sorted(folder.iterdir(), key=lambda p: p.name == "status.tsv"):
            target = out / item.name
            if target.is_dir():
                shutil.rmtree(target)
            item.replace(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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


def write_json(path: Path, content: object) -> Path:
    """Write JSON whole; NaN becomes null."""
    return write_text(path, json.dumps(plain(content), indent=1, ensure_ascii=False) + "\n")


def write_parquet(path: Path, frame: pd.DataFrame) -> Path:
    """Write a frame whole."""
    return write_whole(path, lambda p: frame.to_parquet(p, index=False))


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a frame as plain values, NaN as None."""
    return plain(frame.astype(object).to_dict(orient="records"))
