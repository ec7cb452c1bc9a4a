"""Every real file at hand goes the whole way: read, check, clean, normalise, pair."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics import schema

pytestmark = pytest.mark.real_data

# files that hold no cohort, and what is said of them
REFUSED = {
    "somascan_example/original/empty.adat": "sample",
    "mirna_qpcr_exports/allotropy/original/appbio_quantstudio_minimal_missing_results.txt": "esult",
}
FOLDERS = (
    "somascan_example/original/*.adat",
    "metaboprep_vendor_examples/original/*.adat",
    "atkin_hypoglycaemia/*.adat",
    "atkin_hypoglycaemia/*.xlsx",
    "olink_npx_example/*long.csv.gz",
    "olink_npx_example/original/*.xlsx",
    "olink_npx_example/original/*.parquet",
    "longitudinal_olink_covid_serum/original/serum_npx_level.csv",
    "metaboprep_vendor_examples/original/olink*.txt",
    "mwtab_examples/original/ST0000*AN0000??.*",
    "metabolon_layouts/original/*.xlsx",
    "metaboprep_vendor_examples/original/metabolon*.xlsx",
    "biocrates_metidq/original_MetAlyzer/*.xlsx",
    "biocrates_metidq/original_metaquac/biocrates*LC*.txt",
    "biocrates_metidq/original_metaquac/biocrates*FIA*.txt",
    "mirna_qpcr_exports/htqpcr/original/*_sample.*",
    "mirna_qpcr_exports/htqpcr/original/sample?.txt",
    "mirna_qpcr_exports/ddct/original/*xperiment*.txt",
    "mirna_qpcr_exports/ddct/original/QuantStudio*.txt",
    "mirna_qpcr_exports/rdml/original/*.rdml",
    "mirna_qpcr_exports/allotropy/original/*",
)


def sheet_of(adata) -> pd.DataFrame:
    """People and visits made up: these files know tubes only. Two tubes a person, in pairs."""
    tubes = adata.obs_names[
        adata.obs[schema.SAMPLE_TYPE].eq(schema.SAMPLE)
        if schema.SAMPLE_TYPE in adata.obs
        else slice(None)
    ]
    number = np.arange(len(tubes))
    return pd.DataFrame(
        {
            "person": [f"P{i // 2:03d}" for i in number],
            "visit": np.where(number % 2, "post", "pre"),
        },
        index=tubes,
    )


def test_all_files_go_the_whole_way(data_dir: Path, tmp_path: Path):
    files = sorted({p for pattern in FOLDERS for p in data_dir.glob(pattern)})
    assert len(files) > 45
    seen: dict[str, int] = {}
    for path in files:
        name = str(path.relative_to(data_dir))
        if name in REFUSED:
            with pytest.raises(exo.errors.InputError, match=REFUSED[name]):
                exo.io.read(path)
            continue
        adata = exo.io.read(path)
        known = adata.uns[schema.UNS]
        seen[known[schema.FORMAT]] = seen.get(known[schema.FORMAT], 0) + 1
        sheet = sheet_of(adata)
        if not len(sheet):  # controls only
            assert exo.pp.check(adata).to_frame()["id"].eq("control_samples").any(), name
            continue
        exo.io.set_samples(adata, sheet, subject="person", timepoint="visit", baseline="pre")
        report = exo.pp.check(adata)
        assert all(f.severity in ("error", "warning", "note") for f in report.findings), name
        clean = exo.pp.clean(adata)
        assert clean.n_obs <= len(sheet), name
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if known[schema.UNITS] in ("RFU", "intensity", "concentration"):
                exo.pp.log2(clean, offset=float(np.nanmin(clean.X[clean.X > 0])))
            elif known[schema.UNITS] == "Cq":
                exo.pp.log2(clean)
            exo.pp.normalize(clean, method="median")
        if clean.obs["timepoint"].nunique() > 1:
            pairs = exo.pp.pair(clean)
            assert pairs.counts["n_pairs"].iloc[0] >= 1, name
        else:  # one person's one tube
            with pytest.raises(exo.errors.UsageError, match="no time point beside"):
                exo.pp.pair(clean)
        exo.io.write(clean, tmp_path / "clean.h5ad")
        back = exo.io.read(tmp_path / "clean.h5ad")
        np.testing.assert_array_equal(back.X, clean.X, err_msg=name)
    assert len(seen) >= 10, seen


def test_two_platforms_of_one_cohort_become_one_mudata(data_dir: Path):
    """Hypoglycaemia: Metabolon and SomaScan of 17 people, four times, one visit missing."""
    folder = data_dir / "atkin_hypoglycaemia"
    who = {"subject": "Subject", "timepoint": "Time", "baseline": "t0"}
    metabolites = exo.io.read(folder / "atkin.metabolon.xlsx", **who)
    proteins = exo.io.read(folder / "atkin.somascan.adat", **who)
    both = exo.pp.join({"metabolon": metabolites, "somascan": proteins})
    assert both.n_obs == 67 and both["metabolon"].n_obs == both["somascan"].n_obs == 67
    assert "C01|t2" not in both.obs_names and both.obs["subject_id"].nunique() == 17
    # visit by visit the values are those of the plain tables
    for name, table, key in (
        ("metabolon", "metabolon_matrix.csv", "metabolon_samples.csv"),
        ("somascan", "somascan_matrix_rfu.csv", "somascan_samples.csv"),
    ):
        matrix = pd.read_csv(folder / table, index_col=0, float_precision="round_trip")
        samples = pd.read_csv(folder / key).set_index(pd.read_csv(folder / key).columns[0])
        visit = samples["Subject"].astype(str) + "|" + samples["Time"].astype(str)
        matrix = matrix.set_axis(visit.loc[matrix.index].to_numpy(), axis=0)
        frame = both[name].to_df().loc[matrix.index]
        ours = frame.to_numpy()[:, np.argsort(np.nanmean(frame, axis=0))]
        plain = matrix.to_numpy(float)[:, np.argsort(np.nanmean(matrix, axis=0))]
        np.testing.assert_array_equal(ours, plain, err_msg=name)
    glucose = both["metabolon"].var_names[
        both["metabolon"].var["name"].astype(str).str.casefold() == "glucose"
    ]
    if len(glucose):
        values = both["metabolon"][:, glucose].to_df()[glucose[0]]
        time = both["metabolon"].obs["timepoint"].astype(str)
        assert values[time == "t2"].mean() < 0.85 * values[time == "t0"].mean()
