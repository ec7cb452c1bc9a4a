"""Samples on two components."""

from __future__ import annotations

import numpy as np
import pytest

import exerkine_omics as exo
from exerkine_omics import pl
from exerkine_omics.errors import InputError, UsageError


@pytest.fixture(scope="module")
def adata():
    made = exo.datasets.simulate(20, seed=1).adata
    exo.pp.pca(made, n_comps=4)
    return made


def test_points_are_the_scores(adata):
    ax, data = pl.pca(adata, components=(2, 4), return_data=True)
    data = data.set_index("sample_id").loc[adata.obs_names]
    np.testing.assert_allclose(data[["PC2", "PC4"]], adata.obsm["X_pca"][:, [1, 3]])
    share = adata.uns["pca"]["variance_ratio"][3]
    assert ax.get_ylabel() == f"PC4, {share:.1%} of the variance"
    labels = [t.get_text() for t in ax.get_legend().get_texts()]
    counts = adata.obs["timepoint"].value_counts()
    assert labels == [f"pre, n={counts['pre']}", f"post, n={counts['post']}"]


def test_numbers_have_a_scale_and_none_has_no_colour(adata):
    ax = pl.pca(adata, color="age")
    assert ax.get_legend() is None and len(ax.figure.axes) == 2
    ax, data = pl.pca(adata, color=None, return_data=True)
    assert ax.get_legend() is None and (data["color"] == "").all()


def test_people_are_joined_in_time(make):
    lab = make.lab(5, 4)
    ax = pl.pca(lab, join=True)
    lines = [line for line in ax.lines if line.get_zorder() == 1]
    assert len(lines) == 4
    mine = (lab.obs["subject_id"] == "P00").to_numpy()
    order = np.argsort(lab.obs["timepoint"].cat.codes[mine].to_numpy())
    np.testing.assert_allclose(lines[0].get_xdata(), lab.obsm["X_pca"][mine][order, 0])


def test_controls_outliers_and_samples_without_scores(make):
    lab = make.lab(5)
    lab.obs["outlier"] = lab.obs_names == "P02_pre"
    lab.obsm["X_pca"][3] = np.nan
    ax = pl.pca(lab)
    said = " ".join(t.get_text() for t in ax.texts if t.get_gid() == "caption").replace("\n", " ")
    assert "P02_pre" in said and "Not drawn: 1 sample without values." in said
    labels = [t.get_text() for t in ax.get_legend().get_texts()]
    assert labels[-2:] == ["blank, n=3", "qc, n=12"]


def test_unknown_levels_are_grey(make):
    lab = make.lab(5)
    lab.obs["site"] = [None, *["A"] * (lab.n_obs - 1)]
    labels = [t.get_text() for t in pl.pca(lab, color="site").get_legend().get_texts()]
    assert labels[1] == "not known, n=1"


def test_many_levels_are_counted(make):
    lab = make.lab(5, 30, n_plates=25)
    labels = [t.get_text() for t in pl.pca(lab, color="plate_id").get_legend().get_texts()]
    assert "and 7 more" in labels


@pytest.mark.parametrize("components", [(0, 1), (1, 9), (1,), (1, 2, 3), (1.0, 2), (True, 2)])
def test_wrong_components(adata, components):
    with pytest.raises(UsageError, match="components="):
        pl.pca(adata, components=components)


def test_what_is_not_there(adata):
    with pytest.raises(InputError, match=r"exo.pp.pca\(adata, key_added='X_pca_before'\)"):
        pl.qc(adata, "pca", before=True)
    with pytest.raises(InputError, match="plate"):
        pl.pca(adata, color="plate")
