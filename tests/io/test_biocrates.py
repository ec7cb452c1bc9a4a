"""MetIDQ and WebIDQ exports: values, statuses, limits of each plate, and wrong files."""

from __future__ import annotations

import importlib.util
import io
import json
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import InputError, UsageError
from exerkine_omics.io._biocrates_cells import parse_title

_SPEC = importlib.util.spec_from_file_location(
    "make_biocrates", Path(__file__).parent / "make_biocrates.py"
)
make = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(make)


def read(tmp_path: Path, content: bytes | str, name: str = "file", **options):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return exo.io.read_biocrates(path, **options)


def found(adata) -> dict[str, str]:
    table = adata.uns["exerkine"]["findings"]
    return dict(zip(table["id"].astype(str), table["message"].astype(str), strict=True))


def statuses(adata) -> np.ndarray:
    table = adata.uns["exerkine"]["status_codes"]
    return table["status"].astype(str).to_numpy()[adata.layers["status_code"]]


def wanted() -> tuple[np.ndarray, np.ndarray]:
    shape = range(len(make.TUBES)), range(len(make.NAMES))
    values = [[np.nan if (v := make.value(i, j)) is None else v for j in shape[1]]
              for i in shape[0]]  # fmt: skip
    return np.array(values), np.array([[make.status(i, j) for j in shape[1]] for i in shape[0]])


def changed(old: str, new: str, content: bytes | None = None) -> str:
    text = (content or make.metidq()).decode()
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.quick
@pytest.mark.parametrize("name", list(make.files()))
def test_layouts(name, tmp_path, round_trip):
    """Each layout gives the values, statuses and limits that were written."""
    adata = read(tmp_path, make.files()[name], name)
    values, said = wanted()
    known = adata.uns["exerkine"]
    np.testing.assert_array_equal(adata.X, values)
    assert adata.var_names.tolist() == list(make.NAMES)
    assert (known["units"], known["modality"]) == ("concentration", "metabolomics")
    assert (known["species"], known["matrix"]) == ("human", "plasma_edta")
    assert known["platform"] in ("Biocrates MxP Quant 500", "Biocrates")
    assert known["experimental"] == name.endswith(".csv")
    assert known["format"] in set(exo.io.show_formats()["format"])
    assert set(adata.var["measured_in"]) <= {"uM", "µM"}
    assert adata.var["Class"].tolist() == list(make.CLASSES)
    np.testing.assert_array_equal(
        adata.layers["lod"], np.broadcast_to(np.array(make.LIMITS, float), values.shape)
    )
    np.testing.assert_array_equal(adata.layers["below_lod"], said == "< LOD")
    if not name.endswith(".csv"):
        np.testing.assert_array_equal(statuses(adata), said)
        assert adata.layers["status_code"].dtype == np.int8
    kinds = adata.obs["sample_type"].tolist()
    assert kinds == ["blank", "blank", "calibrator", "qc", *["sample"] * 4]
    assert adata.obs_names[:4].tolist() == [
        "11000002|13", "11000002|25", "1030000005", "1030000006"
    ]  # fmt: skip
    back = round_trip(adata)
    for layer in adata.layers:
        np.testing.assert_array_equal(back.layers[layer], adata.layers[layer])
        assert back.layers[layer].dtype == adata.layers[layer].dtype
    for word in known["status_codes"].columns:
        assert back.uns["exerkine"]["status_codes"][word].tolist() == (
            known["status_codes"][word].tolist()
        )
    pd.testing.assert_frame_equal(back.obs, adata.obs, check_categorical=False)


def test_each_limit_is_kept(tmp_path):
    adata = read(tmp_path, make.metidq())
    limits = np.broadcast_to(np.array(make.LIMITS, float), adata.shape)
    np.testing.assert_allclose(adata.layers["lod_uloq"], 100 * limits, rtol=1e-15)
    np.testing.assert_allclose(adata.layers["lod_lloq"], 2 * limits, rtol=1e-15)
    assert "lod_calc_1030001234-1" in adata.var
    web = read(tmp_path, make.workbook(legend=True))
    # one part of the kit calculates nothing (0): the limit is that of the procedure
    np.testing.assert_array_equal(web.layers["lod_calc"][0], [0, 0, *make.LIMITS[2:]])
    np.testing.assert_array_equal(web.layers["lod_op"][0], [*make.LIMITS[:2], *[np.nan] * 3])
    np.testing.assert_array_equal(web.layers["lod"][0], make.LIMITS)
    assert (
        web.var.loc["Ala", "hmdb"] == "HMDB0000161 HMDB0001310" and web.var.loc["Trp", "hmdb"] == ""
    )
    header = json.loads(web.uns["exerkine"]["header"])
    assert header["title"].startswith("WebIDQ") and "< LOD (3x" in header["notes"][0]


