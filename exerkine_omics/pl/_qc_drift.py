"""Level of each tube along the run, or by plate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import levels
from exerkine_omics.errors import InputError
from exerkine_omics.pl._frames import counted, jitter
from exerkine_omics.pl._qc_tubes import relative_levels, tubes
from exerkine_omics.pl._rows import two_lines
from exerkine_omics.pl._style import (
    GREY,
    Drawn,
    canvas,
    caption,
    colours,
    dot_size,
    handed,
    head,
    legend_right,
    shortened,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_EMPTY = ("blank", "empty")  # they hold no blood: their level says nothing and hides the others
_PLATES = 16  # with more, their names are left out


def draw(adata: AnnData, ax: Axes | None, return_data: bool) -> Drawn:
    """Draw a dot a tube, and a line at the median of each plate's controls."""
    ordered = schema.RUN_ORDER in adata.obs
    plated = schema.PLATE_ID in adata.obs
    if not (ordered or plated):
        raise InputError(
            f"pl.qc(kind='drift') draws obs[{schema.RUN_ORDER!r}] or obs[{schema.PLATE_ID!r}], "
            "and neither is there",
            where="obs",
            fix="Give the sample sheet with one of them by exo.io.set_samples.",
        )
    level, unit = relative_levels(adata)
    data = tubes(adata).assign(level=level)
    plates = levels(adata.obs[schema.PLATE_ID]) if plated else []
    if ordered:
        order = pd.to_numeric(adata.obs[schema.RUN_ORDER], errors="coerce")
        data[schema.RUN_ORDER] = order.to_numpy(float)
    empty = data[schema.SAMPLE_TYPE].isin(_EMPTY)
    placed = np.isfinite(data["level"]) & (
        np.isfinite(data[schema.RUN_ORDER]) if ordered else data[schema.PLATE_ID] != ""
    )
    data, lost = data[placed & ~empty].copy(), int((~placed & ~empty).sum())
    if data.empty:
        raise InputError(
            "No tube has both a value and a place along the run",
            where=f"obs[{(schema.RUN_ORDER if ordered else schema.PLATE_ID)!r}]",
            fix="Fill it in; pl.qc(kind='missing') shows which samples have values.",
        )
    data["x"], blocks = _run(data, plates) if ordered else _by_plate(data, plates)
    kinds = [k for k in schema.SAMPLE_TYPES if k in set(data[schema.SAMPLE_TYPE])]
    kinds += sorted(set(data[schema.SAMPLE_TYPE]) - set(kinds))
    hue = {**colours([k for k in kinds if k != schema.SAMPLE]), schema.SAMPLE: GREY}
    words = {schema.SAMPLE: "people's samples", "qc": "QC", "": "type not known"}
    with canvas(ax, (float(np.clip(5.6 + 0.012 * len(data), 6.4, 12.0)), 4.2)) as axes:
        for kind in kinds:
            part = data[data[schema.SAMPLE_TYPE] == kind]
            own = kind == schema.SAMPLE
            axes.scatter(
                part["x"], part["level"], s=dot_size(len(part)), color=hue[kind], lw=0,
                alpha=0.55 if own else 0.95, zorder=2 if own else 3, label=words.get(kind, kind),
            )  # fmt: skip
        _medians(axes, data, blocks)
        _ticks(axes, blocks, ordered)
        axes.set_ylabel(f"median difference from the\nfeatures' medians, {unit}")
        axes.margins(x=0.02)
        head(
            axes,
            "Level of each tube along the run" if ordered else "Level of each tube by plate",
            f"{counted(len(data), 'tube')}, {counted(adata.n_vars, 'feature')}"
            + (f", {counted(len(plates), 'plate')}" if plates else ""),
        )
        where = "run order" if ordered else "plate"
        caption(
            axes,
            f"Not drawn: {counted(lost, 'tube')} without {where} or values." if lost else "",
            f"Not drawn: {counted(int(empty.sum()), 'blank')}." if empty.any() else "",
        )
        legend_right(axes)
    kept = [schema.SAMPLE_ID, schema.SAMPLE_TYPE, schema.PLATE_ID]
    return handed(axes, data[[*kept, *([schema.RUN_ORDER] if ordered else []), "level"]],
                  return_data)  # fmt: skip


