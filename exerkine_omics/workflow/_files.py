"""The output folder of a run, and the kinds of files in it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

import pandas as pd

from exerkine_omics.cohort import plain, write_text, write_whole
from exerkine_omics.errors import InputError, shown

STATUS = "status.tsv"
HIDDEN = ".exerkine"  # what an interrupted run goes on with, see _store
PLACING = "placing.txt"


@contextmanager
def staging(out: Path, names: Sequence[str]) -> Iterator[Path]:
    """Work in a hidden folder of ``out``; on success its content replaces that of ``out``.

    A run that fails leaves ``out`` as it was. Only an empty folder, or one of an earlier run, is
    written to, and in it only what that run wrote is replaced: ``names`` are the folders to come.
    """
    earlier = earlier_run(out, names)
    created = not out.exists()
    # inside, not beside: a volume mounted as `out` is another file system than its parent
    folder = out / f".partial-{os.getpid()}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"Cannot write here: {error.strerror}", where=str(out)) from error
    try:
        yield folder
        try:
            _move(folder, out, earlier)
        except OSError as error:
            raise InputError(f"Cannot write: {error.strerror}", where=str(out)) from error
        created = False
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if created:
            out.rmdir()


def earlier_run(out: Path, names: Sequence[str]) -> set[str]:
    """Folders of the run that wrote ``out``; an error where something else is in the way."""
    if not out.exists():
        return set()
    if not out.is_dir():
        raise InputError("The output is a file, not a folder", where=str(out))
    present = {p.name for p in out.iterdir() if not p.name.startswith((".partial-", HIDDEN))}
    placed = _lines(out / HIDDEN / PLACING)  # of a run that was killed while it moved its results
    if not present:
        return set()
    if STATUS not in present and not placed:
        raise InputError(
            f"The folder holds {shown(sorted(present))} and is not that of an earlier run",
            where=str(out),
            fix="Name a new or empty folder with -o; nothing of yours is overwritten.",
        )
    earlier = {line.split("\t")[0] for line in _lines(out / STATUS)[1:]} | set(placed)
    earlier -= {""}
    foreign = sorted((set(names) - earlier) & present)
    if foreign:
        raise InputError(
            f"{shown(foreign)} in the folder come from no earlier run",
            where=str(out),
            fix="Rename the cohort, or name another folder with -o.",
        )
    return earlier & present


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []


def _move(folder: Path, out: Path, earlier: set[str]) -> None:
    old = folder / ".old"
    new = sorted(folder.iterdir(), key=lambda p: p.name == STATUS)
    old.mkdir()
    # status.tsv goes first and comes last: where it stands, all else does
    (out / STATUS).unlink(missing_ok=True)
    for name in earlier:
        (out / name).rename(old / name)
    for item in new:
        item.replace(out / item.name)


def digest(path: Path) -> str:
    """Sha256 of a file; of a folder (.zarr), of the names and digests of its files."""
    if not path.is_dir():
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    files = sorted(p for p in path.rglob("*") if p.is_file())
    lines = [f"{p.relative_to(path).as_posix()} {digest(p)}" for p in files]
    return sha256("\n".join(lines).encode()).hexdigest()


def write_json(path: Path, content: object) -> Path:
    """Write JSON whole; NaN becomes null."""
    return write_text(path, json.dumps(plain(content), indent=1, ensure_ascii=False) + "\n")


def write_parquet(path: Path, frame: pd.DataFrame) -> Path:
    """Write a frame whole."""
    return write_whole(path, lambda p: frame.to_parquet(p, index=False))


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a frame as plain values, NaN as None."""
    return plain(frame.astype(object).to_dict(orient="records"))
