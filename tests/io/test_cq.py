"""qPCR exports: every layout, replicates, what was undetermined, and wrong files."""

from __future__ import annotations

import importlib.util
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import InputError, UsageError
from exerkine_omics.io._mirna import assay_type, mimat, mirbase_name

_SPEC = importlib.util.spec_from_file_location("make_cq", Path(__file__).parent / "make_cq.py")
make = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(make)


def read(tmp_path: Path, content: bytes | str, name: str = "run.csv", **options):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return exo.io.read_cq(path, **options)


def found(adata) -> dict[str, str]:
    table = adata.uns["exerkine"]["findings"]
    return dict(zip(table["id"].astype(str), table["message"].astype(str), strict=True))


@pytest.mark.quick
@pytest.mark.parametrize("name", [n for n in make.files() if "lightcycler" not in n])
def test_layouts(name, tmp_path, round_trip):
    """Each layout gives the cycles that were written, and nothing else."""
    adata = read(tmp_path, make.files()[name], name)
    known = adata.uns["exerkine"]
    assert (known["units"], known["modality"], known["experimental"]) == ("Cq", "mirna", False)
    assert known["format"] in set(exo.io.show_formats()["format"])
    capped, omitted = "openarray" in name, "quantstudio" in name
    for sample in make.SAMPLES:
        for assay in make.ASSAYS:
            column = f"{assay}|TM000000" if capped and assay == make.ASSAYS[0] else assay
            value = adata[sample, column].X.item()
            below = adata[sample, column].layers["below_lod"].item()
            wanted = make.cycle(sample, assay)
            if (sample, assay) == make.NEVER or (omitted and (sample, assay) == (
                "P01_pre", "U6 snRNA")):  # fmt: skip
                assert np.isnan(value) and not below
            elif wanted is None:
                assert value == 40 if capped else np.isnan(value)
                # RDML has no word for it: not available
                assert below != (capped or "rdml" in name)
            else:
                assert value == wanted and not below
    assert adata.obs.loc[list(make.SAMPLES), "sample_type"].eq("sample").all()
    if "NTC" in adata.obs_names:
        assert adata.obs.loc["NTC", "sample_type"] == "blank"
        assert adata["NTC", "hsa-miR-126-3p"].X.item() == make.cycle("NTC", "hsa-miR-126-3p")
    kinds = dict(zip(adata.var["name"], adata.var["assay_type"], strict=True))
    assert kinds["U6 snRNA"] == "reference" and kinds["cel-miR-39-3p"] == "spike_in"
    assert kinds["hsa-let-7d-3p"] == "mirna"
    assert "Nobody" not in known.get("header", "")
    back = round_trip(adata)
    np.testing.assert_array_equal(back.X, adata.X)
    np.testing.assert_array_equal(back.layers["below_lod"], adata.layers["below_lod"])
    assert back.layers["n_replicates"].dtype == np.int64


def test_what_else_is_kept(tmp_path):
    quantstudio = read(tmp_path, make.quantstudio())
    assert {"amp_score", "cq_confidence", "qc_warning"} <= set(quantstudio.layers)
    assert quantstudio["P01_pre", make.ASSAYS[0]].layers["amp_score"].item() == 1.235
    assert {"omitted_wells", "empty_wells", "incomplete_samples"} <= set(found(quantstudio))
    header = json.loads(quantstudio.uns["exerkine"]["header"])
    assert header["Analysis Type"] == "Singleplex"
    assert quantstudio.uns["exerkine"]["platform"] == "QuantStudio(TM) 7 Flex System"
    cfx = read(tmp_path, make.cfx())
    assert cfx.obs.loc["standard 10000", ["sample_type", "quantity"]].tolist() == [
        "calibrator", 1e4
    ]  # fmt: skip
    assert np.isnan(cfx.obs.loc["P01_pre", "quantity"])
    assert cfx.obs.loc["P02_post", "Biological Set Name"] == "post"
    openarray = read(tmp_path, make.openarray())
    assert set(openarray.obs["plate_id"]) == {"GNX01"}
    assert openarray.layers["qc_warning"].sum() == 1
    assert openarray["P01_pre", "hsa-miR-21-5p|TM000009"].X.item() == 22.5
    long = read(tmp_path, make.long_table())
    assert long.obs["batch"].astype(str).tolist() == ["1", "1", "2", "2"]
    card = read(tmp_path, make.tlda())
    assert card["P02_pre"].layers["qc_warning"].sum() == 1


