"""Missing values, and coverage of signatures."""

from __future__ import annotations

import numpy as np
import pytest

from exerkine_omics import pl


def test_shares_are_right(make):
    adata = make.cohort(20, 8, 3)
    ax, data = pl.qc(adata, return_data=True)
    absent = ~np.isfinite(adata.X)
    samples = data[data["kind"] == "sample"].set_index("id")["missing"]
    np.testing.assert_allclose(samples[adata.obs_names], absent.mean(axis=1))
    at = (adata.obs["timepoint"] == "km25").to_numpy()
    features = data[(data["kind"] == "feature") & (data["timepoint"] == "km25")]
    np.testing.assert_allclose(features["missing"], absent[at].mean(axis=0))
    assert [t.get_text() for t in ax.get_xticklabels()] == ["pre\nn=8", "km25\nn=6", "finish\nn=8"]
    assert sum(len(c.get_offsets()) for c in ax.collections) == len(data) == 22 + 60


def test_many_features_are_an_outline(make):
    ax = pl.qc(make.cohort(2000, 6, 2))
    dots = [c for c in ax.collections if len(c.get_offsets()) > 1]
    assert sum(len(c.get_offsets()) for c in dots) == 10  # samples only
    assert len(ax.collections) == 4


def test_complete_data(make):
    adata = make.cohort(2000, 4, 2)
    adata.X[:] = 1.0
    _, data = pl.qc(adata, return_data=True)
    assert (data["missing"] == 0).all()


@pytest.mark.parametrize("n", [5, 5000])
def test_coverage_bars(make, n):
    frame = make.coverage(n)
    ax, data = pl.coverage(frame, min_coverage=0.4, return_data=True)
    widths = np.array([b.get_width() for b in sorted(ax.patches, key=lambda b: b.get_y())])
    np.testing.assert_allclose(widths, data["coverage"])
    assert (np.diff(data["coverage"]) <= 0).all() and len(data) == min(n, 40)
    counts = [t.get_text() for t in ax.texts if t.get_gid() == "n"]
    assert counts[0] == f"{data['n_measured'][0]} of {data['n_members'][0]}"
    captions = [t.get_text() for t in ax.texts if t.get_gid() == "caption"]
    assert bool(captions) == (n == 5000)
    if captions:
        assert captions == ["Not drawn: 4,960 signatures of lower coverage."]


def test_unknown_coverage_is_said(make):
    frame = make.coverage(3)
    frame.loc[0, "coverage"] = np.nan
    ax = pl.coverage(frame)
    assert [t.get_text() for t in ax.texts if t.get_gid() == "n"][-1] == "not known"
