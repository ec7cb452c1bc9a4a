"""Recompute the answers of fixture.R from the textbook, with n x n matrices and no package code.

The variance ratio is the root of the REML score; Satterthwaite's df come from the analytic
observed information, Kenward and Roger's from the 1997 formulas. ``python check.py`` prints the
largest difference of each case and column: what of it is R's (its optimiser and its numeric
Hessian) is the reason for the tests' tolerances.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import optimize, stats

HERE = Path(__file__).parent
TERMS = {"age": ["age_c"], "age_sex": ["age_c", "sexM_c"], "covariate_n100": ["hours"]}
SLOPES = {"age": "age_c", "sex[M]": "sexM_c"}


class Fit:
    """y ~ X with a random intercept of each subject, by REML."""

    def __init__(self, y: np.ndarray, x: np.ndarray, subject: np.ndarray) -> None:
        self.y, self.x, self.n, self.p = y, x, *x.shape
        self.k = (subject[:, None] == subject).astype(float)
        grid = np.concatenate([[0.0], np.geomspace(1e-6, 1e4, 60)])
        best = int(np.argmin([self.deviance(g) for g in grid]))
        low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
        self.ratio = 0.0
        if self.score(low) < 0:
            self.ratio = optimize.brentq(self.score, low, high, xtol=1e-15, rtol=1e-14)
        p0 = self.projector(self.ratio)
        self.sigma2 = y @ p0 @ y / (self.n - self.p)
        root = np.linalg.inv(np.eye(self.n) + self.ratio * self.k) / self.sigma2
        self.phi = np.linalg.inv(x.T @ root @ x)
        self.beta = self.phi @ x.T @ root @ y
        self.root = root
        self.parts = [self.k, np.eye(self.n)]  # V = s_b K + s_e I

    def projector(self, g: float) -> np.ndarray:
        root = np.linalg.inv(np.eye(self.n) + g * self.k)
        rx = root @ self.x
        return root - rx @ np.linalg.solve(self.x.T @ rx, rx.T)

    def deviance(self, g: float) -> float:
        v = np.eye(self.n) + g * self.k
        xx = self.x.T @ np.linalg.solve(v, self.x)
        rss = self.y @ self.projector(g) @ self.y
        logs = np.linalg.slogdet(v)[1] + np.linalg.slogdet(xx)[1]
        return float(logs + (self.n - self.p) * np.log(rss))

    def score(self, g: float) -> float:
        p0 = self.projector(g)
        py = p0 @ self.y
        return float(np.sum(p0 * self.k) - (self.n - self.p) * (py @ self.k @ py) / (self.y @ py))

    def satterthwaite(self, rows: np.ndarray) -> dict[str, float]:
        estimate, cov = rows @ self.beta, rows @ self.phi @ rows.T
        pv = self.root - self.root @ self.x @ self.phi @ self.x.T @ self.root
        py = pv @ self.y
        pp = [pv @ part for part in self.parts]
        hessian = np.array([[-np.sum(a * b.T) + 2 * self.y @ a @ b @ py for b in pp] for a in pp])
        # at a singular fit only the residual variance varies: lmer's parameter is the SD ratio
        free = [1] if self.ratio == 0 else [0, 1]
        v_par = 2 * np.linalg.inv(hessian[np.ix_(free, free)])
        values, vectors = np.linalg.eigh(cov)
        nu = []
        for value, direction in zip(values, vectors.T @ rows, strict=True):
            w = self.root @ self.x @ self.phi @ direction
            g = np.array([w @ self.parts[i] @ w for i in free])
            nu.append(2 * value**2 / (g @ v_par @ g))
        f = float(np.sum((vectors.T @ estimate) ** 2 / values) / len(values))
        if np.ptp(nu) < 1e-6:
            df = float(np.mean(nu))
        else:
            total = sum(v / (v - 2) for v in nu)
            df = 2.0 if min(nu) <= 2 else 2 * total / (total - len(nu))
        return self.told(estimate, np.sqrt(np.diag(cov)), f, df, len(values))

    def kenward_roger(self, rows: np.ndarray) -> dict[str, float]:
        root, x, phi = self.root, self.x, self.phi
        pv = root - root @ x @ phi @ x.T @ root
        pp = [pv @ part for part in self.parts]
        w = np.linalg.inv(np.array([[0.5 * np.sum(a * b.T) for b in pp] for a in pp]))
        first = [-x.T @ root @ a @ root @ x for a in self.parts]
        second = [[x.T @ root @ a @ root @ b @ root @ x for b in self.parts] for a in self.parts]
        pairs = [(i, j) for i in range(2) for j in range(2)]
        middle = sum(w[i, j] * (second[i][j] - first[i] @ phi @ first[j]) for i, j in pairs)
        adjusted = phi + 2 * phi @ middle @ phi
        estimate, q = rows @ self.beta, len(rows)
        theta = rows.T @ np.linalg.inv(rows @ phi @ rows.T) @ rows
        t = [theta @ phi @ a @ phi for a in first]
        a1 = sum(w[i, j] * np.trace(t[i]) * np.trace(t[j]) for i, j in pairs)
        a2 = sum(w[i, j] * np.trace(t[i] @ t[j]) for i, j in pairs)
        b = (a1 + 6 * a2) / (2 * q)
        g = ((q + 1) * a1 - (q + 4) * a2) / ((q + 2) * a2)
        c = np.array([g, q - g, q + 2 - g]) / (3 * q + 2 * (1 - g))
        mean = 1 / (1 - a2 / q)
        variance = 2 / q * (1 + c[0] * b) / ((1 - c[1] * b) ** 2 * (1 - c[2] * b))
        df = 4 + (q + 2) / (q * variance / (2 * mean**2) - 1)
        scale = df / (mean * (df - 2))
        cov = rows @ adjusted @ rows.T
        f = scale / q * estimate @ np.linalg.solve(cov, estimate)
        return self.told(estimate, np.sqrt(np.diag(cov)), float(f), float(df), q)

    @staticmethod
    def told(estimate, se, f, df, q) -> dict[str, float]:
        if q == 1:
            t = estimate[0] / se[0]
            p = 2 * stats.t.sf(abs(t), df)
            return {"estimate": estimate[0], "se": se[0], "statistic": t, "df": df, "p": p}
        return {
            "estimate": np.nan,
            "se": np.nan,
            "statistic": f,
            "df": df,
            "p": stats.f.sf(f, q, df),
        }


def rows_of(name: str, cells: list[str], columns: list[str]) -> np.ndarray:
    """Weights of a contrast, from its name as fixture.R gave it."""
    # fixture.R calls the EE - CON differences of all times `arm x time`
    name, _, slope = name.replace("arm x time", "EE - CON: any change").partition(" x ")
    later = [t for t in ("post", "late") if any(c.split(".")[-1] == t for c in cells)]
    who, _, what = name.rpartition(": ")
    arms = who.split(" - ") if who else [""]
    result = []
    for time in later if what == "any change" else [what.split(" - ")[0]]:
        row = np.zeros(len(columns))
        for arm, sign in zip(arms, (1, -1), strict=False):
            own = f"{arm}.{time}" if arm else time
            start = "pre" if "pre" in cells else f"{arm}.pre"
            for cell, weight in ((own, sign), (start, -sign)):
                row[columns.index(f"{cell}:{SLOPES[slope]}" if slope else cell)] += weight
        result.append(row)
    return np.array(result)


def main() -> None:
    worst = []
    for path in sorted(HERE.glob("*_lmer.csv")):
        case = path.name.removesuffix("_lmer.csv")
        matrix = pd.read_csv(HERE / f"{case}_matrix.csv", index_col=0)
        sheet = pd.read_csv(HERE / f"{case}_samples.csv").set_index("sample").loc[matrix.index]
        answers = pd.read_csv(path)
        cells = sorted(set(sheet["cell"]))
        terms = TERMS.get(case, [])
        for feature, group in answers.groupby("feature", sort=False):
            fits: dict[tuple[str, ...], Fit] = {}
            for answer in group.itertuples():
                used = tuple(cells)
                if case == "own_cells":
                    used = tuple(sorted(answer.contrast.split(" - ")))
                take = (matrix[feature].notna() & sheet["cell"].isin(used)).to_numpy()
                d = sheet[take]
                dummy = np.column_stack([(d["cell"] == c).to_numpy(float) for c in used])
                columns, parts = list(used), [dummy]
                for term in terms:
                    values = d[term].to_numpy(float)[:, None]
                    slopes = case != "covariate_n100"
                    parts.append(dummy * values if slopes else values)
                    columns += [f"{c}:{term}" for c in used] if slopes else [term]
                if used not in fits:
                    fits[used] = Fit(
                        matrix.loc[take, feature].to_numpy(), np.hstack(parts),
                        pd.factorize(d["subject"])[0],
                    )  # fmt: skip
                fit = fits[used]
                rows = rows_of(answer.contrast, list(used), columns)
                one = {
                    "case": case,
                    "kind": answer.kind,
                    "singular_differs": (fit.ratio < 1e-8) != (answer.theta < 1e-8),
                }
                by_ddf = {"": fit.satterthwaite(rows), "_kr": fit.kenward_roger(rows)}
                for kind, found in by_ddf.items():
                    p = answer.p_kr if kind else answer.p_value
                    one["estimate"] = abs(found["estimate"] - answer.estimate)
                    for column in ("se", "statistic", "df"):
                        told = getattr(answer, column + kind)
                        one[column + kind] = abs(found[column] / told - 1)
                    one["log10_p" + kind] = abs(np.log10(found["p"]) - np.log10(p))
                worst.append(one)
    frame = pd.DataFrame(worst)
    shown = frame.groupby(["case", "kind"]).max()
    pd.set_option("display.width", 250, "display.max_columns", 30)
    print(shown.map(lambda v: f"{v:.0e}" if v else "0"))
    limits = {"estimate": 1e-7, "se": 1e-6, "df": 1e-5, "log10_p": 1e-5, "singular_differs": 0}
    limits |= {f"{c}_kr": limits[c] for c in ("se", "df", "log10_p")}
    beyond = [c for c, limit in limits.items() if frame[c].max() > limit]
    raise SystemExit(f"beyond the tolerance: {beyond}" if beyond else 0)


if __name__ == "__main__":
    main()
