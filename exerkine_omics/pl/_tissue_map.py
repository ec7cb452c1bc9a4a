"""From the tissue of origin over the exerkine to the tissue it acts on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.errors import UsageError, shown
from exerkine_omics.pl._flow import NOT_KNOWN, arrange, draw_links, edges_of
from exerkine_omics.pl._frames import counted, need, not_ok, pick_contrast
from exerkine_omics.pl._style import (
    GREY,
    INK,
    SMALL,
    Drawn,
    canvas,
    caption,
    handed,
    head,
    labels_of,
    levels_of_width,
    shortened,
    value_label,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable

_X = {"origin": 0.0, "exerkine": 0.5, "target": 1.0}
_ROW = 0.27  # inches a row takes in a new figure
_SMALLEST = 4.5  # points; below it a label cannot be read


def tissue_map(
    values: pd.DataFrame | Mapping[str, float] | pd.Series,
    molecules: pd.DataFrame | None = None,
    *,
    contrast: str | None = None,
    exerkines: Sequence[str] | None = None,
    features: Mapping[str, str] | AnnData | None = None,
    n_top: int = 30,
    width: str | None = None,
    max_tissues: int = 20,
    value_name: str | None = None,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw which tissue releases each exerkine and which it acts on, coloured by a result.

    Use it to read a list of changed molecules as talk between organs. The lines say where a
    molecule is known to come from and to act; they do not say that it came from there in this
    study.

    Parameters
    ----------
    values
        Result frame of ``tl.differential``, whose ``estimate`` is drawn; or a mapping from
        ``exerkine_id`` to a value (a change or a score, positive and negative).
    molecules
        One row a molecule: ``exerkine_id``, ``origin_tissues``, ``target_tissues`` (joined by
        ";", empty where not known) and, for the label, ``gene_symbol`` or ``name``. By default
        the knowledge base, ``exo.sig.molecules()``.
    contrast
        The contrast to draw; needed where the result frame has several.
    exerkines
        Molecules to draw, also those without a value; by default the ``n_top`` with the
        largest absolute values.
    features
        Which feature of a result frame is which molecule: an AnnData with
        ``var["exerkine_id"]``, or a mapping from feature to ``exerkine_id``. By default a
        feature is recognised by the very id, else the gene symbol, else the name.
    n_top
        How many molecules where none are named.
    width
        Column of ``molecules`` with the evidence level (A, B, L, C): the higher the level the
        thicker the line. None draws all alike.
    max_tissues
        With more tissues in a column, the rarest stand together as "other tissues".
    value_name
        Label of the colour bar; by default that of the result frame's unit, else "value".
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the lines drawn: exerkine_id, label, side (origin, target), tissue, value.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes.

    Raises
    ------
    UsageError
        If no value belongs to a molecule, if two features measure one molecule, if a molecule
        named is not in ``molecules``, or if the axes given are too low for the labels.

    Notes
    -----
    Missing values: a molecule without a finite value is drawn white with a grey dashed line
    where it was named by ``exerkines``, else it is left out; a tissue that is not known is
    drawn as "not known".

    Examples
    --------
    >>> import pandas as pd
    >>> import exerkine_omics as exo
    >>> molecules = pd.DataFrame(
    ...     {
    ...         "exerkine_id": ["il6", "fgf21"],
    ...         "gene_symbol": ["IL6", "FGF21"],
    ...         "origin_tissues": ["skeletal muscle", "liver"],
    ...         "target_tissues": ["liver;adipose tissue", ""],
    ...     }
    ... )
    >>> ax = exo.pl.tissue_map({"il6": 1.8, "fgf21": -0.4}, molecules)
    """
    known = _molecules(molecules, width)
    value, label, lost = _values(values, known, contrast, features)
    table, rest = _chosen(known, value, exerkines, n_top)
    edges, rare = edges_of(table, max_tissues)
    place = arrange(edges, list(table.index))
    rows = max(len(column) for column in place.values())
    longest = max((len(str(t)) for side in ("origin", "target") for t in place[side]), default=0)
    with canvas(
        ax, (5.6 + 2 * 0.065 * min(longest, 30), float(np.clip(1.9 + _ROW * rows, 3.2, 18.0)))
    ) as axes:
        scale = _scale(table["value"].to_numpy(float))
        axes.set_xlim(-0.02, 1.02)
        # the headings take a row of their own above the nodes
        axes.set_ylim(-0.01, 1.0 + 1.0 / rows)
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_visible(False)
        head(axes, "From tissue to tissue", "where a molecule is known to come from and to act")
        bar = _colour_bar(axes, scale, value_name or label, table["value"])
        size = _font_size(axes, rows)
        draw_links(axes, edges, place, table, scale, _X)
        _write(axes, place, table, scale, size)
        # the caption is wrapped to the width that the names of the tissues leave
        axes.get_figure(root=True).draw_without_rendering()  # type: ignore[union-attr]
        unknown = (edges["tissue"] == NOT_KNOWN).groupby(edges["side"]).sum()
        caption(
            bar,
            *(
                f"Tissue of {side} not known: {counted(int(n), 'molecule')}."
                for side, n in unknown.items()
                if n
            ),
            f"No value: {counted(int(table['value'].isna().sum()), 'molecule')} (white)."
            if table["value"].isna().any()
            else "",
            f"Other tissues: {rare}." if rare else "",
            f"Not drawn: {counted(rest, 'molecule')} with smaller values." if rest else "",
            lost,
            f"Line width: evidence level, {levels_of_width()}." if width else "",
        )
    data = edges[["exerkine_id", "label", "side", "tissue", "value"]]
    return handed(axes, data, return_data)


