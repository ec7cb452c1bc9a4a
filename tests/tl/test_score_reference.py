"""The scorers against R GSVA, gseapy, decoupler and singscore's formula; see reference/scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo

HERE = Path(__file__).parents[1] / "reference" / "scores"
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*compares the members", "ignore:.*these scores say little"
)

RAW = {"normalize": False}
OPTIONS = {
    "ssgsea": ("ssgsea", {}),
    "ssgsea_raw": ("ssgsea", RAW),
    "ssgsea_tau1_raw": ("ssgsea", RAW | {"tau": 1.0}),
    "gsva": ("gsva", {}),
    "gsva_max": ("gsva", {"mx_diff": False}),
    "gsva_abs": ("gsva", {"abs_ranking": True}),
    "gsva_tau025": ("gsva", {"tau": 0.25}),
}
# answers, our scorer and its options, matrix, sets
CASES = [
    *((name, *o, "matrix", "sets") for name, o in OPTIONS.items()),
    *((f"gseapy_{name}", *o, "matrix", "sets") for name, o in OPTIONS.items()),
    *((f"four_{name}", *o, "four_matrix", "four_sets") for name, o in OPTIONS.items()),
    ("decoupler_ulm", "ulm", {}, "matrix", "signed_sets"),
    ("decoupler_wmean", "weighted_mean", {}, "matrix", "signed_sets"),
]


def _cohort(matrix: pd.DataFrame):
    sheet = pd.DataFrame(
        {
            "subject_id": [f"P{i // 2}" for i in range(len(matrix))],
            "timepoint": ["pre", "post", *["pre", "post"] * (len(matrix) // 2)][: len(matrix)],
        },
        index=matrix.index,
    )
    return exo.io.from_frames(
        matrix, sheet, subject="subject_id", timepoint="timepoint", baseline="pre",
        timepoint_order=["pre", "post"], units="log2", modality="proteomics",
    )  # fmt: skip


def _sets(name: str) -> dict[str, dict[str, float]]:
    table = pd.read_csv(HERE / f"{name}.csv")
    weight = table["weight"] if "weight" in table else pd.Series(1.0, table.index)
    return {
        str(key): dict(zip(part["feature"], weight[part.index], strict=True))
        for key, part in table.groupby("set", sort=False)
    }


def _differences(
    answers: str, method: str, options: dict, matrix: str, sets: str, drop: tuple[str, ...] = ()
) -> np.ndarray:
    """Differences relative to the largest score."""
    values = pd.read_csv(HERE / f"{matrix}.csv", index_col=0).drop(columns=list(drop))
    adata = _cohort(values)
    exo.tl.score(adata, _sets(sets), method=method, min_coverage=0, **options)
    theirs = pd.read_csv(HERE / f"{answers}.csv", index_col=0)
    ours = adata.obsm[f"score_{method}"]
    assert set(ours.columns) >= set(theirs.columns) and len(ours) == len(theirs)
    size = np.abs(theirs.to_numpy()).max()
    return np.abs(ours.loc[theirs.index, theirs.columns] - theirs).to_numpy() / size


@pytest.mark.quick
@pytest.mark.parametrize("case", CASES, ids=[c[0] for c in CASES])
def test_equal_to_the_reference(case: tuple) -> None:
    assert _differences(*case).max() < 1e-10


def test_gsva_drops_features_with_a_hole_and_ours_need_not() -> None:
    """R's answer is that of the panel without them."""
    values = pd.read_csv(HERE / "hole_matrix.csv", index_col=0)
    holed = tuple(values.columns[values.isna().any()])
    constant = tuple(values.columns[values.nunique() == 1])
    assert len(holed) == 2
    case = ("hole_gsva", "gsva", {}, "hole_matrix", "edge_sets")
    assert _differences(*case, drop=holed).max() < 1e-10
    assert np.isfinite(_differences(*case)).all()
    # a constant feature is left out by both
    assert _differences(*case, drop=(*holed, *constant)).max() < 1e-10


@pytest.mark.parametrize("name", ["up_down", "up_only"])
def test_singscore_s_worked_example(name: str) -> None:
    """Ten features whose ranks were written by hand; ties at their mean rank (in R the least)."""
    adata = _cohort(pd.read_csv(HERE / "singscore_matrix.csv", index_col=0))
    table = pd.read_csv(HERE / "singscore_sets.csv")
    part = table[table["set"] == name]
    weights = dict(zip(part["feature"], part["direction"].astype(float), strict=True))
    exo.tl.score(adata, {name: weights}, method="singscore")
    scores = pd.read_csv(HERE / "singscore_scores.csv")
    total = scores[(scores["ties"] == "average") & (scores["part"] == "total")]
    expected = total[total["set"] == name].set_index("sample")["score"]
    assert len(expected) == 3
    np.testing.assert_allclose(adata.obsm["score_singscore"].loc[expected.index, name], expected)