def test_a_limit_is_of_its_plate(tmp_path):
    """Samples of another plate do not take it; below is told plate by plate."""
    text = changed("1030001234-1\t1030001003", "1030009999-1\t1030001003")
    line = next(x for x in text.split("\n") if "LOD (calc.)" in x)
    second = line.replace("1030001234/1", "1030009999/1").replace("\t1.5\t", "\t99\t")
    text = text.replace(line, f"{line}\n{second}", 1)
    limit = read(tmp_path, text).to_df("lod")["C0"]
    assert limit["1030001003"] == 99 and (limit.drop("1030001003") == 1.5).all()
    foreign = read(tmp_path, changed("1030001234/1", "1030007777/1"))
    assert np.isnan(foreign.layers["lod"]).all() and "limits_without_plate" in found(foreign)


def test_status_decides_what_is_below(tmp_path):
    """Valid under a limit is not below; a status that speaks of something else is told by it."""
    values, said = wanted()
    row, column = np.argwhere(said == "Valid")[0]
    old = f"\t{values[row, column]}\tValid"
    for word, below in (("Valid", False), ("ISTD Out of Range", True), ("Odd word", True)):
        text = changed(old, f"\t0.0001\t{word}")
        adata = read(tmp_path, text)
        assert adata.layers["below_lod"][row, column] == below
        assert adata.X[row, column] == 0.0001
        assert statuses(adata)[row, column] == word
        assert ("status_unknown" in found(adata)) == (word == "Odd word")


def test_words_in_place_of_numbers(tmp_path):
    values, said = wanted()
    row, column = np.argwhere(said == "Valid")[0]
    old = f"\t{values[row, column]}\tValid"
    for cell, number, status in (
        ("< LOD\t", np.nan, "< LOD"),
        ("0.3 (< LOD)\t", 0.3, "< LOD"),
        ("No Intercept\t", np.nan, "No Intercept"),
        ("-Infinity\tNo Intercept", np.nan, "No Intercept"),
        ("NA\tValid", np.nan, "Valid"),
    ):
        adata = read(tmp_path, changed(old, f"\t{cell}"))
        np.testing.assert_equal(adata.X[row, column], number)
        assert statuses(adata)[row, column] == status
        assert adata.layers["below_lod"][row, column] == (status == "< LOD")
        assert ("values_without_number" in found(adata)) == ("Infinity" in cell)


def test_names_of_samples(tmp_path):
    adata = read(tmp_path, make.metidq(), sample_names="identification")
    assert adata.obs_names.tolist() == [
        "PBS|13", "PBS|25", "Cal1", "QC2", *make.PEOPLE
    ]  # fmt: skip
    sheet = pd.DataFrame({"who": ["P01", "P01", "P02", "P02"], "visit": ["pre", "post"] * 2},
                         index=list(make.PEOPLE))  # fmt: skip
    exo.io.set_samples(adata, sheet, subject="who", timepoint="visit", baseline="pre")
    assert adata[exo.cohort.persons_tubes(adata)].obs["subject_id"].notna().all()
    with pytest.raises(InputError, match="no identification"):
        read(tmp_path, changed("\tP01_pre\t", "\t\t"), sample_names="identification")
    with pytest.raises(UsageError, match="sample_names='x'"):
        read(tmp_path, make.metidq(), sample_names="x")
    with pytest.raises(UsageError, match="sheet= is for Excel"):
        read(tmp_path, make.metidq(), sheet="Conc")
    with pytest.raises(UsageError, match="matrix_type='blood'"):
        read(tmp_path, make.metidq(), matrix_type="blood")


