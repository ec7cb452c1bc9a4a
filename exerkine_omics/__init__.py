"""Score, test and predict from exerkine profiles measured before and after exercise.

The rooms are loaded when they are first used: ``io`` reads, ``pp`` prepares, ``sig`` holds the
signatures, ``tl`` scores and tests, ``ml`` predicts, ``pl`` draws, ``get`` hands out tidy frames,
``datasets`` brings example cohorts.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# bound here, once: a later import of the submodule would otherwise put the module in its place
from exerkine_omics.settings import settings

if TYPE_CHECKING:
    from exerkine_omics import datasets, errors, get, io, ml, pl, pp, schema, sig, tl
    from exerkine_omics.cohort import Reliability, ResponseSpec

__version__ = "0.1.0"

_ROOMS = ("io", "pp", "sig", "tl", "ml", "pl", "get", "datasets", "errors", "schema")
__all__ = [
    "Reliability",
    "ResponseSpec",
    "datasets",
    "errors",
    "get",
    "io",
    "ml",
    "pl",
    "pp",
    "schema",
    "settings",
    "sig",
    "tl",
]


def __getattr__(name: str) -> Any:
    if name in ("Reliability", "ResponseSpec"):
        return getattr(import_module("exerkine_omics.cohort"), name)
    if name in _ROOMS:
        return import_module(f"exerkine_omics.{name}")
    raise AttributeError(f"module 'exerkine_omics' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
