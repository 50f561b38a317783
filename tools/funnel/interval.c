/* See interval.h.
 *
 * The share kept is a ratio of two sums over the runs i of a side, R = sum y / sum x, where
 * x is what came in and y what went out. The runs are the sampling units (clusters), so
 *
 *     var(R) = sum (y_i - R x_i)^2 / ((n - 1) n mean(x)^2)
 *
 * W. G. Cochran, Sampling Techniques, 3rd edition, Wiley 1977, section 2.11 "Estimation of a
 * ratio" (theorem 2.5, without the correction for finite populations). The drop is 1 - R, with
 * the same variance. The sides share no run, so the variances add. With n_a - 1 and
 * n_b - 1 degrees of freedom the sum has those of Welch and Satterthwaite
 * (B. L. Welch, Biometrika 34, 1947), and 95 % lie within Student's t of it. */
#include "funnel/interval.h"

#include <math.h>

/* The 97.5 % point of Student's t by the expansion in 1/df of Abramowitz and Stegun,
 * Handbook of Mathematical Functions, 26.7.5; within 0.0001 from 5 degrees on. */
static double student(double df)
{
    const double z = 1.959963984540054;
    const double z2 = z * z;
    const double g1 = z * (z2 + 1) / 4;
    const double g2 = z * (5 * z2 * z2 + 16 * z2 + 3) / 96;
    const double g3 = z * (3 * z2 * z2 * z2 + 19 * z2 * z2 + 17 * z2 - 15) / 384;

    return z + g1 / df + g2 / (df * df) + g3 / (df * df * df);
}

struct interval_rate interval_rate_of(const struct interval_run *runs, size_t count)
{
    struct interval_rate rate = {.known = false};
    double in = 0;
    double out = 0;
    double squares = 0;

    for (size_t i = 0; i < count; i++) {
        if (!(runs[i].in > 0))
            continue;
        rate.runs++;
        in += runs[i].in;
        out += runs[i].out;
    }
    if (rate.runs == 0)
        return rate;

    const double kept = out / in;

    for (size_t i = 0; i < count; i++) {
        const double rest = runs[i].out - kept * runs[i].in;

        if (runs[i].in > 0)
            squares += rest * rest;
    }

    const double n = (double)rate.runs;
    const double mean = in / n;

    rate.known = true;
    rate.drop = 1 - kept;
    if (rate.runs > 1)
        rate.variance = squares / ((n - 1) * n * mean * mean);
    return rate;
}

struct interval interval_between(const struct interval_rate *a, const struct interval_rate *b)
{
    struct interval i = {.kind = INTERVAL_NONE};

    if (!a->known || !b->known)
        return i;
    i.difference = a->drop - b->drop;
    if (a->runs < INTERVAL_LEAST_RUNS || b->runs < INTERVAL_LEAST_RUNS) {
        i.kind = INTERVAL_TOO_FEW;
        return i;
    }

    const double variance = a->variance + b->variance;

    /* Rounding leaves a little where all runs have the same rate. */
    if (!(variance > 1e-24)) {
        i.kind = INTERVAL_NO_SPREAD;
        return i;
    }

    const double df = variance * variance /
                      (a->variance * a->variance / (double)(a->runs - 1) +
                       b->variance * b->variance / (double)(b->runs - 1));
    const double reach = student(df) * sqrt(variance);

    i.kind = INTERVAL_GIVEN;
    i.low = i.difference - reach;
    i.high = i.difference + reach;
    return i;
}
