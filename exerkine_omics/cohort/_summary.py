"""What a site may send away: sums over people, no rows of people."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort._contrasts import Cell
from exerkine_omics.cohort._design import Design, cell_columns
from exerkine_omics.cohort._files import write_whole
from exerkine_omics.errors import InputError
from exerkine_omics.kernels._effect import Moments
from exerkine_omics.kernels._lmm_sums import Sums

VERSION = 1
MATCHING = (schema.UNITS, schema.SPECIES, schema.MATRIX, schema.PLATFORM, schema.MODALITY)


@dataclass(frozen=True)
class Summary:
    """Grouped sums of one site: sufficient for the mixed model of all sites together.

    ``context`` holds units, species, matrix, platform, modality, baseline, time points, cells,
    covariates, moderators, number of people, and ``min_people``; ``features`` the var names;
    ``patterns`` (cells seen together) with the number of people of each, patterns x F;
    ``dropped`` the people left out of each feature (F) because fewer than ``min_people`` shared
    their pattern.
    """

    context: dict[str, Any]
    features: tuple[str, ...]
    sums: Sums
    moments: Moments
    patterns: tuple[tuple[int, ...], ...]
    pattern_people: np.ndarray
    dropped: np.ndarray
    centre: np.ndarray
    scale: np.ndarray

    def __repr__(self) -> str:
        c = self.context
        return (
            f"Summary of {c['n_people']} people, {len(self.features)} features, cells "
            f"{', '.join(cell.name for cell in self.cells)}; {int(self.dropped.sum())} people x "
            f"features left out below {c['min_people']} people a pattern"
        )

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Cells of the design."""
        return tuple(Cell(arm, timepoint) for arm, timepoint in self.context["cells"])

    @property
    def left_out(self) -> pd.DataFrame:
        """Features that lost people to the disclosure rule, and how many."""
        chosen = np.flatnonzero(self.dropped)
        return pd.DataFrame(
            {
                "feature": np.array(self.features, dtype=object)[chosen],
                "people": self.dropped[chosen],
            }
        )

    def design(self, constrained: bool = False) -> Design:
        """Make the design without its rows."""
        c = self.context
        columns, names = cell_columns(self.cells, c["baseline"], constrained)
        return Design(
            cells=self.cells,
            cell=np.empty(0, dtype=int),
            subjects=(),
            subject=np.empty(0, dtype=int),
            covariates=np.empty((0, len(c["covariates"]))),
            covariate_names=tuple(c["covariates"]),
            baseline=c["baseline"],
            timepoints=tuple(c["timepoints"]),
            contrasts=(),
            cell_columns=columns,
            cell_names=names,
            moderators=np.empty((0, len(c["moderators"]))),
            moderator_names=tuple(c["moderators"]),
            centre=self.centre,
            scale=self.scale,
        )

    def save(self, path: str | Path) -> Path:
        """Write one file (.npz: arrays and JSON, nothing that runs code)."""
        path = Path(path)
        if path.suffix != ".npz":
            raise InputError(f"{path.name} is no .npz file", where=str(path), fix="Name it .npz.")
        if not path.parent.is_dir():
            raise InputError(
                "There is no such folder", where=str(path.parent), fix="Make it first."
            )
        head = {
            "version": VERSION,
            "context": self.context,
            "features": list(self.features),
            "patterns": [list(p) for p in self.patterns],
        }
        arrays = {f"sums_{f.name}": getattr(self.sums, f.name) for f in fields(Sums)}
        arrays |= {f"moments_{f.name}": getattr(self.moments, f.name) for f in fields(Moments)}
        arrays |= {k: getattr(self, k) for k in _ARRAYS}
        text = np.frombuffer(json.dumps(head).encode(), dtype=np.uint8)
        return write_whole(path, lambda p: np.savez_compressed(p, head=text, **arrays))

    @classmethod
    def load(cls, path: str | Path) -> Summary:
        """Read a file that `save` wrote."""
        path = Path(path)
        try:
            stored = np.load(path, allow_pickle=False)
            head = json.loads(stored["head"].tobytes().decode())
            version = head["version"]
            summary = None if version != VERSION else cls._of(head, stored)
        except FileNotFoundError:
            raise InputError("There is no such file", where=str(path), fix="Look again.") from None
        except _DAMAGE as error:
            raise InputError(
                f"The file is no summary of exo.tl.summarize ({type(error).__name__})",
                where=str(path),
                fix="Make it again: exo.tl.summarize(adata).save(path).",
            ) from None
        if summary is None:
            raise InputError(
                f"The summary has version {version!r}, {VERSION} is read here",
                where=str(path),
                fix="Make it again with this version of exerkine_omics.",
            )
        return summary

    @classmethod
    def _of(cls, head: dict[str, Any], stored: Any) -> Summary:
        """Put together what was stored; whatever does not fit is a ValueError."""
        summary = cls(
            context=dict(head["context"]),
            features=tuple(map(str, head["features"])),
            sums=Sums(**{f.name: stored[f"sums_{f.name}"] for f in fields(Sums)}),
            moments=Moments(**{f.name: stored[f"moments_{f.name}"] for f in fields(Moments)}),
            patterns=tuple(tuple(map(int, p)) for p in head["patterns"]),
            **{k: stored[k] for k in _ARRAYS},
        )
        c, n = summary.context, len(summary.features)
        width = len(summary.cells) * (1 + len(c["moderators"])) + len(c["covariates"])
        last = [getattr(summary.sums, f.name) for f in fields(Sums) if f.name != "size"]
        last += [getattr(summary.moments, f.name) for f in fields(Moments)]
        last += [summary.pattern_people, summary.dropped]
        shapes = (
            all(array.shape[-1] == n for array in last)
            and len(summary.sums.absent) == width
            and len(summary.sums.xx) == width * (width + 1) // 2
            and summary.sums.txx.shape[:2] == (len(summary.sums.size), len(summary.sums.xx))
            and len(summary.moments.n) == len(summary.cells)
            and len(summary.pattern_people) == len(summary.patterns)
            and len(summary.centre) == len(c["covariates"]) + len(c["moderators"])
        )
        if not shapes or int(c["n_people"]) < 1 or any(k not in c for k in MATCHING):
            raise ValueError("arrays and names do not fit")
        return summary


_DAMAGE = (
    KeyError,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    OSError,
    EOFError,
    zipfile.BadZipFile,
)
_ARRAYS = ("pattern_people", "dropped", "centre", "scale")
