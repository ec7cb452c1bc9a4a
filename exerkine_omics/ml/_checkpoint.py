"""What a long evaluation has done already, so that an interrupted one goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from types import CodeType, FunctionType, MethodType
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


def _absorb(digest: Any, value: Any, within: tuple[int, ...] = ()) -> None:
    """Add a value and all it holds to a checksum.

    By content: arrays by their bytes, frames, containers and dataclasses by their parts,
    estimators by class, parameters and what a fit left in them, however deep, functions by name
    and code, random generators by state. Any other object by its class and attributes; one without
    attributes by its repr, which prints numbers and text whole. So no repr that may be shortened
    is asked for, and one that holds an address is never met again: that work is done anew.
    """
    kind = type(value)
    _tell(digest, f"{kind.__module__}.{kind.__qualname__}")
    if id(value) in within:  # it holds itself
        return
    own = (*within, id(value))
    for part in _parts(value):
        if isinstance(part, bytes):
            _tell(digest, part)
        else:
            _absorb(digest, part, own)
    _tell(digest, "end")


def _tell(digest: Any, value: str | bytes) -> None:
    """Add text with its length: parts never run together."""
    data = value.encode() if isinstance(value, str) else value
    digest.update(f"{len(data)}:".encode() + data)


def _parts(value: Any) -> Iterator[Any]:
    """Yield what an object holds: bytes as they are, else parts to look into."""
    if isinstance(value, np.ndarray):
        yield str((value.dtype, value.shape)).encode()
        if value.dtype.hasobject:
            yield from value.ravel().tolist()
        else:
            yield np.ascontiguousarray(value).tobytes()
    elif isinstance(value, pd.DataFrame):
        yield value.to_csv().encode()
    elif isinstance(value, (pd.Series, pd.Index)):
        yield value.to_frame().to_csv().encode()
    elif isinstance(value, bytes):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from (field.name, getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key in value:
            yield from (key, value[key])
    elif isinstance(value, (list, tuple)):
        yield from value
    elif isinstance(value, (set, frozenset)):
        yield from sorted(value, key=repr)
    elif isinstance(value, type):
        yield f"{value.__module__}.{value.__qualname__}".encode()
    elif hasattr(value, "get_params"):
        yield from sorted(value.get_params(deep=False).items())
        yield from sorted((k, v) for k, v in vars(value).items() if k.endswith("_"))
    elif hasattr(value, "tocsr"):
        yield from (value.shape, value.tocsr().indptr, value.tocsr().indices, value.tocsr().data)
    elif isinstance(value, np.random.Generator):
        yield value.bit_generator.state
    elif isinstance(value, np.random.RandomState):
        yield value.get_state()
    elif isinstance(value, FunctionType):
        yield f"{value.__module__}.{value.__qualname__}".encode()
        yield value.__code__.co_code
        constants = [c for c in value.__code__.co_consts if not isinstance(c, CodeType)]
        held = [cell.cell_contents for cell in value.__closure__ or ()]
        yield from (constants, value.__code__.co_names, value.__defaults__, held)
    elif isinstance(value, MethodType):
        yield from (value.__self__, value.__func__)
    elif isinstance(value, partial):
        yield from (value.func, value.args, value.keywords)
    elif all(hasattr(value, name) for name in ("dist", "args", "kwds")):  # frozen, of scipy.stats
        yield from (getattr(value.dist, "name", ""), value.args, value.kwds)
    elif getattr(value, "__dict__", None):
        yield from sorted(vars(value).items())
    else:
        yield repr(value).encode()


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
