"""Errors and warnings: what is wrong, where, and what to do.

Each kind of error carries the exit code of the command line. Anything that is not an
`ExerkineError` is a bug of this package and exits with 1.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

_PACKAGE_DIR = str(Path(__file__).parent)
_SHOWN = 5
_LONGEST = 80  # characters of one value in a message


class ExerkineError(Exception):
    """Base of all errors that a user can cause.

    Parameters
    ----------
    what
        What is wrong, with the offending values.
    where
        The place: a file, an ``obs`` column, a line of a config.
    fix
        What to do about it, one call where possible.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | None = None, fix: str | None = None) -> None:
        self.what, self.where, self.fix = what, where, fix
        place = f" (in {where})" if where else ""
        remedy = f" {fix}" if fix else ""
        super().__init__(f"{what.rstrip('.')}{place}.{remedy}")

    def __reduce__(self) -> tuple[Any, ...]:
        # made again from its parts, not from the finished message: it comes home from a worker
        again = partial(type(self), self.what, where=self.where, fix=self.fix)
        return again, (), self.__dict__


class UsageError(ExerkineError, ValueError):
    """A call or a command with arguments that do not fit together."""

    exit_code = 2


class ConfigError(ExerkineError, ValueError):
    """A config file that is not valid."""

    exit_code = 3


class InputError(ExerkineError, ValueError):
    """Data that cannot be read, or does not hold what it must hold."""

    exit_code = 4


class DiskError(InputError):
    """Nothing more can be written: nobody else could go on here either."""


class UnitsError(InputError):
    """Values on another scale than the function needs."""


class AnalysisError(ExerkineError):
    """Valid input on which the analysis asked for is impossible."""

    exit_code = 5


class CohortsFailedError(ExerkineError):
    """Some cohorts of a batch failed; status.tsv says which."""

    exit_code = 6


class ExerkineWarning(UserWarning):
    """A result that stands, with something the reader must know."""


def shown(values: Iterable[object]) -> str:
    """Write at most five values, and how many more there are; very long ones are cut."""
    items = [brief(v) for v in values]
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return ", ".join(repr(v) for v in items[:_SHOWN]) + more


def brief(value: object) -> str:
    """Write a value as text, cut where a whole file hides in one cell."""
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"


def warn(message: str) -> None:
    """Warn at the first line outside this package, the user's own."""
    level, frame = 1, sys._getframe()
    while frame is not None and _own(frame):
        frame = frame.f_back  # type: ignore[assignment]
        level += 1
    warnings.warn(message, ExerkineWarning, stacklevel=level)


def _own(frame: FrameType) -> bool:
    """Whether a frame is this package's; a dataclass's __init__ has no file, but its module."""
    module = str(frame.f_globals.get("__name__", ""))
    return frame.f_code.co_filename.startswith(_PACKAGE_DIR) or (
        frame.f_code.co_filename == "<string>" and module.startswith(f"{__package__}.")
    )
