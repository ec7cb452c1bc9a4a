"""What `exo.pp.plasma_volume` says beside the numbers: status, findings, frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import Finding, frame_for_storage
from exerkine_omics.errors import shown
from exerkine_omics.kernels._plasma_volume import VolumeChange
from exerkine_omics.pp._blood import BLOOD_COUNTS, bare

PREFIX = "plasma_volume_"
# beyond these a value is more likely mistyped: cells keep their volume within a few percent
_MAX_PLASMA, _MAX_CELLS = 35.0, 15.0
_LATE = 3 * 24 * 60.0  # minutes; in days the mass of the red cells itself may change


def volume_status(
    adata: AnnData, tubes: np.ndarray, measured: np.ndarray, before: np.ndarray
) -> np.ndarray:
    """Say of each sample whether it has a change, or why not."""
    status = np.full(adata.n_obs, schema.OK, dtype=object)
    status[(before >= 0) & ~measured[before]] = "baseline has no haemoglobin or haematocrit"
    status[before < 0] = "no baseline sample"
    status[~measured] = "no haemoglobin or haematocrit"
    status[adata.obs[schema.SUBJECT].isna().to_numpy()] = "no subject"
    status[~tubes] = "no person's tube"
    return status


def volume_findings(
    adata: AnnData, change: VolumeChange, status: np.ndarray, tubes: np.ndarray, level: str
) -> list[Finding]:
    """Say which samples have no change, one that cannot be, or come too late."""
    names = adata.obs_names.to_numpy(dtype=str)
    findings = []
    missing = tubes & (status != schema.OK)
    if missing.any():
        counts = pd.Series(status[missing]).value_counts().sort_index()
        findings.append(
            Finding(
                PREFIX + "missing",
                "warning",
                f"{int(missing.sum())} samples have no change of plasma volume and no corrected "
                f"value ({'; '.join(f'{n} {s}' for s, n in counts.items())}).",
                tuple(names[missing]),
                "Fill in the blood counts; X has these samples as measured.",
            )
        )
    far = (np.abs(change.plasma) > _MAX_PLASMA) | (np.abs(change.cells) > _MAX_CELLS)
    if far.any():
        said = [
            f"{n} (plasma {p:+.0f}%, red cells {c:+.0f}%)"
            for n, p, c in zip(names[far], change.plasma[far], change.cells[far], strict=True)
        ]
        findings.append(
            Finding(
                PREFIX + "implausible",
                "warning",
                f"{int(far.sum())} samples changed by more than {_MAX_PLASMA:g}% in plasma or "
                f"{_MAX_CELLS:g}% in red cells: {shown(said)}.",
                tuple(names[far]),
                "Look for mistyped haemoglobin or haematocrit, of these or of their baseline.",
            )
        )
    if schema.MINUTES_POST in adata.obs:
        minutes = pd.to_numeric(adata.obs[schema.MINUTES_POST], errors="coerce").to_numpy(float)
        late = tubes & (minutes > _LATE) & np.isfinite(change.plasma)
        if late.any():
            findings.append(
                Finding(
                    PREFIX + "late",
                    "warning",
                    f"{int(late.sum())} samples are more than 3 days after {level!r}: their "
                    "haemoglobin may have changed by gain or loss of red cells.",
                    tuple(names[late]),
                    "Do not read these as changes of plasma volume alone.",
                )
            )
    return findings


def whole_blood_findings(
    adata: AnnData, whole: bool, analytes: Sequence[str] | None
) -> list[Finding]:
    """Say what is measured in whole blood: all of it, or blood counts among the features."""
    if whole:
        text = "The matrix is whole blood: values are corrected for the change of blood volume."
        return [Finding(PREFIX + "whole_blood", "note", text)]
    counted = [str(v) for v in adata.var_names if bare(v) in BLOOD_COUNTS]
    if analytes is not None or not counted:
        return []
    return [
        Finding(
            PREFIX + "blood_counts",
            "warning",
            f"{shown(counted)} look like counts of whole blood and were corrected like plasma.",
            tuple(counted),
            "Name the others in exo.pp.plasma_volume(adata, analytes=[...]).",
        )
    ]


def volume_frame(
    adata: AnnData, change: VolumeChange, status: np.ndarray, tubes: np.ndarray
) -> pd.DataFrame:
    """Make the frame that is stored, one row a person's sample."""
    obs = adata.obs[tubes]
    return frame_for_storage(
        pd.DataFrame(
            {
                schema.SAMPLE_ID: obs.index.astype(str),
                schema.SUBJECT: obs[schema.SUBJECT].astype(object).fillna("").astype(str),
                schema.TIMEPOINT: obs[schema.TIMEPOINT].astype(object).fillna("").astype(str),
                schema.PLASMA_VOLUME: change.plasma[tubes],
                "blood_volume_change": change.blood[tubes],
                "red_cell_volume_change": change.cells[tubes],
                "status": pd.Categorical(status[tubes]),
            }
        )
    )