def _molecules(molecules: pd.DataFrame | None, width: str | None) -> pd.DataFrame:
    if molecules is None:
        from exerkine_omics import sig

        molecules = sig.molecules()
    columns = [schema.EXERKINE_ID, "origin_tissues", "target_tissues"]
    need(molecules, columns + ([width] if width else []), "tissue_map", "exo.sig.molecules")
    table = molecules.copy()
    table.index = pd.Index(table[schema.EXERKINE_ID].astype(str), name=None)
    twice = table.index[table.index.duplicated()]
    if len(twice):
        raise UsageError(
            f"{shown(twice.unique())} stand twice among the molecules",
            where="molecules",
            fix="Give one row a molecule, such as molecules.drop_duplicates('exerkine_id').",
        )
    for column in ("origin_tissues", "target_tissues", schema.GENE_SYMBOL, schema.NAME):
        text = table[column].astype(object) if column in table else pd.Series("", table.index)
        table[column] = [str(t).strip() if isinstance(t, str) else "" for t in text]
    table["level"] = table[width].astype(str) if width else ""
    return table


def _values(
    values: pd.DataFrame | Mapping[str, float] | pd.Series,
    known: pd.DataFrame,
    contrast: str | None,
    features: Mapping[str, str] | AnnData | None,
) -> tuple[pd.Series, str, str]:
    """Value by exerkine_id, the name of its scale, and a sentence on what was not found."""
    label, lost, untested = "value", "", ""
    if isinstance(values, pd.DataFrame):
        need(values, ("feature", "contrast", "estimate", "units"), "tissue_map", "tl.differential")
        frame = values[values["contrast"].astype(str) == pick_contrast(values, contrast)]
        label = value_label(str(frame["units"].iloc[0])) if len(frame) else "value"
        untested = not_ok(frame, "feature")
        given = pd.Series(frame["estimate"].to_numpy(float), frame["feature"].astype(str))
        # which molecule a feature is; two features of one molecule are the caller's choice
        ids = _recognised(given.index, known, features)
        given, ids = given[ids.notna().to_numpy()], ids[ids.notna()]
        double = ids[ids.duplicated(keep=False)]
        if len(double):
            raise UsageError(
                f"{shown(double.unique())} are measured by several features: {shown(double.index)}",
                where="values",
                fix="Keep one feature a molecule; they are never averaged silently.",
            )
        given.index = pd.Index(ids)
    else:
        given = pd.Series(values, dtype=float)
        given.index = given.index.astype(str)
        strange = [i for i in given.index if i not in known.index]
        lost = f"Not in the knowledge base: {shown(strange)}." if strange else ""
    given = given[given.index.isin(known.index)]
    if given.empty:
        raise UsageError(
            "No value belongs to a known molecule",
            where="values",
            fix="Index the values by exerkine_id, or say features= for a result frame.",
        )
    return given, label, " ".join(s for s in (lost, untested) if s)


def _recognised(
    found: pd.Index, known: pd.DataFrame, features: Mapping[str, str] | AnnData | None
) -> pd.Series:
    if isinstance(features, AnnData):
        if schema.EXERKINE_ID not in features.var.columns:
            raise UsageError(
                "The AnnData does not say which feature is which exerkine",
                where=f"var[{schema.EXERKINE_ID!r}]",
                fix="Call exo.pp.annotate(adata).",
            )
        column = features.var[schema.EXERKINE_ID].astype(object)
        table = {str(k): v for k, v in column.items() if isinstance(v, str) and v}
    elif features is not None:
        table = {str(k): str(v) for k, v in features.items()}
    else:
        table = {}
        for column in (schema.NAME, schema.GENE_SYMBOL):
            # a gene with two products (NPPB) does not say which was measured
            single = known[~known[column].duplicated(keep=False) & (known[column] != "")]
            table.update(zip(single[column], single.index, strict=True))
        table.update({i: i for i in known.index})
    ids = [table.get(f) for f in found]
    return pd.Series([i if i in known.index else None for i in ids], index=found, dtype=object)


