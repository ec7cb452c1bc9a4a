"""What a long evaluation has done already, so that an interrupted one goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from exerkine_omics import parallel
from exerkine_omics.errors import InputError
from exerkine_omics.ml._cross import Repeat
from exerkine_omics.ml._explain import Importance

_BAR = "\x1f"


@dataclass(frozen=True)
class Checkpoint:
    """A folder of results of one evaluation; None keeps nothing.

    The folder's name is a checksum of all that the results depend on: another input, seed or
    version never meets these files.
    """

    folder: Path | None = None

    def within(self, *inputs: Any) -> Checkpoint:
        """Folder of a part of the evaluation that depends on more than the whole."""
        return self if self.folder is None else open_checkpoint(self.folder, *inputs)

    def run(
        self,
        name: str,
        function: Callable[..., Any],
        tasks: Sequence[tuple[Any, ...]],
        *,
        n_jobs: int | None,
        progress: str,
    ) -> list[Any]:
        """`parallel.run` of the tasks that are not there yet; each is kept as it is done."""
        if self.folder is None:
            return parallel.run(function, tasks, n_jobs=n_jobs, progress=progress)
        paths = [self.folder / f"{name}_{'_'.join(map(str, task))}.npz" for task in tasks]
        found = [_read(path) if path.is_file() else None for path in paths]
        missing = [k for k, value in enumerate(found) if value is None]

        def keep(place: int, value: Any) -> None:
            _write(paths[missing[place]], value)

        done = parallel.run(
            function, [tasks[k] for k in missing], n_jobs=n_jobs, progress=progress, done=keep
        )
        for place, value in zip(missing, done, strict=True):
            found[place] = value
        return found


def open_checkpoint(path: str | Path | None, *inputs: Any) -> Checkpoint:
    """Folder of this evaluation inside ``path``."""
    if path is None:
        return Checkpoint()
    digest = blake2b(digest_size=12)
    _absorb(digest, inputs)
    folder = Path(path) / digest.hexdigest()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The folder cannot be written: {error.strerror}", where=f"checkpoint={str(path)!r}"
        ) from error
    return Checkpoint(folder)


def _absorb(digest: Any, value: Any) -> None:
    """Add a value and all it holds to a checksum."""
    digest.update(type(value).__name__.encode() + b"\0")
    if isinstance(value, np.ndarray) and value.dtype != object:
        digest.update(str((value.dtype, value.shape)).encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, pd.DataFrame):
        digest.update(value.to_csv().encode())
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            _absorb(digest, (field.name, getattr(value, field.name)))
    elif isinstance(value, dict):
        for key in value:
            _absorb(digest, (key, value[key]))
    elif isinstance(value, (list, tuple, np.ndarray)):
        for part in value:
            _absorb(digest, part)
    elif hasattr(value, "get_params"):
        _absorb(digest, {k: repr(v) for k, v in value.get_params().items()})
    elif hasattr(value, "tocsr"):
        _absorb(digest, (value.indptr, value.indices, value.data))
    else:
        digest.update(repr(value).encode())


def _write(path: Path, value: Any) -> None:
    """Whole or not at all: written beside, then renamed."""
    own = path.with_suffix(f".{os.getpid()}.tmp")
    with own.open("wb") as file:
        np.savez(file, allow_pickle=False, **_flat(value))
    own.replace(path)


def _read(path: Path) -> Any:
    try:
        with np.load(path, allow_pickle=False) as file:
            return _whole({name: file[name] for name in file.files})
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None  # done again


def _flat(value: Any) -> dict[str, np.ndarray]:
    if isinstance(value, np.ndarray):
        return {"array": value}
    found = {name: getattr(value, name) for name in ("label", "fold", "base", "n_train")}
    found["sites"] = np.empty(0, dtype=int) if value.sites is None else value.sites
    for name in ("prediction", "coefficients"):
        for pair, values in getattr(value, name).items():
            found[_BAR.join((name, *pair))] = values
    for pair, importance in value.importance.items():
        found[_BAR.join(("importance", *pair))] = importance.predictions
        found[_BAR.join(("keys", *pair))] = np.array(json.dumps(importance.keys))
    for number, values in enumerate(value.each or ()):
        found[f"each_{number}"] = values
    return found


def _whole(parts: dict[str, np.ndarray]) -> Any:
    if "array" in parts:
        return parts["array"]
    groups: dict[str, dict[Any, Any]] = {}
    for name, values in parts.items():
        kind, *pair = name.split(_BAR)
        groups.setdefault(kind, {})[tuple(pair)] = values
    importance = {
        pair: Importance(tuple((a, b) for a, b in json.loads(str(groups["keys"][pair]))), values)
        for pair, values in groups.get("importance", {}).items()
    }
    each = tuple(parts[f"each_{k}"] for k in range(3)) if "each_0" in parts else None
    return Repeat(
        parts["label"],
        parts["fold"],
        parts["base"],
        groups["prediction"],
        groups.get("coefficients", {}),
        importance,
        each,  # type: ignore[arg-type]
        parts["n_train"],
        parts["sites"] if len(parts["sites"]) else None,
    )
