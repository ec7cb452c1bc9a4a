"""Does what the literature says of exerkines hold in a randomised trial?

    python tests/benchmarks/literature_vs_motrpac.py [FOLDER] [--write]

prints the tables of docs/literature_vs_trial.md, and puts them there with --write. FOLDER holds the
transcribed summary tables of the MoTrPAC human acute-exercise study (default:
EXERKINE_DATA_DIR/../curation/motrpac).
"""

from __future__ import annotations

import argparse
import math
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd

import exerkine_omics as exo
from exerkine_omics.sig._derive import derive

MODES = {"EE-CON": "endurance", "RE-CON": "resistance"}
TIMES = {
    "during_20_min": "20 min into the bout",
    "during_40_min": "40 min into the bout",
    "post_10_min": "10 min after",
    "post_15_30_45_min": "30 min after",
    "post_3.5_4_hr": "3.5 h after",
    "post_24_hr": "24 h after",
}
# One assay a molecule, chosen by what it is made for, not by what it found: of the four Olink
# assays of IL6 and CXCL8 that of the Inflammation panel, of the two of lactate the clinical one.
ONE_ASSAY = {"IL-6": "OID20563", "IL-8": "OID20631", "Lactate": "Lactate"}
# its isomer is not resolved in the source: not comparable with what the review says of BAIBA
UNRESOLVED = ("BAIBA",)
METABOLITES = {"Lactate": "lactate"}
TRIAL = "motrpac_presuspension_2_0_8"
FDR = 0.05
PAGE = Path(__file__).parents[2] / "docs" / "literature_vs_trial.md"


def read_trial(folder: Path, assays: dict[str, str] | None = None) -> pd.DataFrame:
    """Read the courses of the literature's exerkines, one assay each.

    ``assays`` replaces single choices of `ONE_ASSAY`.
    """
    table = pd.read_csv(Path(folder) / "table3_plasma_results.csv", keep_default_na=False)
    table = table[~table["candidate_name"].isin(UNRESOLVED)]
    chosen = ONE_ASSAY | (assays or {})
    wanted = table["candidate_name"].map(chosen)
    table = table[wanted.isna() | (wanted == table["feature_id"])]
    frame = pd.DataFrame(
        {
            "molecule": table["candidate_name"],
            "gene_symbol": table["matched_gene"],
            "assay": table["feature_id"],
            "exercise_mode": table["contrast_category"].map(MODES),
            "time": pd.Categorical(table["Timepoint"].map(TIMES), list(TIMES.values()), True),
            "estimate": table["logFC"],
            "ci_low": table["CI.L_calculated"],
            "ci_high": table["CI.R_calculated"],
            "q_value": table["adj_p_value"],
        }
    )
    by = ["exercise_mode", "time", "molecule"]
    if frame[by].duplicated().any():
        raise ValueError("a molecule is measured by several assays of which none is chosen")
    return frame.sort_values(by, ignore_index=True)


def review_directions(folder: Path) -> pd.DataFrame:
    """Directions after one bout that the review gives: molecule, sign, unanimous.

    ``up;unchanged`` counts as up, not unanimous; a direction that is only unchanged has no sign.
    """
    table = pd.read_csv(Path(folder) / "table3_candidates.csv", keep_default_na=False)
    said = table["review_acute_plasma_direction"].str.split(";").map(set)
    sign = [int("up" in s) - int("down" in s) for s in said]
    return pd.DataFrame(
        {"molecule": table["name"], "sign": sign, "unanimous": [len(s) == 1 for s in said]}
    )


def derived_directions(trial: pd.DataFrame) -> pd.DataFrame:
    """Directions that the knowledge base derives from human studies, by mode.

    The trial's own rows are left out first, so that it is not compared with itself; so is level L,
    where only results tables speak.
    """
    evidence = exo.sig.evidence()
    known = derive(evidence[evidence["reference"] != TRIAL])
    known = known.merge(exo.sig.molecules()[["exerkine_id", "gene_symbol"]], on="exerkine_id")
    known = known[
        (known["exposure"] == "acute")
        & known["exercise_mode"].isin(MODES.values())
        & (known["matrix"] == "blood")
        & known["level"].isin(["A", "B"])
        & known["direction"].isin(["up", "down"])
    ]
    genes = trial[["molecule", "gene_symbol"]].drop_duplicates()
    identity = known["exerkine_id"].map({v: k for k, v in METABOLITES.items()})
    by_gene = dict(zip(genes["gene_symbol"], genes["molecule"], strict=True))
    identity = identity.fillna(known["gene_symbol"].map(by_gene))
    return pd.DataFrame(
        {
            "molecule": identity,
            "exercise_mode": known["exercise_mode"],
            "sign": np.where(known["direction"] == "up", 1, -1),
            "level": known["level"],
        }
    ).dropna(subset="molecule")


