"""One door to the figures of quality."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import meta
from exerkine_omics.errors import UsageError
from exerkine_omics.pl import (
    _qc_drift,
    _qc_flow,
    _qc_haemolysis,
    _qc_lod,
    _qc_missing,
    _qc_plasma_volume,
    _qc_plate,
)
from exerkine_omics.pl._pca import pca
from exerkine_omics.pl._style import Drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_KINDS: dict[str, Callable[[AnnData, Axes | None, bool], Drawn]] = {
    "missing": _qc_missing.draw,
    "plate": _qc_plate.draw,
    "lod": _qc_lod.draw,
    "drift": _qc_drift.draw,
    "haemolysis": _qc_haemolysis.draw,
    "plasma_volume": _qc_plasma_volume.draw,
    "flow": _qc_flow.draw,
}


def qc(
    adata: AnnData,
    kind: str = "missing",
    *,
    color: str | None = None,
    before: bool = False,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw one aspect of the quality of a cohort.

    Use it before anything is tested: whatever goes with the time point biases a change.

    - ``missing``: share of missing values by sample and by feature, at each time point;
    - ``plate``: share of missing values by plate and time point, and how many tubes stand there;
    - ``lod``: share below the limit of detection at each time point, of the features in which it
      differs most (layer ``below_lod``, `exo.pp.lod`);
    - ``pca``: the samples on two principal components (`exo.pp.pca`; `exo.pl.pca` has more words);
    - ``drift``: level of each tube along the run (obs ``run_order``), else by plate;
    - ``haemolysis``: index of each sample by time, with its limits (`exo.pp.haemolysis`);
    - ``plasma_volume``: change of each person's plasma volume (`exo.pp.plasma_volume`);
    - ``flow``: from tubes to people to pairs, and who was lost on the way.

    Parameters
    ----------
    adata
        Samples x features; ``obs`` with an ordered ``timepoint``.
    kind
        One of the above.
    color
        Of ``pca``: column of ``obs``; the time point by default.
    before
        Of ``pca``: draw ``obsm["X_pca_before"]``, the components before a correction.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the frame that was drawn.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes.

    Raises
    ------
    UsageError
        If the kind is not known, or an option belongs to another.
    InputError
        If what the figure draws is not there; the message names the call that makes it.

    Notes
    -----
    Missing values: ``missing`` and ``plate`` draw them (infinite values, and those filled since,
    count as missing); in ``lod`` what was not measured counts as nothing; elsewhere a sample
    without a number is counted below the figure, as are tubes without time point or that are no
    person's.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> adata = exo.datasets.simulate(seed=1).adata
    >>> ax = exo.pl.qc(adata, "flow")
    """
    known = [*_KINDS, "pca"]
    if kind not in known:
        raise UsageError(f"kind={kind!r} is not known", where="kind=", fix=", ".join(known) + ".")
    meta(adata)
    if kind == "pca":
        return pca(
            adata,
            color=color or schema.TIMEPOINT,
            key=schema.PCA_BEFORE if before else schema.PCA,
            ax=ax,
            return_data=return_data,
        )
    if color is not None or before:
        word = "before" if before else "color"
        raise UsageError(f"{word}= is no option of kind={kind!r}", where=f"{word}=")
    return _KINDS[kind](adata, ax, return_data)
