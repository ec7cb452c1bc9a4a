"""Small count tables of every layout that `read_counts` reads, with invented counts."""

from __future__ import annotations

NAMES = (
    "hsa-miR-21-5p",
    "hsa-miR-146a-5p",
    "hsa-let-7d-3p",
    "hsa-miR-126-3p",
    "hsa-miR-486-5p",
    "hsa-miR-7-5p",
    "hsa-miR-1-3p",
)
SAMPLES = ("P01_pre", "P01_post", "P02_pre", "P02_post")


def count(sample: str, name: str) -> int:
    return (37 * NAMES.index(name) ** 3 + 11 * SAMPLES.index(sample) * NAMES.index(name) + 5) % 977


def counts(name: str) -> list[int]:
    return [count(s, name) for s in SAMPLES]


def table(rows: list[list[object]], sep: str = "\t") -> bytes:
    return ("\n".join(sep.join(map(str, r)) for r in rows) + "\n").encode()


def mirdeep2() -> bytes:
    """One row a mature and precursor; miR-7-5p and miR-1-3p have several."""
    codes = ["s01", "s02", "s03", "s04"]
    head = ["#miRNA", "read_count", "precursor", "total", *codes, *[f"{c}(norm)" for c in codes]]
    rows: list[list[object]] = []
    for name in NAMES:
        hairpins = {"hsa-miR-7-5p": 3, "hsa-miR-1-3p": 2}.get(name, 1)
        for i in range(hairpins):
            hairpin = name.rsplit("-", 1)[0].replace("miR", "mir")
            hairpin += f"-{i + 1}" if hairpins > 1 else ""
            own = counts(name)
            norm = [f"{1e6 * c / 5000:.2f}" for c in own]
            rows.append([name, f"{sum(own)}.00", hairpin, f"{sum(own)}.00",
                         *[f"{c}.00" for c in own], *norm])  # fmt: skip
    return table([head, *rows])


def featurecounts() -> bytes:
    first = '# Program:featureCounts v2.0.3; Command:"featureCounts" "-t" "miRNA"'
    head = ["Geneid", "Chr", "Start", "End", "Strand", "Length",
            *[f"/run/{s}.sorted.bam" for s in SAMPLES]]  # fmt: skip
    rows = [
        [f"{n}_MIMAT{i:07d}", f"chr{i + 1}", 100 * i, 100 * i + 22, "+", 22, *counts(n)]
        for i, n in enumerate(NAMES)
    ]
    return first.encode() + b"\n" + table([head, *rows])


def htseq() -> bytes:
    rows: list[list[object]] = [[n, count("P01_pre", n)] for n in NAMES]
    return table([*rows, ["__no_feature", 1234], ["__ambiguous", 5], ["__not_aligned", 77]])


def mirge() -> bytes:
    rows = [[n, *counts(n)] for n in NAMES]
    total = [sum(r[i + 1] for r in rows) for i in range(len(SAMPLES))]  # type: ignore[misc]
    return table([["miRNA", *SAMPLES], ["miRNAtotal", *total], *rows], ",")


def excerpt() -> bytes:
    """As R's write.table(col.names=NA) writes it."""
    return table([["", *SAMPLES], *[[n, *counts(n)] for n in NAMES]])


def smrnaseq() -> bytes:
    """Turned: samples are rows."""
    rows = [[f'"{s}"', *[count(s, n) for n in NAMES]] for s in SAMPLES]
    return table([['""', *[f'"{n}"' for n in NAMES]], *rows], ",")


def files() -> dict[str, bytes]:
    """Small whole files by name."""
    return {
        "counts_mirdeep2.csv": mirdeep2(),
        "counts_featurecounts.txt": featurecounts(),
        "counts_htseq.txt": htseq(),
        "counts_mirge.csv": mirge(),
        "counts_excerpt.txt": excerpt(),
        "counts_smrnaseq.csv": smrnaseq(),
    }
