"""SomaScan ADAT: read, write, and what is wrong with a file."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import ExerkineWarning, InputError, UnitsError

SOURCES = {
    "somascan_example/original/canopy_control_data.adat": (11, 5284),
    "somascan_example/original/example_data10.adat": (10, 5284),
    "somascan_example/original/single_sample.adat": (1, 5284),
    "metaboprep_vendor_examples/original/somalogic_v1_example.adat": (10, 5284),
    "atkin_hypoglycaemia/atkin.somascan.adat": (67, 20),
}


def write_file(folder, content: bytes, name: str = "x.adat"):
    path = folder / name
    path.write_bytes(content)
    return path


def assert_same(one, other):
    np.testing.assert_array_equal(one.X, other.X)
    pd.testing.assert_frame_equal(one.obs, other.obs)
    pd.testing.assert_frame_equal(one.var, other.var)
    known, again = one.uns["exerkine"], other.uns["exerkine"]
    assert known.keys() == again.keys()
    for key, value in known.items():
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(value, again[key])
        else:
            assert value == again[key], key


@pytest.fixture
def v4(vendor_files, tmp_path):
    return write_file(tmp_path, vendor_files["somascan_v4.adat"])


@pytest.mark.quick
def test_what_is_read(v4):
    adata = exo.io.read(v4)
    known = adata.uns["exerkine"]
    assert adata.shape == (7, 4)
    assert known["format"] == "adat" and known["units"] == "RFU"
    assert known["matrix"] == "plasma_edta" and known["species"] == "unknown"
    assert known["sample_scaling"] == "ANML"
    assert not known["experimental"]
    assert list(adata.obs_names[:3]) == ["S1", "S2", "S3"]
    assert adata.obs_names[3] == "Plate 1|258495800003|4"  # two calibrators of one SampleId
    assert list(adata.obs["sample_type"]) == [*["sample"] * 3, "calibrator", "calibrator", "qc",
                                              "blank"]  # fmt: skip
    assert adata.obs["qc_status"].iloc[0] == "FLAG"
    # ids keep their zeros, numbers are numbers, what is empty is missing
    assert adata.obs["Barcode"].iloc[0] == "0334400000"
    assert adata.obs["Age"].dtype == float and np.isnan(adata.obs["Age"].iloc[-1])
    assert adata.obs["NormScale_20"].iloc[0] == 1.0
    assert adata.obs["SampleNotes"].isna().sum() == 6
    assert list(adata.var_names) == ["10000-28", "4930-21", "2567-5", "2171-12"]
    assert adata.var.loc["4930-21", "uniprot"] == "P00002 P00003"
    assert adata.var.loc["4930-21", "gene_symbol"] == "GENB GENC"
    assert adata.var.loc["10000-28", "name"] == "Invented protein A"
    assert adata.var.loc["10000-28", "EntrezGeneID"] == "1001"
    assert adata.var["Cal_Plate_1"].iloc[0] == 0.9
    assert json.loads(known["header"])["!Title"] == "Round trip"
    found = set(known["findings"]["id"])
    assert {"species_unknown", "anml_stated", "sample_id_from_well", "not_proteins"} == found


def test_spreadsheet_saved(vendor_files, tmp_path):
    adata = exo.io.read_adat(write_file(tmp_path, vendor_files["somascan_v3.adat"]))
    known = adata.uns["exerkine"]
    assert known["matrix"] == "serum" and known["species"] == "human"
    assert known["sample_scaling"] == "medNorm"
    assert list(adata.var_names) == ["2567-5_6", "2623-54_4"]
    assert list(adata.var["seq_id"]) == ["2567-5", "2623-54"]
    assert "slide_id_rounded" in set(known["findings"]["id"])
    exo.io.set_samples(adata, adata.obs, subject="Subject", timepoint="Time", baseline="t0")
    assert adata.obs["subject_id"].nunique() == 2


@pytest.mark.parametrize("name", ["somascan_v4.adat", "somascan_v3.adat"])
def test_round_trip_to_the_byte(vendor_files, tmp_path, name):
    path = write_file(tmp_path, vendor_files[name], name)
    adata = exo.io.read(path)
    again = tmp_path / "again" / name
    again.parent.mkdir()
    exo.io.write(adata, again)
    assert again.read_bytes() == path.read_bytes()
    assert_same(exo.io.read(again), adata)
    # through h5ad too
    exo.io.write(adata, tmp_path / "x.h5ad")
    exo.io.write(exo.io.read(tmp_path / "x.h5ad"), again)
    assert again.read_bytes() == path.read_bytes()


def test_a_part_is_written(vendor_files, tmp_path, v4):
    whole = exo.io.read(v4)
    part = whole[[0, 3, 5], [2, 0]].copy()
    part.obs["subject_id"] = ["P1", "P2", "P3"]
    part.obs["dose"] = [0.1, 12.0, np.nan]
    part.var["panel"] = ["a", ""]
    path = tmp_path / "part.adat"
    exo.io.write(part, path)
    back = exo.io.read(path)
    # one calibrator is left: its SampleId would name it, its id stays
    assert list(back.obs_names) == list(part.obs_names)
    assert list(back.var_names) == ["2567-5", "10000-28"]
    np.testing.assert_array_equal(back.X, part.X)
    assert list(back.obs["subject_id"]) == ["P1", "P2", "P3"]
    np.testing.assert_array_equal(back.obs["dose"], part.obs["dose"])
    assert list(back.var["panel"]) == ["a", ""]
    for column in whole.obs:
        expected = part.obs[column].astype(object)
        assert back.obs[column].astype(object).equals(expected), column


def test_checksum_goes_with_the_content(vendor_files, tmp_path):
    adata = exo.io.read(write_file(tmp_path, vendor_files["somascan_v3.adat"]))
    adata.X[0, 0] += 0.1
    exo.io.write(adata, tmp_path / "changed.adat")
    first = (tmp_path / "changed.adat").read_text().splitlines()[0]
    assert first.rstrip("\t") == "!Checksum"


def test_values_are_never_rounded(v4, tmp_path):
    adata = exo.io.read(v4)
    adata.X[0] = [1 / 3, 1e-7, 123456789.123456, np.nan]
    exo.io.write(adata, tmp_path / "y.adat")
    np.testing.assert_array_equal(exo.io.read(tmp_path / "y.adat").X, adata.X)


def test_what_an_adat_cannot_hold(v4, tmp_path):
    adata = exo.io.read(v4)
    logged = adata.copy()
    exo.pp.log2(logged)
    with pytest.raises(UnitsError, match="RFU"):
        exo.io.write(logged, tmp_path / "log.adat")
    with pytest.warns(ExerkineWarning):
        levelled = exo.pp.normalize(adata, "median", copy=True)
    # nothing in the file would say that plasma volume cannot be corrected any more
    with pytest.warns(ExerkineWarning, match="does not hold .*pp.normalize"):
        exo.io.write(levelled, tmp_path / "level.adat")
    adata.layers["raw"] = adata.X.copy()
    with pytest.warns(ExerkineWarning, match="raw"):
        exo.io.write(adata, tmp_path / "y.adat")
    del adata.layers["raw"]
    adata.obs["sample_type"] = "bridge"
    with pytest.warns(ExerkineWarning, match="sample_type"):
        exo.io.write(adata, tmp_path / "y.adat")
    adata.obs["sample_type"] = exo.io.read(v4).obs["sample_type"]
    adata.obs["SampleNotes"] = "a\tb"
    with pytest.raises(InputError, match="tab"):
        exo.io.write(adata, tmp_path / "y.adat")
    assert exo.io.read(tmp_path / "y.adat").shape == adata.shape  # the one before is whole


def test_a_cohort_from_elsewhere(tmp_path):
    rng = np.random.default_rng(0)
    ids = [f"t{i}" for i in range(6)]
    sheet = pd.DataFrame(
        {"who": [f"P{i // 2}" for i in range(6)], "when": ["pre", "post"] * 3, "plate_id": "X1"},
        index=ids,
    )
    matrix = pd.DataFrame(rng.lognormal(5, 1, (6, 2)), index=ids, columns=["10000-28", "4930-21"])
    adata = exo.io.from_frames(
        matrix, sheet, subject="who", timepoint="when", baseline="pre", units="RFU",
        modality="proteomics", matrix_type="serum",
    )  # fmt: skip
    exo.io.write(adata, tmp_path / "made.adat")
    back = exo.io.read(tmp_path / "made.adat")
    np.testing.assert_array_equal(back.X, adata.X)
    assert list(back.obs_names) == ids and list(back.obs["plate_id"]) == ["X1"] * 6
    assert back.uns["exerkine"]["matrix"] == "serum" and back.uns["exerkine"]["species"] == "human"


def replaced(content: bytes, old: bytes, new: bytes) -> bytes:
    assert old in content
    return content.replace(old, new, 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda b: b[: b.index(b"^TABLE_BEGIN")], "before its table"),
        (lambda b: b[: b.index(b"Plate 1\t")], "4 analytes and no sample"),
        (lambda b: b[: b.rindex(b"\t")], "values and there are 4 analytes"),
        (lambda b: replaced(b, b"\tSeqId\t10000-28", b"\tSeqIdent\t10000-28"), "SeqId"),
        (lambda b: replaced(b, b"\t4930-21\t2567-5", b"\t2567-5\t2567-5"), "2567-5.*more than"),
        (lambda b: replaced(b, b"\tTarget\tPRA", b"\tTargetFullName\tPRA"), "repeats"),
        (lambda b: replaced(b, b"UniProt\tP00001\t", b"UniProt\tP00001"), "Line 2. holds 3 values"),
        (lambda b: replaced(b, b"PlateId\tSlideId", b"PlateId\tPlateId"), None),
        (lambda b: b.replace(b"\r\nPlateId\tSlideId", b"\r\nPlateId\tPlateId"), "twice"),
        (lambda b: replaced(b, b"258495800001\t2", b"258495800000\t1"), None),
        (lambda b: replaced(b, b"258495800004\t5", b"258495800003\t4"), "same well"),
        (lambda b: b.replace(b"\r\nPlate 1\t", b"\r\nPlate\t1\t", 1), "empty column"),
    ],
)
def test_bad_files(vendor_files, tmp_path, change, words):
    path = write_file(tmp_path, change(vendor_files["somascan_v4.adat"]))
    if words is None:  # harmless: the declared names, or another well of another sample
        assert exo.io.read_adat(path).shape == (7, 4)
        return
    with pytest.raises(InputError, match=words):
        exo.io.read_adat(path)


@pytest.mark.parametrize(
    ("cell", "value"),
    [("", np.nan), ("NA", np.nan), ("1e3", 1000.0), ("abc", None), ("1,5", None), ("1_0", None),
     ("inf", None), ("1.2.3", None)],
)  # fmt: skip
def test_a_cell(vendor_files, tmp_path, cell, value):
    lines = vendor_files["somascan_v4.adat"].split(b"\r\n")
    cells = lines[-2].split(b"\t")
    cells[-2] = cell.encode()
    lines[-2] = b"\t".join(cells)
    path = write_file(tmp_path, b"\r\n".join(lines))
    if value is None:
        with pytest.raises(InputError, match="infinite|Line 40 .*2567-5"):
            exo.io.read_adat(path)
    else:
        adata = exo.io.read_adat(path)
        np.testing.assert_equal(adata.X[-1, -2], value)
        found = set(adata.uns["exerkine"]["findings"]["id"])
        assert ("values_missing" in found) == bool(np.isnan(value))


def test_doubts_are_findings(vendor_files, tmp_path):
    content = vendor_files["somascan_v4.adat"]
    for old, new, finding in (
        (b"\t2567-5\t", b"\tMay-67\t", "seq_id_mangled"),
        (b"\tQC\t", b"\tPlasma9\t", "sample_type_unknown"),
        (b"\tRFU\tRFU\tRFU\tRFU", b"\tcounts\tcounts\tcounts\tcounts",
         "units_unknown_as_intensity"),
        (b"\r\n^COL_DATA", b"\r\n^NOTES\r\nx\r\n^COL_DATA", "section_ignored"),
    ):  # fmt: skip
        adata = exo.io.read_adat(write_file(tmp_path, replaced(content, old, new)))
        assert finding in set(adata.uns["exerkine"]["findings"]["id"])
    adata = exo.io.read_adat(write_file(tmp_path, content.rstrip()))
    assert "no_final_line_end" in set(adata.uns["exerkine"]["findings"]["id"])
    bare = content.replace(b"!ProcessSteps", b"!Other").replace(b"ANMLFraction", b"Fraction")
    adata = exo.io.read_adat(write_file(tmp_path, bare))
    assert "normalisation_not_stated" in set(adata.uns["exerkine"]["findings"]["id"])
    assert adata.uns["exerkine"]["sample_scaling"] == ""


def test_controls_alone_are_not_scaled(vendor_files, tmp_path):
    """A step whose sample types are the controls' does not scale people's samples."""
    content = vendor_files["somascan_v4.adat"].replace(b", anmlSMP", b"")
    adata = exo.io.read_adat(write_file(tmp_path, content))
    assert adata.uns["exerkine"]["sample_scaling"] == ""
    content = content.replace(b", qcCheck", b", qcCheck, medNormRefSMP")
    adata = exo.io.read_adat(write_file(tmp_path, content))
    assert adata.uns["exerkine"]["sample_scaling"] == "medNorm"


def test_options_and_packing(vendor_files, tmp_path):
    content = vendor_files["somascan_v4.adat"]
    path = write_file(tmp_path, gzip.compress(content), "x.gz")
    adata = exo.io.read(path, species="mouse", matrix_type="serum")
    assert adata.uns["exerkine"]["species"] == "mouse"
    assert adata.uns["exerkine"]["matrix"] == "serum"
    with pytest.raises(InputError, match="read_adat reads"):
        exo.io.read_adat(write_file(tmp_path, b"a\tb\n1\t2\n", "t.tsv"))


@pytest.mark.parametrize("shuffle", [0, 1])
def test_columns_in_another_order(vendor_files, tmp_path, shuffle):
    """Column data and row data may stand in any order, with more or fewer of them."""
    lines = vendor_files["somascan_v4.adat"].decode().split("\r\n")
    start = lines.index("^TABLE_BEGIN") + 1
    rng = np.random.default_rng(shuffle)
    above = [lines[start + i] for i in rng.permutation(13)]
    order = rng.permutation(13)
    above.append("\t" * 13 + "Extra\tx\ty\tz\t")
    below = []
    for line in lines[start + 13 : -1]:
        cells = line.split("\t")
        below.append("\t".join([cells[i] for i in order] + cells[13:]))
    path = write_file(tmp_path, "\r\n".join([*lines[:start], *above, *below, ""]).encode())
    adata = exo.io.read_adat(path)
    whole = exo.io.read_adat(write_file(tmp_path, vendor_files["somascan_v4.adat"], "w.adat"))
    np.testing.assert_array_equal(adata.X, whole.X)
    assert list(adata.var["Extra"]) == ["x", "y", "z", ""]
    pd.testing.assert_frame_equal(adata.obs[whole.obs.columns], whole.obs)
    pd.testing.assert_frame_equal(adata.var[whole.var.columns], whole.var)


@pytest.mark.real_data
@pytest.mark.parametrize("name", SOURCES)
def test_vendor_files(data_dir, tmp_path, name):
    path = data_dir / name
    adata = exo.io.read(path)
    assert adata.shape == SOURCES[name]
    again = tmp_path / path.name
    exo.io.write(adata, again)
    assert again.read_bytes() == path.read_bytes()
    assert_same(exo.io.read(again), adata)
    exo.io.write(adata, tmp_path / "x.h5ad")
    part = exo.io.read(tmp_path / "x.h5ad")[::2, 5:15].copy()
    exo.io.write(part, again)
    np.testing.assert_array_equal(exo.io.read(again).X, part.X)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("metaboprep_vendor_examples/original/somalogic_v1_example.adat", "somalogic"),
        ("atkin_hypoglycaemia/atkin.somascan.adat", "somascan"),
    ],
)
def test_values_of_the_plain_table(data_dir, name, beside):
    adata = exo.io.read(data_dir / name)
    folder = data_dir / name.split("/")[0]
    matrix = pd.read_csv(folder / f"{beside}_matrix_rfu.csv", index_col=0)
    assert list(matrix.columns) == list(adata.var["SeqId"])
    np.testing.assert_array_equal(adata.X, matrix.to_numpy())
    for table, frame in (("samples", adata.obs), ("features", adata.var)):
        plain = pd.read_csv(folder / f"{beside}_{table}.csv", dtype=str, keep_default_na=False)
        for column in plain.columns.drop("row", errors="ignore"):
            texts = frame[column].astype(object)
            if pd.api.types.is_numeric_dtype(frame[column]):
                stated = pd.to_numeric(plain[column]).to_numpy(float)
                np.testing.assert_array_equal(frame[column].to_numpy(float), stated)
            else:
                assert texts.where(texts.notna(), "").tolist() == plain[column].tolist(), column


@pytest.mark.real_data
def test_header_without_samples(data_dir):
    with pytest.raises(InputError, match="5284 analytes and no sample"):
        exo.io.read(data_dir / "somascan_example/original/empty.adat")
