"""Draw a cohort's figures to files, and name them for the report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from exerkine_omics.cohort import write_whole


class Figures:
    """Figures of one stage: PNG files in a folder, and their records for the report.

    ``place`` is what the folder will be called in the results.
    """

    def __init__(self, folder: Path, place: str) -> None:
        self.folder, self.place = folder, place
        self.records: list[dict[str, Any]] = []

    def add(
        self,
        section: str,
        name: str,
        draw: Callable[..., object],
        *,
        caption: str,
        alt: str,
        size: tuple[float, float] = (7.2, 4.6),
    ) -> None:
        """Call ``draw(ax=...)`` on fresh axes and save as ``<name>.png``."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        # no pyplot: a batch keeps no global state and needs no display
        figure = Figure(figsize=size)
        FigureCanvasAgg(figure)
        draw(ax=figure.add_subplot())
        self.folder.mkdir(exist_ok=True)
        path = self.folder / f"{name}.png"
        write_whole(path, lambda p: figure.savefig(p, dpi=110, bbox_inches="tight"))
        place = f"{self.place}/{path.name}"
        self.records.append({"section": section, "path": place, "caption": caption, "alt": alt})
