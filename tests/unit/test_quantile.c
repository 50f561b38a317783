/* Percentiles: exact ranks as long as the values are kept, and the error bound of quantile.c where they are not, over
 * distributions that stress it. */
#include "common/quantile.h"

#include <math.h>
#include <stdlib.h>

#include "support/check.h"

enum { COUNT = 20000 };

static uint64_t state = 88172645463325252;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static int64_t uniform(void)
{
    return (int64_t)(next_random() % 1000000);
}

/* Every magnitude alike: all buckets are met. */
static int64_t log_uniform(void)
{
    return (int64_t)(next_random() >> (1 + next_random() % 63));
}

static int64_t signed_log_uniform(void)
{
    return next_random() % 2 == 0 ? log_uniform() : -log_uniform();
}

static int64_t two_humps(void)
{
    return next_random() % 10 == 0 ? 5000000000 + uniform() : 3000000 + uniform();
}

static int64_t constant(void)
{
    return 123456789;
}

/* The ends of the buckets of every doubling, where the error is largest. */
static int64_t edges(void)
{
    const int shift = (int)(next_random() % 56);
    const int64_t low = (int64_t)(128 + next_random() % 128) << shift;

    return next_random() % 2 == 0 ? low : low + ((int64_t)1 << shift) - 1;
}

static int compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static const double parts[] = {0.0001, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0};

static void check_distribution(int64_t (*draw)(void))
{
    static int64_t values[COUNT];
    struct quantiles exact = {0};
    struct quantiles rounded = {0};

    for (size_t i = 0; i < COUNT; i++) {
        values[i] = draw();
        quantiles_add(&exact, values[i]);
        quantiles_add(&rounded, values[i]);
        if (i == COUNT / 2)
            quantiles_round(&rounded);
    }
    qsort(values, COUNT, sizeof values[0], compare);
    CHECK(quantiles_exact(&exact));
    CHECK(!quantiles_exact(&rounded));
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const int64_t want = values[(size_t)ceil(parts[i] * COUNT) - 1];
        int64_t got = 0;

        CHECK(quantiles_get(&exact, parts[i], &got));
        CHECK_EQ(got, want);
        CHECK(quantiles_get(&rounded, parts[i], &got));
        if (llabs(want) < 128)
            CHECK_EQ(got, want);
        CHECK(llabs(got - want) <= llabs(want) / 256);
    }
    quantiles_free(&exact);
    quantiles_free(&rounded);
}

static void test_distributions(void)
{
    int64_t (*const draws[])(void) = {uniform, log_uniform, signed_log_uniform, two_humps, constant, edges};

    for (size_t i = 0; i < sizeof draws / sizeof draws[0]; i++)
        check_distribution(draws[i]);
}

/* Whatever was asked before, and whether values came one by one or together. */
static void test_any_order(void)
{
    static int64_t values[COUNT];
    struct quantiles q = {0};
    size_t count = 0;

    for (int round = 0; round < 200; round++) {
        int64_t got = 0;
        const double part = (double)(next_random() % 1000 + 1) / 1000;

        if (round % 4 == 0) {
            const size_t more = (size_t)(next_random() % 50 + 1);

            for (size_t i = 0; i < more; i++)
                values[count + i] = uniform() % 100;
            quantiles_add_all(&q, values + count, more - 1);
            quantiles_add(&q, values[count + more - 1]);
            count += more;
            qsort(values, count, sizeof values[0], compare);
        }
        CHECK(quantiles_get(&q, part, &got));
        CHECK_EQ(got, values[(size_t)ceil(part * (double)count) - 1]);
    }
    quantiles_free(&q);
}

static void test_small(void)
{
    struct quantiles q = {0};
    int64_t got = 7;

    CHECK(!quantiles_get(&q, 0.5, &got));
    CHECK_EQ(got, 7);
    quantiles_add(&q, -3);
    CHECK(quantiles_get(&q, 0.5, &got));
    CHECK_EQ(got, -3);
    quantiles_add(&q, 10);
    CHECK(quantiles_get(&q, 0.5, &got));
    CHECK_EQ(got, -3);
    CHECK(quantiles_get(&q, 0.51, &got));
    CHECK_EQ(got, 10);
    quantiles_free(&q);
}

static void test_ends(void)
{
    struct quantiles q = {0};
    int64_t got = 0;

    quantiles_add(&q, INT64_MAX);
    quantiles_add(&q, INT64_MIN);
    quantiles_round(&q);
    CHECK(quantiles_get(&q, 1, &got));
    CHECK(got > INT64_MAX - INT64_MAX / 256);
    CHECK(quantiles_get(&q, 0.1, &got));
    CHECK(got < -(INT64_MAX - INT64_MAX / 256));
    quantiles_free(&q);
}

/* As many as are kept at most, however they come. */
static void test_all_at_once(void)
{
    static int64_t values[600000];
    struct quantiles q = {0};
    int64_t got = 0;

    for (size_t i = 0; i < 600000; i++)
        values[i] = (int64_t)i;
    quantiles_add_all(&q, values, 0);
    quantiles_add_all(&q, values, 600000);
    CHECK(quantiles_exact(&q));
    quantiles_add_all(&q, values, 600000);
    CHECK(!quantiles_exact(&q));
    CHECK_EQ(q.count, 1200000);
    CHECK(quantiles_get(&q, 1, &got));
    CHECK(llabs(got - 599999) <= 599999 / 256);
    quantiles_free(&q);
}

/* One more than are kept changes to buckets, by itself and with nothing lost. */
static void test_change(void)
{
    struct quantiles q = {0};
    int64_t got = 0;

    for (int64_t i = 1; i <= 1000000; i++)
        quantiles_add(&q, i);
    CHECK(quantiles_exact(&q));
    CHECK(quantiles_shrinks(&q));
    CHECK(quantiles_get(&q, 0.5, &got));
    CHECK_EQ(got, 500000);
    quantiles_add(&q, 1000001);
    CHECK(!quantiles_exact(&q));
    CHECK(quantiles_bytes(&q) < 200000);
    CHECK(quantiles_get(&q, 0.5, &got));
    CHECK(llabs(got - 500001) <= 500001 / 256);
    CHECK_EQ(q.count, 1000001);
    quantiles_free(&q);
}

CHECK_MAIN(test_any_order, test_all_at_once, test_small, test_distributions, test_ends, test_change)