def _chosen(
    known: pd.DataFrame, value: pd.Series, exerkines: Sequence[str] | None, n_top: int
) -> tuple[pd.DataFrame, int]:
    """Rows of the molecules to draw, with ``value`` and ``label``; and how many are left out."""
    finite = value[np.isfinite(value)]
    if exerkines is None:
        order = finite.abs().sort_values(ascending=False, kind="stable").index
        picked, rest = list(order[:n_top]), max(len(order) - n_top, 0)
    else:
        asked = [exerkines] if isinstance(exerkines, str) else [str(e) for e in exerkines]
        picked, rest = list(dict.fromkeys(asked)), 0
        missing = [e for e in picked if e not in known.index]
        if missing:
            raise UsageError(
                f"There are no molecules {shown(missing)}",
                where="exerkines=",
                fix="Use ids of exo.sig.molecules()['exerkine_id'].",
            )
    if not picked:
        raise UsageError("There is no finite value to draw", where="values")
    table = known.loc[picked].copy()
    table["value"] = finite.reindex(picked).to_numpy(float)
    names = table[schema.GENE_SYMBOL].where(table[schema.GENE_SYMBOL] != "", table[schema.NAME])
    texts = labels_of(picked, names.to_dict())
    table["label"] = [shortened(texts[i], 26) for i in picked]
    return table, rest


def _scale(value: np.ndarray) -> ScalarMappable:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    finite = np.abs(value[np.isfinite(value)])
    # the largest of many may be an outlier that pales all others
    most = float(np.quantile(finite, 0.95)) if finite.size else 1.0
    most = most or (float(finite.max()) if finite.size else 0.0) or 1.0
    return ScalarMappable(Normalize(-most, most), "RdBu_r")


def _colour_bar(axes: Axes, scale: ScalarMappable, label: str, value: pd.Series) -> Axes:
    figure: Any = axes.get_figure()
    over, under = value.max() > scale.norm.vmax, value.min() < scale.norm.vmin
    extend = "both" if over and under else "max" if over else "min" if under else "neither"
    bar = figure.colorbar(
        scale, ax=axes, location="bottom", fraction=0.05, pad=0.02, aspect=45, extend=extend
    )
    bar.set_label(label, fontsize=SMALL + 1)
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)
    return bar.ax


def _font_size(axes: Axes, rows: int) -> float:
    """Size at which the fullest column's labels do not touch."""
    figure = axes.get_figure(root=True)
    if figure is None:
        return SMALL
    figure.draw_without_rendering()
    row = axes.get_window_extent().height / figure.dpi * 72 / (rows + 1)
    # the box around a label is 1.9 times the letters' size
    size = min(SMALL + 0.5, row / 1.9)
    if size < _SMALLEST:
        raise UsageError(
            f"{rows} labels do not fit axes that are"
            f" {axes.get_window_extent().height / figure.dpi:.1f} inches high",
            where="ax=",
            fix=f"Give {_ROW * (rows + 1):.0f} inches, fewer molecules or a lower max_tissues.",
        )
    return size


def _write(
    axes: Axes,
    place: dict[str, dict[str, float]],
    table: pd.DataFrame,
    scale: ScalarMappable,
    size: float,
) -> None:
    for side, align, shift in (("origin", "right", -7), ("target", "left", 7)):
        for tissue, y in place[side].items():
            axes.plot(_X[side], y, "s", ms=4, color=INK, clip_on=False, zorder=4)
            axes.annotate(
                shortened(tissue, 30),
                (_X[side], y),
                (shift, 0),
                textcoords="offset points",
                ha=align,
                va="center",
                fontsize=size,
                style="italic" if tissue == NOT_KNOWN else "normal",
                color="#555555" if tissue == NOT_KNOWN else "black",
                annotation_clip=False,
                gid=side,
            )
    for i, y in place["exerkine"].items():
        value = float(table.at[i, "value"])
        face = (
            tuple(scale.to_rgba(np.array([value]))[0])
            if np.isfinite(value)
            else (1.0, 1.0, 1.0, 1.0)
        )
        # relative luminance of linear light; below 0.18 white letters have the larger contrast
        light = np.dot(np.power(face[:3], 2.2), (0.2126, 0.7152, 0.0722))
        dark = np.isfinite(value) and light < 0.18
        axes.text(
            _X["exerkine"],
            y,
            str(table.at[i, "label"]),
            ha="center",
            va="center",
            fontsize=size,
            color="white" if dark else "black",
            bbox={
                "boxstyle": "round,pad=0.22",
                "facecolor": face,
                "edgecolor": GREY,
                "linewidth": 0.6,
                "linestyle": "-" if np.isfinite(value) else "--",
            },
            zorder=5,
            gid="exerkine",
        )
    for side, align in (("origin", "right"), ("exerkine", "center"), ("target", "left")):
        axes.text(
            _X[side],
            axes.get_ylim()[1],
            side,
            ha=align,
            va="top",
            fontsize=min(size + 1, SMALL + 1),
            weight="bold",
            color=INK,
            clip_on=False,
        )
