"""mwTab: text and JSON, and what is wrong with a file."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import InputError
from exerkine_omics.io._columns import column_map
from exerkine_omics.io._mwtab_frames import unit_of

REAL = "mwtab_examples/original/"


def write_file(folder, content: bytes, name: str = "x.txt"):
    path = folder / name
    path.write_bytes(content)
    return path


def findings(adata) -> set[str]:
    return set(adata.uns["exerkine"]["findings"]["id"])


@pytest.fixture
def content(vendor_files) -> bytes:
    return vendor_files["mwtab_ms.txt"]


@pytest.mark.quick
@pytest.mark.parametrize("name", ["mwtab_ms.txt", "mwtab_ms.json"])
def test_what_is_read(vendor_files, tmp_path, name):
    adata = exo.io.read(write_file(tmp_path, vendor_files[name], name))
    known = adata.uns["exerkine"]
    assert known["format"] == {"txt": "mwtab", "json": "mwtab_json"}[name[-4:].strip(".")]
    assert known["units"] == "concentration" and known["species"] == "human"
    assert known["matrix"] == "plasma_edta" and known["platform"] == "mwtab_ms"
    expected = [
        [1.25, 0.03, np.nan],
        [6.5, np.nan, 3],
        [1.1, 0.02, np.nan],
        [1.2, np.nan, 4],
        [2.5, 0.04, 5],
    ]
    np.testing.assert_array_equal(adata.X, expected)
    # NA and an empty cell are missing; ND and <LOD are below detection
    assert adata.layers["below_lod"].sum(axis=0).tolist() == [0, 0, 2]
    assert list(adata.obs_names) == ["S-01", "S-02", "S-03", "S-04", "Pool 1"]
    assert list(adata.obs["subject_id"].astype(object))[:4] == ["A1", "A1", "B2", "B2"]
    assert pd.isna(adata.obs["subject_id"].iloc[4])
    # the arm without training is no technical control
    assert list(adata.obs["sample_type"]) == [*["sample"] * 4, "qc"]
    assert list(adata.obs["Arm"][:4]) == ["Training", "Training", "Control", "Control"]
    assert adata.obs["Minutes"].tolist()[:4] == [0, 60, 0, 60]
    assert adata.obs["Age"].tolist()[:4] == [41, 41, 39, 39]
    assert adata.obs["Additional sample data"].iloc[0] == "Age=41; RAW_FILE_NAME=a.raw"
    # the repository writes commas as _ and quotes as ^ in the data
    assert list(adata.var_names) == ["lactate", "12_13-DiHOME", "5^-AMP"]
    assert list(adata.var["name"]) == ["lactate", "12,13-DiHOME", "5'-AMP"]
    assert list(adata.var["kegg"]) == ["C00186", "C14829", "C00020"]
    assert list(adata.var["hmdb"]) == ["HMDB0000190", "", ""]
    assert adata.var["inchikey"].iloc[0].startswith("JVTA")
    assert adata.var["pubchem_id"].iloc[0] == "612"
    assert set(adata.var["measured_in"]) == {"nmol/mL"}
    header = json.loads(known["header"])
    assert header["STUDY"]["STUDY_SUMMARY"] == "A summary two lines"
    assert header["METABOLOMICS WORKBENCH"]["ANALYSIS_ID"] == "AN999999"
    assert findings(adata) == {"controls_from_factors", "below_lod_words"}


def test_text_and_json_agree(vendor_files, tmp_path):
    text, other = (
        exo.io.read_mwtab(write_file(tmp_path, vendor_files[n], n))
        for n in ("mwtab_ms.txt", "mwtab_ms.json")
    )
    np.testing.assert_array_equal(text.X, other.X)
    pd.testing.assert_frame_equal(text.obs, other.obs)
    pd.testing.assert_frame_equal(text.var, other.var)


def test_people_and_times(content, tmp_path, round_trip):
    adata = exo.io.read_mwtab(write_file(tmp_path, content))
    people = adata[adata.obs["sample_type"] == "sample"].copy()
    exo.io.set_samples(
        people, people.obs, subject="subject_id", timepoint="Minutes", baseline=0, arm="Arm"
    )
    assert list(people.obs["timepoint"].cat.categories) == ["0", "60"]
    back = round_trip(people)
    pd.testing.assert_frame_equal(back.obs, people.obs)


def test_binned_nmr(vendor_files, tmp_path):
    adata = exo.io.read(write_file(tmp_path, vendor_files["mwtab_nmr_binned.txt"]))
    assert adata.shape == (5, 6) and adata.uns["exerkine"]["units"] == "intensity"
    assert adata.var_names[0] == "0.0...0.1" and adata.X[1, 1] == 0.006
    assert adata.uns["exerkine"]["platform"] == "mwtab_nmr"


def test_extended_data_are_layers(vendor_files, tmp_path):
    adata = exo.io.read(write_file(tmp_path, vendor_files["mwtab_extended.txt"]))
    np.testing.assert_array_equal(
        adata.layers["extended_peak_area"], np.arange(5)[:, None] + 100 * np.arange(3)
    )
    assert "extended_not_kept" in findings(adata)  # a column of text


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("peak area", "intensity"), ("Peak Height", "intensity"), ("ion counts", "intensity"),
        ("Normalized peak area", "intensity"), ("relative abundance", "intensity"),
        ("uM", "concentration"), ("µM", "concentration"), ("ng/mL", "concentration"),
        ("pmol/mg protein", "concentration"), ("umol per liter", "concentration"),
        ("micromolar", "concentration"), ("log2 peak area", "log2"), ("log2", "log2"),
        ("Log10 peak area", None), ("ln intensity", None), ("z-score", "zscore"),
    ],
)  # fmt: skip
def test_units(text, unit):
    assert unit_of(text, column_map("mwtab")) == (unit, [])


def test_unknown_unit_is_said(content, tmp_path):
    for word in (b"furlongs", b""):
        adata = exo.io.read_mwtab(write_file(tmp_path, content.replace(b"nmol/mL", word)))
        assert adata.uns["exerkine"]["units"] == "intensity"
        assert "units_unknown_as_intensity" in findings(adata)


CHANGES = [
    (b"MS_METABOLITE_DATA_END", b"", "inside MS_METABOLITE_DATA|has no MS_METABOLITE_DATA_END"),
    (b"\r\nlactate\t1.25\t", b"\r\nlactate\t1.25", "Line 29 holds 4 values"),
    (b"1.25", b"high", "Text.*lactate.*S-01: 'high'.*line 29"),
    (b"1.25", b"1,25", "S-01: '1,25'"),
    (b"1.25", b"inf", "infinite"),
    (b"Arm:Training | Minutes:0\tAge", b"Arm Training | Minutes:0\tAge", "line 15 is no pair"),
    (b"Arm:Training | Minutes:0\tAge", b"Arm::Training | Minutes:0\tAge", "line 15"),
    (b"Age=41; RAW", b"Age==41; RAW", "line 15"),
    (b"\tA1\tS-01\t", b"\tA1S-01", "Line 15 should hold"),
    (b"\tA1\tS-01\tArm", b"\tA1\tS-02\tArm", "S-02' more than once"),
    (b"Samples\tS-01", b"Samples\tS-02", "S-02' more than once"),
    (b"PR:PROJECT_TITLE", b"PROJECT_TITLE", "Line 5 is not understood"),
    (b"metabolite_name\tmoverz_quant", b"metabolite_name\tmetabolite_name", "a column twice"),
    (b"\tC00186\t", b"\tC00186\t\t\t\t", "cells under 6 titles"),
]


@pytest.mark.parametrize(("old", "new", "words"), CHANGES)
def test_bad_text(content, tmp_path, old, new, words):
    assert old in content
    with pytest.raises(InputError, match=words):
        exo.io.read_mwtab(write_file(tmp_path, content.replace(old, new, 1)))


def test_cut_off(content, tmp_path):
    """Cut anywhere: an error, or all values with a finding."""
    whole = exo.io.read_mwtab(write_file(tmp_path, content))
    for end in range(60, len(content) - 8, 7):
        try:
            adata = exo.io.read_mwtab(write_file(tmp_path, content[:end]))
        except InputError:
            continue
        np.testing.assert_array_equal(adata.X, whole.X)
        assert "no_end_mark" in findings(adata)


def test_doubts_are_findings(content, tmp_path):
    for old, new, finding in (
        (
            b"PR:PROJECT_TITLE                 \t",
            b"PR:PROJECT_TITLE                 ",
            "tab_missing",
        ),
        (b"\tB2\tS-03\tArm", b"\tB2\tS-33\tArm", "samples_without_factors"),
        (b"Factors\tArm:Training", b"Factors\tArm:Control", "factors_disagree"),
        (b"5^-AMP\tND", b"lactate\tND", "duplicate_metabolites"),
        (b"12,13-DiHOME\t", b"12,14-DiHOME\t", "feature_without_annotation"),
        (b"EDTA", b"tubes", "matrix_stated"),
        (b"12,13-DiHOME\t", b"12,14-DiHOME\t", "annotation_without_data"),
        (b"9606", b"-", None),
        (b"#MS_META", b"MS:MS_RESULTS_FILE\tresults.txt\tUNITS:area\r\n#MS_META", "results_file"),
    ):
        assert old in content
        adata = exo.io.read_mwtab(write_file(tmp_path, content.replace(old, new, 1)))
        usual = {"controls_from_factors", "below_lod_words"}
        assert findings(adata) - usual >= ({finding} if finding else set()), finding
        if finding is None:
            assert findings(adata) == usual
        assert adata.shape == (5, 3)
    twice = exo.io.read_mwtab(write_file(tmp_path, content.replace(b"5^-AMP\tND", b"lactate\tND")))
    assert list(twice.var_names) == ["lactate", "12_13-DiHOME", "lactate|2"]


def test_species_not_said(content, tmp_path):
    bare = content.replace(b"9606", b"").replace(b"Homo sapiens", b"-")
    adata = exo.io.read_mwtab(write_file(tmp_path, bare))
    assert "species_unknown" in findings(adata)
    adata = exo.io.read_mwtab(write_file(tmp_path, bare), species="rat", matrix_type="serum")
    assert adata.uns["exerkine"]["species"] == "rat" and "species_unknown" not in findings(adata)


def test_only_a_results_file(content, tmp_path):
    head = content[: content.index(b"#MS_METABOLITE_DATA")]
    line = b"MS:MS_RESULTS_FILE               \tST9_Results.txt\tUNITS:Peak area\r\n#END\r\n"
    with pytest.raises(InputError, match="ST9_Results.txt"):
        exo.io.read_mwtab(write_file(tmp_path, head + line))
    with pytest.raises(InputError, match="no data"):
        exo.io.read_mwtab(write_file(tmp_path, head + b"#END\r\n"))


def test_several_analyses(content, vendor_files, tmp_path):
    other = content.replace(b"AN999999", b"AN000002").replace(b"1.25", b"9.75")
    path = write_file(tmp_path, content + other)
    with pytest.raises(InputError, match="2 analyses.*AN000002"):
        exo.io.read_mwtab(path)
    assert exo.io.read(path, analysis="AN000002").X[0, 0] == 9.75
    with pytest.raises(InputError, match="AN7"):
        exo.io.read(path, analysis="AN7")
    one = json.loads(vendor_files["mwtab_ms.json"])
    two = json.loads(vendor_files["mwtab_ms.json"].replace(b"AN999999", b"AN000002"))
    path = write_file(tmp_path, json.dumps({"1": one, "2": two}).encode(), "x.json")
    assert exo.io.read(path, analysis="AN000002").shape == (5, 3)


def test_bad_json(vendor_files, tmp_path):
    text = vendor_files["mwtab_ms.json"].decode()
    whole = json.loads(text)
    for change, words in (
        (text[: len(text) // 2], "no whole JSON"),
        (text.replace('"S-02": "6.5"', '"S-01": "6.5"'), "S-01' more than once"),
        (text.replace('"Minutes": "60"', '"Arm": "60"', 1), "Arm' more than once"),
        (json.dumps({**whole, "SUBJECT_SAMPLE_FACTORS": {}}), "not a list"),
        (json.dumps({**whole, "MS_METABOLITE_DATA": []}), "not an object"),
        (json.dumps({k: v for k, v in whole.items() if k != "MS_METABOLITE_DATA"}), "no data"),
        (text.replace("1.25", "low"), "lactate"),
    ):
        with pytest.raises(InputError, match=words):
            exo.io.read_mwtab(write_file(tmp_path, change.encode(), "x.json"))
    del whole["MS_METABOLITE_DATA"]["Data"][1]["S-04"]
    adata = exo.io.read_mwtab(write_file(tmp_path, json.dumps(whole).encode(), "x.json"))
    assert "incomplete_samples" in findings(adata) and np.isnan(adata.X[3, 1])


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("ST000017_AN000035.txt", "ST000017_hcr_lcr_rat"),
        ("ST000017_AN000035.json", "ST000017_hcr_lcr_rat"),
        ("ST000048_AN000084.txt", "ST000048_seal_timecourse"),
    ],
)
def test_values_of_the_plain_table(data_dir, name, beside):
    adata = exo.io.read(data_dir / REAL / name)
    folder = data_dir / "mwtab_examples"
    matrix = pd.read_csv(folder / f"{beside}_matrix.csv", index_col=0)
    assert list(matrix.index) == list(adata.obs_names)
    # the plain table keeps one of two equal rows of a name
    plain = matrix[[v.split("|")[0] for v in adata.var_names]]
    np.testing.assert_array_equal(adata.X, plain.to_numpy())
    samples = pd.read_csv(folder / f"{beside}_samples.csv", index_col=0).loc[adata.obs_names]
    for column in samples:
        ours = adata.obs[column]
        if pd.api.types.is_numeric_dtype(ours):
            np.testing.assert_array_equal(ours, samples[column])
        else:
            assert ours.tolist() == samples[column].tolist()


@pytest.mark.real_data
def test_real_context(data_dir):
    seals = exo.io.read(data_dir / REAL / "ST000048_AN000084.txt")
    assert seals.obs["sample_type"].value_counts().to_dict() == {"sample": 108, "qc": 9}
    rats = exo.io.read(data_dir / REAL / "ST000017_AN000035.txt")
    assert rats.uns["exerkine"]["species"] == "rat" and rats.uns["exerkine"]["matrix"] == "serum"
    mice = exo.io.read(data_dir / REAL / "ST000057_AN000095.txt")
    assert mice.uns["exerkine"]["species"] == "mouse"
    assert list(mice.obs["subject_id"][:2]) == ["3", "16"]
    assert mice.obs["Group"].dtype == np.int64


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("malformed_SSF_line", "Line 72"),
        ("malformed_additional_data", "line 72"),
        ("malformed_factor", "line 72"),
        ("missing_tab", None),
        ("results_file", None),
        ("results_file_bad_location", None),
    ],
)
def test_malformed(data_dir, kind, words):
    good = exo.io.read(data_dir / REAL / "ST000022_AN000041.txt")
    path = data_dir / REAL / f"ST000022_AN000041_{kind}.txt"
    if words:
        with pytest.raises(InputError, match=words):
            exo.io.read(path)
        return
    adata = exo.io.read(path)
    np.testing.assert_array_equal(adata.X, good.X)
    pd.testing.assert_frame_equal(adata.obs, good.obs)
    assert {"missing_tab": "tab_missing"}.get(kind, "results_file") in findings(adata)
