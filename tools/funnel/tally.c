/* See tally.h. */
#include "funnel/tally.h"

#include <stdlib.h>

/* What one run did at this step. */
struct tally_share {
    uint64_t run;
    int64_t in, out;
};

static void runset_add(struct runset *s, size_t number)
{
    const size_t word = number / 64;

    if (s->len == 0)
        s->base = word;
    if (word < s->base) {
        /* Rare: numbers come nearly in order. */
        const size_t more = s->base - word;

        s->words = memory_grow(s->words, &s->cap, s->len + more, sizeof *s->words);
        memmove(s->words + more, s->words, s->len * sizeof *s->words);
        memset(s->words, 0, more * sizeof *s->words);
        s->len += more;
        s->base = word;
    }

    const size_t at = word - s->base;

    if (at >= s->len) {
        s->words = memory_grow(s->words, &s->cap, at + 1, sizeof *s->words);
        memset(s->words + s->len, 0, (at + 1 - s->len) * sizeof *s->words);
        s->len = at + 1;
    }

    const uint64_t bit = UINT64_C(1) << number % 64;

    s->count += (s->words[at] & bit) == 0;
    s->words[at] |= bit;
}

void sum_add(int64_t *sum, int64_t n)
{
    if (n == XRAY_MISSING)
        return;
    if (*sum == XRAY_MISSING)
        *sum = n;
    else if (__builtin_add_overflow(*sum, n, sum))
        *sum = n > 0 ? INT64_MAX : INT64_MIN + 1;
}

static size_t find_reason(struct tally *t, xray_str code)
{
    bool added;
    const size_t number = strmap_put(&t->reason_numbers, code, &added);

    if (added) {
        t->reasons = memory_grow(t->reasons, &t->reason_cap, number + 1, sizeof *t->reasons);
        t->reasons[number] = (struct tally_reason){.count = 0};
        text_put(&t->reasons[number].code, code.ptr, code.len);
        t->reason_count = number + 1;
    }
    return number;
}

/* Steps of one block share their codes, so what stood at the same place is tried first. */
static size_t reason_number(struct tally *t, xray_str code)
{
    size_t *met = &t->met[(uintptr_t)code.ptr / 8 % TALLY_MET];
    const struct text *last = *met > 0 ? &t->reasons[*met - 1].code : NULL;

    if (last == NULL || last->len != code.len || (code.len > 0 && memcmp(last->data, code.ptr, code.len) != 0))
        *met = find_reason(t, code) + 1;
    return *met - 1;
}

static void add_reason(struct tally *t, const xray_reason_count *reason)
{
    const size_t number = reason_number(t, reason->code);

    t->reasons[number].count += reason->count;
    t->reason_sum += reason->count;
}

static void add_counts(struct tally *t, size_t run, const xray_step_record *step, bool per_run)
{
    const bool has_in = step->candidates_in != XRAY_MISSING;
    const bool has_out = step->candidates_out != XRAY_MISSING;

    sum_add(&t->in, step->candidates_in);
    sum_add(&t->out, step->candidates_out);
    if (has_in)
        runset_add(&t->in_runs, run);
    if (has_out)
        runset_add(&t->out_runs, run);
    if (!has_in || !has_out)
        return;
    t->both = true;
    sum_add(&t->both_in, step->candidates_in);
    sum_add(&t->both_out, step->candidates_out);
    if (per_run) {
        t->shares = memory_grow(t->shares, &t->share_cap, t->share_count + 1, sizeof *t->shares);
        t->shares[t->share_count++] =
            (struct tally_share){.run = run, .in = step->candidates_in, .out = step->candidates_out};
    }
}

void tally_add(struct tally *t, size_t run, const xray_step_record *step, bool per_run)
{
    t->steps++;
    runset_add(&t->runs, run);
    add_counts(t, run, step, per_run);
    if (step->duration_ns != XRAY_MISSING)
        quantiles_add(&t->durations, step->duration_ns);
    sum_add(&t->cost, step->cost);
    for (size_t i = 0; i < step->reason_count; i++)
        add_reason(t, &step->reasons[i]);
}

