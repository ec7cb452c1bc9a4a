"""One row a person, time in the column names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import InputError, UsageError

HOW = {
    "subject": "ID", "timepoint": "time", "baseline": "rest", "units": "concentration",
    "modality": "metabolomics", "timepoint_order": ["rest", "post"],
}  # fmt: skip
TABLE = (
    "ID;age;12_13_DiHOME_con_rest;12_13_DiHOME_con_post;12_13_DiHOME_ecc_rest;"
    "12_13_DiHOME_ecc_post;GSH_con_rest;GSH_con_post;GSH_ecc_rest;Body_fat_con_48\n"
    "01;30;1,5;2,5;3,5;4,5;7,25;;9,5;1\n02;41;1;2;3;4;7;8;9;2\n"
)
PATTERN = "{analyte}_{condition}_{time}"


@pytest.fixture
def path(tmp_path):
    (tmp_path / "wide.csv").write_text(TABLE)
    return tmp_path / "wide.csv"


def test_columns_become_visits(path):
    adata = exo.io.read(path, pattern=PATTERN, **HOW)
    frame = adata.to_df()
    assert list(frame.columns) == ["12_13_DiHOME", "GSH"]
    assert frame.loc["01|con|rest"].tolist() == [1.5, 7.25]
    assert np.isnan(frame.loc["01|con|post", "GSH"]) and np.isnan(frame.loc["02|ecc|post", "GSH"])
    obs = adata.obs.loc["02|ecc|rest"]
    assert (obs["subject_id"], obs["condition"], obs["timepoint"], obs["age"]) == (
        "02", "ecc", "rest", 41,
    )  # fmt: skip
    assert "Body_fat_con_48" in adata.obs  # 48 is no time point of this call
    assert list(adata.obs["timepoint"].cat.categories) == ["rest", "post"]
    chosen = exo.io.read(path, pattern=PATTERN, analytes=["GSH"], **HOW)
    assert list(chosen.var_names) == ["GSH"]


def test_what_cannot_be_read(path):
    with pytest.raises(UsageError, match="which endings are time points.*'rest'"):
        exo.io.read(path, pattern=PATTERN, **{k: v for k, v in HOW.items() if k[-1] != "r"})
    with pytest.raises(UsageError, match="must hold"):
        exo.io.read(path, pattern="{analyte}_{visit}", **HOW)
    with pytest.raises(InputError, match="No column is named"):
        exo.io.read(path, pattern="{time}.{analyte}", **HOW)
    with pytest.raises(InputError, match="measures 'IL6'"):
        exo.io.read(path, pattern=PATTERN, analytes=["IL6"], **HOW)
    with pytest.raises(UsageError, match="samples=None"):
        exo.io.read_table(path, path, pattern=PATTERN, **HOW)
    path.write_text(TABLE.replace("\n02", "\n01"))
    with pytest.raises(InputError, match="'01' stand more than once"):
        exo.io.read(path, pattern=PATTERN, **HOW)


@pytest.mark.real_data
def test_redox_crossover(data_dir):
    """Semicolon, decimal comma, byte order mark, 20 people: the values of the plain table."""
    folder = data_dir / "erythrocyte_eccentric_crossover"
    plain = pd.read_csv(folder / "blood_markers_wide.csv", float_precision="round_trip")
    plain.index = plain["subject"] + "|" + plain["condition"] + "|" + plain["timepoint"]
    analytes = list(plain.columns[3:])
    adata = exo.io.read(
        folder / "original" / "complete_database.csv",
        pattern=PATTERN,
        **{**HOW, "timepoint_order": ["rest", "pre", "post", "post0", "post10", "post30"]},
        analytes=analytes,
    )
    frame = adata.to_df()
    # the source writes pH of the eccentric condition as `exp`; the plain table calls it `ecc`
    for visit in frame.index[frame.index.str.contains("|exp|", regex=False)]:
        frame.loc[visit.replace("|exp|", "|ecc|"), "pH"] = frame.loc[visit, "pH"]
    frame = frame.loc[plain.index, analytes]
    pd.testing.assert_frame_equal(frame, plain[analytes].astype(float), check_names=False)
    assert frame.notna().to_numpy().sum() == 2600


@pytest.mark.real_data
def test_bariatric_visits(data_dir):
    """39 people, four visits, real drop-out: the wide file equals the table by visit."""
    folder = data_dir / "metabotyping_bariatric"
    plain = pd.read_csv(
        folder / "by_visit_all_variables.csv", dtype={"SUBJECTS": str}, float_precision="round_trip"
    )
    plain.index = plain["SUBJECTS"] + "|" + plain["time"]
    adata = exo.io.read(
        folder / "original" / "DataValues_S013.csv",
        pattern="{analyte}_{time}",
        **{
            **HOW,
            "subject": "SUBJECTS",
            "baseline": "T0",
            "timepoint_order": ["T0", "T2", "T4", "T5"],
        },
    )
    frame = adata.to_df().loc[plain.index]
    shared = [c for c in frame.columns if c in plain.columns]
    assert len(shared) > 150
    for name in shared:
        np.testing.assert_array_equal(
            frame[name], pd.to_numeric(plain[name], errors="raise"), err_msg=name
        )


@pytest.mark.real_data
def test_ultramarathon_table(data_dir):
    path = data_dir / "ultramarathon_50km_cytokines" / "samples_by_analyte.csv"
    analytes = ["IL6_pg_ml", "IL8_pg_ml", "TNFa_pg_ml", "IL1b_pg_ml"]
    adata = exo.io.read(
        path,
        subject="subject",
        timepoint="timepoint",
        baseline="pre",
        analytes=analytes,
        units="concentration",
        modality="proteomics",
    )
    plain = pd.read_csv(path, float_precision="round_trip")
    np.testing.assert_array_equal(adata.to_df()[analytes].to_numpy(), plain[analytes].to_numpy())
    assert {"hemoglobin_g_dl", "hematocrit_pct"} <= set(adata.obs)