def wilson(agree: int, n: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Wilson interval of a share; NaN where nothing was compared."""
    if n == 0:
        return math.nan, math.nan
    share, z2 = agree / n, z * z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def agreement(trial: pd.DataFrame, directions: pd.DataFrame) -> pd.DataFrame:
    """Compare signs, by mode and time.

    Parameters
    ----------
    trial
        What `read_trial` gives.
    directions
        molecule, sign (1, -1; 0 is left out), optionally exercise_mode.

    Returns
    -------
    DataFrame
        exercise_mode, time, n, n_agree, share, ci_low, ci_high (Wilson, 95%), n_fdr (FDR below
        0.05 in the stated direction), n_fdr_against.
    """
    by = ["molecule"] + (["exercise_mode"] if "exercise_mode" in directions else [])
    if directions[by].duplicated().any():
        raise ValueError("a molecule has two directions")
    both = trial.merge(directions[directions["sign"] != 0], on=by, how="inner", validate="m:1")
    both["agrees"] = np.sign(both["estimate"]) == both["sign"]
    both["hit"] = both["q_value"] < FDR
    rows = []
    for (mode, time), part in both.groupby(["exercise_mode", "time"], observed=True):
        n, agree = len(part), int(part["agrees"].sum())
        hits = int((part["agrees"] & part["hit"]).sum())
        against = int((~part["agrees"] & part["hit"]).sum())
        rows.append((mode, time, n, agree, agree / n, *wilson(agree, n), hits, against))
    columns = "exercise_mode time n n_agree share ci_low ci_high n_fdr n_fdr_against".split()
    return pd.DataFrame(rows, columns=columns)


def markdown(table: pd.DataFrame) -> str:
    """Write an agreement table as markdown."""
    lines = [
        "| mode | time | molecules | sign agrees | share (95% interval) | FDR < 0.05 | against |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r.exercise_mode} | {r.time} | {r.n} | {r.n_agree} "
        f"| {r.share:.0%} ({r.ci_low:.0%} to {r.ci_high:.0%}) | {r.n_fdr} | {r.n_fdr_against} |"
        for r in table.itertuples()
    ]
    return "\n".join(lines)


def molecule_table(trial: pd.DataFrame, directions: pd.DataFrame) -> str:
    """Write each molecule's change 10 minutes after the bout as markdown."""
    soon = trial[trial["time"] == TIMES["post_10_min"]].merge(directions, on="molecule")
    lines = ["| molecule | review | endurance, log2 (95%) | q | resistance, log2 (95%) | q |"]
    lines += ["|---|---|---|---|---|---|"]
    for molecule, part in soon.groupby("molecule"):
        modes = part.set_index("exercise_mode")
        cells = [
            f"{r.estimate:.2f} ({r.ci_low:.2f} to {r.ci_high:.2f}) | {r.q_value:.2g}"
            for r in (modes.loc[m] for m in MODES.values())
        ]
        said = "up" if part["unanimous"].all() else "up or unchanged"
        lines.append(f"| {molecule} | {said} | {' | '.join(cells)} |")
    return "\n".join(lines)


def other_assays(folder: Path, directions: pd.DataFrame) -> str:
    """Write as markdown how many agree under every choice of the IL6 and CXCL8 assays."""
    table = pd.read_csv(Path(folder) / "table3_plasma_results.csv")
    several = {
        name: sorted(table.loc[table["candidate_name"] == name, "feature_id"].unique())
        for name in ("IL-6", "IL-8")
    }
    every = pd.concat(
        [
            agreement(read_trial(folder, {"IL-6": one, "IL-8": two}), directions)
            for one in several["IL-6"]
            for two in several["IL-8"]
        ]
    )
    lines = ["| mode | time | fewest | most |", "|---|---|---|---|"]
    for (mode, time), part in every.groupby(["exercise_mode", "time"], sort=False):
        lines.append(f"| {mode} | {time} | {part['n_agree'].min()} | {part['n_agree'].max()} |")
    return "\n".join(lines)


def tables(folder: Path) -> dict[str, str]:
    """Give the tables of docs/literature_vs_trial.md by the names that mark their place there."""
    trial, said = read_trial(folder), review_directions(folder)
    derived = derived_directions(trial)
    return {
        "review": markdown(agreement(trial, said)),
        "review, one direction": markdown(agreement(trial, said[said["unanimous"]])),
        "derived": f"{derived['molecule'].nunique()} of the molecules have such a direction after "
        f"endurance or resistance exercise.\n\n{markdown(agreement(trial, derived))}",
        "each molecule": molecule_table(trial, said),
        "assays": other_assays(folder, said),
    }


def fill(page: str, filled: dict[str, str]) -> str:
    """Put tables in their places: between ``<!-- name -->`` and ``<!-- end -->``."""
    for name, table in filled.items():
        place = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
        page, times = place.subn(rf"\g<1>{table}\n\g<2>", page)
        if times != 1:
            raise ValueError(f"the page has {times} places for {name!r}")
    return page


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--write", action="store_true", help="put them into the page")
    args = parser.parse_args()
    folder = args.folder
    if folder is None:
        data = os.environ.get("EXERKINE_DATA_DIR", "")
        if not data:
            parser.error("give FOLDER, or set EXERKINE_DATA_DIR")
        folder = Path(data).parent / "curation" / "motrpac"
    found = tables(folder)
    if args.write:
        PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")
    for name, table in found.items():
        print(f"{name}\n\n{table}\n")


if __name__ == "__main__":
    main()