def test_lightcycler(tmp_path):
    """The assay is the filter; no Cp is no signal."""
    adata = read(tmp_path, make.lightcycler())
    assert adata.var_names.tolist() == ["SYBR Green (483-533)"]
    np.testing.assert_array_equal(adata.X[:, 0], [20.11, 21.11, 22.11, np.nan, 24.11])
    assert adata.layers["below_lod"][:, 0].tolist() == [False, False, False, True, False]
    assert adata.obs["sample_type"].tolist() == ["sample"] * 4 + ["blank"]
    assert {"assay_unnamed", "no_mirna_names"} <= set(found(adata))


def test_comments_before_a_plain_table(tmp_path):
    head = "# Block Type: 96-Well\n# User Name: Nobody\n"
    adata = read(tmp_path, head + make.long_table().decode())
    assert json.loads(adata.uns["exerkine"]["header"]) == {"Block Type": "96-Well"}
    assert adata.shape == (4, 6)


def test_controls_by_task(tmp_path):
    """A sample with a control well and others is a person's; what names controls is said."""
    text = (
        "Sample,Target,Task,Cq\nP1,hsa-miR-1-3p,NTC,38\nP1,hsa-miR-7-5p,UNKNOWN,21\n"
        "Water 1,hsa-miR-7-5p,UNKNOWN,No Ct\npool,hsa-miR-7-5p,Positive Control,20\n"
        ",hsa-miR-7-5p,UNKNOWN,20\n"
    )
    adata = read(tmp_path, text)
    kinds = dict(zip(adata.obs_names, adata.obs["sample_type"].astype(str), strict=True))
    assert kinds == {"P1": "sample", "Water 1": "blank", "pool": "control"}
    assert "'P1'" in found(adata)["mixed_tasks"]
    assert "line 6 hsa-miR-7-5p" in found(adata)["wells_without_sample"]


REPLICATES = """Well,Sample,Target,Cq
A1,P1,hsa-miR-21-5p,20
A2,P1,hsa-miR-21-5p,21
A3,P1,hsa-miR-21-5p,Undetermined
A4,P2,hsa-miR-21-5p,Undetermined
A5,P2,hsa-miR-21-5p,No Ct
A6,P2,hsa-miR-21-5p,n/a
A7,P3,hsa-miR-21-5p,24.1
A8,P3,hsa-miR-21-5p,24.3
A9,P3,hsa-miR-7-5p,38.5
"""


def test_technical_replicates(tmp_path):
    adata = read(tmp_path, REPLICATES)
    first = adata[:, "hsa-miR-21-5p"]
    np.testing.assert_allclose(first.X[:, 0], [20.5, np.nan, 24.2], rtol=1e-15)
    assert first.layers["below_lod"][:, 0].tolist() == [False, True, False]
    assert first.layers["n_replicates"][:, 0].tolist() == [2, 0, 2]
    sd = [np.std([20, 21], ddof=1), np.nan, np.std([24.1, 24.3], ddof=1)]
    np.testing.assert_allclose(first.layers["replicate_sd"][:, 0], sd, rtol=1e-12)
    said = found(adata)
    assert "2 to 3 technical replicates" in said["technical_replicates"]
    assert said["replicates_differ"].startswith("1 values") and "'P1'" in said["replicates_differ"]
    assert "'P1'" in said["partly_undetermined"] and "'P2'" not in said["partly_undetermined"]
    assert "'P3'" in said["uneven_replicates"]
    assert "'A6 P2 hsa-miR-21-5p'" in said["cq_missing"]
    assert "'P1', 'P2'" in said["incomplete_samples"]


