"""Settings of a session: seed, workers, progress, verbosity, folder of public data.

Each is read from the environment (``EXERKINE_SEED``, ``EXERKINE_N_JOBS``, ``EXERKINE_PROGRESS``,
``EXERKINE_VERBOSITY``, ``EXERKINE_DATA_DIR``) and can be set: ``exo.settings.seed = 1``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from exerkine_omics.errors import UsageError, warn


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    try:
        return int(text) if text else default
    except ValueError:  # at import there is nobody yet to catch an error: say it, go on
        warn(f"The environment's {name} is {text!r}, not a whole number; {default} is used.")
        return default


@dataclass
class Settings:
    """The settings of a session; see the module's text for their meaning."""

    seed: int = 0
    n_jobs: int = 1
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
        if name == "data_dir" and value is not None:
            value = Path(str(value))
        object.__setattr__(self, name, value)

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
                object.__setattr__(self, name, value)


settings = Settings.from_environment()
