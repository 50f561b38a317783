/* The section of sums (format-spec/index-file.md, 3.5): what the steps of whole groups of runs add up
 * to, exactly, so that a funnel over them need not see the steps. */
#include "store/indexer.h"

#include <stdlib.h>

#include "base/dict.h"
#include "base/fail.h"
#include "base/mem.h"
#include "codec/varint.h"

enum { HAS_STATUSES = 1 << 4 };

struct reason {
    uint32_t code;
    uint64_t count;
};

struct numbers { /* a set of runs, with doubles until it is counted */
    uint32_t *list;
    uint32_t count, cap;
};

struct sum { /* the steps of one name and type in the runs of one group */
    uint32_t name, type; /* texts */
    uint64_t steps, emptied, ended, failures;
    struct numbers runs, in_runs, out_runs;
    int64_t in, out, both_in, both_out, cost, numbers;
    bool has_in, has_out, has_both, has_cost;
    struct reason *reasons;
    uint32_t reason_count, reason_cap;
    int64_t *durations;
    uint32_t duration_count, duration_cap;
};

struct group { /* runs of one pipeline and version whose last row is in the same block */
    uint32_t home, pipeline, version;
    struct numbers runs;
    struct sum *sums;
    uint32_t sum_count, sum_cap;
    bool spoilt; /* a sum left the range of integers, or a duration is negative: readers look at the steps themselves */
};

struct run_end { /* where the candidates of a run ended; one writer: step numbers order steps */
    int64_t last, zero;
    uint32_t group, zero_sum;
    bool ended, has_last, has_zero, last_is_zero;
};

struct xf_sums {
    struct xf_dict texts;
    struct group *groups;
    uint32_t count, cap;
    struct run_end *runs;
    uint32_t run_count;
};

struct xf_sums *xf_sums_new(uint32_t runs)
{
    struct xf_sums *f = xf_alloc(sizeof *f);

    if (f == NULL)
        return NULL;
    f->run_count = runs;
    f->runs = xf_alloc_array(runs, sizeof *f->runs);
    if (f->runs == NULL || xf_dict_put(&f->texts, "", 0) != 0) { /* text 0 is none */
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
            xf_free(g->sums[k].runs.list);
            xf_free(g->sums[k].in_runs.list);
            xf_free(g->sums[k].out_runs.list);
            xf_free(g->sums[k].reasons);
            xf_free(g->sums[k].durations);
        }
        xf_free(g->sums);
        xf_free(g->runs.list);
    }
    xf_free(f->groups);
    xf_free(f->runs);
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

static bool put_number(struct numbers *n, uint32_t run)
{
    if (n->count > 0 && n->list[n->count - 1] == run) /* steps of a run come together, mostly */
        return true;
    if (!grow(&n->list, n->count, &n->cap, sizeof *n->list))
        return false;
    n->list[n->count++] = run;
    return true;
}