def test_order_changes_nothing(tmp_path):
    """Lines, and columns, in another order."""
    whole = read(tmp_path, make.metidq())
    lines = make.section("Concentration [uM]", statuses=True)
    turned = [*lines[:2], *lines[:1:-1]]
    other = read(tmp_path, "\n".join(turned) + "\n")[whole.obs_names]
    np.testing.assert_array_equal(other.X, whole.X)
    np.testing.assert_array_equal(other.layers["below_lod"], whole.layers["below_lod"])
    order = np.random.default_rng(4).permutation(lines[1].count("\t") + 1)
    moved = ["\t".join(np.array(x.split("\t"), object)[order]) for x in lines]
    other = read(tmp_path, "\n".join(moved) + "\n")[whole.obs_names, whole.var_names]
    for layer in (None, *whole.layers):
        one, two = (a.X if layer is None else a.layers[layer] for a in (whole, other))
        np.testing.assert_array_equal(one, two)


def test_what_is_said_of_samples(tmp_path):
    adata = read(tmp_path, changed("\tP02_pre\t", "\tPool 3\t"))
    assert "1030001002" in found(adata)["pools_as_samples"]
    adata = read(tmp_path, changed("\tQC Level 2\t", "\tMystery\t"))
    assert adata.obs.loc["1030000006", "sample_type"] == "control"
    assert "Mystery" in found(adata)["sample_type_unknown"]
    adata = read(tmp_path, make.metidq().decode().replace("EDTA plasma", "plasma"))
    assert adata.uns["exerkine"]["matrix"] == "unknown"
    assert "'plasma'" in found(adata)["material_not_known"]
    adata = read(tmp_path, make.metidq(), species="rat", matrix_type="serum")
    assert adata.uns["exerkine"]["species"] == "rat"
    assert {"species_differs", "material_differs"} <= set(found(adata))
    # the same person's tube in two wells is two samples
    line = next(x for x in make.metidq().decode().split("\n") if "P01_pre" in x)
    other_well = line.replace("\t60\t", "\t91\t")
    again = read(tmp_path, changed(line, f"{line}\n{other_well}"))
    assert {"1030001000|60", "1030001000|91"} <= set(again.obs_names)
    assert "1030001000" in found(again)["tubes_measured_again"]


def test_workbooks(tmp_path):
    """Without colours there is no status, and it is said; without a legend all is the same."""
    values, said = wanted()
    plain = read(tmp_path, make.workbook(legend=False))
    np.testing.assert_array_equal(statuses(plain), said)
    bare = read(tmp_path, make.workbook(legend=True, colours=False))
    assert "status_missing" in found(bare) and "status_code" not in bare.layers
    np.testing.assert_array_equal(bare.layers["below_lod"], said == "< LOD")
    import openpyxl
    from openpyxl.styles import PatternFill

    book = openpyxl.load_workbook(io.BytesIO(make.workbook(legend=True)))
    sheet = book.active
    sheet["K10"].fill = PatternFill("solid", fgColor="FF33CC33")  # green of the legend
    sheet["L10"].fill = PatternFill("solid", fgColor="FF123456")
    book.create_sheet("Notes")["A1"] = "nothing"
    buffer = io.BytesIO()
    book.save(buffer)
    adata = read(tmp_path, buffer.getvalue())
    assert statuses(adata)[0, :2].tolist() == ["Valid", "fill 123456"]
    assert "fill 123456" in found(adata)["status_unknown"]
    sheet["A2"] = "WebIDQ-1 | Accuracy [%]"
    buffer = io.BytesIO()
    book.save(buffer)
    with pytest.raises(InputError, match="holds 'Accuracy', not concentrations"):
        read(tmp_path, buffer.getvalue())
    sheet["A2"] = "WebIDQ-1 | Concentration [pmol/Cell]"
    sheet["A6"], sheet["C6"] = "Normalization to pmol/mio cells", None
    second = book.copy_worksheet(sheet)
    second.title = "Other"
    buffer = io.BytesIO()
    book.save(buffer)
    adata = read(tmp_path, buffer.getvalue())
    assert not {"lod", "lod_calc"} & set(adata.layers) and "below_lod" in adata.layers
    assert {"limits_in_another_unit", "samples_rescaled"} <= set(found(adata))
    assert adata.uns["exerkine"]["sample_scaling"] == "Normalization to pmol/mio cells"
    assert read(tmp_path, buffer.getvalue(), sheet="Other").shape == (8, 5)
    with pytest.raises(InputError, match="no worksheet 'X'"):
        read(tmp_path, buffer.getvalue(), sheet="X")


