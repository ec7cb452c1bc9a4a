"""The knowledge base as tables to sort and search, made from the package when the book is built.

The rows are a script beside the page (a page opened from the disk may not fetch); the table is
drawn by the Tabulator that the package carries for its reports.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd

_VENDOR = Path(__file__).parents[2] / "exerkine_omics" / "report" / "vendor"
_IDS = {
    "proteomics": ("gene_symbol", "uniprot"),
    "metabolomics": ("hmdb", "chebi"),
    "mirna": ("mirbase", "mimat"),
}


def _identifiers(frame: pd.DataFrame) -> pd.Series:
    """Join what a molecule is known by; which columns those are depends on the modality."""
    columns = [c for pair in _IDS.values() for c in pair if c in frame]
    return frame[columns].apply(lambda r: ", ".join(v for v in r.astype(str) if v), axis=1)


def _frames() -> dict[str, pd.DataFrame]:
    import exerkine_omics as exo

    known = exo.sig.exerkines()
    known["identifiers"] = _identifiers(known)
    names = known.drop_duplicates("exerkine_id").set_index("exerkine_id")
    found = exo.sig.evidence()
    found.insert(0, "name", found["exerkine_id"].map(names["name"]))
    found["identifiers"] = found["exerkine_id"].map(names["identifiers"])
    members = exo.sig.load().to_frame()
    members["identifiers"] = _identifiers(members)
    counts = ["n_up", "n_down", "n_unchanged", "n_list_up", "n_list_down", "n_list_unchanged"]
    context = ["exposure", "exercise_mode", "matrix", "direction", "level"]
    study = ["n", "population", "sex", "species", "level", "reference", "pmid", "doi", "note"]
    number = [
        "minutes_post",
        "time_class",
        "matrix",
        "direction",
        "effect",
        "effect_unit",
        "p_value",
    ]
    return {
        "signatures": exo.sig.load().summary(),
        "members": members[
            [
                "signature",
                "name",
                "weight",
                "identifiers",
                "modality",
                "exposure",
                "level",
                "note",
                "references",
            ]
        ],
        "exerkines": known[
            ["name", "identifiers", "modality", *context, *counts, "n_beside", "references"]
        ],
        "evidence": found[
            ["name", "identifiers", "modality", "exposure", "exercise_mode", *number, *study]
        ],
    }


def signatures() -> str:
    """Write a section for each shipped signature."""
    import exerkine_omics as exo

    lines = []
    for s in exo.sig.load().values():
        members = ", ".join(
            f"{'+' if m.weight > 0 else '−'}{m.name}"
            for m in sorted(s.members, key=lambda m: -abs(m.weight))
        )
        lines += [
            f"### {s.name}",
            "",
            f"**{s.title}.** {s.modality}; {s.context()}. Level {s.level}, {s.kind} of "
            f"{len(s.members)}" + (", a confounder." if s.confounder else "."),
            "",
            f"- members: {members}",
            f"- weights: {s.weights}",
            f"- limits: {s.limits}",
            f"- not for: {s.not_for}",
            "",
        ]
    return "\n".join(lines)


def holder(name: str) -> str:
    """Write the place of a table, and the scripts that fill it."""
    return (
        f'<div class="exo-table" data-table="{name}"><noscript>This table needs JavaScript; '
        "its rows are in <code>signatures/</code>.</noscript></div>\n"
        '<link rel="stylesheet" href="_static/knowledge/tabulator_simple.min.css"/>\n'
        '<script src="_static/knowledge/tabulator.min.js"></script>\n'
        f'<script src="_static/knowledge/{name}.js"></script>\n'
        '<script src="_static/knowledge.js"></script>\n'
    )


def write_tables(app: Any, error: Exception | None) -> None:
    """Write the rows and the library into the finished book."""
    if error is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_static" / "knowledge"
    folder.mkdir(parents=True, exist_ok=True)
    for file in ("tabulator.min.js", "tabulator_simple.min.css", "tabulator.LICENSE"):
        shutil.copyfile(_VENDOR / file, folder / file)
    for name, frame in _frames().items():
        values = json.loads(frame.to_json(orient="values", double_precision=6))
        rows = {"columns": list(frame.columns), "rows": values}
        text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
        script = f"(window.exoTables ??= {{}}).{name} = {text};\n"
        (folder / f"{name}.js").write_text(script, encoding="utf-8")


def setup(app: Any) -> dict[str, Any]:
    """Connect to the end of the build."""
    app.connect("build-finished", write_tables)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