def test_order_changes_no_bit(tmp_path):
    """Rows in another order: the same numbers to the last bit."""
    rng = np.random.default_rng(5)
    rows = [f"{w}{i},P{i % 4},hsa-miR-{1 + i % 3}-5p,{rng.normal(28, 2)!r}"
            for i in range(48) for w in "AB"]  # fmt: skip
    whole = read(tmp_path, "\n".join(["Well,Sample,Target,Cq", *rows]))
    rng.shuffle(rows)
    other = read(tmp_path, "\n".join(["Well,Sample,Target,Cq", *rows]))
    other = other[whole.obs_names, whole.var_names]
    np.testing.assert_array_equal(whole.X, other.X)
    np.testing.assert_array_equal(whole.layers["replicate_sd"], other.layers["replicate_sd"])


def test_replicates_kept_apart(tmp_path):
    adata = read(tmp_path, REPLICATES, replicates="keep")
    assert set(adata.obs_names) == {f"P{i}|{j}" for i in (1, 2, 3) for j in (1, 2, 3)} - {"P3|3"}
    first = adata[["P1|1", "P1|2", "P1|3"], "hsa-miR-21-5p"]
    np.testing.assert_array_equal(first.X[:, 0], [20, 21, np.nan])
    assert first.layers["below_lod"][:, 0].tolist() == [False, False, True]
    assert first.obs["source_sample"].tolist() == ["P1"] * 3
    assert first.obs["replicate"].astype(int).tolist() == [1, 2, 3]
    assert "technical_replicates" not in found(adata)


def test_max_cq(tmp_path):
    plain = read(tmp_path, make.openarray())
    capped = read(tmp_path, make.openarray(), max_cq=40)
    one = capped["P02_pre", "hsa-let-7d-3p"]
    assert plain["P02_pre", "hsa-let-7d-3p"].X.item() == 40
    assert np.isnan(one.X.item()) and one.layers["below_lod"].item()
    assert "above_max_cq" in found(capped)
    many = "sample,assay,Cq\n" + "".join(f"P{i},hsa-miR-{j}-5p,{35 if i < 2 else 30 + i / 7}\n"
                                         for i in range(6) for j in (1, 7))  # fmt: skip
    assert "max_cq=35" in read(tmp_path, many).uns["exerkine"]["findings"]["fix"].astype(str).sum()
    assert "cq_at_cap" not in found(read(tmp_path, many, max_cq=35))
    for wrong in (0, -1, np.nan, np.inf, "35", True):
        with pytest.raises(UsageError, match="no cycle"):
            read(tmp_path, many, max_cq=wrong)


