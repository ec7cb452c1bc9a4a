"""Settings of a session: seed, workers, cluster, progress, verbosity, folder of public data.

Each is read from the environment (``EXERKINE_SEED``, ``EXERKINE_N_JOBS``, ``EXERKINE_SCHEDULER``,
``EXERKINE_PROGRESS``, ``EXERKINE_VERBOSITY``, ``EXERKINE_DATA_DIR``) and can be set:
``exo.settings.seed = 1``.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from exerkine_omics.errors import UsageError, warn

_SCHEDULER = re.compile(r"local:[1-9]\d*|[a-z]+://\S+|.+\.json")
_SCHEDULER_FIX = 'Give "tcp://host:8786", the path of a scheduler file (.json), or "local:4".'


class _Thread(threading.local):
    """What a task was lent by its caller; a worker runs tasks of several callers in its threads."""

    lent: dict[str, Any] | None = None


_thread = _Thread()


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    try:
        return int(text) if text else default
    except ValueError:  # at import there is nobody yet to catch an error: say it, go on
        warn(f"The environment's {name} is {text!r}, not a whole number; {default} is used.")
        return default


def _scheduler() -> str | None:
    text = os.environ.get("EXERKINE_SCHEDULER", "")
    if text and not _SCHEDULER.fullmatch(text):
        warn(f"The environment's EXERKINE_SCHEDULER is {text!r}; none is used. {_SCHEDULER_FIX}")
        return None
    return text or None


@dataclass
class Settings:
    """The settings of a session; see the module's text for their meaning."""

    seed: int = 0
    n_jobs: int = 1
    scheduler: str | None = None
    progress: bool = True
    verbosity: int = 1
    data_dir: Path | None = None

    @classmethod
    def from_environment(cls) -> Settings:
        """Read the EXERKINE_* variables."""
        folder = os.environ.get("EXERKINE_DATA_DIR", "")
        return cls(
            seed=_number("EXERKINE_SEED", 0),
            n_jobs=_number("EXERKINE_N_JOBS", 1),
            scheduler=_scheduler(),
            progress=bool(_number("EXERKINE_PROGRESS", 1)),
            verbosity=_number("EXERKINE_VERBOSITY", 1),
            data_dir=Path(folder) if folder else None,
        )

    def __setattr__(self, name: str, value: object) -> None:
        known = [f.name for f in fields(self)]
        if name not in known:
            raise UsageError(f"There is no setting {name!r}", fix=f"Known: {', '.join(known)}.")
        if name in ("seed", "n_jobs", "verbosity") and not isinstance(value, int):
            raise UsageError(f"settings.{name} takes a whole number, not {value!r}")
        if name == "seed" and int(value) < 0:  # type: ignore[call-overload]
            raise UsageError(f"settings.seed takes a number from 0 up, not {value!r}")
        if name == "scheduler" and value is not None:
            if not isinstance(value, str) or not _SCHEDULER.fullmatch(value):
                raise UsageError(
                    f"settings.scheduler takes the address of a scheduler, not {value!r}",
                    fix=_SCHEDULER_FIX,
                )
        if name == "data_dir" and value is not None:
            value = Path(str(value))
        self._put(name, value)

    def _put(self, name: str, value: object) -> None:
        if _thread.lent is not None:
            _thread.lent[name] = value
        else:
            object.__setattr__(self, name, value)

    def __getattribute__(self, name: str) -> Any:
        lent = _thread.lent
        if lent is not None and name in lent:
            return lent[name]
        return object.__getattribute__(self, name)

    def to_dict(self) -> dict[str, Any]:
        """Name and value of each setting."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @contextmanager
    def lend(self, values: Mapping[str, object]) -> Iterator[None]:
        """Use a caller's settings in this thread alone, inside a ``with`` block."""
        before = _thread.lent
        _thread.lent = dict(values)
        try:
            yield
        finally:
            _thread.lent = before

    @contextmanager
    def override(self, **changes: object) -> Iterator[Settings]:
        """Change settings inside a ``with`` block."""
        before = {name: getattr(self, name) for name in changes}
        try:
            for name, value in changes.items():
                setattr(self, name, value)
            yield self
        finally:
            for name, value in before.items():
                self._put(name, value)


settings = Settings.from_environment()
