"""Olink files: every layout gives the same values, and a wrong file is an error that says where."""

from __future__ import annotations

import importlib.util
import io
import json
import zipfile
from pathlib import Path

import anndata as ad
import numpy as np
import openpyxl
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import ExerkineError, InputError, UsageError
from exerkine_omics.io._formats import all_formats
from exerkine_omics.io._source import look_at

spec = importlib.util.spec_from_file_location(
    "make_olink", Path(__file__).with_name("make_olink.py")
)
make = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make)
FILES = make.files()
SAME = ["olink_long.csv", "olink_long_comma.csv", "olink_long_tab.txt", "olink_long.csv.gz",
        "olink_long.zip", "olink_wide.xlsx", "olink_wide.csv"]  # fmt: skip


@pytest.fixture
def load(tmp_path: Path):
    """Write bytes to a file and read it."""

    def read(data: bytes | str, name: str = "file.csv", **options: object) -> ad.AnnData:
        path = tmp_path / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return exo.io.read(path, **options)

    return read


def findings(adata: ad.AnnData) -> dict[str, str]:
    frame = adata.uns["exerkine"]["findings"]
    return dict(zip(frame["id"].astype(str), frame["message"].astype(str), strict=True))


def header(adata: ad.AnnData) -> dict[str, str]:
    return json.loads(adata.uns["exerkine"]["header"])


def text(frame: pd.DataFrame, sep: str = ";") -> str:
    return frame.to_csv(index=False, sep=sep, lineterminator="\n")


def truth() -> pd.DataFrame:
    frame = make.classic()
    plates = frame["SampleID"].eq("CONTROL_SAMPLE_1").map({True: "|", False: ""})
    second = frame["Index"].gt(9).map({True: "INF_2 & MET_2", False: "INF_1 & MET_1"})
    frame["tube"] = frame["SampleID"] + plates + second.where(plates.eq("|"), "")
    return frame.pivot(index="tube", columns="OlinkID", values="NPX")


@pytest.mark.parametrize("name", SAME)
def test_layouts_agree(load, round_trip, name: str) -> None:
    adata = load(FILES[name], name, matrix_type="plasma_edta")
    wanted = truth()
    assert set(adata.obs_names) == set(wanted.index) and set(adata.var_names) == set(wanted)
    got = adata.to_df().loc[wanted.index, wanted.columns]
    np.testing.assert_array_equal(got, wanted)
    assert adata.obs.loc["CONTROL_SAMPLE_1|INF_2 & MET_2", "sample_type"] == "control"
    assert (adata.obs["sample_type"] == "sample").sum() == 16
    assert adata.obs.loc["P03_post", "qc_status"] == "Warning"
    flagged = adata[:, adata.var["panel"] == "Olink Inflammation"]
    assert flagged["P03_post"].layers["qc_warning"].all()
    assert adata.layers["qc_warning"].sum() == 3
    lod = adata.to_df("lod")
    assert set(lod.loc["P01_pre"]) == {1.5} and set(lod.loc["P08_post"]) == {1.25}
    np.testing.assert_array_equal(adata.layers["below_lod"], adata.X < adata.layers["lod"])
    assert adata.obs.loc["P08_pre", "plate_id"] == "INF_2 & MET_2"
    assert adata.obs.loc["P08_pre", "PlateID_Olink Metabolism"] == "MET_2"
    assert list(adata.var.loc["OID01010", ["name", "uniprot"]]) == ["IL6", "P05231"]
    assert adata.uns["exerkine"]["units"] == "NPX" and "repeated_samples" in findings(adata)
    back = round_trip(adata)
    np.testing.assert_array_equal(back.X, adata.X)
    assert list(back.obs.columns) == list(adata.obs.columns)


def test_every_file_is_known_by_one_format(vendor_files, tmp_path: Path) -> None:
    for name, data in vendor_files.items():
        path = tmp_path / name
        path.write_bytes(data)
        hits = [f.reader for f in all_formats() if f.sniff(look_at(path))]
        assert ("read_olink" in hits) == name.startswith("olink"), (name, hits)
    plain = tmp_path / "plain.csv"
    plain.write_text("sample,IL6,NPX1\na,1,2\nb,3,4\n")
    assert not any(f.sniff(look_at(plain)) for f in all_formats() if f.reader == "read_olink")


