"""check -> findings -> clean: each finding names its call, clean does only what it is asked to."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.cohort import Finding, detected, findings_frame
from exerkine_omics.cohort._calls import CALLS
from exerkine_omics.errors import AnalysisError, InputError, UnitsError, UsageError
from exerkine_omics.pp import _clean

ROOT = Path(__file__).parents[2] / "exerkine_omics"


@pytest.fixture
def spoiled(trial):
    """The trial with a pool on the plate, an empty sample and feature, a constant, flags."""
    trial.obs["sample_type"] = pd.Categorical(["qc"] + ["sample"] * (trial.n_obs - 1))
    trial.obs["qc_status"] = pd.Categorical(
        ["PASS", "Warning", "FAIL"] + ["Pass"] * (trial.n_obs - 3)
    )
    trial.obs["plate_id"] = pd.Categorical(
        np.where(np.arange(trial.n_obs) % 2, "plate 1", "plate 2")
    )
    trial.X[:, 7] = np.nan
    trial.X[:, 9] = 3.0
    trial.X[(trial.obs["plate_id"] == "plate 1").to_numpy(), 11] = np.nan
    trial.X[5] = np.nan
    trial.layers["qc_warning"] = np.zeros(trial.shape, dtype=bool)
    trial.layers["qc_warning"][8, 20:] = True
    trial.layers["below_lod"] = np.zeros(trial.shape, dtype=bool)
    trial.layers["below_lod"][:, 13] = True
    trial.layers["replicate_sd"] = np.full(trial.shape, 0.1)
    trial.layers["replicate_sd"][4, 15] = 0.9
    return trial


def ids(adata) -> dict[str, object]:
    return {f.id: f for f in exo.pp.check(adata).findings}


def test_what_check_says_of_quality(spoiled):
    found = ids(spoiled)
    wanted = {
        "control_samples": 1, "all_nan_samples": 1, "all_nan_features": 1, "constant_features": 1,
        "failed_qc_samples": 1, "qc_warnings": 1, "replicates_apart": 1, "low_detection": 1,
        "missing_on_a_plate": 1,
    }  # fmt: skip
    assert {k: len(found[k].rows) for k in wanted} == wanted
    assert found["missing_on_a_plate"].rows == ("A11",)
    assert "people_across_plates" in found and "plate_confounded" not in found
    frame = exo.pp.check(spoiled).to_frame()
    assert list(frame.columns) == ["id", "severity", "message", "n_rows", "rows", "fix", "call"]
    assert "exo.pp.clean(adata, fix=['control_samples'])" in repr(exo.pp.check(spoiled))
    assert "<code>exo.pp.clean" in exo.pp.check(spoiled)._repr_html_()


def test_by_default_only_what_changes_no_result_goes(spoiled):
    cleaned = exo.pp.clean(spoiled)
    assert cleaned.shape == (spoiled.n_obs - 2, spoiled.n_vars - 1)
    assert spoiled.shape == (41, 30)  # untouched
    kept = spoiled[cleaned.obs_names, cleaned.var_names]
    np.testing.assert_array_equal(cleaned.X, kept.X)
    pd.testing.assert_frame_equal(
        cleaned.obs.drop(columns="sample_type"), kept.obs.drop(columns="sample_type")
    )
    left = ids(cleaned)
    assert not {"control_samples", "all_nan_samples", "all_nan_features"} & set(left)
    steps = cleaned.uns["exerkine"]["steps"]
    assert steps["step"].astype(str).tolist() == ["pp.clean"] * 3
    assert '"P00_pre"' in "".join(steps["parameters"].astype(str))
    again = exo.pp.clean(cleaned)
    np.testing.assert_array_equal(again.X, cleaned.X)
    # the test of change is the same with and without cleaning
    raw = spoiled[spoiled.obs["sample_type"] == "sample"].copy()
    before = exo.tl.differential(raw, arm=None, method="paired_t").set_index(
        ["feature", "contrast"]
    )
    after = exo.tl.differential(cleaned, arm=None, method="paired_t").set_index(
        ["feature", "contrast"]
    )
    np.testing.assert_allclose(
        after["p_value"], before.loc[after.index, "p_value"], rtol=1e-12, equal_nan=True
    )


def test_a_report_limits_it_to_what_was_found(spoiled):
    report = exo.pp.check(spoiled)
    assert exo.pp.clean(spoiled, report).shape == exo.pp.clean(spoiled).shape
    whole = exo.pp.clean(spoiled)
    assert "pp.clean" not in str(
        exo.pp.clean(whole, exo.pp.check(whole)).uns["exerkine"]["steps"]["step"].tolist()[3:]
    )


@pytest.mark.parametrize(
    ("fix", "shape", "n_nan"),
    [
        ("constant_features", (41, 29), 0),
        ("failed_qc_samples", (40, 30), 0),
        ("failed_qc_values", (41, 30), 10),
        ("control_assays", (41, 28), 0),
        ("infinite_values", (41, 30), 1),
    ],
)
def test_on_request(spoiled, fix, shape, n_nan, round_trip):
    spoiled.var["assay_type"] = ["ext_ctrl", "spike_in"] + ["assay"] * 28
    spoiled.X[8, 20:] = 1.0
    if fix == "infinite_values":
        spoiled.X[9, 2] = np.inf
    before = np.isnan(spoiled.X).sum()
    cleaned = exo.pp.clean(spoiled, fix=[fix])
    assert cleaned.shape == shape
    if n_nan:
        assert np.isnan(cleaned.X).sum() == before + n_nan
    assert fix not in ids(cleaned)
    if fix == "failed_qc_values":
        assert CALLS["qc_warnings"] == CALLS[fix] and "qc_warnings" not in ids(cleaned)
    assert round_trip(cleaned).shape == shape


def test_unknown_fixes_name_the_way(spoiled):
    with pytest.raises(UsageError, match="Did you mean 'control_samples'"):
        exo.pp.clean(spoiled, fix=["control_sample"])
    with pytest.raises(UsageError, match=r"Call exo.io.state\(adata, units=...\)"):
        exo.pp.clean(spoiled, fix=["units_unknown"])
    with pytest.raises(UsageError, match="It mends control_samples"):
        exo.pp.clean(spoiled, fix=["xyz"])
    spoiled.obs["sample_type"] = pd.Categorical(["qc"] * spoiled.n_obs)
    with pytest.raises(AnalysisError, match="would leave 0 samples"):
        exo.pp.clean(spoiled)


def test_what_is_no_report_and_no_list_is_said(trial):
    with pytest.raises(UsageError, match="not a CheckReport"):
        exo.pp.clean(trial, exo.pp.check(trial).to_frame())
    with pytest.raises(UsageError, match="not a CheckReport"):
        exo.pp.clean(trial, ["control_samples"])
    with pytest.raises(UsageError, match="no list of ids"):
        exo.pp.clean(trial, fix=True)
    with pytest.raises(InputError, match="0 samples and 30 features"):
        exo.pp.clean(trial[:0].copy())


def test_carried_findings_forget_what_is_gone(spoiled, round_trip):
    """What the reader said of tubes and assays does not outlive them."""
    spoiled.var["assay_type"] = ["ext_ctrl"] + ["assay"] * 29
    told = [
        Finding("control_assays", "note", "1 assays are the kit's own.", ("A00",)),
        Finding("haemolysed_samples", "warning", "2 samples.", ("P00_post", "P00_pre")),
        Finding("no_end_mark", "note", "No end mark."),
    ]
    spoiled.uns["exerkine"]["findings"] = findings_frame(told)
    cleaned = round_trip(exo.pp.clean(spoiled, fix=["control_assays", "control_samples"]))
    left = ids(cleaned)
    assert "control_assays" not in left and "no_end_mark" in left
    assert left["haemolysed_samples"].rows == ("P00_post",)
    assert left["haemolysed_samples"].message == "2 samples. (1 of them left out since.)"
    assert ids(spoiled)["haemolysed_samples"].rows == ("P00_post", "P00_pre")


def test_plates_that_hold_one_time_point_only(trial):
    trial.obs["plate_id"] = trial.obs["timepoint"].astype(str)
    finding = ids(trial)["plate_confounded"]
    assert "timepoint cannot be told apart" in finding.message and finding.rows == (
        "late",
        "post",
        "pre",
    )
    trial.obs["run_order"] = np.arange(trial.n_obs)
    trial.obs["sample_type"] = "sample"
    assert "few_qc_samples" in ids(trial)
    trial.obs["sample_type"] = ["bridge", *["sample"] * (trial.n_obs - 1)]
    assert ids(trial)["bridge_samples"].rows == ("P00_pre",)


def test_detection_that_differs_by_time_is_said(trial):
    below = np.zeros(trial.shape, dtype=bool)
    below[(trial.obs["timepoint"] == "pre").to_numpy(), 3] = True
    trial.X[:, 3] = np.nan_to_num(trial.X[:, 3], nan=1.0)
    trial.layers["below_lod"] = below
    finding = ids(trial)["detection_differs"]
    assert finding.rows == ("A03",) and "mcnemar" in finding.call


def test_every_error_and_warning_of_check_has_its_call_or_none_can_be():
    """What no call mends: the laboratory must look, or it is said in words."""
    by_hand = {
        "excel_mangled_ids", "no_baseline_sample", "replicates_apart", "infinite_values",
        "people_across_plates", "plate_confounded",
    }  # fmt: skip
    seen = set()
    for path in (ROOT / "pp").glob("_check*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Tuple) and len(node.elts) > 1:
                seen |= {e.value for e in node.elts if isinstance(e, ast.Constant)}
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding":
                name, severity = node.args[0], node.args[1]
                if isinstance(name, ast.Constant) and severity.value in ("error", "warning"):
                    assert name.value in CALLS or name.value in by_hand, name.value
    for name in _clean._FIXES:  # what clean mends is what the finding says
        assert CALLS[name] == f"exo.pp.clean(adata, fix=[{name!r}])"


def test_no_call_leads_where_nothing_is_mended(spoiled):
    found = ids(spoiled)
    assert found["qc_warnings"].call == "exo.pp.clean(adata, fix=['failed_qc_values'])"
    spoiled.obs["plate_id"] = spoiled.obs["timepoint"].astype(str)
    spoiled.obs["run_order"] = np.arange(spoiled.n_obs)
    found = ids(spoiled)
    # the plate as covariate is aliased; a median would take the answer off, not the drift
    assert found["plate_confounded"].call == "" == found["few_qc_samples"].call
    with pytest.raises(InputError, match="not of full rank"):
        exo.tl.differential(exo.pp.clean(spoiled), control="CON", covariates=["plate_id"])


def test_a_value_taken_away_is_neither_undetected_nor_corrected(trial):
    trial.X[:] = np.nan_to_num(trial.X, nan=8.0)
    trial.obs["hb"], trial.obs["hct"] = 14.0, 0.4
    exo.pp.plasma_volume(trial)
    exo.pp.lod(trial, lod=float(np.median(trial.X)))
    trial.layers["qc_warning"] = np.zeros(trial.shape, dtype=bool)
    trial.layers["qc_warning"][3] = True
    blank = exo.pp.clean(trial, fix=["failed_qc_values"])
    assert np.isnan(detected(blank)[3]).all()  # not: undetected where low, unknown where high
    assert np.isnan(blank.layers["plasma_volume_corrected"][3]).all()
    assert blank.layers["below_lod"].dtype == bool
    np.testing.assert_array_equal(blank.layers["below_lod"][4:], trial.layers["below_lod"][4:])


def test_state_says_what_a_file_did_not(trial):
    known = trial.uns["exerkine"]
    known["units"] = known["species"] = known["matrix"] = "unknown"
    assert {"units_unknown", "species_unknown", "matrix_unknown"} <= set(ids(trial))
    exo.io.state(trial, units="NPX", species="human", matrix_type="serum", platform="olink")
    assert not {"units_unknown", "species_unknown", "matrix_unknown"} & set(ids(trial))
    assert (known["units"], known["platform"]) == ("NPX", "olink")
    exo.io.state(trial, units="NPX")  # the same again is no contradiction
    with pytest.raises(UnitsError, match="units is 'NPX' already"):
        exo.io.state(trial, units="RFU")
    with pytest.raises(InputError, match="species is 'human' already"):
        exo.io.state(trial, species="rat")
    with pytest.raises(InputError, match="'plasma' is not known"):
        exo.io.state(trial, matrix_type="plasma")
    with pytest.raises(UnitsError):
        exo.io.state(trial, units="ng")
    with pytest.raises(UsageError, match="Nothing is stated"):
        exo.io.state(trial)
    known["units"] = "RFU"
    with pytest.raises(UnitsError, match="exo.pp.log2"):
        exo.io.state(trial, units="log2")


def test_a_guessed_unit_is_not_stated_after_the_logarithm(trial):
    trial.X[:] = 2.0**trial.X
    trial.uns["exerkine"]["units"] = "intensity"
    trial.uns["exerkine"]["findings"] = findings_frame(
        [Finding("units_unknown_as_intensity", "warning", "Unknown.")]
    )
    right = exo.io.state(trial, units="concentration", copy=True)
    assert right.uns["exerkine"]["units"] == "concentration"
    exo.pp.log2(trial)
    with pytest.raises(UnitsError, match="units is 'log2' already"):
        exo.io.state(trial, units="concentration")  # a second logarithm would come
