/* The section of sums (format-spec/index-file.md, 3.5): what the steps of whole groups of runs add up
 * to, exactly, so that a funnel over them need not see the steps. */
#include "store/indexer.h"

#include <stdlib.h>

#include "base/dict.h"
#include "base/fail.h"
#include "base/mem.h"
#include "codec/varint.h"

struct reason {
    uint32_t code;
    uint64_t count;
};

struct sum { /* the steps of one name and type in the runs of one group */
    uint32_t name, type; /* texts */
    uint64_t steps, runs, in_runs, out_runs, emptied;
    uint32_t last_run, last_in, last_out; /* the run counted last, + 1 */
    int64_t in, out, both_in, both_out, cost, numbers;
    bool has_in, has_out, has_both, has_cost;
    struct reason *reasons;
    uint32_t reason_count, reason_cap;
    int64_t *durations;
    uint32_t duration_count, duration_cap;
};

struct group { /* runs of one pipeline and version whose last row is in the same block */
    uint32_t home, pipeline, version;
    uint32_t *runs;
    uint32_t run_count, run_cap;
    struct sum *sums;
    uint32_t sum_count, sum_cap;
    bool spoilt; /* a sum left the range of integers: readers look at the steps themselves */
};

struct xf_sums {
    struct xf_dict texts;
    struct group *groups;
    uint32_t count, cap;
};

struct xf_sums *xf_sums_new(void)
{
    struct xf_sums *f = xf_alloc(sizeof *f);

    if (f != NULL && xf_dict_put(&f->texts, "", 0) != 0) { /* text 0 is none */
        xf_sums_free(f);
        return NULL;
    }
    return f;
}

void xf_sums_free(struct xf_sums *f)
{
    if (f == NULL)
        return;
    for (uint32_t i = 0; i < f->count; i++) {
        struct group *g = &f->groups[i];

        for (uint32_t k = 0; k < g->sum_count; k++) {
            xf_free(g->sums[k].reasons);
            xf_free(g->sums[k].durations);
        }
        xf_free(g->sums);
        xf_free(g->runs);
    }
    xf_free(f->groups);
    xf_dict_done(&f->texts);
    xf_free(f);
}

/* Room for one more element of an array that `*array` points to. */
static bool grow(void *array, uint32_t count, uint32_t *cap, size_t size)
{
    void *p;
    bool room;

    memcpy(&p, array, sizeof p);
    room = xf_store_grow(&p, count, cap, size);
    memcpy(array, &p, sizeof p);
    return room;
}

static struct group *find_group(struct xf_sums *f, uint32_t home, uint32_t pipeline, uint32_t version)
{
    /* Runs come nearly in the order of their blocks: the group is among the last ones. */
    for (uint32_t i = f->count; i > 0; i--) {
        struct group *g = &f->groups[i - 1];

        if (g->home == home && g->pipeline == pipeline && g->version == version)
            return g;
    }
    if (!grow(&f->groups, f->count, &f->cap, sizeof *f->groups))
        return NULL;
    f->groups[f->count] = (struct group){.home = home, .pipeline = pipeline, .version = version};
    return &f->groups[f->count++];
}

static struct sum *find_sum(struct group *g, uint32_t name, uint32_t type)
{
    for (uint32_t i = 0; i < g->sum_count; i++)
        if (g->sums[i].name == name && g->sums[i].type == type)
            return &g->sums[i];
    if (!grow(&g->sums, g->sum_count, &g->sum_cap, sizeof *g->sums))
        return NULL;
    g->sums[g->sum_count] = (struct sum){.name = name, .type = type};
    return &g->sums[g->sum_count++];
}

static void add(struct group *g, int64_t *sum, bool *there, int64_t n)
{
    if (n == XRAY_MISSING)
        return;
    *there = true;
    if (__builtin_add_overflow(*sum, n, sum) || *sum == INT64_MIN)
        g->spoilt = true;
}

static void count_run(uint64_t *runs, uint32_t *last, uint32_t run)
{
    *runs += *last != run + 1;
    *last = run + 1;
}

static bool add_reason(struct group *g, struct sum *s, uint32_t code, uint64_t count)
{
    uint32_t i = 0;

    while (i < s->reason_count && s->reasons[i].code != code)
        i++;
    if (i == s->reason_count) {
        if (!grow(&s->reasons, i, &s->reason_cap, sizeof *s->reasons))
            return false;
        s->reasons[s->reason_count++] = (struct reason){.code = code};
    }
    if (__builtin_add_overflow(s->reasons[i].count, count, &s->reasons[i].count))
        g->spoilt = true;
    return true;
}

static bool add_step(struct xf_sums *f, struct group *g, struct sum *s, uint32_t run, const xray_step_record *r)
{
    const bool has_in = r->candidates_in != XRAY_MISSING, has_out = r->candidates_out != XRAY_MISSING;
    bool good = true;

    s->steps++;
    count_run(&s->runs, &s->last_run, run);
    add(g, &s->in, &s->has_in, r->candidates_in);
    add(g, &s->out, &s->has_out, r->candidates_out);
    add(g, &s->cost, &s->has_cost, r->cost);
    add(g, &s->numbers, &good, r->raw_number);
    if (has_in)
        count_run(&s->in_runs, &s->last_in, run);
    if (has_out)
        count_run(&s->out_runs, &s->last_out, run);
    if (has_in && has_out) {
        add(g, &s->both_in, &s->has_both, r->candidates_in);
        add(g, &s->both_out, &s->has_both, r->candidates_out);
    }
    if (r->duration_ns != XRAY_MISSING) {
        if (!grow(&s->durations, s->duration_count, &s->duration_cap, sizeof *s->durations))
            return false;
        s->durations[s->duration_count++] = r->duration_ns > 0 ? r->duration_ns : 0;
    }
    for (size_t i = 0; i < r->reason_count; i++) {
        const uint32_t code = xf_dict_put(&f->texts, r->reasons[i].code.ptr, r->reasons[i].code.len);

        if (code == UINT32_MAX || !add_reason(g, s, code, r->reasons[i].count))
            return false;
    }
    return true;
}