def test_experimental_is_said(load) -> None:
    said = {f.name: f.experimental for f in all_formats() if f.reader == "read_olink"}
    for name, data in FILES.items():
        adata = load(data, name)
        known = adata.uns["exerkine"]
        assert known["experimental"] == said[known["format"]]
        assert ("experimental_format" in findings(adata)) == known["experimental"]
    assert not said["olink_long"] and not said["olink_wide"] and said["olink_explore"]


@pytest.mark.parametrize("name", ["olink_explore.csv", "olink_explore.parquet"])
def test_explore(load, round_trip, name: str) -> None:
    adata = round_trip(load(FILES[name], name))
    frame = make.explore()
    frame["tube"] = frame["SampleID"]
    for sample in ("PC1", "NC1", "SC1", "BR1"):
        rows = frame["SampleID"] == sample
        frame.loc[rows, "tube"] = sample + "|" + frame["PlateID"]
    wanted = frame.pivot(index="tube", columns="OlinkID", values="NPX")
    np.testing.assert_array_equal(adata.to_df().loc[wanted.index, wanted.columns], wanted)
    kinds = adata.obs.groupby("SampleID", observed=True)["sample_type"].first()
    assert kinds[["PC1", "NC1", "SC1"]].tolist() == ["calibrator", "blank", "control"]
    count = frame.pivot(index="tube", columns="OlinkID", values="Count")
    np.testing.assert_array_equal(adata.to_df("count").loc[count.index, count.columns], count)
    assert (adata.layers["lod"] == 0.25).all() and (adata.layers["lod_fixed"] == 0.75).all()
    assert (adata.layers["lod_pc"] == 0.5).all()
    assert adata.obs.loc["P02_pre", "qc_status"] == "FAIL"
    warned = adata[:, "OID40001"].layers["qc_warning"].ravel()
    assert list(adata.obs_names[warned]) == ["P02_pre"]
    assert not adata[:, "OID40003"].layers["qc_warning"].any()
    assert adata[:, "OID40002"].layers["assay_warning"].all()
    out = adata[:, "OID40003"].layers["assay_warning"].ravel()
    assert np.isnan(adata[out, "OID40003"].X).all() and out.sum() == 7
    assert adata.var.loc["OID40001", "panel_version"] == "D10 | D11"
    assert adata.obs.loc["BR1|HT_B", "DataAnalysisRefID"] == "D11"
    assert {"assay_excluded", "control_assays", "annotation_differs"} <= set(findings(adata))
    is_parquet = name.endswith("parquet")
    assert adata.uns["exerkine"]["matrix"] == ("plasma_edta" if is_parquet else "unknown")
    assert (header(adata).get("Product") == "ExploreHT") == is_parquet
    assert adata.uns["exerkine"]["platform"] == "olink_explore_ht"


def test_value_and_lod_are_chosen(load) -> None:
    data = FILES["olink_explore.csv"]
    adata = load(data, value="PCNormalizedNPX")
    assert header(adata)["lod"] == "PCNormalizedLOD" and (adata.layers["lod"] == 0.5).all()
    assert "npx" in adata.layers and "lod_nc" in adata.layers
    plain = load(data)
    np.testing.assert_array_equal(adata.layers["npx"][:, :2], plain.X[:, :2])
    external = load(data, value="ExtNPX")
    assert external.uns["exerkine"]["units"] == "log2" and "below_lod" not in external.layers
    fixed = load(data, lod="fixed")
    assert (fixed.layers["lod"] == 0.75).all() and (fixed.layers["lod_nc"] == 0.25).all()
    np.testing.assert_array_equal(load(data, lod="FixedLOD").X, fixed.X)
    with pytest.raises(UsageError, match="no values 'Quantified'"):
        load(data, value="Quantified")
    with pytest.raises(UsageError, match="no limit of detection 'plate'"):
        load(data, lod="plate")
    with pytest.raises(UsageError, match="no option"):
        load(data, limit="plate")
    with pytest.raises(InputError, match="'plasma' is not known"):
        load(data, matrix_type="plasma")
    assert "matrix_differs" in findings(
        load(FILES["olink_explore.parquet"], "x.parquet", matrix_type="serum")
    )