_Blocks = list[tuple[str, float, float]]  # plate, first and last place


def _run(data: pd.DataFrame, plates: list[str]) -> tuple[pd.Series, _Blocks]:
    """Places along the run; plates whose numbers begin anew stand one after the other."""
    place = data[schema.PLATE_ID].map({p: i for i, p in enumerate(plates)}).fillna(len(plates))
    anew = data[schema.RUN_ORDER].duplicated().any()
    if not anew:
        first = data.groupby(schema.PLATE_ID)[schema.RUN_ORDER].min()
        last = data.groupby(schema.PLATE_ID)[schema.RUN_ORDER].max()
        spans = sorted((first[p], last[p], p) for p in plates if p in first.index)
        apart = all(a[1] < b[0] for a, b in zip(spans, spans[1:], strict=False))
        return data[schema.RUN_ORDER], [(p, a, b) for a, b, p in spans] if apart else []
    keys = pd.DataFrame({"plate": place, "order": data[schema.RUN_ORDER]})
    ranked = keys.sort_values(["plate", "order"], kind="stable").index
    x = pd.Series(np.arange(1.0, len(ranked) + 1), index=ranked).reindex(data.index)
    blocks = [
        (p, float(x[data[schema.PLATE_ID] == p].min()), float(x[data[schema.PLATE_ID] == p].max()))
        for p in plates
        if (data[schema.PLATE_ID] == p).any()
    ]
    return x, blocks


def _by_plate(data: pd.DataFrame, plates: list[str]) -> tuple[pd.Series, _Blocks]:
    x = pd.Series(np.nan, index=data.index)
    for i, plate in enumerate(plates):
        rows = data.index[data[schema.PLATE_ID] == plate]
        x[rows] = i + jitter(len(rows), 0.7)
    return x, [(p, i - 0.4, i + 0.4) for i, p in enumerate(plates)]


def _medians(axes: Axes, data: pd.DataFrame, blocks: _Blocks) -> None:
    """Draw the median of each plate: of its QC tubes where there are some, else of people's."""
    kind = "qc" if (data[schema.SAMPLE_TYPE] == "qc").any() else schema.SAMPLE
    part = data[data[schema.SAMPLE_TYPE] == kind]
    label = f"median of {'QC' if kind == 'qc' else 'people'}, by plate"
    for plate, first, last in blocks:
        values = part.loc[part[schema.PLATE_ID] == plate, "level"]
        if len(values):
            middle = float(values.median())
            axes.plot([first, last], [middle, middle], color="black", lw=1.6, zorder=4, label=label)
            label = "_"
    axes.axhline(0, color=GREY, lw=0.6, zorder=1)


def _ticks(axes: Any, blocks: _Blocks, ordered: bool) -> None:
    if ordered:
        for (_, _, last), (_, first, _) in zip(blocks, blocks[1:], strict=False):
            axes.axvline((last + first) / 2, color=GREY, lw=0.8, ls=":", zorder=0)
    axes.set_xlabel("run order" if ordered else "plate")
    if not blocks or len(blocks) > _PLATES:
        return
    names = [two_lines(p, 14) for p, _, _ in blocks]
    many = len(blocks) * max(len(n.split("\n")[0]) for n in names) > 70
    names = [shortened(p, 20) for p, _, _ in blocks] if many else names
    axes.set_xticks([(a + b) / 2 for _, a, b in blocks], names)
    if many:
        axes.tick_params(axis="x", rotation=90)
    axes.set_xlabel("run order, by plate" if ordered else "plate")
