"""The scorers against R GSVA, gseapy and decoupler; fixtures in reference/scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo

HERE = Path(__file__).parents[1] / "reference" / "scores"
pytestmark = pytest.mark.filterwarnings("ignore:.*compares the members")

CASES = [
    ("gsva_ssgsea", "ssgsea", {}),
    ("gsva_ssgsea_raw", "ssgsea", {"normalize": False}),
    ("gsva_ssgsea_tau1", "ssgsea", {"normalize": False, "tau": 1.0}),
    ("gsva_gsva", "gsva", {}),
    ("gsva_larger", "gsva", {"mx_diff": False}),
    ("gsva_absolute", "gsva", {"abs_ranking": True}),
    ("gsva_tau025", "gsva", {"tau": 0.25}),
    ("gseapy_ssgsea", "ssgsea", {}),
    ("gseapy_ssgsea_raw", "ssgsea", {"normalize": False}),
    ("gseapy_gsva", "gsva", {}),
    ("decoupler_ulm", "ulm", {}),
    ("decoupler_waggr", "weighted_mean", {}),
]


def _cohort(rows: int | None = None):
    matrix = pd.read_csv(HERE / "matrix.csv", index_col=0).iloc[:rows]
    sheet = pd.DataFrame(
        {
            "subject_id": [f"P{i // 2}" for i in range(len(matrix))],
            "timepoint": ["pre", "post"] * (len(matrix) // 2),
        },
        index=matrix.index,
    )
    return exo.io.from_frames(
        matrix, sheet, subject="subject_id", timepoint="timepoint", baseline="pre",
        timepoint_order=["pre", "post"], units="log2", modality="proteomics",
    )  # fmt: skip


def _sets(weighted: bool) -> dict:
    if weighted:
        net = pd.read_csv(HERE / "weights.csv")
        return {
            name: dict(zip(part["target"], part["weight"], strict=True))
            for name, part in net.groupby("source", sort=False)
        }
    lines = (HERE / "sets.tsv").read_text().splitlines()
    return {line.split("\t")[0]: line.split("\t")[1:] for line in lines}


def _differences(fixture: str, method: str, options: dict, rows: int | None = None) -> np.ndarray:
    adata = _cohort(rows)
    exo.tl.score(adata, _sets(fixture.startswith("decoupler")), method=method, **options)
    theirs = pd.read_csv(HERE / f"{fixture}.csv", index_col=0)
    ours = adata.obsm[f"score_{method}"]
    assert list(ours.columns) == sorted(theirs.columns) and len(ours) == len(theirs)
    size = np.abs(theirs.to_numpy()).max()
    return np.abs(ours.loc[theirs.index, theirs.columns] - theirs).to_numpy() / size


@pytest.mark.quick
@pytest.mark.parametrize(("fixture", "method", "options"), CASES, ids=[c[0] for c in CASES])
def test_equal_to_the_reference(fixture: str, method: str, options: dict) -> None:
    """Relative to the largest score."""
    assert _differences(fixture, method, options).max() < 1e-10


@pytest.mark.filterwarnings("ignore:.*give none")
def test_few_samples() -> None:
    assert _differences("gsva_few", "gsva", {}, rows=4).max() < 1e-10