def test_several_files(tmp_path):
    """Cards of two assay sets are joined; six cards with one sample name are not averaged."""
    head = "Sample,Target,Cq\n"
    (tmp_path / "a.csv").write_text(head + "P1,hsa-miR-1-3p,20\nP1,hsa-miR-7-5p,21\nP1,U6,15\n")
    (tmp_path / "b.csv").write_text(head + "P1,hsa-miR-21-5p,22\nP1,hsa-miR-16-5p,23\nP1,U6,15.5\n")
    joined = exo.io.read_cq([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert joined.shape == (1, 5) and joined["P1", "U6"].X.item() == 15.25
    assert "b.csv" in joined.uns["exerkine"]["steps"]["parameters"].iloc[-1]
    (tmp_path / "c.csv").write_text(head + "P1,hsa-miR-1-3p,25\nP1,hsa-miR-7-5p,26\nP1,U6,16\n")
    cards = [tmp_path / "a.csv", tmp_path / "c.csv"]
    with pytest.raises(InputError, match="same assays in 'a.csv', 'c.csv'.*sample_names=\"file\""):
        exo.io.read_cq(cards)
    apart = exo.io.read_cq(cards, sample_names="file")
    np.testing.assert_array_equal(apart["c", ["hsa-miR-1-3p", "U6"]].X, [[25, 16]])
    (tmp_path / "d.txt").write_bytes(make.sds())
    with pytest.raises(InputError, match="several formats"):
        exo.io.read_cq([tmp_path / "a.csv", tmp_path / "d.txt"])
    with pytest.raises(UsageError, match="no file"):
        exo.io.read_cq([])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("P9,hsa-miR-1-3p,<35", "'<35' is no cycle .*line 3"),
        ("P9,hsa-miR-1-3p,1_000", "no cycle"),
        ("P9,hsa-miR-1-3p,٣", "no cycle"),
        ("P9,hsa-miR-1-3p,inf", "no cycle"),
        ("P9,hsa-miR-1-3p,1e999", "no possible cycle"),
        ("P9,hsa-miR-1-3p,-3.5", "no possible cycle"),
        ("P9,hsa-miR-1-3p,0", "no possible cycle"),
        ("P9,hsa-miR-1-3p,5000", "no possible cycle"),
        ("P9,hsa-miR-1-3p,#REF!", "no cycle"),
        ("P9,hsa-miR-1-3p", "Line 3 has 2 fields"),
        ("P9,hsa-miR-1-3p,20,21", "Line 3 has 4 fields"),
        ('P9,"hsa-miR-1-3p,20', "no readable"),
        ('P9,hsa-miR-1-3p,"20,5"', "another decimal sign"),
    ],
)
def test_wrong_cells(row, message, tmp_path):
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, f"sample,assay,Cq\nP1,hsa-miR-7-5p,20.5\n{row}\n")
    assert "run.csv" in str(caught.value)


def test_wrong_files(tmp_path):
    lines = make.quantstudio().decode().split("\n")
    at = lines.index("[Results]")
    cases = [
        ("\n".join(lines[:at]), r"no section \[Results\]"),
        ("\n".join(lines[: at + 1]), "no table"),
        ("\n".join([*lines[: at + 1], lines[at + 2], lines[at + 1], *lines[at + 3 :]]),
         "stands between"),
        ("\n".join(lines).replace("CT\t", "Curve\t"), "no column with the cq"),
        ("\n".join(lines).replace("Sample Name\tTarget Name\tTask", "Person\tTarget Name\tTask"),
         "no column with the sample"),
        ("\n".join(lines).replace("Ct Mean", "CT"), "stands twice with different cells"),
        ("\n".join([*lines[: at + 4], lines[at + 3], *lines[at + 4 :]]), "measures .* twice"),
        ("Well,Sample,Target,Cq\n", "no wells"),
        ("Well,Sample,Target,Cq\nA1,,,20\n", "No well has a sample"),
        ("sample,assay,Cq,undetermined\nP1,hsa-miR-1-3p,20,True\n", "undetermined and has a cycle"),
        ("sample,assay,Cq,omit\nP1,hsa-miR-1-3p,20,maybe\n", "neither true nor false"),
        ("sample,assay,NPX\nP1,IL6,20\n", "is none of them"),
    ]  # fmt: skip
    for content, message in cases:
        with pytest.raises(InputError, match=message):
            read(tmp_path, content)
    with pytest.raises(InputError, match="no worksheet 'Results'"):
        read(tmp_path, make.workbook(results=False), "run.xlsx")
    broken = make.sds().decode().split("\n")
    broken.insert(9, "Summary")
    with pytest.raises(InputError, match="is no numbered well"):
        read(tmp_path, "\n".join(broken))
    for option in ({"replicates": "median"}, {"sample_names": "plate"}, {"modality": "rna"}):
        with pytest.raises(UsageError, match="is not known"):
            read(tmp_path, REPLICATES, **option)
    with pytest.raises(UsageError, match="has no option"):
        exo.io.read(tmp_path / "run.csv", cap=3)


