"""What the figures of prediction share: their frames, one look a curve, numbers beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from exerkine_omics.cohort import levels
from exerkine_omics.errors import UsageError, shown
from exerkine_omics.pl._frames import need
from exerkine_omics.pl._rows import two_lines
from exerkine_omics.pl._style import GREY, INK, colours

Several: TypeAlias = "str | Sequence[str] | None"
EVALUATE = "exo.ml.evaluate"
METRIC_COLUMNS = ("metric", "block", "model", "estimate", "ci_low", "ci_high")
LEAD = ("auc", "r2")
MOST_BANDS = 3  # bands that can be told apart where they overlap
_RANKS = ("auc", "auc_increment", "average_precision", "r2", "r2_increment", "correlation")
_READABLE = 12  # curves; of more, those of the first model
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.4)), (0, (6, 2, 1, 2)))
_HUES = 9  # of the palette, its grey left out
_TAN = 5  # of the palette: too near to its oranges
_WORDS = {
    "auc": "AUC",
    "r2": "R²",
    "auc_increment": "gain in AUC over clinical data",
    "r2_increment": "gain in R² over clinical data",
    "brier": "Brier score",
    "rmse": "RMSE",
}
_USELESS = {
    "auc": (0.5, "chance"),
    "r2": (0.0, "the mean predicts as well"),
    "correlation": (0.0, "chance"),
    "spearman": (0.0, "chance"),
    "auc_increment": (0.0, "no gain"),
    "r2_increment": (0.0, "no gain"),
    "net_benefit": (0.0, "treat none"),
    "calibration_slope": (1.0, "predictions hold"),
    "calibration_intercept": (0.0, "predictions hold"),
}


@dataclass(frozen=True)
class Curve:
    """One block and model: its rows, what it is called and how it looks."""

    block: str
    model: str
    title: str
    colour: Any
    dashes: Any
    rows: pd.DataFrame


def table(
    result: Any, name: str, columns: Iterable[str], caller: str, source: str = EVALUATE
) -> pd.DataFrame:
    """Return frame ``name`` of a result, or the frame given itself; never one without rows."""
    frame = result if isinstance(result, pd.DataFrame) else getattr(result, name, None)
    if frame is None and hasattr(result, name):
        raise UsageError(
            f"{caller} has nothing to draw: {name} was not asked for",
            where=f"result.{name}",
            fix=f"Ask {source} for it.",
        )
    if not isinstance(frame, pd.DataFrame):
        raise UsageError(
            f"{caller} was given a {type(result).__name__}, which has no frame {name!r}",
            where="result",
            fix=f"Give what {source} returns, or its frame {name!r}.",
        )
    need(frame, columns, caller, source)
    if frame.empty:
        raise UsageError(
            f"{caller} has nothing to draw: the frame {name!r} has no rows",
            where=f"result.{name}",
            fix=f"See the notes of what {source} returns for the reason.",
        )
    return frame


def beside(result: Any, name: str, columns: Iterable[str]) -> pd.DataFrame | None:
    """Return another frame of the result, if it is there and has these columns."""
    frame = None if isinstance(result, pd.DataFrame) else getattr(result, name, None)
    return frame if isinstance(frame, pd.DataFrame) and set(columns) <= set(frame) else None


def chosen(frame: pd.DataFrame, column: str, asked: Several) -> pd.DataFrame:
    """Rows of the levels named; all where none are."""
    if asked is None:
        return frame
    names = _names(asked)
    known = levels(frame[column])
    missing = [n for n in names if n not in known]
    if missing or not names:
        raise UsageError(
            f"There is no {column} {shown(missing)}; the result has {shown(known)}",
            where=f"{column}=",
            fix="Name one of them.",
        )
    return frame[frame[column].astype(str).isin(names)]


def _names(asked: Several) -> list[str]:
    if asked is None:
        return []
    one = isinstance(asked, str) or not isinstance(asked, Iterable)
    return [str(asked)] if one else [str(a) for a in asked]


def one_of(frame: pd.DataFrame, column: str, asked: str | None, first: Sequence[str] = ()) -> str:
    """Level asked for, else the first of ``first`` that occurs, else the first of all."""
    if asked is not None:
        chosen(frame, column, asked)
        return asked
    known = levels(frame[column])
    return next((f for f in first if f in known), known[0] if known else "")


def of_pair(frame: pd.DataFrame, block: str, model: str) -> pd.DataFrame:
    """Rows of one block and model."""
    return frame[(frame["block"].astype(str) == block) & (frame["model"].astype(str) == model)]


def curves(frame: pd.DataFrame, block: Several, model: Several) -> tuple[list[Curve], str]:
    """Curves of the blocks and models asked for, and a sentence on the model if it is one of more.

    A block keeps its colour whichever others are drawn. Several models of a block differ in their
    dashes; with one each, dashes tell blocks apart that share a colour. Where neither is named,
    more curves than can be read are those of each block's first model.
    """
    blocks, models = levels(frame["block"]), levels(frame["model"])
    rows = chosen(frame, "block", block)
    chosen(frame, "model", model)  # refuses a name that no block knows
    if model is not None:
        rows = rows[rows["model"].astype(str).isin(_names(model))]
    order = [(b, m) for b in blocks for m in models]
    pairs = set(zip(rows["block"].astype(str), rows["model"].astype(str), strict=True))
    if not pairs:
        raise UsageError(
            f"None of these blocks was run with the model {shown(_names(model))}",
            where="model=",
            fix="Name a block and a model that stand together in the frame.",
        )
    left: list[str] = []
    if block is None and model is None and len(pairs) > _READABLE:
        kept = {(b, next(m for m in models if (b, m) in pairs)) for b in {b for b, _ in pairs}}
        left = [m for m in models if any((b, m) in pairs - kept for b in blocks)]
        pairs = kept
    several = len(pairs) > len({b for b, _ in pairs})
    told = "" if several or len(models) == 1 else _models_of([p for p in order if p in pairs])
    if left:
        told += f" Not drawn: {shown(left)} (model=)."
    wide = len(blocks) > _HUES - 1
    palette = list(colours([str(i) for i in range(_HUES)]).values())
    hue = [c for i, c in enumerate(palette) if i != _TAN]
    if wide and several:
        hue = list(colours([str(i) for i in range(max(len(blocks), 11))]).values())
    found = []
    for b, m in order:
        if (b, m) in pairs:
            at = blocks.index(b)
            dashes = _DASHES[(models.index(m) if several else at // len(hue)) % len(_DASHES)]
            title = two_lines(f"{b}, {m}" if several else b, 40)
            found.append(Curve(b, m, title, hue[at % len(hue)], dashes, of_pair(rows, b, m)))
    return found, told


def _models_of(pairs: list[tuple[str, str]]) -> str:
    """Say which model each block has, where each has one: ``Model: ridge; b of best_single.``."""
    of: dict[str, list[str]] = {}
    for block, model in pairs:
        of.setdefault(model, []).append(block)
    first, *others = sorted(of, key=lambda m: -len(of[m]))
    return "".join([f"Model: {first}", *(f"; {m} of {', '.join(of[m])}" for m in others), "."])


def bands(n: int) -> tuple[bool, str]:
    """Say whether bands are drawn beside n curves, and the sentence where they are not."""
    if n <= MOST_BANDS:
        return True, ""
    return False, f"Bands are drawn for up to {MOST_BANDS} curves: name blocks with block=."


def height(n: int, lines: int, least: float) -> float:
    """Inches of a figure beside which a legend of n entries finds its place."""
    return min(max(least, 1.3 + n * (0.155 * lines + 0.06)), 18.0)


def metric_row(
    metrics: pd.DataFrame | None, metric: str, block: str, model: str
) -> pd.Series | None:
    """Row of one metric; None where it is not known."""
    if metrics is None:
        return None
    rows = of_pair(metrics[metrics["metric"].astype(str) == metric], block, model)
    if rows.empty or not np.isfinite(rows["estimate"].iloc[0]):
        return None
    return rows.iloc[0]


def with_interval(row: Any, spec: str = ".2f") -> str:
    """Write an estimate with its interval: ``0.63 (0.49 to 0.76)``."""
    value, low, high = (float(row[c]) for c in ("estimate", "ci_low", "ci_high"))
    if not np.isfinite(value):
        return "not known"
    rest = f"({low:{spec}} to {high:{spec}})" if np.isfinite([low, high]).all() else "(no interval)"
    return f"{value:{spec}} {rest}".replace("-", "−")


def number(result: Any, name: str, metric: str = "auc") -> float | None:
    """Return a number of a result, or its entry for the metric; None where it is not known."""
    value = getattr(result, name, None)
    value = value.get(metric) if isinstance(value, dict) else getattr(value, metric, value)
    if isinstance(value, (int, float, np.number)) and np.isfinite(value):
        return float(value)
    return None


def metric_words(metric: str) -> str:
    """Write the name of a metric: ``AUC``, ``R²``, ``log loss``."""
    return _WORDS.get(metric, metric.replace("_", " "))


def within_site(result: Any, metric: str) -> list[str]:
    """Say within what people were compared, where sites were left out one by one."""
    settings = getattr(result, "settings", None)
    column = settings.get("leave_out") if isinstance(settings, dict) else None
    return [f"compared within {column}"] if column and metric in _RANKS else []


def compared_to(line: Callable[..., Any], result: Any, metric: str) -> list[str]:
    """Draw what a metric is compared to by ``line`` (``axes.axhline``, ``axvline``); its words."""
    told = within_site(result, metric)
    useless = _USELESS.get(metric)
    if useless is not None:
        line(useless[0], color=GREY, lw=1.0, ls=(0, (4, 3)), zorder=0, gid="reference")
        told.append(f"dashed: {useless[1]}, {useless[0]:g}")
    best = number(result, "ceiling", metric) if metric in LEAD else None
    if best is not None:
        line(best, color=INK, lw=1.2, ls=(0, (1, 1.5)), zorder=0, gid="ceiling")
        told.append(f"dotted: attainable at best, {best:.2f}")
    return told