/* Where a run that ended with no candidate had none first. */
static const xray_step_record *emptied_at(const xray_run_record *record, const xray_step_record *steps, size_t count)
{
    const xray_step_record *first = NULL, *last = NULL;

    for (size_t i = 0; i < count; i++) {
        if (steps[i].candidates_out != XRAY_MISSING)
            last = &steps[i];
        if (steps[i].candidates_out == 0 && first == NULL)
            first = &steps[i];
    }
    return record->ended && last != NULL && last->candidates_out == 0 ? first : NULL;
}

int xf_sums_add(struct xf_sums *f, uint32_t run, uint32_t home, const xray_run_record *record,
                const xray_step_record *steps, size_t count, xray_error *err)
{
    const xray_step_record *emptied = emptied_at(record, steps, count);
    const uint32_t pipeline = xf_dict_put(&f->texts, record->pipeline.ptr, record->pipeline.len);
    const uint32_t version = xf_dict_put(&f->texts, record->version.ptr, record->version.len);
    struct group *g = pipeline != UINT32_MAX && version != UINT32_MAX ? find_group(f, home, pipeline, version) : NULL;

    if (g == NULL || !grow(&g->runs, g->run_count, &g->run_cap, sizeof *g->runs))
        return xf_fail_memory(err);
    g->runs[g->run_count++] = run;
    for (size_t i = 0; i < count; i++) {
        const uint32_t name = xf_dict_put(&f->texts, steps[i].name.ptr, steps[i].name.len);
        const uint32_t type = xf_dict_put(&f->texts, steps[i].type.ptr, steps[i].type.len);
        struct sum *s = name != UINT32_MAX && type != UINT32_MAX ? find_sum(g, name, type) : NULL;

        if (s == NULL || !add_step(f, g, s, run, &steps[i]))
            return xf_fail_memory(err);
        s->emptied += &steps[i] == emptied;
    }
    return XRAY_OK;
}

/* ---- writing ---- */

static int compare_durations(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static int64_t divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        const int64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

/* Ascending, as differences in the largest unit that they are all made of: clocks tick in microseconds, or worse. */
static void put_durations(struct sum *s, xray_buffer *out)
{
    int64_t unit = 0, before = 0;

    if (s->duration_count > 1)
        qsort(s->durations, s->duration_count, sizeof *s->durations, compare_durations);
    for (uint32_t i = 0; i < s->duration_count; i++)
        unit = divisor(s->durations[i], unit);
    unit = unit > 0 ? unit : 1;
    xf_varint_put(out, s->duration_count);
    xf_varint_put(out, (uint64_t)unit);
    for (uint32_t i = 0; i < s->duration_count; i++) {
        xf_varint_put(out, (uint64_t)((s->durations[i] - before) / unit));
        before = s->durations[i];
    }
}

static void put_sum(struct sum *s, xray_buffer *out)
{
    xf_varint_put(out, s->name);
    xf_varint_put(out, s->type);
    xf_buf_put_u8(out, (uint8_t)(s->has_in | s->has_out << 1 | s->has_both << 2 | s->has_cost << 3));
    xf_varint_put(out, s->steps);
    xf_varint_put(out, s->runs);
    xf_varint_put(out, s->in_runs);
    xf_varint_put(out, s->out_runs);
    xf_varint_put(out, s->emptied);
    xf_varint_put_int(out, s->in);
    xf_varint_put_int(out, s->out);
    xf_varint_put_int(out, s->both_in);
    xf_varint_put_int(out, s->both_out);
    xf_varint_put_int(out, s->cost);
    xf_varint_put_int(out, s->numbers);
    xf_varint_put(out, s->reason_count);
    for (uint32_t i = 0; i < s->reason_count; i++) {
        xf_varint_put(out, s->reasons[i].code);
        xf_varint_put(out, s->reasons[i].count);
    }
    put_durations(s, out);
}

int xf_sums_put(struct xf_sums *f, xray_buffer *out, xray_error *err)
{
    uint32_t groups = 0;

    for (uint32_t i = 0; i < f->count; i++)
        groups += !f->groups[i].spoilt;
    xf_varint_put(out, f->texts.count);
    for (uint32_t i = 0; i < f->texts.count; i++)
        xf_varint_put_text(out, xf_dict_get(&f->texts, i));
    xf_varint_put(out, groups);
    for (uint32_t i = 0; i < f->count; i++) {
        struct group *g = &f->groups[i];
        uint32_t before = 0;

        if (g->spoilt)
            continue;
        xf_varint_put(out, g->run_count);
        for (uint32_t k = 0; k < g->run_count; k++) { /* ascending */
            xf_varint_put(out, g->runs[k] - before);
            before = g->runs[k];
        }
        xf_varint_put(out, g->pipeline);
        xf_varint_put(out, g->version);
        xf_varint_put(out, g->sum_count);
        for (uint32_t k = 0; k < g->sum_count; k++)
            put_sum(&g->sums[k], out);
    }
    return out->failed ? xf_fail_memory(err) : XRAY_OK;
}
