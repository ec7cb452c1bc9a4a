"""Options of ml.evaluate, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from exerkine_omics.errors import UsageError, shown
from exerkine_omics.ml._blocks import UNIVARIATE
from exerkine_omics.ml._cross import ELASTIC_NET
from exerkine_omics.ml._estimator import check_estimator, make_forest
from exerkine_omics.ml._outcome import TARGETS

FOREST = "random_forest"
JOINS = ("penalties", "late")


def check_options(
    outer: tuple[int, int],
    inner: int,
    n_permutations: int,
    target: str,
    join: str,
    alpha: float,
    level: float,
    *times: float | str | None,
) -> tuple[int, int]:
    """Folds and repeats; `UsageError` for what is none."""
    folds, repeats = (int(k) for k in outer)
    if folds < 2 or repeats < 1 or inner < 2 or n_permutations < 0:
        raise UsageError(
            f"outer={outer!r}, inner={inner!r}, n_permutations={n_permutations!r}",
            fix="Give 2 folds or more, 1 repeat or more, and permutations from 0 up.",
        )
    for name, value, known in (("target", target, TARGETS), ("join", join, JOINS)):
        if value not in known:
            raise UsageError(f"{name}={value!r}", fix=f"One of {', '.join(known)}.")
    for name, share in (("alpha", alpha), ("level", level)):
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share < 1:
            raise UsageError(f"{name}={share!r} is not between 0 and 1")
    for time in times:
        if isinstance(time, str) and time not in ("baseline", "terminal"):
            raise UsageError(
                f"There is no time {time!r}", fix="Give days, 'baseline' or 'terminal'."
            )
    return folds, repeats


def check_numbers(n_bootstrap: int, threshold: float, l1_ratios: Sequence[float]) -> None:
    """Raise `UsageError` for draws, a threshold or mixing values that are none."""
    if isinstance(n_bootstrap, bool) or int(n_bootstrap) != n_bootstrap or n_bootstrap < 0:
        raise UsageError(f"n_bootstrap={n_bootstrap!r} is no number of draws")
    if not 0 < threshold < 1:
        raise UsageError(f"decision_threshold={threshold!r} is not between 0 and 1")
    if not len(l1_ratios) or not all(0 <= a <= 1 for a in l1_ratios):
        raise UsageError(f"l1_ratios={l1_ratios!r}", fix="Give one or more from 0 to 1.")


def read_models(models: Any, family: str) -> tuple[tuple[str, Any], ...]:
    """Names and estimators of the models asked for; None is the elastic net."""
    listed = [models] if isinstance(models, str) or hasattr(models, "fit") else list(models)
    found: list[tuple[str, Any]] = []
    for model in listed:
        name, estimator = model if isinstance(model, tuple) and len(model) == 2 else (None, model)
        if isinstance(estimator, str):
            if estimator not in (ELASTIC_NET, FOREST):
                raise UsageError(
                    f"models={estimator!r}",
                    fix=f"Known: {ELASTIC_NET}, {FOREST}, or a scikit-learn estimator.",
                )
            name = name or estimator
            estimator = None if estimator == ELASTIC_NET else make_forest(family)
        else:
            check_estimator(estimator, family)
        found.append((str(name or type(estimator).__name__), estimator))
    names = [name for name, _ in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not names or UNIVARIATE in names:
        what = f"Models {shown(twice)} stand more than once" if twice else f"models={models!r}"
        raise UsageError(
            what, where="models=", fix="Give (name, estimator) with names that differ."
        )
    return tuple(found)