def test_cells_of_a_workbook(tmp_path):
    """A formula that was never computed is said; what is no number is refused by its place."""
    import openpyxl

    row, column = np.argwhere(wanted()[1] == "Valid")[0]
    for cell, message in (
        ("=1+1", None), (True, "'True' is no concentration"), ("many", "'many' is no concentration")
    ):  # fmt: skip
        book = openpyxl.load_workbook(io.BytesIO(make.workbook(legend=False)))
        place = book.active.cell(row + 10, column + 11)
        assert place.value == make.value(row, column)
        place.value = cell
        buffer = io.BytesIO()
        book.save(buffer)
        if message is None:
            said = found(read(tmp_path, buffer.getvalue()))
            assert "1 cells are empty" in said["valid_without_value"]
        else:
            with pytest.raises(InputError, match=f"{message}.*row {row + 10}, column"):
                read(tmp_path, buffer.getvalue())


def test_a_workbook_that_lost_its_styles(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(make.workbook(legend=True))) as old:
        with zipfile.ZipFile(buffer, "w") as new:
            for item in old.infolist():
                if item.filename != "xl/styles.xml":
                    new.writestr(item, old.read(item))
    try:
        adata = read(tmp_path, buffer.getvalue())
    except InputError as error:
        assert "file" in str(error)
    else:
        assert "status_missing" in found(adata)


def test_sections_that_disagree(tmp_path):
    """A line that only other sections have is a finding."""
    text = make.metidq().decode()
    lines = text.split("\n")
    at = next(i for i, x in enumerate(lines) if "P02_post" in x)
    adata = read(tmp_path, "\n".join(lines[:at] + lines[at + 1 :]))
    assert adata.n_obs == 7 and "1030001003" in found(adata)["incomplete_samples"]


TEXT = make.metidq().decode()
FIRST = next(x for x in TEXT.split("\n") if "P01_pre" in x)
SECOND = [x for x in TEXT.split("\n") if "P01_pre" in x][1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TEXT.replace("Concentration [uM]", "Accuracy [%]"), "0 sections of concentrations"),
        (TEXT.replace("Analyte Intensity [cps]", "Concentration [ng/ml]"), "2 sections"),
        (TEXT[: TEXT.index("P02_post") + 60], "fields and the header has 20.*line 14"),
        (TEXT.replace(FIRST, SECOND, 1), "has no status .*line 11, column 'C0'"),
        (TEXT.replace(FIRST, f"{FIRST}\n{FIRST}", 1), "'1030001000|60' stands more than once"),
        (TEXT.replace("\t3.004\t", "\t3,004\t", 1), "'3,004' is no concentration.*column 'Lac'"),
        (TEXT.replace("\t3.004\t", "\tthree\t", 1), "'three' is no concentration.*line 7"),
        (TEXT.replace("\t3.004\t", "\t1e999\t", 1), "too large.*line 7, column 'Lac'"),
        (TEXT.replace("\t3.004\t", "\tInfinity\t", 1), "'Infinity' is no concentration"),
        (TEXT.replace("\t3.004\t< LOD", "\t3.004\t7.1", 1), "The status is '7.1'.*'Lac Status'"),
        (TEXT.replace("Sample Bar Code", "Sample Bar", 1), "no column 'Sample Bar Code'"),
        (TEXT.replace("Sample Type", "Type", 1), "no column 'Sample Type'"),
        (TEXT.replace("Ala Status", "Ala State", 1), "'Ala'.* stand alone"),
        (TEXT.replace("\tAla\t", "\tC0\t", 1), "'C0' stand more than once"),
        (TEXT.replace("\tC2\tC2 Status", "\t\t", 1), "column without a name"),
        (TEXT.replace("\t1.5\t", "\tfew\t", 1), "'few' is no limit.*line 4, column 'C0'"),
        (TEXT.replace("\t11000002\tZero", "\t\tZero", 1), "no bar code.*line 7"),
        (TEXT.replace("\tZero Sample", "\t", 1), "no type.*line 7"),
        (TEXT.replace("LLOQ 1", "ULOQ 1", 1), "stands twice.*line 6"),
        (TEXT.replace("\tClass", "\t", 1), "neither a label nor a bar code.*line 3"),
        ("\n".join(TEXT.split("\n")[1:]), "before the first title"),
        ("\n".join(x for x in TEXT.split("\n") if "2031." not in x), "has no samples"),
        (TEXT.split("\n")[0] + "\n", "is empty"),
        (TEXT.replace("#MetIDQ-7.0.1-DB100-Made-1 Analyte", "Analyte", 1), "stands twice.*line 17"),
        ("Sample Type\tSample Identification\tWell Position\tAla\nSample\t5\t74\t123\n",
         "no column 'Sample Bar Code'.*areas or statuses"),
    ],
)  # fmt: skip
def test_wrong_texts(content, message, tmp_path):
    with pytest.raises(InputError, match=message) as error:
        read(tmp_path, content, "wrong.txt")
    assert "wrong.txt" in str(error.value)


