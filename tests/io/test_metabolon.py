"""Metabolon workbooks: both layouts, what was imputed, what stands beside, and wrong files."""

from __future__ import annotations

import importlib.util
import io
import json
import math
import time
import warnings
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import InputError, UsageError

_HERE = Path(__file__).parent / "make_metabolon.py"
_SPEC = importlib.util.spec_from_file_location("make_metabolon", _HERE)
make = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(make)

IDS = [str(c[0]) for c in make.COMPOUNDS]
CHEM_IDS = [str(999_000_000 + c[0]) for c in make.COMPOUNDS]


def read(tmp_path: Path, content: bytes, **options):
    path = tmp_path / "delivery.xlsx"
    path.write_bytes(content)
    return exo.io.read_metabolon(path, **options)


def edited(content: bytes, edit) -> bytes:
    """Let `edit` change the opened workbook."""
    book = openpyxl.load_workbook(io.BytesIO(content))
    edit(book)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def found(adata) -> dict[str, str]:
    table = adata.uns["exerkine"]["findings"]
    return dict(zip(table["id"].astype(str), table["message"].astype(str), strict=True))


def expected(value, samples=make.SAMPLES) -> np.ndarray:
    rows = [[value(s, c[0]) for c in make.COMPOUNDS] for s in samples]
    return np.array(rows, dtype=float)  # None is NaN


@pytest.mark.quick
def test_the_old_layout(tmp_path, round_trip):
    adata = round_trip(read(tmp_path, make.old_layout(), matrix_type="plasma_edta"))
    known = adata.uns["exerkine"]
    assert (known["format"], known["units"], known["modality"]) == (
        "metabolon_old", "intensity", "metabolomics",
    )  # fmt: skip
    assert json.loads(known["header"])["worksheet"] == "OrigScale (plasma)"
    np.testing.assert_array_equal(adata.X, expected(make.area))
    assert adata.obs_names.tolist() == list(make.SAMPLES)
    assert adata.var_names.tolist() == IDS and not adata.layers
    assert adata.obs["SUBJECT"].tolist() == [s[:3] for s in make.SAMPLES]
    assert adata.obs["Group"].tolist() == ["pre visit", "post visit"] * 3  # the header's own row
    assert adata.obs["RUN_DAY"].tolist() == [1, 1, 2, 2, 2, 2]
    assert adata.obs["sample_type"].eq("sample").all()
    var = adata.var
    assert var["name"].tolist() == [c[1] for c in make.COMPOUNDS]
    assert var["hmdb"].tolist() == ["HMDB00190", "", "HMDB00001,HMDB00002", "", "HMDB00289"]
    assert var["pubchem_cid"].tolist() == ["612", "9546757", "11;12", "", "1175"]
    assert var["cas"].tolist() == ["50-21-5", "4004-05-1", "", "", "69-93-2"]
    assert var["MASS"].tolist() == [c[4] for c in make.COMPOUNDS]
    assert set(found(adata)) == {"excel_mangled_cas"}


def test_imputed_values_of_the_old_layout(tmp_path):
    """The client's ids differ between the worksheets: SAMPLE_NAME joins them."""
    adata = read(tmp_path, make.old_layout(), sheet="scaledimpdata (plasma)")
    np.testing.assert_array_equal(adata.X, expected(make.filled))
    np.testing.assert_array_equal(adata.layers["imputed"], np.isnan(expected(make.area)))
    assert adata.obs_names[0] == "P01-pre" and adata.obs["COMMENT"].isna().all()

    def shuffle(book):
        sheet = book["OrigScale (plasma)"]
        rows = [[c.value for c in r] for r in sheet.iter_rows()]
        order = [*range(12), 17, 12, 15, 14, 13, 16]
        for r, cells in enumerate([*rows[:6], *rows[:5:-1]], start=1):
            for c, k in enumerate(order, start=1):
                sheet.cell(r, c).value = cells[k]

    again = read(tmp_path, edited(make.old_layout(), shuffle), sheet="ScaledImpData (plasma)")
    np.testing.assert_array_equal(again.layers["imputed"], adata.layers["imputed"])
    plain = read(tmp_path, edited(make.old_layout(), shuffle))
    np.testing.assert_array_equal(
        plain[list(make.SAMPLES), IDS].X, expected(make.area)
    )  # and the order of rows and columns changes nothing
    alone = read(tmp_path, edited(make.old_layout(), lambda b: b.remove(b["OrigScale (plasma)"])))
    assert "imputed_unknown" in found(alone) and "imputed" not in alone.layers

    def other(book):
        book["OrigScale (plasma)"]["E8"] = 999

    unlike = read(tmp_path, edited(make.old_layout(), other), sheet="ScaledImpData (plasma)")
    np.testing.assert_array_equal(unlike.layers["imputed"], adata.layers["imputed"])  # by name

    def two(book):
        book["OrigScale (plasma)"]["E8"], book["OrigScale (plasma)"]["B8"] = 999, "another"

    unlike = read(tmp_path, edited(make.old_layout(), two), sheet="ScaledImpData (plasma)")
    assert "other samples or analytes" in found(unlike)["imputed_unknown"]


