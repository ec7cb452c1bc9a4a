"""What a run has done already, kept in a hidden folder of the results, so that it can go on.

``OUT/.exerkine/<cohort>/<stage>/`` holds the files of one stage, its part of the summary
(``_result.json``), and ``_stage.json``: the key of all that it depends on, and the sha256 of every
file. A stage is written beside and renamed: it is there whole or not at all.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from exerkine_omics.cohort import plain
from exerkine_omics.errors import InputError
from exerkine_omics.workflow._figures import Figures
from exerkine_omics.workflow._files import HIDDEN, PARTIAL, PLACED, PLACING, digest, write_json

_SEAL, _RESULT = "_stage.json", "_result.json"
_LOCK, _HOLDER = "run.lock", "run.json"  # with a dot, that no cohort's folder has


@dataclass(frozen=True)
class Stored:
    """A finished stage: its folder, its part of the summary, and how long it took."""

    folder: Path
    result: Any
    seconds: float


@dataclass(frozen=True)
class Store:
    """The hidden folder of one OUT; it is picklable, so that workers write to it too.

    ``run`` names the run that holds the lock: a worker that outlives its run writes nothing more.
    """

    root: Path
    run: str = ""

    @classmethod
    def of(cls, out: Path) -> Store:
        """Name the store of a folder of results; nothing is made yet."""
        return cls(out / HIDDEN)

    def folder(self, cohort: str, stage: str) -> Path:
        """Where the stage lies, or will."""
        return self.root / cohort / stage

    def published(self, cohort: str, stage: str) -> list[Path]:
        """Files that belong into the results; those with a leading underscore stay here."""
        folder = self.folder(cohort, stage)
        files = (p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
        return sorted(p for p in files if not p.name.startswith("_"))

    def checkpoint(self, cohort: str) -> Path:
        """Where a long stage keeps what it has done so far."""
        return self.root / cohort / ".checkpoint"

    def events(self, cohort: str) -> Path:
        """Where the process that runs the cohort says what it does."""
        return self.root / cohort / "events.jsonl"

    def find(self, cohort: str, stage: str, key: str) -> tuple[Stored | None, str]:
        """Return the stage if it is there, whole, and of this key; else None and the reason."""
        folder = self.folder(cohort, stage)
        try:
            seal = json.loads((folder / _SEAL).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None, "not done yet"
        except (OSError, ValueError):
            return None, "its record is damaged"
        if not isinstance(seal, dict) or seal.get("key") != key:
            return None, "its config, input or versions changed"
        try:
            if _digests(folder) != seal["files"]:
                return None, "its files were changed"
            result = json.loads((folder / _RESULT).read_text(encoding="utf-8"))
            return Stored(folder, result, float(seal["seconds"])), ""
        except (OSError, ValueError, KeyError, TypeError):
            return None, "its files are damaged"

    @contextmanager
    def writing(self, cohort: str, stage: str, key: str) -> Iterator[Writing]:
        """Make a folder to write a stage to; on success it takes the place of an older one."""
        place = self.folder(cohort, stage)
        beside = place.with_name(f".{stage}.partial-{os.getpid()}")
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        started = time.monotonic()
        try:
            writing = Writing(beside, Figures(beside / "figures", f"{cohort}/figures"))
            yield writing
            result = plain(writing.result)  # what a resumed run reads is what this one tells
            write_json(beside / _RESULT, result)
            seconds = time.monotonic() - started
            write_json(beside / _SEAL, {"key": key, "seconds": seconds, "files": _digests(beside)})
            self._hold()
            shutil.rmtree(place, ignore_errors=True)
            beside.rename(place)
            writing.stored = Stored(place, result, seconds)
            shutil.rmtree(self.checkpoint(cohort), ignore_errors=True)
        finally:
            shutil.rmtree(beside, ignore_errors=True)

    @contextmanager
    def locked(self) -> Iterator[Store]:
        """Keep every other run out of this folder; the lock dies with its process.

        Its workers may live on: they stop at the next stage, for the store given here has a name.

        Raises
        ------
        InputError
            If another run holds it, or nothing can be written here.
        """
        from filelock import FileLock, Timeout

        out = self.root.parent
        created, own = not out.exists(), not self.root.exists()
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            own = own or (self.root / _HOLDER).is_file()
            lock = FileLock(self.root / _LOCK, timeout=0)
            lock.acquire()
        except Timeout as error:
            raise InputError(
                f"Another run works here{self._holder()}", where=str(out),
                fix="Wait for it, or name another folder with -o.",
            ) from error  # fmt: skip
        except OSError as error:
            raise InputError(f"Cannot write here: {error.strerror}", where=str(out)) from error
        try:
            told = {"pid": os.getpid(), "host": platform.node(), "since": time.strftime("%F %T")}
            number = os.urandom(8).hex()
            write_json(self.root / _HOLDER, {**told, "run": number})
            self._sweep(out)
            yield replace(self, run=number)
        finally:
            told_of = ("*/*/" + _SEAL, PLACED, PLACING)
            if own and not any(found for name in told_of for found in self.root.glob(name)):
                shutil.rmtree(self.root, ignore_errors=True)  # nothing to go on with
                if created and out.exists() and not any(out.iterdir()):
                    out.rmdir()
            lock.release()

    def _hold(self) -> None:
        """Refuse to go on where another run has the folder now."""
        if not self.run:
            return
        try:
            told = json.loads((self.root / _HOLDER).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            told = {}
        if told.get("run") != self.run:
            raise InputError("Another run has taken over here", where=str(self.root.parent))

    def _holder(self) -> str:
        try:
            told = json.loads((self.root / _HOLDER).read_text(encoding="utf-8"))
            return f" (process {told['pid']} on {told['host']}, since {told['since']})"
        except (OSError, ValueError, KeyError):
            return ""

    def _sweep(self, out: Path) -> None:
        """Remove what killed runs left half-written; nobody else works here now."""
        for left in (*out.glob(f"{PARTIAL}*"), *self.root.glob("*/.*.partial-*")):
            shutil.rmtree(left, ignore_errors=True)
        for events in self.root.rglob("events.jsonl"):
            events.unlink(missing_ok=True)


@dataclass
class Writing:
    """A stage in the making: where its files go, and what it tells the report."""

    folder: Path
    figures: Figures
    result: Any = None
    stored: Stored | None = None  # once it is finished


def _digests(folder: Path) -> dict[str, str]:
    files = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    return {name: digest(files[name]) for name in sorted(files) if name != _SEAL}


def key_of(**parts: Any) -> str:
    """Checksum of what a stage depends on; the order of keys does not matter."""
    return sha256(json.dumps(plain(parts), sort_keys=True).encode()).hexdigest()