def test_rdml_is_read_safely(tmp_path):
    bomb = '<!DOCTYPE rdml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    with pytest.raises(InputError, match="declares a document type"):
        read(tmp_path, make.rdml(declared=bomb), "run.rdml")
    for old, new, message in (
        ("</rdml>", "", "cannot be read"),
        ('<tar id="U6 snRNA"/>', '<tar id="U7"/>', "which the file does not list"),
        ("<cq>15.5</cq>", "<cq>15,5x</cq>", "no cycle.*reaction"),
    ):
        with zipfile.ZipFile(tmp_path / "run.rdml", "w") as archive:
            text = make.rdml()
            with zipfile.ZipFile(_saved(tmp_path / "whole.rdml", text)) as whole:
                xml = whole.read("rdml_data.xml").decode()
            archive.writestr("rdml_data.xml", xml.replace(old, new))
        with pytest.raises(InputError, match=message):
            exo.io.read_cq(tmp_path / "run.rdml")


def _saved(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_people_join_later(tmp_path):
    """Blanks need no person, and the cycles turn to log2 amounts."""
    path = tmp_path / "run.txt"
    path.write_bytes(make.plate_table())
    sheet = pd.DataFrame(
        {"who": ["P01", "P01", "P02", "P02"], "when": ["pre", "post"] * 2}, index=make.SAMPLES
    )
    how = {"subject": "who", "timepoint": "when", "baseline": "pre"}
    adata = exo.io.read(path, samples=sheet, matrix_type="plasma_edta", **how)
    assert adata.obs.loc["P02_post", "subject_id"] == "P02"
    assert pd.isna(adata.obs.loc["NTC", "subject_id"])
    assert "matrix_unknown" not in found(adata)


@pytest.mark.parametrize(
    ("name", "kind", "mirna"),
    [
        ("hsa-miR-21-5p", "mirna", "hsa-miR-21-5p"),
        ("hsa-miR-409-5p_002331:A", "mirna", "hsa-miR-409-5p"),
        ("hsa-miR-126-4395339", "mirna", "hsa-miR-126"),
        ("hsa-miR-126#", "mirna", "hsa-miR-126#"),
        ("hsa-miR-129-2-3p", "mirna", "hsa-miR-129-2-3p"),
        ("hsa-let-7d-3p", "mirna", "hsa-let-7d-3p"),
        ("miR-146a", "mirna", "miR-146a"),
        ("mmu-miR-467a", "mirna", "mmu-miR-467a"),
        ("hsa-mir-99b", "mirna", "hsa-mir-99b"),
        ("cel-miR-39-3p", "spike_in", "cel-miR-39-3p"),
        ("ath-miR159a", "spike_in", "ath-miR159a"),
        ("UniSp6", "spike_in", ""),
        ("UniSp3 IPC", "control", ""),
        ("U6 rRNA", "reference", ""),
        ("RNU48", "reference", ""),
        ("SNORD44", "reference", ""),
        ("GAPDH", "other", ""),
        ("LETM1", "other", ""),
        ("LIN7A", "other", ""),
        ("IPC", "control", ""),
    ],
)
def test_names_of_assays(name, kind, mirna):
    assert assay_type(name) == kind
    assert mirbase_name(name) == mirna
    assert mimat(f"{name}_MIMAT0000076") == "MIMAT0000076"


# real files against the plain tables beside them -----------------------------------------------

PAIRS = [
    ("ddct", "Experiment1.txt", "Experiment1_long.csv", "sds"),
    ("ddct", "Experiment2.txt", "Experiment2_long.csv", "sds"),
    ("ddct", "ExperimentWithNTC.txt", "ExperimentWithNTC_long.csv", "sds"),
    ("ddct", "QuantStudio_File1.txt", "quantstudio_file1_long.csv", "quantstudio"),
    ("ddct", "QuantStudio_File2.txt", "quantstudio_file2_long.csv", "quantstudio"),
    ("htqpcr", "SDS_sample.txt", "sds23_long.csv", "sds"),
    ("htqpcr", "OpenArray_sample.csv", "openarray_mirna_long.csv", "openarray"),
    ("htqpcr", "CFX_sample.txt", "cfx_long.csv", "cfx"),
    ("htqpcr", "BioMark_sample.csv", "biomark_long.csv", "biomark"),
    ("rdml", "stepone_std.rdml", "stepone_std_long.csv", "rdml"),
    ("rdml", "BioRad_qPCR_melt.rdml", "BioRad_qPCR_melt_long.csv", "rdml"),
    ("allotropy", "appbio_quantstudio_designandanalysis_QS7Pro_Standard_Curve_TAC_example15.xlsx",
     "tac_results_table.csv", "cq_xlsx"),
]  # fmt: skip


def plain_table(path: Path) -> pd.DataFrame:
    """Wells of a plain table: sample, id, cq, undetermined."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table = table.rename(columns={"Sample": "sample", "Target": "target", "Cq": "cq"})
    table["cq"] = [float(c) if c else np.nan for c in table["cq"]]  # pandas' own is not exact
    said = table["undetermined"] == "True" if "undetermined" in table else table["cq"].isna()
    table["undetermined"] = said | (table["cq"] == 999)  # BioMark's word for a failed well
    table.loc[table["undetermined"], "cq"] = np.nan
    if "content" in table:  # CFX: controls without a sample name
        table.loc[table["content"] == "Neg Ctrl", "sample"] = "NTC"
    table["id"] = table["assay"] if "assay" in table else table["target"]
    if "assay_id" in table:
        several = table.groupby("target")["assay_id"].transform("nunique") > 1
        table.loc[several, "id"] = table["target"] + "|" + table["assay_id"]
    return table[(table["sample"] != "") & (table["id"] != "")]


def require_same(adata, table: pd.DataFrame, rtol: float = 1e-12) -> None:
    """Means and flags of the AnnData against those of the wells."""
    groups = table.groupby(["sample", "id"])
    mean = groups["cq"].mean().unstack()
    adata = adata[mean.index.intersection(adata.obs_names), mean.columns]
    assert adata.n_obs == len(mean)
    np.testing.assert_allclose(adata.X, mean.to_numpy(), rtol=rtol)
    n = groups["cq"].count().unstack().fillna(0).to_numpy()
    np.testing.assert_array_equal(adata.layers["n_replicates"], n)
    undetermined = groups["undetermined"].any().unstack().eq(True).to_numpy() & (n == 0)
    np.testing.assert_array_equal(adata.layers["below_lod"], undetermined)


def require_same_wells(adata, table: pd.DataFrame) -> None:
    """Replicates kept apart: the wells themselves, to the bit."""
    ids = adata.obs["source_sample"].astype(str).to_numpy()
    for (sample, assay), own in table.groupby(["sample", "id"]):
        values = adata[ids == sample, assay].X
        values = np.sort(values[np.isfinite(values)])
        np.testing.assert_array_equal(values, np.sort(own["cq"].dropna()))


@pytest.mark.real_data
@pytest.mark.parametrize(("folder", "file", "long", "format"), PAIRS, ids=lambda v: v[:24])
def test_real_files(folder, file, long, format, data_dir):
    home = data_dir / "mirna_qpcr_exports" / folder
    path = home / "original" / file
    table = plain_table(home / long)
    adata = exo.io.read(path)
    assert adata.uns["exerkine"]["format"] == format
    require_same(adata, table)
    few = table[table["id"].isin(sorted(set(table["id"]))[:40])]
    require_same_wells(exo.io.read(path, replicates="keep"), few)
    again = exo.io.read(home / long)  # the plain table itself
    assert again.uns["exerkine"]["format"] == "cq_table"
    require_same(again, table)


@pytest.mark.real_data
def test_real_array_cards(data_dir):
    """Six cards, one file each, all with the sample name Sample01."""
    home = data_dir / "mirna_qpcr_exports" / "htqpcr"
    cards = [home / "original" / f"sample{i}.txt" for i in range(1, 7)]
    with pytest.raises(InputError, match="'Sample01' is measured with the same assays"):
        exo.io.read_cq(cards)
    adata = exo.io.read_cq(cards, sample_names="file")
    table = plain_table(home / "tlda_384_long.csv")
    require_same(adata, table)
    require_same(exo.io.read_cq(home / "tlda_384_long.csv"), table)
    flagged = pd.read_csv(home / "tlda_384_long.csv").groupby(["sample", "target"])["flag"]
    wanted = flagged.agg(lambda f: (f == "Flagged").any()).unstack()
    layer = adata[wanted.index, wanted.columns].layers["qc_warning"]
    np.testing.assert_array_equal(layer, wanted.to_numpy())


@pytest.mark.real_data
def test_real_mirna_tables(data_dir):
    home = data_dir / "mirna_qpcr_exports"
    adata = exo.io.read(home / "mircomp" / "mircomp_lifetech_long.csv")
    assert adata.shape == (40, 754) and adata.layers["below_lod"].sum() == 8981
    require_same(adata, plain_table(home / "mircomp" / "mircomp_lifetech_long.csv"))
    assert adata.var["mirbase"].str.match(r"(hsa|mmu|rno|dme)-(miR|let)-").all()
    path = home / "neuroblastoma" / "nb_mirna_cq_long.csv"
    raw, capped = exo.io.read_cq(path), exo.io.read_cq(path, max_cq=35)
    assert raw.shape == (61, 323) and "cq_at_cap" in found(raw)
    table = plain_table(path)
    require_same(raw, table)
    table["undetermined"] = table["cq"] >= 35
    table.loc[table["undetermined"], "cq"] = np.nan
    require_same(capped, table)
    assert abs(capped.layers["below_lod"].mean() - 0.126) < 5e-4


@pytest.mark.real_data
def test_other_real_files(data_dir):
    home = data_dir / "mirna_qpcr_exports"
    home, rdml = home / "allotropy" / "original", home / "rdml" / "original"
    with pytest.raises(InputError, match="no column with the cq"):
        exo.io.read(home / "appbio_quantstudio_minimal_missing_results.txt")
    cfx = exo.io.read(home / "example01.csv")  # no targets
    assert cfx.var_names.tolist() == ["FAM", "VIC"] and "assay_unnamed" in found(cfx)
    wanted = np.mean([21.1877528266099, 21.1025534163483])
    np.testing.assert_allclose(cfx["M3905 R Ctx", "FAM"].X.item(), wanted, rtol=1e-15)
    curve = exo.io.read(home / "appbio_quantstudio_example07.txt")
    assert curve.obs.loc["standard 312.5", "sample_type"] == "calibrator"
    wanted = np.mean([31.404, 31.362])
    np.testing.assert_allclose(curve["standard 312.5", "RNaseP"].X.item(), wanted, rtol=1e-15)
    rq = exo.io.read(home / "appbio_quantstudio_designandanalysis_QS7Pro_Relative_Quantification_"
                     "example11.xlsx")  # fmt: skip
    np.testing.assert_allclose(rq["6400", "RNaseP"].X.item(), 25.57198282111793, rtol=1e-12)
    for number, extension in ((2, "txt"), (4, "txt"), (5, "txt"), (8, "xlsx")):
        adata = exo.io.read(home / f"appbio_quantstudio_example{number:02d}.{extension}")
        assert adata.layers["n_replicates"].sum() > 0
    assert exo.io.read(rdml / "lc96_bACTXY.rdml").shape == (12, 8)
