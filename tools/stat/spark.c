/* See spark.h. */
#include "stat/spark.h"

#include <math.h>

void spark_put(struct text *t, const double *values, size_t count, bool unicode)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const letters[] = {"_", ".", ":", "-", "=", "+", "*", "#"};
    double least = INFINITY;
    double most = -INFINITY;

    for (size_t i = 0; i < count; i++) {
        least = values[i] < least ? values[i] : least;
        most = values[i] > most ? values[i] : most;
    }
    for (size_t i = 0; i < count; i++) {
        if (isnan(values[i])) {
            text_puts(t, " ");
            continue;
        }
        /* All the same: in the middle, or on the ground if they are 0. */
        const double part = most > least ? (values[i] - least) / (most - least) : most == 0 ? 0 : 0.5;
        const int height = (int)lround(part * 7);

        text_puts(t, unicode ? blocks[height] : letters[height]);
    }
}

struct moments {
    double n, sum, squares;
};

static void add(struct moments *m, double v)
{
    m->n++;
    m->sum += v;
    m->squares += v * v;
}

static double rest(const struct moments *m)
{
    const double r = m->squares - m->sum * m->sum / m->n;

    return r > 0 ? r : 0;
}

bool spark_change(const double *values, size_t count, struct spark_change *out)
{
    struct moments all = {0};
    struct moments left = {0};
    double best;
    bool found = false;

    for (size_t i = 0; i < count; i++) {
        if (!isnan(values[i]))
            add(&all, values[i]);
    }
    if (all.n < 4)
        return false;
    best = rest(&all) / 2;
    for (size_t i = 0; i < count; i++) {
        if (isnan(values[i]))
            continue;
        if (left.n >= 2 && all.n - left.n >= 2) {
            const struct moments right = {all.n - left.n, all.sum - left.sum, all.squares - left.squares};

            if (rest(&left) + rest(&right) < best) {
                best = rest(&left) + rest(&right);
                *out = (struct spark_change){i, left.sum / left.n, right.sum / right.n};
                found = true;
            }
        }
        add(&left, values[i]);
    }
    return found;
}