static int compare_numbers(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* Ascending, each once. */
static uint32_t settle(struct numbers *n)
{
    uint32_t kept = 0;

    if (n->count > 1)
        qsort(n->list, n->count, sizeof *n->list, compare_numbers);
    for (uint32_t i = 0; i < n->count; i++)
        if (i == 0 || n->list[i] != n->list[i - 1])
            n->list[kept++] = n->list[i];
    return n->count = kept;
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
    bool there;

    s->steps++;
    s->ended += r->ended;
    s->failures += r->ended && r->outcome == XRAY_FAILURE;
    add(g, &s->in, &s->has_in, r->candidates_in);
    add(g, &s->out, &s->has_out, r->candidates_out);
    add(g, &s->cost, &s->has_cost, r->cost);
    add(g, &s->numbers, &there, r->raw_number);
    if (has_in && has_out) {
        add(g, &s->both_in, &s->has_both, r->candidates_in);
        add(g, &s->both_out, &s->has_both, r->candidates_out);
    }
    if (!put_number(&s->runs, run) || (has_in && !put_number(&s->in_runs, run)) ||
        (has_out && !put_number(&s->out_runs, run)))
        return false;
    if (r->duration_ns != XRAY_MISSING) {
        if (!grow(&s->durations, s->duration_count, &s->duration_cap, sizeof *s->durations))
            return false;
        s->durations[s->duration_count++] = r->duration_ns > 0 ? r->duration_ns : 0;
        g->spoilt = g->spoilt || r->duration_ns < 0;
    }
    for (size_t i = 0; i < r->reason_count; i++) {
        const uint32_t code = xf_dict_put(&f->texts, r->reasons[i].code.ptr, r->reasons[i].code.len);

        if (code == UINT32_MAX || !add_reason(g, s, code, r->reasons[i].count))
            return false;
    }
    return true;
}

/* Steps come in the order in which they ended; what counts is the order in which they began. */
static void note_end(struct run_end *run, const xray_step_record *r, uint32_t sum)
{
    if (r->candidates_out == XRAY_MISSING)
        return;
    if (!run->has_last || r->raw_number >= run->last) {
        run->has_last = true;
        run->last = r->raw_number;
        run->last_is_zero = r->candidates_out == 0;
    }
    if (r->candidates_out == 0 && (!run->has_zero || r->raw_number < run->zero)) {
        run->has_zero = true;
        run->zero = r->raw_number;
        run->zero_sum = sum;
    }
}

int xf_sums_add_run(struct xf_sums *f, uint32_t run, uint32_t home, const xray_run_record *record, xray_error *err)
{
    const uint32_t pipeline = xf_dict_put(&f->texts, record->pipeline.ptr, record->pipeline.len);
    const uint32_t version = xf_dict_put(&f->texts, record->version.ptr, record->version.len);
    struct group *g = pipeline != UINT32_MAX && version != UINT32_MAX ? find_group(f, home, pipeline, version) : NULL;

    if (g == NULL || !put_number(&g->runs, run))
        return xf_fail_memory(err);
    f->runs[run].group = (uint32_t)(g - f->groups);
    f->runs[run].ended = record->ended;
    return XRAY_OK;
}

int xf_sums_add_step(struct xf_sums *f, uint32_t run, const xray_step_record *step, xray_error *err)
{
    struct group *g = &f->groups[f->runs[run].group];
    const uint32_t name = xf_dict_put(&f->texts, step->name.ptr, step->name.len);
    const uint32_t type = xf_dict_put(&f->texts, step->type.ptr, step->type.len);
    struct sum *s = name != UINT32_MAX && type != UINT32_MAX ? find_sum(g, name, type) : NULL;

    if (s == NULL || !add_step(f, g, s, run, step))
        return xf_fail_memory(err);
    note_end(&f->runs[run], step, (uint32_t)(s - g->sums));
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
    xf_buf_put_u8(out, (uint8_t)(s->has_in | s->has_out << 1 | s->has_both << 2 | s->has_cost << 3 | HAS_STATUSES));
    xf_varint_put(out, s->steps);
    xf_varint_put(out, settle(&s->runs));
    xf_varint_put(out, settle(&s->in_runs));
    xf_varint_put(out, settle(&s->out_runs));
    xf_varint_put(out, s->emptied);
    xf_varint_put(out, s->ended);
    xf_varint_put(out, s->failures);
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

    /* A run that ended with nothing lost its last candidate where nothing was left first. */
    for (uint32_t i = 0; i < f->run_count; i++)
        if (f->runs[i].ended && f->runs[i].has_last && f->runs[i].last_is_zero)
            f->groups[f->runs[i].group].sums[f->runs[i].zero_sum].emptied++;
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
        xf_varint_put(out, g->runs.count);
        for (uint32_t k = 0; k < g->runs.count; k++) { /* ascending */
            xf_varint_put(out, g->runs.list[k] - before);
            before = g->runs.list[k];
        }
        xf_varint_put(out, g->pipeline);
        xf_varint_put(out, g->version);
        xf_varint_put(out, g->sum_count);
        for (uint32_t k = 0; k < g->sum_count; k++)
            put_sum(&g->sums[k], out);
    }
    return out->failed ? xf_fail_memory(err) : XRAY_OK;
}