def test_thousands_set_apart(tmp_path):
    adata = read(tmp_path, make.thousands())
    np.testing.assert_array_equal(adata.X, expected(make.area))
    assert "thousands" in found(adata)["thousands_commas"]

    def lone(book):
        book["OrigScale (plasma)"]["M8"] = "1,234"

    with pytest.raises(InputError, match="decimal comma.*'OrigScale .plasma.', cell M8"):
        read(tmp_path, edited(make.old_layout(), lone))
    for wrong in ("0,982", "12,5", "1,23,456", "1234,567"):
        with pytest.raises(InputError, match=r"cell N9"):
            read(tmp_path, edited(make.thousands(), lambda b, w=wrong: _put(b, "N9", w)))


def _put(book, cell: str, value, sheet: int = 0) -> None:
    book.worksheets[sheet][cell] = value


@pytest.mark.quick
def test_the_new_layout(tmp_path, round_trip):
    adata = round_trip(read(tmp_path, make.new_layout(), matrix_type="plasma_edta"))
    np.testing.assert_array_equal(adata.X, expected(make.scaled))
    np.testing.assert_array_equal(adata.layers["raw"], expected(make.area))
    assert set(adata.layers) - {None} == {"raw"} and adata.uns["exerkine"]["units"] == "intensity"
    assert adata.var_names.tolist() == CHEM_IDS
    assert adata.var["comp_id"].tolist() == IDS
    assert adata.var["name"].tolist() == [c[1] for c in make.COMPOUNDS]
    assert adata.var["inchikey"].tolist() == [f"INVENTEDKEY-{i}" for i in IDS]
    assert adata.obs["SUBJECT"].tolist() == [s[:3] for s in make.SAMPLES]
    said = found(adata)
    assert "'C1', 'C2'" in said["tubes_not_normalized"]
    assert "'I4', 'J4'" in said["stray_cells"]
    assert set(said) == {"tubes_not_normalized", "stray_cells", "excel_mangled_cas"}


def test_worksheets_of_the_new_layout(tmp_path, round_trip):
    content = make.new_layout()
    areas = round_trip(read(tmp_path, content, sheet="Peak Area Data"))
    np.testing.assert_array_equal(areas["P01_pre":].X, expected(make.area))
    assert areas.obs["sample_type"].tolist() == ["qc"] * 2 + ["sample"] * 6
    assert "'C1', 'C2'" in found(areas)["controls_guessed"]
    assert "'C1', 'C2'" in found(areas)["samples_not_annotated"]
    mask = np.isnan(expected(make.area))
    filled = read(tmp_path, content, sheet="batch norm imputed data")
    np.testing.assert_array_equal(filled.X, expected(make.filled))
    np.testing.assert_array_equal(filled.layers["imputed"], mask)
    mass = read(tmp_path, content, sheet="Mass_extracted-norm Data")
    np.testing.assert_array_equal(mass.layers["imputed"], mask)
    assert mass.uns["exerkine"]["sample_scaling"] == "Mass_extracted-norm Data"
    assert filled.uns["exerkine"]["sample_scaling"] == ""


