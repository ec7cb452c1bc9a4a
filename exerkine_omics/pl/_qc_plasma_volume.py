"""Change of each person's plasma volume over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import arm_column, meta
from exerkine_omics.pl._qc_tubes import require, visits
from exerkine_omics.pl._style import GREY, Drawn, handed
from exerkine_omics.pl._trajectory import trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TITLE = "Change of plasma volume"


def draw(adata: AnnData, ax: Axes | None, return_data: bool) -> Drawn:
    """Draw each person's line, and the mean of those present."""
    require(adata, schema.PLASMA_VOLUME, "plasma_volume", "exo.pp.plasma_volume(adata)")
    placed, _, _ = visits(adata)
    placed = placed[placed[schema.SUBJECT] != ""]
    mine = adata.obs.iloc[placed.index]
    column = arm_column(adata, "arm")
    kept = [schema.SUBJECT, schema.TIMEPOINT, *([column] if column else [])]
    change = pd.to_numeric(mine[schema.PLASMA_VOLUME], errors="coerce").to_numpy(float)
    single = AnnData(change[:, None], obs=mine[kept], var=pd.DataFrame(index=[_TITLE]))
    single.uns[schema.UNS] = {**meta(adata), schema.UNITS: "%"}
    drawn = trajectory(single, _TITLE, ax=ax, return_data=True)
    axes, data = cast("tuple[Axes, pd.DataFrame]", drawn)
    axes.axhline(0, color=GREY, lw=0.6, zorder=0)
    return handed(axes, data.rename(columns={"value": schema.PLASMA_VOLUME}), return_data)
