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

STATUS, HEAD = "status.tsv", "cohort\tstage\tstatus\tmessage"
HIDDEN = ".exerkine"  # what an interrupted run goes on with, see _store
PARTIAL = f"{HIDDEN}.partial-"  # results in the making; a process number follows
PLACING = "placing.txt"  # folders that are being moved to their place
PLACED = "placed.txt"  # files that were: all others there are the user's
RUN, POOL = "run", "pool"  # commands that write a folder of results
POOLED = "pooled"  # the folder of the latter


@contextmanager
def staging(out: Path, names: Sequence[str], kind: str = RUN) -> Iterator[Path]:
    """Work in a hidden folder of ``out``; on success its content replaces that of ``out``.

    A run that fails leaves ``out`` as it was. Only an empty folder, or one of an earlier run, is
    written to, and in it only what that run wrote is replaced: ``names`` are the folders to come.
    """
    earlier_run(out, names, kind)
    created = not out.exists()
    # inside, not beside: a volume mounted as `out` is another file system than its parent
    folder = out / f"{PARTIAL}{os.getpid()}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"Cannot write here: {error.strerror}", where=str(out)) from error
    try:
        yield folder
        # again: a run takes hours, and its folder is the user's meanwhile
        earlier = earlier_run(out, names, kind)
        try:
            _move(folder, out, names, earlier)
        except OSError as error:
            raise InputError(f"Cannot write: {error.strerror}", where=str(out)) from error
        created = False
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if created and not any(out.iterdir()):
            out.rmdir()


def earlier_run(out: Path, names: Sequence[str], kind: str = RUN) -> set[str]:
    """Folders of the run that wrote ``out``; an error where something else is in the way.

    ``kind`` is the command that asks: what another command wrote is not replaced.
    """
    try:
        if not out.exists():
            return set()
        if not out.is_dir():
            raise InputError("The output is a file, not a folder", where=str(out))
        present = {p.name for p in out.iterdir()}
        placed = _lines(out / HIDDEN / PLACING)  # of a run that was killed while it moved
        head, *rows = _lines(out / STATUS) or [""]
    except OSError as error:
        raise InputError(f"Cannot write here: {error.strerror}", where=str(out)[:200]) from error
    present = {name for name in present if name != HIDDEN and not name.startswith(PARTIAL)}
    if not present:
        return set()
    if head != HEAD and not placed:
        raise InputError(
            f"The folder holds {shown(sorted(present))} and is not that of an earlier run",
            where=str(out),
            fix="Name a new or empty folder with -o; nothing of yours is overwritten.",
        )
    cells = [row.split("\t") for row in rows] if head == HEAD else []
    if cells and kind != (
        wrote := POOL if any(row[:2] == [POOLED, POOL] for row in cells) else RUN
    ):
        raise InputError(
            f"The folder holds what exerkine {wrote} wrote",
            where=str(out),
            fix="Name another folder with -o.",
        )
    earlier = ({row[0] for row in cells} | set(placed)) - {""}
    foreign = sorted((set(names) - earlier) & present)
    if foreign:
        raise InputError(
            f"{shown(foreign)} in the folder come from no earlier run",
            where=str(out),
            fix="Rename the cohort, or name another folder with -o.",
        )
    return earlier & present


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        return []
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def _move(folder: Path, out: Path, names: Sequence[str], earlier: set[str]) -> None:
    hidden, old = out / HIDDEN, folder / ".old"
    hidden.mkdir(exist_ok=True)
    written = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir()]
    ours = _lines(hidden / PLACED)
    _keep_the_user_s(folder, out, earlier, set(ours))
    new = sorted(folder.iterdir(), key=lambda p: p.name == STATUS)
    old.mkdir()
    # a kill may leave some of the old and some of the new: all of it is ours
    write_text(hidden / PLACED, "\n".join([*ours, *written]) + "\n")
    write_text(hidden / PLACING, "\n".join(sorted({*names, *earlier})) + "\n")
    # status.tsv goes first and comes last: where it stands, all else does
    (out / STATUS).unlink(missing_ok=True)
    for name in earlier:
        (out / name).rename(old / name)
    for item in new:
        item.replace(out / item.name)
    write_text(hidden / PLACED, "\n".join(written) + "\n")
    (hidden / PLACING).unlink()


def _keep_the_user_s(folder: Path, out: Path, earlier: set[str], ours: set[str]) -> None:
    """Take notes that the user laid among the results over to the new ones."""
    if not ours:  # results whose record is gone: nobody knows which files are notes
        return
    for name in sorted(earlier):
        for file in (out / name).rglob("*"):
            place = file.relative_to(out)
            if file.is_symlink() or not file.is_dir():
                beside = folder / place
                if place.as_posix() in ours or beside.exists():
                    continue
                beside.parent.mkdir(parents=True, exist_ok=True)
                link_or_copy(file, beside)


def link_or_copy(file: Path, place: Path) -> None:
    """Give a file a second name; a copy where the file system has no hard links."""
    try:
        os.link(file, place, follow_symlinks=False)
    except OSError:
        shutil.copy2(file, place, follow_symlinks=False)


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