def test_logarithms(tmp_path):
    """The vendor's natural logarithms become base 2; another base is seen."""
    wanted = np.log2(expected(make.filled))
    for base, word in ((math.e, "natural"), (2, "base 2"), (10, "base 10")):
        adata = read(tmp_path, make.new_layout(base=base), sheet="Log Transformed Data")
        np.testing.assert_allclose(adata.X, wanted, rtol=0, atol=1e-12)
        assert adata.uns["exerkine"]["units"] == "log2"
        assert word in found(adata)["logarithm"]
        assert adata.layers["imputed"].sum() == len(make.MISSING)
    table = adata.uns["exerkine"]["findings"].set_index("id")
    assert table.loc["logarithm", "severity"] == "note"
    odd = read(tmp_path, make.new_layout(base=3), sheet="Log Transformed Data")
    table = odd.uns["exerkine"]["findings"].set_index("id")
    assert table.loc["logarithm", "severity"] == "warning"
    assert "no logarithms of 'Batch-norm Imputed Data'" in table.loc["logarithm", "message"]


def test_what_a_file_may_lack(tmp_path):
    drop = ("Batch-normalized Data", "Sample Meta Data", "Chemical Annotation")
    adata = read(tmp_path, make.new_layout(drop=drop))
    np.testing.assert_array_equal(adata["P01_pre":].X, expected(make.area))
    assert {"annotation_missing", "sample_sheet_missing"} <= set(found(adata))
    assert adata.var["name"].tolist() == CHEM_IDS

    def fewer(book):
        book["Chemical Annotation"].delete_rows(2)
        book["Sample Meta Data"].delete_rows(2)
        book["Batch-normalized Data"].delete_rows(3)
        book["Batch-normalized Data"].delete_cols(2)

    adata = read(tmp_path, edited(make.new_layout(), fewer))
    said = found(adata)
    assert adata.shape == (5, 4)
    assert CHEM_IDS[4] in said["analytes_not_annotated"]
    assert CHEM_IDS[0] in said["analytes_without_values"]
    assert "'P03_post'" in said["samples_not_annotated"]
    assert "'P01_post'" in said["samples_without_values"]
    assert "'P01_post'" in said["tubes_not_normalized"]

    def renamed(book):
        for cell in book["Chemical Annotation"][1]:
            cell.value = {"CHEM_ID": "Chem. Id", "CHEMICAL_NAME": "name of it"}.get(
                cell.value, cell.value
            )

    adata = read(tmp_path, edited(make.new_layout(), renamed))
    assert "names_missing" in found(adata) and adata.var["name of it"].iloc[0] == "invented lactate"


def test_ids_that_do_not_tell_apart(tmp_path):
    """Technical replicates share the client's id; nothing is averaged."""

    def clients(book):
        book.worksheets[1]["N2"] = "P01_pre"

    adata = read(tmp_path, edited(make.old_layout(), clients))
    assert adata.obs_names[0] == "INV-00000" and adata.n_obs == 6
    assert "CLIENT_IDENTIFIER names 5 of 6" in found(adata)["sample_ids"]

    def compounds(book):
        book.worksheets[1]["E8"] = 101

    adata = read(tmp_path, edited(make.old_layout(), compounds))
    assert adata.var_names[0] == "invented lactate"
    assert "'101' stand more than once" in found(adata)["analyte_ids"]

    def all_of_them(book):
        clients(book)
        compounds(book)
        book.worksheets[1]["B8"] = "invented lactate"

    with pytest.raises(InputError, match="No column tells the analytes apart"):
        read(tmp_path, edited(make.old_layout(), all_of_them))

    def samples(book):
        clients(book)
        book.worksheets[1]["N1"] = "INV-00000"

    with pytest.raises(InputError, match="No row tells the samples apart"):
        read(tmp_path, edited(make.old_layout(), samples))

    def twice(book):
        book["Batch-normalized Data"]["A4"] = "P01_pre"

    with pytest.raises(InputError, match="'P01_pre' stand more than once"):
        read(tmp_path, edited(make.new_layout(), twice))


@pytest.mark.parametrize(
    "value", ["<0.5", "#REF!", True, "1_000", "٣", "0x1F", "1.2.3", "abc", "12-May", "inf"]
)
@pytest.mark.parametrize("layout", ["old", "new"])
def test_a_cell_that_is_no_number(layout, value, tmp_path):
    content, name, cell = {
        "old": (make.old_layout(), "OrigScale (plasma)", "N9"),
        "new": (make.new_layout(), "Batch-normalized Data", "C3"),
    }[layout]

    def wrong(book):
        book[name][cell] = value

    with pytest.raises(InputError, match=f"is no number.*delivery.xlsx.*cell {cell}"):
        read(tmp_path, edited(content, wrong))


