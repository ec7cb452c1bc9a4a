"""log2: every unit, and the double logarithm refused."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import ExerkineWarning, InputError, UnitsError, UsageError


def declared(trial, unit, values=None):
    trial.uns["exerkine"]["units"] = unit
    if values is not None:
        trial.X = values
    return trial


@pytest.mark.quick
@pytest.mark.parametrize("unit", ["RFU", "intensity", "concentration"])
def test_linear(trial, unit, round_trip):
    logs = trial.X + 5
    adata = declared(trial, unit, 2**logs)
    new = exo.pp.log2(adata, copy=True)
    assert adata.uns["exerkine"]["units"] == unit and "raw" not in adata.layers
    assert exo.pp.log2(adata) is None
    for made in (new, round_trip(adata)):
        np.testing.assert_allclose(made.X, logs, rtol=1e-12)
        np.testing.assert_array_equal(made.layers["raw"], 2**logs)
        assert made.uns["exerkine"]["units"] == "log2"
        assert list(made.uns["exerkine"]["steps"]["step"]) == ["pp.log2"]


@pytest.mark.parametrize("unit", ["NPX", "log2", "log_cpm", "zscore", "unknown"])
def test_logged_already_or_unknown(trial, unit):
    before = trial.X.copy()
    with pytest.raises(UnitsError):
        exo.pp.log2(declared(trial, unit))
    np.testing.assert_array_equal(trial.X, before)


def test_twice(trial):
    adata = declared(trial, "RFU", 2 ** (trial.X + 5))
    exo.pp.log2(adata)
    with pytest.raises(UnitsError, match="log scale already"):
        exo.pp.log2(adata)


def test_logs_declared_linear_are_said(trial):
    with pytest.warns(ExerkineWarning, match="logarithms already"):
        exo.pp.log2(declared(trial, "RFU", np.abs(trial.X) + 1))


def test_zeros_and_offset(trial):
    values = 2 ** (trial.X + 5)
    values[0, 0], values[1, 0], values[2, 3] = 0.0, 0.0, -1.0
    adata = declared(trial, "concentration", values)
    with pytest.raises(InputError, match="2 values are zero and 1 negative, in 'A00', 'A03'"):
        exo.pp.log2(adata)
    with pytest.raises(InputError, match="1 values are zero and 0 negative after adding 1,"):
        exo.pp.log2(adata, offset=1)
    assert "raw" not in adata.layers
    exo.pp.log2(adata, offset=2)
    assert adata.X[0, 0] == 1.0 and adata.X[2, 3] == 0.0
    for wrong in (0, -1, np.nan):
        with pytest.raises(UsageError, match="positive"):
            exo.pp.log2(declared(adata, "concentration", values), offset=wrong)
    with pytest.raises(UsageError, match="belongs to"):
        exo.pp.log2(declared(adata, "Cq", values), offset=1)


def test_cq_is_turned(trial):
    values = 25 - trial.X
    exo.pp.log2(declared(trial, "Cq", values))
    np.testing.assert_array_equal(trial.X, -values)
    assert trial.uns["exerkine"]["units"] == "log2"


def test_counts_by_hand(trial):
    # two libraries of 10 and 30, mean 20: priors 1 and 3, library sizes 12 and 36
    adata = trial[:2, :3].copy()
    declared(adata, "counts", np.array([[4.0, 6.0, np.nan], [0.0, 10.0, 20.0]]))
    exo.pp.log2(adata)
    expected = np.log2(np.array([[5 / 12, 7 / 12, np.nan], [3 / 36, 13 / 36, 23 / 36]]) * 1e6)
    np.testing.assert_allclose(adata.X, expected, rtol=1e-14)
    assert adata.uns["exerkine"]["units"] == "log_cpm"


def test_counts_that_cannot_be(trial):
    values = np.full(trial.shape, 5.0)
    values[2] = 0
    with pytest.raises(InputError, match="no count at all"):
        exo.pp.log2(declared(trial, "counts", values))
    values[2] = -1
    with pytest.raises(InputError, match="counts are negative"):
        exo.pp.log2(declared(trial, "counts", values))
    with pytest.raises(UsageError, match="prior_count"):
        exo.pp.log2(declared(trial, "counts", np.abs(values)), prior_count=0)


def test_column_by_column(trial, round_trip):
    values = trial.X.copy()
    values[:, 0] = 2 ** values[:, 0]
    values[:, 1] = -values[:, 1]
    expected = trial.X.copy()
    trial.var["unit"] = ["concentration", "Cq", *["NPX"] * 28]
    declared(trial, "mixed", values)
    with pytest.raises(UnitsError):
        exo.pp.delta(trial, timepoint="post")
    exo.pp.log2(trial)
    np.testing.assert_allclose(round_trip(trial).X, expected, rtol=1e-12)
    assert trial.uns["exerkine"]["units"] == "log2"
    assert list(trial.var["unit"][:3]) == ["log2", "log2", "NPX"]
    trial.var["unit"] = ["unknown", *["NPX"] * 29]
    with pytest.raises(UnitsError, match="must know the unit"):
        exo.pp.log2(declared(trial, "mixed"))


def test_raw_of_the_vendor_stays(trial):
    trial.layers["raw"] = trial.X * 0 + 1
    exo.pp.log2(declared(trial, "RFU", 2 ** (trial.X + 5)))
    assert np.nanmax(trial.layers["raw"]) == 1


def test_limits_of_detection_move_along():
    """A value below its limit is below it on the new scale too; Cq turns, counts have no limit."""
    values = np.array([[8.0, 30.0, 5.0], [2.0, 36.0, 7.0]])
    adata = ad.AnnData(values, obs=pd.DataFrame(index=["a", "b"]))
    adata.var_names = ["IL6", "miR-21-5p", "miR-1-3p"]
    adata.var["unit"] = ["concentration", "Cq", "counts"]
    adata.uns["exerkine"] = {"units": "mixed"}
    adata.layers["lod"] = np.array([[4.0, 35.0, 1.0], [0.0, 35.0, 1.0]])
    exo.pp.log2(adata, offset=1.0)
    np.testing.assert_allclose(adata.layers["lod"][:, 0], [np.log2(5), 0.0])
    np.testing.assert_array_equal(adata.layers["lod"][:, 1], [-35, -35])
    assert np.isnan(adata.layers["lod"][:, 2]).all()
    below = adata.X[:, :2] < adata.layers["lod"][:, :2]
    assert below.tolist() == [[False, False], [False, True]]


def test_ratios_to_a_median_are_no_logarithms(trial):
    """Intensities over their median are small and linear: no warning, no finding."""
    ratio = 2.0 ** (trial.X - np.nanmedian(trial.X, axis=0))
    assert np.nanmax(ratio) < 30
    declared(trial, "intensity", ratio)
    assert "scale_suspect" not in {f.id for f in exo.pp.check(trial).findings}
    exo.pp.log2(trial)
    with pytest.warns(ExerkineWarning, match="logarithms already"):
        exo.pp.log2(declared(trial, "intensity", trial.X + 12))