@pytest.mark.parametrize("at", ["\tValid", "\t3.004\t", "\tLOD (calc.)", "#MetIDQ", "\tP01_pre"])
def test_huge_fields_take_no_time(at, tmp_path):
    """Two million digits in a cell are refused, or read as the text they are, at once."""
    start = time.perf_counter()
    for huge in ("9", "x", " ", "("):
        try:
            read(tmp_path, TEXT.replace(at, at[:1] + huge * 2_000_000 + at[1:], 1))
        except InputError as error:
            assert len(str(error)) < 1000
    assert time.perf_counter() - start < 10


def test_titles():
    assert parse_title("#MetIDQ-7.11.5-DB108-Nitrogen-2834 Concentration [ng/ml] Target N.") == (
        "Concentration", "ng/ml"
    )  # fmt: skip
    assert parse_title("WebIDQ-DB114-314 | Concentration [pmol/Cell] ") == (
        "Concentration", "pmol/Cell"
    )  # fmt: skip
    assert parse_title("#MetIDQ-7 Area Ratio Target Normalization [x]") is not None
    assert parse_title("a table of concentrations") is None


# real files -----------------------------------------------------------------------------------

TEXTS = {
    "p400_Batch1_LC2": "p400_test_01__Batch1_LC2", "p400_Batch2_LC2": "p400_test_01__Batch2_LC2",
    "p400_Batch3_FIA2": "p400_test_01__Batch3_FIA2", "p400_Batch3_LC1": "p400_test_01__Batch3_LC1",
    "p400_Batch3_LC2": "p400_test_01__Batch3_LC2", "q500_Batch1_FIA": "q500_test_01__Batch1_FIA",
    "q500_Batch1_LC": "q500_test_01__Batch1_LC",
}  # fmt: skip
BOOKS = {
    "metidq_q500_extraction": "extraction_data_MxP_Quant_500",
    "webidq_q500xl_demo_plasma": "Metalyzer_demodataset_biocratesMxPQuant500XL_2025-04",
    "webidq_q500xl_mutation": "mutation_data_MxP_Quant_500_XL",
}
FOLDED = {"< LOD": "LOD", "< LLOQ": "LOQ", "> ULOQ": "LOQ", "< LLOQ or > ULOQ": "LOQ"}
SAME_UNIT = ("p400", "q500", "metidq_q500", "webidq_q500xl_demo")