def test_values_without_an_id(tmp_path):
    def sample(book):
        for row in range(1, 7):
            book.worksheets[1].cell(row, 14).value = None

    with pytest.raises(InputError, match="values without a sample id in 'column N'"):
        read(tmp_path, edited(make.old_layout(), sample))

    def compound(book):
        for column in range(1, 13):
            book.worksheets[1].cell(9, column).value = None

    with pytest.raises(InputError, match="values without a name in 'row 9'"):
        read(tmp_path, edited(make.old_layout(), compound))
    for cell, what in (("C1", "an analyte id in 'column C'"), ("A4", "a sample id in 'row 4'")):

        def head(book, cell=cell):
            book["Batch-normalized Data"][cell] = None

        with pytest.raises(InputError, match=f"values without {what}"):
            read(tmp_path, edited(make.new_layout(), head))


def test_cells_beside_the_old_table(tmp_path):
    """A note to the right, words to the left of the sample rows: said, and not read."""

    def notes(book):
        sheet = book.worksheets[1]
        sheet["U9"], sheet["B2"], sheet["T3"] = 5, "see mail", "why?"

    adata = read(tmp_path, edited(make.old_layout(), notes))
    np.testing.assert_array_equal(adata.X, expected(make.area))
    assert "'B2', 'T3', 'U9'" in found(adata)["stray_cells"]


def test_which_worksheet(tmp_path):
    content = make.old_layout()
    with pytest.raises(InputError, match="no worksheet 'OrigScale'.*OrigScale .plasma."):
        read(tmp_path, content, sheet="OrigScale")
    with pytest.raises(InputError, match="'Explanation' holds no values"):
        read(tmp_path, content, sheet="Explanation")
    with pytest.raises(UsageError, match="no name"):
        read(tmp_path, content, sheet=2)

    def rename(name):
        return edited(content, lambda b: setattr(b.worksheets[2], "title", name))

    with pytest.raises(InputError, match="Several worksheets.*sheet='OrigScale .plasma.'"):
        read(tmp_path, rename("OrigScale (urine)"))
    adata = read(tmp_path, rename("Data"), sheet="Data")
    assert adata.uns["exerkine"]["units"] == "unknown" and "worksheet_unknown" in found(adata)
    np.testing.assert_array_equal(adata.layers["imputed"], np.isnan(expected(make.area)))


def test_columns_that_are_missing_or_new(tmp_path):
    def drop(names):
        def edit(book):
            sheet = book.worksheets[1]
            for cell in sheet[6]:
                if cell.value in names:
                    cell.value = f"not {cell.value}"

        return edit

    adata = read(tmp_path, edited(make.old_layout(), drop({"KEGG", "CAS", "SUPER_PATHWAY"})))
    assert "kegg" not in adata.var and adata.var["not KEGG"].iloc[0] == "C00186"
    np.testing.assert_array_equal(adata.X, expected(make.area))
    adata = read(tmp_path, edited(make.old_layout(), drop({"BIOCHEMICAL"})))
    assert "names_missing" in found(adata) and adata.var["name"].tolist() == IDS
    with pytest.raises(InputError, match="no column 'COMP_ID' and none 'BIOCHEMICAL'"):
        read(tmp_path, edited(make.old_layout(), drop({"BIOCHEMICAL", "COMP_ID"})))

    def key(book):
        book["Sample Meta Data"]["A1"] = "PARENT_SAMPLE"

    with pytest.raises(InputError, match="no column 'PARENT_SAMPLE_NAME'.*PARENT_SAMPLE"):
        read(tmp_path, edited(make.new_layout(), key))


def test_dates_that_are_no_cas_numbers(tmp_path):
    import datetime

    def date(book):
        book.worksheets[1]["I8"] = datetime.datetime(4004, 5, 2)

    adata = read(tmp_path, edited(make.old_layout(), date))
    assert adata.var["cas"].iloc[1].startswith("4004-05-02")
    assert "1 are no CAS numbers" in found(adata)["excel_mangled_cas"]


