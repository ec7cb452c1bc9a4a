"""The section on quality of a run: numbers that are those drawn, figures only where data exist."""

from __future__ import annotations

import json
from pathlib import Path

import anndata as ad
import numpy as np
import pytest
import yaml

import exerkine_omics as exo
from exerkine_omics import pp, workflow


def run(folder: Path, adata: ad.AnnData, **sections) -> tuple[dict, set[str], str]:
    """Summary of the one cohort, names of its figures, and the page."""
    exo.io.write(adata, folder / "in.h5ad")
    cohort = {"name": "one", "input": {"file": {"path": "in.h5ad"}}, "score": None, **sections}
    (folder / "c.yaml").write_text(yaml.safe_dump({"cohorts": [cohort]}))
    page = workflow.run_config(folder / "c.yaml", folder / "out").read_text()
    summary = json.loads((folder / "out" / "summary.json").read_text())["cohorts"][0]
    return summary, {p.stem for p in (folder / "out/one/figures").iterdir()}, page


def test_a_plain_cohort(tmp_path: Path, trial: ad.AnnData) -> None:
    summary, figures, page = run(tmp_path, trial, differential=None)
    assert figures == {"qc_flow", "qc_missing", "qc_pca_timepoint"}
    qc = summary["qc"]
    assert qc["steps"] == qc["mended"] == qc["plates"] == qc["plasma_volume"] == []
    assert qc["lod"] is qc["drift"] is qc["haemolysis"] is None
    paired = sum(r["n"] for r in qc["flow"] if r["stage"] == "paired at late")
    assert paired == sum(r["n_pairs"] for r in summary["pairs"] if r["timepoint"] == "late")
    checked = exo.io.read(tmp_path / "out/one/checked.h5ad")
    pp.pca(trial)
    np.testing.assert_allclose(checked.obsm["X_pca"], trial.obsm["X_pca"])
    assert "What was done before the tests" not in page and "Haemolysis" not in page


def test_a_prepared_cohort(tmp_path: Path, trial: ad.AnnData) -> None:
    rng = np.random.default_rng(1)
    n = trial.n_obs
    trial.obs["plate_id"] = np.where(np.arange(n) % 2, "one", "two")
    trial.obs["run_order"] = rng.permutation(n).astype(float)
    post = (trial.obs["timepoint"] == "post").to_numpy()
    trial.obs["haemoglobin"] = np.where(post, 15.2, 14.4) + rng.normal(0, 0.1, n)
    trial.obs["haematocrit"] = 43.0
    summary, figures, page = run(
        tmp_path,
        trial,
        prepare={
            "clean": False,
            "lod": {"lod": 4.0},
            "filter_features": {"max_missing": 0.5},
            "combat": {"batch": "plate_id"},
            "plasma_volume": {},
            "impute": {"method": "knn"},
        },
        differential={"control": "CON", "method": "paired_t", "layer": "plasma_volume_corrected"},
    )
    assert {
        "qc_flow", "qc_missing", "qc_plate", "qc_lod", "qc_drift", "qc_plasma_volume",
        "qc_pca_before_timepoint", "qc_pca_timepoint", "qc_pca_before_plate_id", "qc_pca_plate_id",
    } <= figures  # fmt: skip
    qc = summary["qc"]
    assert [s["step"] for s in qc["steps"]] == [
        "pp.lod", "pp.filter_features", "pp.combat", "pp.impute", "pp.plasma_volume",
    ]  # fmt: skip
    assert len(qc["notes"]) == 2 and all(note in page for note in qc["notes"])
    below = (trial.X < 4.0).sum(axis=0) / np.isfinite(trial.X).sum(axis=0)
    assert qc["lod"]["n_below_in_half"] == (below > 0.5).sum()
    shares = {r["feature"]: r["below"] for r in qc["lod"]["features"]}
    known = [trial.var_names.get_loc(f) for f in shares]
    np.testing.assert_allclose(list(shares.values()), below[known])
    row = next(r for r in qc["plasma_volume"] if r["timepoint"] == "post" and r["arm"] == "EE")
    stored = exo.io.read(tmp_path / "out/one/checked.h5ad").obs
    mine = stored[(stored["timepoint"] == "post") & (stored["arm"] == "EE")]
    assert row["mean"] == pytest.approx(mine["plasma_volume_change"].mean())
    assert "Before the tests, in this order: lod (lod: 4.0)" in " ".join(summary["methods"])


def test_mcnemar_by_config(tmp_path: Path, trial: ad.AnnData) -> None:
    summary, figures, _ = run(
        tmp_path,
        trial,
        prepare={"clean": False, "lod": {"lod": 5.0}},
        differential={"method": "mcnemar", "layer": "below_lod"},
    )
    assert summary["differential"]["method"] == "mcnemar"
    assert sum(c["n_tested"] for c in summary["differential"]["contrasts"]) > 0
    assert "McNemar" in " ".join(summary["methods"])
    by_hand = trial.copy()
    pp.lod(by_hand, lod=5.0)
    frame = exo.tl.differential(by_hand, method="mcnemar", layer="below_lod")
    best = summary["differential"]["top"][0]
    same = frame[(frame["feature"] == best["feature"]) & (frame["contrast"] == best["contrast"])]
    assert best["p_value"] == pytest.approx(same["p_value"].iloc[0])


def test_controls_are_drawn_and_then_gone(tmp_path: Path, trial: ad.AnnData) -> None:
    rng = np.random.default_rng(1)
    control = ad.AnnData(rng.normal(5, 0.1, (8, trial.n_vars)), var=trial.var)
    control.obs_names = [f"QC{i}" for i in range(8)]
    both = ad.concat([trial, control], join="outer", merge="first")
    both.obs["timepoint"] = both.obs["timepoint"].cat.set_categories(
        ["pre", "post", "late"], ordered=True
    )
    both.obs["subject_id"] = both.obs["subject_id"].astype("category")
    both.obs["sample_type"] = ["sample"] * trial.n_obs + ["qc"] * 8
    both.obs["run_order"] = rng.permutation(both.n_obs).astype(float)
    both.uns = trial.uns
    summary, figures, page = run(
        tmp_path, both, prepare={"normalize": {"method": "qc_loess", "batch": None}},
        differential=None,
    )  # fmt: skip
    assert {"qc_drift", "qc_drift_before"} <= figures
    assert summary["n_samples"] == trial.n_obs
    assert summary["qc"]["drift"]["n_corrected"] == trial.n_vars
    assert any("no person" in f["message"] for f in summary["qc"]["mended"])
    assert not any("0 QC" in f["message"] for f in summary["findings"])
    assert "mended" in page