@pytest.mark.parametrize("name", ["olink_quantified.csv", "olink_wide_quantified.xlsx"])
def test_concentrations(load, name: str) -> None:
    adata = load(FILES[name], name)
    assert adata.uns["exerkine"]["units"] == "concentration"
    assert set(adata.var["measured_in"]) == {"pg/mL"}
    assert adata.uns["exerkine"]["platform"] == "olink_target_48"
    if name.endswith("xlsx"):
        wanted = truth().loc[adata.obs_names, adata.var_names]
        np.testing.assert_allclose(adata.X, 2.0**wanted, rtol=1e-14)
        warned = adata[adata.obs["plate_id"] == "INF_2 & MET_2"].layers["assay_warning"]
        assert warned[:, 0].all() and not warned[:, 1:].any()
        assert (adata.layers["lloq"] == 1.0).all()
    with pytest.raises(ExerkineError, match=r"exo\.pp\.log2"):
        exo.cohort.require_log(adata, "test")


def test_author_trimmed(load) -> None:
    adata = load(FILES["olink_trimmed.csv"])
    assert "Olink Metabolism|IL6" in adata.var_names and "lod" not in adata.layers
    assert "no_olink_id" in findings(adata) and "below_lod" not in adata.layers


def test_a_cohort_in_one_call(load) -> None:
    frame = make.classic()
    frame[["person", "visit"]] = frame["SampleID"].str.split("_", n=1, expand=True)
    frame.loc[frame["SampleID"].str.startswith("CONTROL"), ["person", "visit"]] = np.nan
    roles = {"subject": "person", "timepoint": "visit", "baseline": "pre"}
    adata = load(text(frame), **roles)
    persons = exo.cohort.persons_tubes(adata)
    assert adata.obs.loc[persons, "subject_id"].nunique() == 8
    assert adata.obs.loc[~persons, "subject_id"].isna().all()


def test_order_changes_nothing(load) -> None:
    frame = make.classic()
    first = load(text(frame))
    rng = np.random.default_rng(0)
    mixed = frame.iloc[rng.permutation(len(frame)), rng.permutation(frame.shape[1])]
    other = load(text(mixed))[first.obs_names, first.var_names]
    np.testing.assert_array_equal(other.X, first.X)
    np.testing.assert_array_equal(other.layers["lod"], first.layers["lod"])
    pd.testing.assert_frame_equal(other.obs[first.obs.columns], first.obs)
    pd.testing.assert_frame_equal(other.var[first.var.columns], first.var)


def test_plates_of_panels_without_index(load) -> None:
    frame = make.classic().drop(columns="Index")
    adata = load(text(frame))
    np.testing.assert_array_equal(adata.to_df().loc[truth().index, truth().columns], truth())
    assert "guess" in findings(adata)["repeated_samples"]


def test_own_columns(load) -> None:
    frame = make.classic()
    frame["age"] = frame["SampleID"].map({s: i for i, s in enumerate(frame["SampleID"].unique())})
    frame["gene group"] = frame["OlinkID"].str[-1]
    frame["row"] = np.arange(len(frame))
    frame["Panel_Version"] = frame["PlateID"] + "_lot"
    adata = load(text(frame))
    assert adata.obs["age"].dtype == "float64" and "gene group" in adata.var
    assert "'row'" in findings(adata)["column_not_kept"]
    assert adata.obs.loc["P08_pre", "Panel_Version_Olink Metabolism"] == "MET_2_lot"
    assert adata.var.loc["OID01010", "panel_version"] == "MET_1_lot | MET_2_lot"


def test_control_arm_is_no_control_tube(load) -> None:
    """A person of the control arm is a person."""
    frame = make.classic()
    frame = frame[~frame["SampleID"].str.startswith("CONTROL")]
    names = ["Control_01_pre", "control 1", "CON_pre", "CTRL-2", "IPCOM1", "NC_01"]
    frame["SampleID"] = frame["SampleID"].replace(dict(zip(make.PEOPLE, names, strict=False)))
    assert (load(text(frame)).obs["sample_type"] == "sample").all()
    names = ["Empty well_01", "NEG_CTRL_1", "Plate Control 2", "IPC_1", "CONTROL_0001"]
    frame["SampleID"] = make.classic()["SampleID"].replace(
        dict(zip(make.PEOPLE, names, strict=False))
    )
    kinds = load(text(frame)).obs.set_index("SampleID")["sample_type"]
    assert kinds[names].tolist() == ["empty", "blank", "calibrator", "calibrator", "control"]


