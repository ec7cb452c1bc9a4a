"""The prepare section: one order, the defaults of the calls, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import yaml

import exerkine_omics as exo
from exerkine_omics import pp
from exerkine_omics.errors import ConfigError, InputError
from exerkine_omics.workflow import load_config
from exerkine_omics.workflow._config_prepare import PrepareConfig
from exerkine_omics.workflow._inputs import load_cohort
from exerkine_omics.workflow._prepare import ORDER, prepare


@pytest.fixture
def lab() -> ad.AnnData:
    """30 people, two plates with ten drifting QC tubes each, haemoglobin and haematocrit."""
    people = exo.datasets.simulate(30, n_proteins=60, seed=1).adata
    rng = np.random.default_rng(0)
    n = people.n_obs
    names = [f"QC{i}" for i in range(20)]
    obs = people.obs[["subject_id", "timepoint", "arm"]].copy()
    obs["sample_type"] = "sample"
    obs["haemoglobin"] = np.where(obs["timepoint"] == "post", 15.2, 14.4) + rng.normal(0, 0.2, n)
    obs["haematocrit"] = 43.0
    control = pd.DataFrame({"sample_type": "qc"}, index=names)
    obs = pd.concat([obs, control])
    obs["timepoint"] = pd.Categorical(obs["timepoint"], ["pre", "post"], ordered=True)
    obs["plate_id"] = [f"plate {i % 2}" for i in range(len(obs))]
    # a QC tube opens and closes each plate's run, eight stand in between
    place = np.r_[rng.permutation(n), np.repeat(np.linspace(-1, n, 10), 2)]
    obs["run_order"] = pd.Series(place, obs.index).groupby(obs["plate_id"]).rank()
    level = np.nanmean(people.X, axis=0)
    values = np.vstack([people.X, level + rng.normal(0, 0.15, (20, people.n_vars))])
    values += 0.03 * obs["run_order"].to_numpy()[:, None]
    adata = ad.AnnData(values, obs=obs, var=people.var.copy())
    adata.uns["exerkine"] = people.uns["exerkine"]
    return adata


def made(adata: ad.AnnData, **sections):
    return prepare(adata.copy(), PrepareConfig.model_validate(sections), "lab")


def test_without_a_section_only_scale_and_names(lab: ad.AnnData) -> None:
    result = prepare(lab.copy(), None, "lab")
    assert not result.steps and result.tubes is None and result.before is None
    np.testing.assert_array_equal(result.adata.X, lab.X)
    assert "exerkine_id" in result.adata.var


def test_the_calls_are_those_of_pp(lab: ad.AnnData) -> None:
    result = made(
        lab,
        clean=False,
        lod={"policy": "mask", "lod": 2.0},
        filter_features={"max_missing": 0.4, "min_pairs": 8},
        normalize={"method": "qc_loess", "span": 0.9},
        plasma_volume={},
    )
    by_hand = lab.copy()
    with pytest.warns(exo.errors.ExerkineWarning):
        pp.lod(by_hand, "mask", lod=2.0)
        pp.normalize(by_hand, "qc_loess", span=0.9)
    by_hand = pp.filter_features(by_hand, max_missing=0.4, min_pairs=8)
    pp.plasma_volume(by_hand)
    np.testing.assert_array_equal(result.adata.X, by_hand.X)
    assert result.adata.var_names.equals(by_hand.var_names) and by_hand.n_vars < lab.n_vars
    corrected = "plasma_volume_corrected"
    np.testing.assert_array_equal(result.adata.layers[corrected], by_hand.layers[corrected])
    assert [s.step for s in result.steps] == [
        "pp.lod", "pp.normalize", "pp.filter_features", "pp.plasma_volume",
    ]  # fmt: skip
    assert "not detected equally often" in " ".join(result.steps[0].notes)
    assert (result.steps[-1].n_samples, result.steps[-1].n_features) == by_hand.shape
    assert "X_pca_before" in result.adata.obsm
    np.testing.assert_array_equal(result.before.X, np.where(lab.X < 2.0, np.nan, lab.X))


def test_the_order_of_the_keys_is_not_the_order_of_the_steps(lab: ad.AnnData) -> None:
    one = made(lab, clean=False, lod="keep" if "lod" in lab.layers else {"lod": 1.0},
               filter_features={"max_missing": 0.9}, impute={"method": "knn"})  # fmt: skip
    two = made(lab, impute={"method": "knn"}, filter_features={"max_missing": 0.9},
               lod={"lod": 1.0}, clean=False)  # fmt: skip
    assert [s.step for s in one.steps] == [s.step for s in two.steps]
    assert [s.step for s in one.steps] == ["pp.lod", "pp.filter_features", "pp.impute"]
    np.testing.assert_array_equal(one.adata.X, two.adata.X)


def test_every_section_has_a_place_in_the_order() -> None:
    assert set(PrepareConfig.model_fields) <= set(ORDER)


def test_methods_for_linear_values_come_before_the_logarithm(lab: ad.AnnData) -> None:
    lab.X = np.round(2.0 ** np.where(np.isnan(lab.X), 1.0, lab.X))
    lab.uns["exerkine"]["units"] = "counts"
    result = made(lab, clean=False, normalize={"method": "tmm"})
    by_hand = lab.copy()
    with pytest.warns(exo.errors.ExerkineWarning, match="one level"):
        pp.normalize(by_hand, "tmm")
    pp.log2(by_hand)
    np.testing.assert_array_equal(result.adata.X, by_hand.X)
    assert "X_pca_before" not in result.adata.obsm
    lab.uns["exerkine"]["units"] = "RFU"
    lab.X += 1
    late = made(lab, clean=False, normalize={"method": "median"})
    steps = late.adata.uns["exerkine"]["steps"]["step"].astype(str).tolist()
    assert steps.index("pp.log2") < steps.index("pp.normalize")


def test_controls_serve_the_normalisation_and_then_leave(lab: ad.AnnData) -> None:
    result = made(lab, normalize={"method": "qc_loess"}, combat={})
    assert result.adata.n_obs == lab.n_obs - 20 and result.tubes.n_obs == lab.n_obs
    assert [s.step for s in result.steps] == ["pp.normalize", "pp.clean", "pp.combat"]
    assert [s.n_samples for s in result.steps] == [lab.n_obs, lab.n_obs - 20, lab.n_obs - 20]


def test_fixes_that_blank_values_come_first(lab: ad.AnnData) -> None:
    lab.X[0, 0] = np.inf
    result = made(lab, clean=["control_samples", "infinite_values"], normalize={"method": "median"})
    assert [s.step for s in result.steps] == ["pp.clean", "pp.normalize", "pp.clean"]
    assert np.isnan(result.adata.X[0, 0])
    with pytest.raises(ConfigError, match="prepare.clean"):
        made(lab, clean=["controls"])


def test_haemolysis_is_judged_without_drift() -> None:
    adata = exo.datasets.simulate(30, seed=1, haemolysed=0.2).adata
    result = made(adata, clean=False, normalize={"method": "median"}, haemolysis={},
                  filter_features={"max_missing": 0.5})  # fmt: skip
    assert [s.step for s in result.steps] == ["pp.normalize", "pp.haemolysis", "pp.filter_features"]
    assert "haemolysed" in result.adata.obs


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"normalize": {"method": "medan"}}, "none of"),
        ({"normalise": {}}, "Did you mean 'normalize'"),
        ({"lod": "drop"}, "lod"),
        ({"filter_features": {"max_missing": 2}}, "max_missing"),
        ({"normalize": {"method": "median"}, "plasma_volume": {}}, "leave one of them out"),
        ({"impute": {"method": "zero"}}, "impute"),
        ({"haemolysis": {"limits": [1, 2, 3]}}, "limits"),
    ],
)
def test_wrong_sections_name_the_place(tmp_path: Path, section, words: str) -> None:
    cohort = {"name": "one", "input": {"simulate": {}}, "prepare": section}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({"cohorts": [cohort]}))
    with pytest.raises(ConfigError, match=words):
        load_config(tmp_path / "c.yaml")


@pytest.mark.parametrize(
    ("section", "fine"),
    [
        ({"impute": {}}, False),
        ({"combat": {}}, False),
        ({"normalize": {"method": "quantile"}}, False),
        ({"normalize": {"method": "qc_loess"}}, True),
        ({"lod": "keep", "filter_features": {}}, True),
    ],
)
def test_nothing_before_a_prediction_learns_from_all_people(tmp_path: Path, section, fine) -> None:
    cohort = {
        "name": "one", "input": {"simulate": {}}, "prepare": section,
        "responders": {"outcome": "x", "unit": "y", "pre": "a", "post": "b", "threshold": 1,
                       "reliability": {"typical_error": 1, "source": "s"}},
        "prediction": {"feature_time": 0, "outcome_time": 12},
    }  # fmt: skip
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({"cohorts": [cohort]}))
    if fine:
        load_config(tmp_path / "c.yaml")
        return
    with pytest.raises(ConfigError, match="learns from all people"):
        load_config(tmp_path / "c.yaml")


def test_an_option_of_another_method_is_the_configs_fault(lab: ad.AnnData) -> None:
    with pytest.raises(ConfigError, match=r"cohort lab, prepare.normalize"):
        made(lab, clean=False, normalize={"method": "median", "span": 0.5})
    with pytest.raises(InputError, match="of type 'qc'"):
        made(lab[lab.obs["sample_type"] == "sample"], clean=False,
             normalize={"method": "qc_loess"})  # fmt: skip


def cohort_of(folder: Path, file: dict, **sections):
    content = {"cohorts": [{"name": "one", "input": {"file": file}, **sections}]}
    (folder / "c.yaml").write_text(yaml.safe_dump(content))
    return load_cohort(load_config(folder / "c.yaml").cohorts[0], 1)


def test_a_stored_cohort_is_read_by_path(tmp_path: Path, trial: ad.AnnData) -> None:
    exo.io.write(trial, tmp_path / "trial.h5ad")
    loaded = cohort_of(tmp_path, {"path": "trial.h5ad"})
    np.testing.assert_array_equal(loaded.adata.X, trial.X)
    exo.io.write(trial, tmp_path / "trial.zarr")
    np.testing.assert_array_equal(cohort_of(tmp_path, {"path": "trial.zarr"}).adata.X, trial.X)


def test_a_table_is_read_with_the_words_of_its_reader(tmp_path: Path, trial: ad.AnnData) -> None:
    trial.to_df().to_csv(tmp_path / "m.csv")
    trial.obs.to_csv(tmp_path / "s.csv")
    pd.DataFrame({"id": trial.var_names, "gene_symbol": "X"}).to_csv(
        tmp_path / "f.csv", index=False
    )
    file = {
        "path": "m.csv", "samples": "s.csv", "subject": "subject_id", "timepoint": "timepoint",
        "baseline": "pre", "arm": "arm", "timepoint_order": ["pre", "post", "late"],
        "options": {"units": "NPX", "modality": "proteomics", "features": "f.csv"},
    }  # fmt: skip
    loaded = cohort_of(tmp_path, file, keep_timepoints=["pre", "post"])
    assert loaded.adata.var["gene_symbol"].iloc[0] == "X"
    assert set(loaded.adata.obs["timepoint"]) == {"pre", "post"}
    file["options"]["colour"] = "red"
    with pytest.raises(ConfigError, match="colour"):
        cohort_of(tmp_path, file)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ({"samples": "s.csv"}, "path"),
        ({"path": "x.csv", "samples": "s.csv"}, "needs subject, timepoint, baseline too"),
        ({"path": "x.csv", "subject": "who"}, "needs timepoint, baseline too"),
        ({"path": "x.csv", "options": {"species": "rat"}}, "stands under file"),
        ({"path": "x.csv", "sample": "s.csv"}, "Did you mean 'samples'"),
    ],
)
def test_wrong_file_sections(tmp_path: Path, file, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        cohort_of(tmp_path, file)


def test_unknown_formats_are_the_configs_fault(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ConfigError, match="input.file"):
        cohort_of(tmp_path, {"path": "x.csv", "format": "olinc"})