def test_sample_types(tmp_path):
    def types(book):
        sheet = book["Sample Meta Data"]
        kinds = ("sample_type", "EXPERIMENTAL", "PRCS", "MTRX", "Experimental", "odd", None)
        for row, kind in enumerate(kinds, start=1):
            sheet.cell(row, 8).value = kind

    adata = read(tmp_path, edited(make.new_layout(), types))
    kinds = adata.obs["sample_type"].astype(str).tolist()[::-1]
    assert kinds == ["sample", "blank", "qc", "sample", "sample", "sample"]
    assert "'odd'" in found(adata)["sample_type_unknown"]
    assert adata.obs["sample_type_vendor"].tolist()[::-1][1] == "PRCS"


def test_people_and_log2(tmp_path):
    """From the workbook to a test, with the people the file itself names."""
    path = tmp_path / "delivery.xlsx"
    path.write_bytes(make.new_layout())
    adata = exo.io.read(path, subject="SUBJECT", timepoint="TIME", baseline="pre",
                        matrix_type="plasma_edta")  # fmt: skip
    assert adata.obs["subject_id"].astype(str).tolist() == [s[:3] for s in make.SAMPLES]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # values near one may be taken for logarithms
        exo.pp.log2(adata)
    np.testing.assert_allclose(adata.X, np.log2(expected(make.scaled)), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(adata.layers["raw"], expected(make.area))


def test_a_worksheet_that_is_lost(tmp_path):
    """openpyxl passes over a part that is not there; another worksheet never takes its place."""
    import zipfile

    first, second = io.BytesIO(make.new_layout()), io.BytesIO()
    with zipfile.ZipFile(first) as old, zipfile.ZipFile(second, "w") as new:
        for name in old.namelist():
            if name != "xl/worksheets/sheet5.xml":
                new.writestr(name, old.read(name))
    with pytest.raises(InputError, match="lacks 'xl/worksheets/sheet5.xml'"):
        read(tmp_path, second.getvalue())


def test_only_these_files_are_metabolons(vendor_files, tmp_path):
    from exerkine_omics.io._formats import recognise
    from exerkine_omics.io._source import look_at

    for name, content in vendor_files.items():
        (tmp_path / name).write_bytes(content)
        hit = recognise(look_at(tmp_path / name))
        ours = hit is not None and hit.reader == "read_metabolon"
        assert ours == name.startswith("metabolon"), name
    (tmp_path / "a.csv").write_text("BIOCHEMICAL,COMP_ID\nx,1\n")
    with pytest.raises(InputError, match="none of them"):
        exo.io.read_metabolon(tmp_path / "a.csv")


# real ---------------------------------------------------------------------------------------------

REAL = [
    ("atkin_hypoglycaemia", "atkin.metabolon.xlsx", "OrigScale", "metabolon_matrix.csv"),
    *[("metabolon_layouts", "original/glutaminase_metabolon.xlsx", f"{s} (cell extract)", t)
      for s, t in (("OrigScale", "glutaminase_OrigScale_matrix.csv"),
                   ("ScaledImpData", "glutaminase_ScaledImp_matrix.csv"))],
    ("metabolon_layouts", "original/maplet_sampledata.xlsx", "OrigScale",
     "maplet_OrigScale_matrix.csv"),
    *[("metaboprep_vendor_examples", f"original/metabolon_v{v}_example.xlsx", s,
       f"metabolon_v{v}_{s}_matrix.csv")
      for v in ("1.1", "1.2") for s in ("OrigScale", "ScaledImp")],
    *[("metaboprep_vendor_examples", "original/metabolon_v2_example.xlsx", s, f"metabolon_v2_{t}")
      for s, t in (("Batch-normalized Data", "batch_normalized_data.csv"),
                   ("Batch-norm Imputed Data", "batch_norm_imputed_data.csv"),
                   ("Peak Area Data", "peak_area_data.csv"),
                   ("Log Transformed Data", "log_transformed_data.csv"))],
    *[("metabolon_layouts", "original/new_layout_example_data_tables.xlsx", s, f"new_layout_{t}")
      for s, t in (("Batch-normalized Data", "batch_normalized_data.csv"),
                   ("Batch-norm Imputed Data", "batch_norm_imputed_data.csv"),
                   ("Peak Area Data", "peak_area_data.csv"),
                   ("Mass_extracted-norm Data", "mass_extracted_norm_data.csv"),
                   ("Log Transformed Data", "log_transformed_data.csv"))],
]  # fmt: skip


@pytest.mark.real_data
@pytest.mark.filterwarnings("ignore:Unknown extension")
@pytest.mark.parametrize(("folder", "file", "sheet", "table"), REAL)
def test_real_workbooks(folder, file, sheet, table, data_dir, round_trip):
    """Each value of the plain table beside the workbook, by sample and name."""
    start = time.perf_counter()
    adata = exo.io.read(data_dir / folder / file, sheet=sheet)
    assert time.perf_counter() - start < 5  # 0.1 to 0.5 s on a quiet machine
    wanted = pd.read_csv(data_dir / folder / table, index_col=0, thousands=",", dtype={0: str})
    wanted.index = wanted.index.astype(str)
    wanted = wanted.loc[:, ~wanted.columns.str.startswith("Unnamed")]  # the stray cells
    assert adata.obs_names.tolist() == wanted.index.tolist()
    names = adata.var["name"] if "matrix" in table else adata.var_names.to_series()
    assert names.tolist() == wanted.columns.str.strip().tolist()
    if sheet.startswith("Log"):
        wanted = wanted / np.log(2)
    np.testing.assert_allclose(adata.X, wanted.to_numpy(dtype=float), rtol=1e-12, atol=0)
    again = round_trip(adata)
    np.testing.assert_array_equal(again.X, adata.X)
    pd.testing.assert_frame_equal(again.obs, adata.obs)
    pd.testing.assert_frame_equal(again.var, adata.var, check_dtype=False)


@pytest.mark.real_data
@pytest.mark.filterwarnings("ignore:Unknown extension")
def test_real_layers_and_findings(data_dir):
    home = data_dir / "metabolon_layouts"
    path = home / "original" / "glutaminase_metabolon.xlsx"
    adata = exo.io.read(path)
    assert adata.X.shape == (96, 391) and "6 were undone" in found(adata)["excel_mangled_cas"]
    assert adata.var.loc["52609", "cas"] == "4004-05-1"
    assert adata.var["name"].str.startswith("X - ").sum() == 26
    scaled = exo.io.read(path, sheet="ScaledImpData (cell extract)")
    mask = scaled.layers["imputed"]
    assert mask.sum() == np.isnan(adata.X).sum() == 2969
    # the vendor's scaling: one factor a compound, its median near one
    ratio = scaled.X / np.where(scaled.X > 0.1, adata.X, np.nan)
    factor = np.nanmedian(ratio, axis=0)
    assert np.nanmax(np.abs(ratio / factor - 1)) < 2e-3  # four digits
    median = factor * np.nanmedian(adata.X, axis=0)
    assert 0.85 < np.nanmin(median) and np.nanmax(median) < 1.2
    new = exo.io.read(home / "original" / "new_layout_example_data_tables.xlsx")
    areas = pd.read_csv(home / "new_layout_peak_area_data.csv", index_col=0)
    np.testing.assert_array_equal(new.layers["raw"], areas.iloc[2:, :6].to_numpy(float))
    assert {"stray_cells", "ids_misplaced", "tubes_not_normalized"} <= set(found(new))
    areas = exo.io.read(home / "original" / "new_layout_example_data_tables.xlsx",
                        sheet="Peak Area Data")  # fmt: skip
    assert areas.obs["sample_type"].tolist() == ["qc"] * 2 + ["sample"] * 24
    atkin = exo.io.read(
        data_dir / "atkin_hypoglycaemia" / "atkin.metabolon.xlsx", subject="Subject",
        timepoint="Time", baseline="t0", matrix_type="plasma_edta",
    )  # fmt: skip
    assert atkin.shape == (67, 20) and atkin.obs["subject_id"].nunique() == 17
    exo.pp.log2(atkin)
    result = exo.tl.differential(atkin, method="paired_t")
    name = atkin.var["name"][result["feature"].astype(str)].to_numpy()
    fell = result[(name == "glucose") & (result["contrast"] == "t2 - t0")]["estimate"].item()
    assert -1 < fell < -0.3  # glucose falls by about 30%