def test_a_cut_file_says_so(load) -> None:
    lines = text(make.classic()).splitlines(keepends=True)
    adata = load("".join(lines[:-3]))
    assert "3 samples have no row" in findings(adata)["incomplete_samples"]
    assert "no_line_end" in findings(load("".join(lines)[:-1]))
    with pytest.raises(InputError, match=r"Line 91 has 6 fields and the header has 13"):
        load("".join(lines)[:-50].rsplit(";", 1)[0])
    packed = FILES["olink_long.csv.gz"]
    with pytest.raises(InputError):
        load(packed[: len(packed) // 2], "x.csv.gz")


def edited(row: int, column: str, cell: str) -> str:
    frame = make.classic().astype(object)
    frame.loc[row, column] = cell
    return text(frame)


def renamed(old: str, new: str) -> str:
    return text(make.classic().rename(columns={old: new}))


WRONG = {
    "text for NPX": (edited(4, "NPX", "<0.5"), "Line 6, column 'NPX' holds '<0.5'"),
    "text for LOD": (edited(0, "LOD", "low"), "Line 2, column 'LOD' holds 'low'"),
    "thousands": (edited(4, "NPX", "1.234,5"), "column 'NPX' holds '1.234,5'"),
    "underscore": (edited(4, "NPX", "1_0"), "Line 6, column 'NPX'"),
    "infinite": (edited(4, "NPX", "inf"), "infinite"),
    "infinite LOD": (edited(4, "LOD", "-inf"), "lod holds infinite"),
    "no sample": (edited(4, "SampleID", ""), r"'SampleID' is empty \(line 6\)"),
    "no assay": (edited(4, "OlinkID", "NA"), r"'OlinkID' is empty \(line 6\)"),
    "twice": (edited(4, "SampleID", "P01_pre").replace(";5;", ";1;"), "twice"),
    "no SampleID": (renamed("SampleID", "Tube"), "no column 'SampleID'"),
    "no NPX": (renamed("NPX", "Value"), "no column 'NPX'"),
    "no assay column": (
        text(make.classic().drop(columns=["OlinkID", "Assay"])),
        "no column 'OlinkID'",
    ),
    "two LOD": (renamed("Normalization", "LOD"), "'LOD', 'LOD' stand more than once"),
    "same in capitals": (renamed("Normalization", "plate id"), "stand more than once"),
    "no value": (text(make.classic().assign(NPX=np.nan)), "NPX holds no number"),
    "header only": (text(make.classic().iloc[:0]), "no rows"),
    "long line": (text(make.classic()).replace("P02_pre;3", "P02_pre;;3", 1), "Line 4 has 14"),
    "zero byte": (text(make.classic()).replace("OID00482", "OID\0", 1), "line 2 holds zero"),
    "open quote": (text(make.classic()).replace("P02_pre", '"P02_pre', 1), "Line|field|table"),
    "no name": (text(make.classic().rename(columns={"Normalization": ""})), "no name"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_text_says_where(load, case: str) -> None:
    data, message = WRONG[case]
    with pytest.raises(InputError, match=message) as caught:
        load(data)
    assert "file.csv" in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_encodings_and_line_ends(load, encoding: str) -> None:
    frame = make.classic()
    frame["SampleID"] = frame["SampleID"].replace("P01_pre", "Zoë_pre")
    for end in ("\n", "\r\n", "\r"):
        adata = load(text(frame).replace("\n", end).encode(encoding))
        assert "Zoë_pre" in adata.obs_names and adata.shape == (18, 5)
    lines = text(frame).replace("\n", "\n\n") + "\n\n"
    assert load(("\n" + lines).encode(encoding)).shape == (18, 5)


def test_decimal_comma_may_show_late(load) -> None:
    """The first 200 lines hold whole numbers only."""
    frame = make.classic().assign(LOD=1, MissingFreq=1, NPX="3")
    parts = [
        frame.assign(SampleID=f"{i}_" + frame["SampleID"], Index=frame["Index"] + 20 * i)
        for i in range(5)
    ]
    cells = pd.concat(parts, ignore_index=True)
    cells.loc[len(cells) - 1, "NPX"] = "2,5"
    adata = load(text(cells))
    assert sorted(set(adata.X.ravel())) == [2.5, 3.0]
    cells.loc[len(cells) - 2, "NPX"] = "2.5"
    with pytest.raises(InputError, match="Line 450, column 'NPX' holds '2.5'|holds '2,5'"):
        load(text(cells))


def book(change) -> bytes:
    raw = io.BytesIO(FILES["olink_wide.xlsx"])
    workbook = openpyxl.load_workbook(raw)
    change(workbook.active)
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()


def put(cell: str, value: object):
    return lambda sheet: sheet.__setitem__(cell, value)


SHEETS = {
    "text": (put("C9", "high"), "cell C9 holds 'high'"),
    "formula": (put("C9", "=1+1"), "Cell C9 holds a formula without its value"),
    "truth": (put("C9", True), "cell C9 holds 'True'"),
    "no id": (put("A9", None), r"no sample id .*cell A9"),
    "twice": (put("A9", "P01_pre"), "'P01_pre.*' stand more than once"),
    "empty row": (lambda s: [put(f"{c}12", None)(s) for c in "ABCDEFGHIJ"], "below an empty row"),
    "limit among samples": (put("A12", "LOD"), "'LOD' .*stands among the samples"),
    "nameless column": (put("L9", 1.0), r"without a name .*cell L9"),
    "same assay": (put("C6", "OID00482"), "'OID00482' stand more than once"),
    "same plate": (put("G28", "INF_1"), "Several rows 'Plate LOD'"),
    "no assay row": (lambda s: s.delete_rows(4), "no known vendor format"),
}


@pytest.mark.parametrize("case", SHEETS)
def test_wrong_sheet_says_where(load, case: str) -> None:
    change, message = SHEETS[case]
    with pytest.raises(InputError, match=message):
        load(book(change), "wide.xlsx")


def test_sheets_that_differ(load) -> None:
    plain = load(FILES["olink_wide.xlsx"], "wide.xlsx")

    def more(sheet) -> None:
        for row, value in ((4, "Inc Ctrl 2"), (3, "Olink Inflammation"), (8, 10.0), (9, 11.0)):
            sheet.cell(row, 11, value)
        for row, value in ((4, "QC Deviation from median"), (5, "Det Ctrl"), (8, 0.1)):
            sheet.cell(row, 12, value)
        sheet.cell(3, 12, "Olink Inflammation")
        for row, value in ((4, "Arm"), (8, "training"), (9, "control")):
            sheet.cell(row, 13, value)

    adata = load(book(more), "wide.xlsx")
    assert adata.var.loc["Olink Inflammation|Inc Ctrl 2", "assay_type"] == "inc_ctrl"
    assert "control_assays" in findings(adata)
    name = "QC Deviation from median Det Ctrl_Olink Inflammation"
    assert adata.obs.loc["P01_pre", name] == 0.1
    assert adata.obs.loc["P01_post", "Arm"] == "control"
    np.testing.assert_array_equal(adata[:, plain.var_names].X, plain.X)

    unnamed = load(book(lambda s: [put(f"{c}28", None)(s) for c in "GH"]), "wide.xlsx")
    assert "limits_not_assigned" in findings(unnamed)
    assert header(unnamed)["lod"] == "MaxLOD"
    cut = load(book(lambda s: s.delete_rows(26, 9)), "wide.xlsx")
    assert "no_rows_below" in findings(cut) and cut.shape == plain.shape
    lost = load(book(lambda s: s.delete_rows(6)), "wide.xlsx")
    assert "no_olink_id" in findings(lost)


def test_sheets_of_both_kinds(load) -> None:
    """value= chooses the worksheet; the other is named."""
    workbook = openpyxl.load_workbook(io.BytesIO(FILES["olink_wide.xlsx"]))
    second = workbook.create_sheet("Concentrations")
    for row in make.wide("pg/mL"):
        second.append(row)
    out = io.BytesIO()
    workbook.save(out)
    npx = load(out.getvalue(), "both.xlsx")
    assert npx.uns["exerkine"]["units"] == "NPX" and "other_worksheets" in findings(npx)
    other = load(out.getvalue(), "both.xlsx", value="Quantified_value")
    assert other.uns["exerkine"]["units"] == "concentration"


def test_damaged_parquet(load) -> None:
    data = bytearray(FILES["olink_explore.parquet"])
    with pytest.raises(InputError):
        load(bytes(data[:-20]), "x.parquet")
    wrong = make.explore().astype({"NPX": str})
    wrong.loc[3, "NPX"] = "high"
    out = io.BytesIO()
    wrong.to_parquet(out)
    with pytest.raises(InputError, match=r"'NPX' holds text \(row 4 of the data: 'high'\)"):
        load(out.getvalue(), "x.parquet")


def test_parquet_of_other_makes(load) -> None:
    """Categories that no row has, numbers as ids, lists, rows of an index: what pandas writes."""
    frame = make.explore()
    wanted = load(FILES["olink_explore.parquet"], "x.parquet")
    unused = pd.CategoricalDtype([*frame["SampleID"].unique(), "nobody"])
    number = frame["SampleID"].map({s: float(i) for i, s in enumerate(frame["SampleID"].unique())})
    changed = {
        "categories": frame.astype({"SampleID": unused, "OlinkID": "category"}),
        "index": frame.set_index("SampleID"),
        "numbers": frame.assign(SampleID=number),
        "lists": frame.assign(more=[[1, 2]] * len(frame)),
        "dates": frame.assign(day=pd.Timestamp("2020-01-01"), ok=True, none=None),
    }
    for name, table in changed.items():
        out = io.BytesIO()
        table.to_parquet(out)
        adata = load(out.getvalue(), "x.parquet")
        assert adata.shape == wanted.shape, name
        assert np.isnan(adata.X).sum() == np.isnan(wanted.X).sum(), name
        assert ("column_not_kept" in findings(adata)) == (name == "lists")
        if name == "numbers":
            assert "0" in adata.obs_names
    assert adata.obs["day"].iloc[0].startswith("2020-01-01")


def test_what_other_programs_add(load) -> None:
    """Row names of R, a separator at the end, empty rows below, blanks after separators."""
    plain = load(text(make.classic()))
    lines = text(make.classic()).splitlines()
    numbered = [f"{i};{line}" for i, line in enumerate(lines)]
    for changed in (
        [";" + lines[0], *numbered[1:]],
        [lines[0], *numbered[1:]],
        [line + ";" for line in lines],
        [*lines, ";" * 12, ";" * 12],
        ["", *lines[:4], "", *lines[4:], "", ""],
        [line.replace(";", ";  ", 1) if ";;" not in line else line for line in lines],
    ):
        adata = load("\n".join(changed) + "\n")
        np.testing.assert_array_equal(adata.X, plain.X)
        assert list(adata.obs_names) == list(plain.obs_names)


def test_wrong_reader_names_the_right_one(tmp_path: Path) -> None:
    path = tmp_path / "plain.csv"
    path.write_text("sample,IL6\na,1\n")
    with pytest.raises(InputError, match="none of them"):
        exo.io.read_olink(path)
    assert zipfile.is_zipfile(io.BytesIO(FILES["olink_long.zip"]))


@pytest.mark.slow
def test_damaged_files_never_crash(tmp_path: Path) -> None:
    """Cut, changed and swapped bytes: an AnnData or an `InputError`, nothing else."""
    rng = np.random.default_rng(5)
    # but superscript digits, which the natural order of names takes for numbers
    byte = sorted(set(range(256)) - {0xB2, 0xB3, 0xB9})
    names = list(FILES)
    refused = 0
    for number in range(800):
        name = names[number % len(names)]
        data = bytearray(FILES[name])
        at = int(rng.integers(len(data)))
        kind = number % 4
        if kind == 0:
            data = data[:at]
        elif kind == 1:
            data[at] = int(rng.choice(byte))
        elif kind == 2:
            data[at:at] = bytes([int(rng.choice(byte))])
        else:
            del data[at : at + int(rng.integers(1, 40))]
        path = tmp_path / name
        path.write_bytes(bytes(data))
        try:
            assert isinstance(exo.io.read(path), ad.AnnData)
        except ExerkineError:
            refused += 1
    assert 200 < refused < 800


# real files ------------------------------------------------------------------------------------


@pytest.mark.real_data
def test_real_long_and_wide(data_dir: Path) -> None:
    folder = data_dir / "olink_npx_example"
    adata = exo.io.read(folder / "npx_data1_long.csv.gz")
    assert adata.shape == (160, 184)
    table = pd.read_csv(
        folder / "npx_data1_long.csv.gz", sep=";", float_precision="round_trip"
    ).set_index(["Index", "OlinkID"])
    for layer, column in ((None, "NPX"), ("lod", "LOD")):
        wanted = table[column].unstack()
        got = adata.to_df(layer).set_axis(adata.obs["Index"].astype(int), axis=0)
        np.testing.assert_array_equal(got.loc[wanted.index, wanted.columns], wanted)
    warned = (table["QC_Warning"] == "Warning").unstack()
    got = adata.to_df("qc_warning").set_axis(adata.obs["Index"].astype(int), axis=0)
    np.testing.assert_array_equal(got.loc[warned.index, warned.columns], warned)
    wide = exo.io.read(folder / "original" / "npx_data1.xlsx")
    assert wide.uns["exerkine"]["format"] == "olink_wide"
    same = wide[adata.obs_names, adata.var_names]
    np.testing.assert_allclose(same.X, adata.X, rtol=0, atol=1e-12)
    np.testing.assert_allclose(same.layers["lod"], adata.layers["lod"], rtol=0, atol=1e-12)
    np.testing.assert_array_equal(same.layers["qc_warning"], adata.layers["qc_warning"])
    assert (same.obs["plate_id"].astype(str) == adata.obs["plate_id"].astype(str)).all()
    assert (same.obs["qc_status"].astype(str) == adata.obs["qc_status"].astype(str)).all()


@pytest.mark.real_data
def test_real_second_project_keeps_both_bridges(data_dir: Path) -> None:
    path = data_dir / "olink_npx_example" / "npx_data2_long.csv.gz"
    adata = exo.io.read(path, subject="Subject", timepoint="Time", baseline="Baseline",
                        arm="Treatment")  # fmt: skip
    assert adata.shape == (176, 184)
    table = pd.read_csv(path, sep=";", float_precision="round_trip")
    wanted = table.pivot(index="Index", columns="OlinkID", values="NPX")
    got = adata.to_df().set_axis(adata.obs["Index"].astype(int), axis=0)
    np.testing.assert_array_equal(got.loc[wanted.index, wanted.columns], wanted)
    twice = adata.obs_names[adata.obs["SampleID"] == "CONTROL_SAMPLE_AS 1"]
    assert len(twice) == 2 and not np.allclose(adata[twice[0]].X, adata[twice[1]].X)
    assert exo.cohort.persons_tubes(adata).sum() == 172


@pytest.mark.real_data
def test_real_parquet(data_dir: Path) -> None:
    path = data_dir / "olink_npx_example" / "original" / "npx_data_ext.parquet"
    adata = exo.io.read(path)
    row = pd.read_parquet(path).iloc[0]
    assert adata.X[0, 0] == row["NPX"] and adata.layers["count"][0, 0] == row["Count"]
    assert adata.layers["pc_normalized_npx"][0, 0] == row["PCNormalizedNPX"]
    assert (adata.obs_names[0], adata.var_names[0]) == (row["SampleID"], row["OlinkID"])
    assert header(adata)["Product"] == "ExploreHT"


@pytest.mark.real_data
def test_real_author_trimmed(data_dir: Path) -> None:
    folder = data_dir / "longitudinal_olink_covid_serum"
    adata = exo.io.read(folder / "original" / "serum_npx_level.csv", matrix_type="serum")
    table = pd.read_csv(folder / "npx_matrix.csv", index_col=0, float_precision="round_trip")
    assert set(adata.obs_names) == set(table.index) and set(adata.var_names) == set(table.columns)
    np.testing.assert_array_equal(adata.to_df().loc[table.index, table.columns], table)
    assert adata.var.loc["CM|PRCP", "gene_symbol"] == "PRCP"


@pytest.mark.real_data
def test_real_tab_with_controls(data_dir: Path) -> None:
    path = data_dir / "metaboprep_vendor_examples" / "original" / "olink_v1_example.txt"
    adata = exo.io.read(path)
    table = pd.read_csv(path, sep="\t", float_precision="round_trip")
    wanted = table.pivot(index="SampleID", columns="OlinkID", values="NPX")
    np.testing.assert_array_equal(adata.to_df().loc[wanted.index, wanted.columns], wanted)
    assert adata.obs["sample_type"].value_counts().to_dict() == {
        "sample": 90, "control": 5, "empty": 5,
    }  # fmt: skip
    assert adata.layers["qc_warning"].sum() == (table["QC_Warning"] == "Warning").sum()
