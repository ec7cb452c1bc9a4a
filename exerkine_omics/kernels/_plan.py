"""How many people: power of the tests that this package makes, as functions of n.

References
----------
Liu P, Hwang JTG (2007) Quick calculation for sample size while controlling false discovery rate
with application to microarray analysis. Bioinformatics 23:739-746. Hanley JA, McNeil BJ (1982) The
meaning and use of the area under a receiver operating characteristic curve. Radiology 143:29-36.
"""

from __future__ import annotations

import numpy as np
from scipy import optimize, special, stats

from exerkine_omics.kernels._sd_ir import mover_interval


def power_sd_ir(
    n_treated: int, n_control: int, ratio: float, level: float, method: str = "closed"
) -> float:
    """Probability that SDir's interval lies above 0.

    ``ratio`` is the true Var(change, treated) / Var(change, control). Both intervals are above 0
    exactly where the observed ratio exceeds a critical one, and the observed ratio over the true
    one is F distributed: no simulation is needed.
    """
    first, second = n_treated - 1, n_control - 1
    z = stats.norm.ppf(0.5 + level / 2)

    def above(log_ratio: float) -> float:
        q = np.exp(log_ratio)
        if method == "mover":
            return float(mover_interval(np.sqrt(q), first, 1.0, second, level)[0])
        return float(q - 1 - z * np.sqrt(2 * (q**2 / first + 1 / second)))

    # with very few people the normal-theory interval never leaves 0 behind
    if not above(40.0) > 0:
        return 0.0
    critical = np.exp(optimize.brentq(above, 0.0, 40.0, xtol=1e-10))
    return float(stats.f.sf(critical / ratio, first, second))


def power_negligible(n_treated: int, n_control: int, smallest2: float, level: float) -> float:
    """Probability that the interval ends between 0 and a smallest variance, SDir being 0.

    ``smallest2`` is (smallest SDir)^2 / Var(change, control). An interval wholly below 0 is no
    evidence of a constant response (the controls varied more) and does not count.
    """
    first, second = n_treated - 1, n_control - 1
    z2 = stats.norm.ppf(0.5 + level / 2) ** 2
    # both variances scale with chi-squares: integrated over the control's quantiles
    control = stats.chi2.ppf((np.arange(400) + 0.5) / 400, second) / second

    def below(end: float) -> float:
        # q - c + z sqrt(2 (q^2 / f + c^2 / s)) rises in q: it stays below ``end`` up to the root
        # of a quadratic, where it starts below at all
        gap = end + control
        square, line = 1 - 2 * z2 / first, gap
        free = gap**2 - 2 * z2 * control**2 / second
        spread = np.sqrt(np.maximum(line**2 - square * free, 0.0))
        limit = np.where(free > 0, free / (line + spread), 0.0)  # the smaller root, stably
        return float(stats.chi2.cdf(limit * first, first).mean())

    return below(smallest2) - below(0.0)


def power_t(
    effect: np.ndarray | float, n: int, alpha: float, n_control: int | None = None
) -> np.ndarray:
    """Power of the two-sided t test of a mean change, in SDs of the change.

    One group: paired t with n - 1 df; with ``n_control``, two groups with pooled variance.
    """
    if n_control is None:
        df, scale = n - 1, np.sqrt(n)
    else:
        df, scale = n + n_control - 2, np.sqrt(n * n_control / (n + n_control))
    centre = np.abs(np.asarray(effect, dtype=float)) * scale
    limit = special.stdtrit(df, 1 - alpha / 2)
    power = stats.nct.sf(limit, df, centre) + stats.nct.cdf(-limit, df, centre)
    # far out in the tails the distribution function is lost to rounding: it is 0 or 1 there
    return np.where(np.isnan(power), (centre > limit).astype(float), power)


def power_features(
    effect: np.ndarray, n: int, fdr: float, share: float, n_control: int | None = None
) -> tuple[float, float]:
    r"""Mean power over features at a false discovery rate, and the p threshold it implies.

    With a share :math:`\pi_1` of features truly changed, rejecting at p <= a gives

    .. math:: FDR = \frac{(1-\pi_1) a}{(1-\pi_1) a + \pi_1 \bar\beta(a)},

    :math:`\bar\beta` the mean power over the features' effects (m,), in SDs of their change. The
    threshold is the largest a at which FDR does not exceed the one asked for.
    """

    def excess(log_a: float) -> float:
        a = np.exp(log_a)
        power = float(power_t(effect, n, a, n_control).mean())
        return (1 - share) * a * (1 - fdr) - fdr * share * power

    high, low = np.log(0.999), np.log(1e-15)
    if excess(low) > 0:
        return 0.0, 0.0
    if excess(high) < 0:
        a = 0.999
    else:
        a = float(np.exp(optimize.brentq(excess, low, high, xtol=1e-8)))
    return float(power_t(effect, n, a, n_control).mean()), a


def auc_sd(area: float, n_case: int, n_other: int) -> float:
    r"""SD of the empirical AUC of normal scores of equal variance, n_case against n_other people.

    .. math:: Var = \frac{A(1-A) + (n_1 - 1)(Q_1 - A^2) + (n_0 - 1)(Q_0 - A^2)}{n_1 n_0}

    Q_1 is the chance that two cases rank above one non-case, Q_0 that one case ranks above two;
    here they are equal, :math:`\Phi_2(h, h; 1/2) = A - 2 T(h, 1/\sqrt 3)` with
    :math:`h = \Phi^{-1}(A)` and Owen's T. Exact at any size.
    """
    h = float(stats.norm.ppf(area))
    both = area - 2 * float(special.owens_t(h, 1 / np.sqrt(3)))
    rest = (n_case + n_other - 2) * (both - area**2)
    return float(np.sqrt((area * (1 - area) + rest) / (n_case * n_other)))