void tally_add_sum(struct tally *t, const xray_step_sum *sum)
{
    t->steps += sum->steps;
    t->runs.count += sum->runs;
    t->in_runs.count += sum->runs_in;
    t->out_runs.count += sum->runs_out;
    sum_add(&t->in, sum->candidates_in);
    sum_add(&t->out, sum->candidates_out);
    if (sum->both_in != XRAY_MISSING) {
        t->both = true;
        sum_add(&t->both_in, sum->both_in);
        sum_add(&t->both_out, sum->both_out);
    }
    quantiles_add_all(&t->durations, sum->durations, sum->duration_count);
    sum_add(&t->cost, sum->cost);
    for (size_t i = 0; i < sum->reason_count; i++)
        add_reason(t, &sum->reasons[i]);
}

/* ---- finish ---- */

static int compare_reasons(const void *a, const void *b)
{
    const struct tally_reason *r = a;
    const struct tally_reason *s = b;
    const size_t len = r->code.len < s->code.len ? r->code.len : s->code.len;
    const int order = len > 0 ? memcmp(r->code.data, s->code.data, len) : 0;

    if (r->count != s->count)
        return r->count > s->count ? -1 : 1;
    return order != 0 ? order : r->code.len < s->code.len ? -1 : r->code.len > s->code.len;
}

static int compare_shares(const void *a, const void *b)
{
    const struct tally_share *s = a;
    const struct tally_share *t = b;

    return s->run < t->run ? -1 : s->run > t->run;
}

/* One share for each run, whatever the order and number of its steps. */
static void join_shares(struct tally *t)
{
    size_t last = 0;

    if (t->share_count == 0)
        return;
    qsort(t->shares, t->share_count, sizeof *t->shares, compare_shares);
    for (size_t i = 1; i < t->share_count; i++) {
        if (t->shares[i].run == t->shares[last].run) {
            sum_add(&t->shares[last].in, t->shares[i].in);
            sum_add(&t->shares[last].out, t->shares[i].out);
        } else {
            t->shares[++last] = t->shares[i];
        }
    }
    t->share_count = last + 1;
}

void tally_finish(struct tally *t)
{
    if (t->reason_count > 0)
        qsort(t->reasons, t->reason_count, sizeof *t->reasons, compare_reasons);
    join_shares(t);
}

void tally_free(struct tally *t)
{
    for (size_t i = 0; i < t->reason_count; i++)
        text_free(&t->reasons[i].code);
    free(t->reasons);
    free(t->shares);
    strmap_free(&t->reason_numbers);
    quantiles_free(&t->durations);
    free(t->runs.words);
    free(t->in_runs.words);
    free(t->out_runs.words);
}

/* ---- rates ---- */

struct interval_rate tally_rate(const struct tally *t, enum rate_kind kind)
{
    struct interval_run *runs = memory_new(t->share_count, sizeof *runs);

    for (size_t i = 0; i < t->share_count; i++) {
        const struct tally_share *s = &t->shares[i];

        if (kind == RATE_POOLED)
            runs[i] = (struct interval_run){.in = (double)s->in, .out = (double)s->out};
        else /* nothing in: nothing was dropped */
            runs[i] = (struct interval_run){.in = 1, .out = s->in == 0 ? 1 : (double)s->out / (double)s->in};
    }

    const struct interval_rate rate = interval_rate_of(runs, t->share_count);

    free(runs);
    return rate;
}

bool tally_drop(const struct tally *t, enum rate_kind kind, double *drop)
{
    if (!t->both)
        return false;
    if (kind == RATE_MEAN)
        *drop = tally_rate(t, kind).drop;
    else
        *drop = t->both_in == 0 ? 0.0 : 1.0 - (double)t->both_out / (double)t->both_in;
    return true;
}

bool tally_mean(int64_t sum, const struct runset *runs, double *mean)
{
    if (sum == XRAY_MISSING || runs->count == 0)
        return false;
    *mean = (double)sum / (double)runs->count;
    return true;
}

bool tally_rejected(const struct tally *t, int64_t *rejected)
{
    if (!t->both || __builtin_sub_overflow(t->both_in, t->both_out, rejected))
        return false;
    return true;
}
