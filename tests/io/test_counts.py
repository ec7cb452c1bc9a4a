"""Counts of small-RNA sequencing: every layout, precursors, and wrong files."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import InputError, UsageError

_FILE = Path(__file__).parent / "make_counts.py"
_SPEC = importlib.util.spec_from_file_location("make_counts", _FILE)
make = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(make)


def read(tmp_path: Path, content: bytes | str, name: str = "counts.tsv", **options):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return exo.io.read_counts(path, **options)


def found(adata) -> dict[str, str]:
    table = adata.uns["exerkine"]["findings"]
    return dict(zip(table["id"].astype(str), table["message"].astype(str), strict=True))


@pytest.mark.quick
@pytest.mark.parametrize("name", make.files())
def test_layouts(name, tmp_path, round_trip):
    adata = read(tmp_path, make.files()[name], name)
    known = adata.uns["exerkine"]
    assert (known["units"], known["modality"]) == ("counts", "mirna")
    assert known["experimental"] and "experimental_format" in found(adata)
    codes = dict(zip(("s01", "s02", "s03", "s04"), make.SAMPLES, strict=True))
    one_name = {"counts_htseq": make.SAMPLES[0]}
    for row, own in enumerate(adata.obs_names):
        sample = codes.get(own) or one_name.get(own, own)
        for column, mirna in enumerate(adata.var["mirbase"]):
            assert adata.X[row, column] == make.count(sample, mirna)
    assert set(adata.var["mirbase"]) == set(make.NAMES)
    size = [sum(make.count(s, n) for n in make.NAMES) for s in make.SAMPLES][: adata.n_obs]
    np.testing.assert_array_equal(adata.obs["library_size"], size)
    back = round_trip(adata)
    np.testing.assert_array_equal(back.X, adata.X)
    via_read = exo.io.read(tmp_path / name)
    np.testing.assert_array_equal(via_read.X, adata.X)


def test_what_else_is_kept(tmp_path):
    mirdeep = read(tmp_path, make.mirdeep2())
    assert "hsa-miR-7-5p|hsa-mir-7-2" in mirdeep.var_names and "hsa-miR-21-5p" in mirdeep.var_names
    assert "2 miRNAs stand once a precursor" in found(mirdeep)["several_precursors"]
    features = read(tmp_path, make.featurecounts())
    assert features.obs_names.tolist() == list(make.SAMPLES)
    assert features.obs["alignment"].iloc[0] == "/run/P01_pre.sorted.bam"
    assert features.var["mimat"].tolist() == [f"MIMAT{i:07d}" for i in range(7)]
    assert features.var["Chr"].iloc[2] == "chr3"
    htseq = read(tmp_path, make.htseq(), "P01_pre.counts.txt")
    assert htseq.obs.loc["P01_pre", ["no_feature", "not_aligned"]].tolist() == [1234, 77]
    assert not htseq.var_names.str.startswith("__").any()
    mirge = read(tmp_path, make.mirge())
    assert "total_differs" not in found(mirge) and "miRNAtotal" not in mirge.var_names
    lost = b"\n".join(make.mirge().split(b"\n")[:-3]) + b"\n"
    assert "total_differs" in found(read(tmp_path, lost))


def test_several_files_are_joined_by_name(tmp_path):
    (tmp_path / "a.txt").write_text("hsa-miR-1-3p\t5\nhsa-miR-7-5p\t0\n__no_feature\t3\n")
    (tmp_path / "b.txt").write_text("hsa-miR-7-5p\t2\nhsa-miR-21-5p\t9\n__no_feature\t4\n")
    adata = exo.io.read_counts([tmp_path / "a.txt", tmp_path / "b.txt"])
    adata = adata[["a", "b"], ["hsa-miR-1-3p", "hsa-miR-7-5p", "hsa-miR-21-5p"]]
    np.testing.assert_array_equal(adata.X, [[5, 0, np.nan], [np.nan, 2, 9]])
    assert adata.obs["no_feature"].tolist() == [3, 4]
    assert {"incomplete_samples", "counts_missing"} <= set(found(adata))
    with pytest.raises(InputError, match="'a' stands in a.txt too"):
        exo.io.read_counts([tmp_path / "a.txt", tmp_path / "a.txt"])
    (tmp_path / "c.tsv").write_bytes(make.mirdeep2())
    with pytest.raises(InputError, match="several formats"):
        exo.io.read_counts([tmp_path / "a.txt", tmp_path / "c.tsv"])
    with pytest.raises(UsageError, match="no file"):
        exo.io.read_counts([])


def test_missing_and_large_counts(tmp_path):
    adata = read(tmp_path, "miRNA\ta\tb\nhsa-miR-1-3p\tNA\t1e+05\nhsa-miR-7-5p\t3\t\n"
                 "hsa-miR-21-5p\t1\t2\nhsa-miR-16-5p\t1\t2\n")  # fmt: skip
    np.testing.assert_array_equal(adata.X[:, :2], [[np.nan, 3], [1e5, np.nan]])
    assert found(adata)["counts_missing"].startswith("2 counts")


def test_another_species_is_said(tmp_path):
    text = make.excerpt().decode().replace("hsa-", "mmu-")
    assert "are not of human" in found(read(tmp_path, text))["species_differs"]
    adata = read(tmp_path, text, species="mouse")
    assert "species_differs" not in found(adata) and adata.uns["exerkine"]["species"] == "mouse"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\t5\t5\t5\t5", "\t-5\t5\t5\t5", "'-5' is negative .*line 2, column 'P01_pre'"),
        ("\t5\t5\t5\t5", "\t5.5\t5\t5\t5", "no whole number of reads"),
        ("\t5\t5\t5\t5", "\t5_0\t5\t5\t5", "no number"),
        ("\t5\t5\t5\t5", "\t=1+1\t5\t5\t5", "no number"),
        ("\t5\t5\t5\t5", "\tinf\t5\t5\t5", "no number"),
        ("\t5\t5\t5\t5", "\t1e300\t5\t5\t5", "no whole number"),
        ("\t5\t5\t5\t5", "\t5\t5\t5", "is none of them"),
        ("P01_post", "P01_pre", "column 'P01_pre' stands twice"),
        ("P01_post", "", "has no name|stands twice"),
        ("hsa-let-7d-3p", "hsa-miR-21-5p", "stand more than once"),
        ("hsa-let-7d-3p\t", "hsa-let-7d-3p\t7\t", "is none of them"),
        ("hsa-let-7d-3p", '"hsa-let-7d-3p', "cannot be read"),
    ],
)
def test_wrong_files(old, new, message, tmp_path):
    text = make.excerpt().decode()
    assert old in text
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, text.replace(old, new, 1))
    assert "counts.tsv" in str(caught.value)


def test_a_cut_line_is_seen(tmp_path):
    text = make.excerpt().decode().rstrip("\n")
    long = text + "".join(f"\nhsa-miR-{i}-5p\t1\t2\t3\t4" for i in range(200, 260))
    with pytest.raises(InputError, match="Line 68 has 3 fields"):
        read(tmp_path, long[:-4])


@pytest.mark.parametrize(
    "content",
    [
        "sample\tIL6\tTNF\nP1\t1\t2\nP2\t3\t4\n",  # no miRNAs
        "miRNA\ta\tb\nhsa-miR-1-3p\t1.5\t2.25\nhsa-miR-7-5p\t3.5\t0.1\n",  # no counts
        "",
        "hello",
    ],
)
def test_other_tables_are_not_taken(content, tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text(content)
    with pytest.raises(InputError):
        exo.io.read_counts(path)