def check_annotation(adata, folder: Path, name: str) -> None:
    """Samples, classes and limits against the tables beside the file."""
    samples = pd.read_csv(folder / f"{name}_samples.csv", dtype=str, keep_default_na=False)
    ours = {"Plate Bar Code": "plate_id", "Plate bar code": "plate_id", "Sex": "sex"}
    for column in samples.columns[1:]:
        obs = adata.obs[ours.get(column, column)]
        if pd.api.types.is_numeric_dtype(obs):
            given = pd.to_numeric(samples[column]).to_numpy(float)
            np.testing.assert_array_equal(obs.to_numpy(float), given)
        else:
            text = ["" if pd.isna(v) else str(v) for v in obs.astype(object)]
            given = samples[column].str.strip().tolist()
            assert text == [g[:-2] if t == g[:-2] and g.endswith(".0") else g
                            for t, g in zip(text, given, strict=True)], column  # fmt: skip
    table = pd.read_csv(
        folder / f"{name}_features_class_lod.csv", index_col=0, float_precision="round_trip"
    )
    assert adata.var_names.tolist() == table.index.astype(str).tolist()
    assert adata.var["Class"].tolist() == table["Class"].tolist()
    kinds = {"LOD (calc.)": "lod_calc", "LOD (from OP)": "lod_op", "ULOQ": "lod_uloq",
             "LLOQ": "lod_lloq"}  # fmt: skip
    checked = 0
    for column in table.columns:
        kind = next((v for k, v in kinds.items() if column.startswith(k)), None)
        if kind is None:
            continue
        plate = column.split("[")[0].split()[-1].replace("/", "-")
        np.testing.assert_array_equal(adata.var[f"{kind}_{plate}"], table[column].to_numpy(float))
        checked += 1
    assert checked
    if not name.startswith(SAME_UNIT):
        assert "lod_calc" not in adata.layers
        return
    for kind in ("lod_calc", "lod_op"):
        columns = [c for c in table if c.startswith({v: k for k, v in kinds.items()}[kind])]
        if columns:
            largest = table[columns].max(axis=1).to_numpy(float)
            np.testing.assert_array_equal(adata.layers[kind], np.broadcast_to(largest, adata.shape))


@pytest.mark.real_data
@pytest.mark.parametrize("name", list(TEXTS))
def test_real_texts(name, data_dir, round_trip):
    folder = data_dir / "biocrates_metidq"
    adata = exo.io.read(folder / "original_metaquac" / f"biocrates_{TEXTS[name]}.txt")
    unit = "ng_ml" if name.startswith("p400") else "um"
    table = pd.read_csv(
        folder / f"{name}_concentration_{unit}.csv", index_col=0, float_precision="round_trip"
    )
    values = np.array(table, dtype=float)
    values[np.isinf(values)] = np.nan  # No Intercept
    np.testing.assert_array_equal(adata.X, values)
    said = pd.read_csv(folder / f"{name}_status.csv", index_col=0, keep_default_na=False)
    own = statuses(adata)
    np.testing.assert_array_equal(np.where(own == "not stated", "", own), said.to_numpy(str))
    assert set(adata.var["measured_in"]) == {"ng/ml" if unit == "ng_ml" else "uM"}
    below = adata.layers["below_lod"]
    decided = np.isin(own, ["Valid", "< LLOQ", "> ULOQ", "< LOD"])
    np.testing.assert_array_equal(below[decided], (own == "< LOD")[decided])
    check_annotation(adata, folder, name)
    np.testing.assert_array_equal(round_trip(adata).layers["status_code"],
                                  adata.layers["status_code"])  # fmt: skip
    kinds = adata.obs["sample_type"].astype(str)
    types = adata.obs["Sample Type"].astype(str)
    assert set(types[kinds == "sample"]) == {"Sample"}
    assert set(kinds) <= {"sample", "qc", "calibrator", "blank"}


@pytest.mark.real_data
@pytest.mark.parametrize("name", list(BOOKS))
def test_real_workbooks(name, data_dir, round_trip):
    folder = data_dir / "biocrates_metidq"
    adata = exo.io.read(folder / "original_MetAlyzer" / f"{BOOKS[name]}.xlsx")
    table = pd.read_csv(folder / f"{name}_values.csv", index_col=0, float_precision="round_trip")
    np.testing.assert_array_equal(adata.X, table.to_numpy(float))
    said = pd.read_csv(folder / f"{name}_status_from_fill.csv", index_col=0)
    own = np.array([[FOLDED.get(s, s) for s in row] for row in statuses(adata)])
    np.testing.assert_array_equal(own, said.to_numpy(str))
    np.testing.assert_array_equal(adata.layers["below_lod"] & (own != "Invalid"), own == "LOD")
    check_annotation(adata, folder, name)
    np.testing.assert_array_equal(round_trip(adata).X, adata.X)


@pytest.mark.real_data
@pytest.mark.parametrize("kind", ["area", "conc", "status"])
def test_tables_that_do_not_say_what_they_hold(kind, data_dir):
    """The generic layout is explained, not guessed."""
    path = (
        data_dir / "biocrates_metidq" / "original_metaquac" / f"generic_test_03__Batch1_{kind}.csv"
    )
    with pytest.raises(InputError, match="no column 'Sample Bar Code'.*exo.io.read_table"):
        exo.io.read(path)
