/* Sums over whole groups of runs, out of indexes (format-spec/index-file.md, 3.5). */
#include "store/runs.h"

#include "base/fail.h"
#include "base/mem.h"
#include "codec/varint.h"
#include "store/indexuse.h"

struct reading {
    struct xray_store *s;
    const xray_sum_visitor *visitor;
    void *ctx;
    struct xf_varints c;
    size_t *index_of; /* of each local number; NOWHERE: not whole, or taken */
    uint32_t local_count;
    xray_str *texts;
    uint32_t text_count;
    size_t *runs; /* of the group at hand */
    uint32_t run_count;
    xray_reason_count *reasons;
    int64_t *durations;
    bool no_memory;
};

#define NOWHERE SIZE_MAX

enum { HAS_STATUSES = 1 << 4 };

static xray_str take_text(struct reading *r)
{
    const uint64_t number = xf_varint_take(&r->c);

    if (number >= r->text_count) {
        r->c.bad = true;
        return xray_strn(NULL, 0);
    }
    return number == 0 ? xray_strn(NULL, 0) : r->texts[number];
}

/* The group's runs, all or nothing. False if one of them is not whole: then the group is passed over. */
static bool take_runs(struct reading *r)
{
    uint64_t number = 0;
    bool whole = true;

    r->run_count = xf_varint_take_count(&r->c, 1);
    xf_free(r->runs);
    r->runs = xf_alloc_array(r->run_count, sizeof *r->runs);
    if (r->runs == NULL) {
        r->no_memory = true;
        return false;
    }
    for (uint32_t i = 0; i < r->run_count && !r->c.bad; i++) {
        const uint64_t more = xf_varint_take(&r->c);

        if (more > UINT32_MAX || (i > 0 && more == 0)) { /* each once */
            r->c.bad = true;
            break;
        }
        number += more;
        r->runs[i] = number < r->local_count ? r->index_of[number] : NOWHERE;
        whole = whole && r->runs[i] != NOWHERE;
        if (number < r->local_count)
            r->index_of[number] = NOWHERE; /* no run is in two groups */
    }
    return whole && !r->c.bad;
}

/* Their room is what the section could hold: allocated once. */
static void take_reasons(struct reading *r, xray_step_sum *sum)
{
    sum->reason_count = xf_varint_take_count(&r->c, 2);
    sum->reasons = r->reasons;
    for (size_t i = 0; i < sum->reason_count && !r->c.bad; i++) {
        r->reasons[i].code = take_text(r);
        if (r->reasons[i].code.ptr == NULL)
            r->reasons[i].code = xray_strn("", 0);
        r->reasons[i].count = xf_varint_take(&r->c);
    }
}

static void take_durations(struct reading *r, xray_step_sum *sum)
{
    uint64_t duration = 0, unit;

    sum->duration_count = xf_varint_take_count(&r->c, 1);
    sum->durations = r->durations;
    unit = xf_varint_take(&r->c);
    for (size_t i = 0; i < sum->duration_count && !r->c.bad; i++) {
        duration += xf_varint_take(&r->c) * unit;
        r->durations[i] = (int64_t)(duration & INT64_MAX);
    }
}

static bool take_sum(struct reading *r, xray_step_sum *sum)
{
    const xray_str name = take_text(r), type = take_text(r);
    const uint8_t *has = xf_varints_bytes(&r->c, 1);

    if (has == NULL)
        return false;
    *sum = (xray_step_sum){.name = name, .type = type};
    sum->steps = xf_varint_take(&r->c);
    sum->runs = xf_varint_take(&r->c);
    sum->runs_in = xf_varint_take(&r->c);
    sum->runs_out = xf_varint_take(&r->c);
    sum->emptied = xf_varint_take(&r->c);
    sum->ended = sum->failures = XRAY_MISSING;
    if ((*has & HAS_STATUSES) != 0) {
        sum->ended = (int64_t)(xf_varint_take(&r->c) & INT64_MAX);
        sum->failures = (int64_t)(xf_varint_take(&r->c) & INT64_MAX);
    }
    sum->candidates_in = xf_varint_take_int(&r->c);
    sum->candidates_out = xf_varint_take_int(&r->c);
    sum->both_in = xf_varint_take_int(&r->c);
    sum->both_out = xf_varint_take_int(&r->c);
    sum->cost = xf_varint_take_int(&r->c);
    sum->numbers = xf_varint_take_int(&r->c);
    if ((*has & 1) == 0)
        sum->candidates_in = XRAY_MISSING;
    if ((*has & 2) == 0)
        sum->candidates_out = XRAY_MISSING;
    if ((*has & 4) == 0)
        sum->both_in = sum->both_out = XRAY_MISSING;
    if ((*has & 8) == 0)
        sum->cost = XRAY_MISSING;
    take_reasons(r, sum);
    take_durations(r, sum);
    return !r->c.bad;
}

/* The sums of the group at hand, without telling anybody. */
static bool have_statuses(const struct reading *r, uint32_t count)
{
    struct reading try = *r;
    bool all = true;

    for (uint32_t i = 0; i < count && all; i++) {
        xray_step_sum sum;

        all = take_sum(&try, &sum) && sum.ended != XRAY_MISSING;
    }
    return all;
}

static int take_group(struct reading *r)
{
    const bool whole = take_runs(r);
    uint32_t count;
    bool chosen;
    int status = 0;

    if (r->no_memory)
        return XRAY_ENOMEM;
    take_text(r); /* pipeline and version are those of the runs */
    take_text(r);
    count = xf_varint_take_count(&r->c, 15);
    if (r->c.bad)
        return 0;
    chosen = whole && r->run_count > 0 && (!r->visitor->statuses || have_statuses(r, count)) &&
             r->visitor->choose(r->ctx, r->runs, r->run_count);
    if (chosen)
        r->s->stats.runs_summed += r->run_count;
    for (uint32_t i = 0; i < count && status == 0; i++) {
        xray_step_sum sum;

        if (!take_sum(r, &sum))
            break;
        if (chosen)
            status = r->visitor->take(r->ctx, r->runs, r->run_count, &sum);
    }
    return status;
}

/* Everything once without telling anybody: a section that turns out to be malformed in its middle must not have been
 * half used. */
static bool is_well_formed(struct reading *r, uint32_t groups)
{
    struct reading try = *r;

    for (uint32_t i = 0; i < groups && !try.c.bad; i++) {
        uint32_t count = xf_varint_take_count(&try.c, 1);

        for (uint32_t k = 0; k < count; k++)
            xf_varint_take(&try.c);
        take_text(&try);
        take_text(&try);
        count = xf_varint_take_count(&try.c, 15);
        for (uint32_t k = 0; k < count && !try.c.bad; k++) {
            xray_step_sum sum;

            take_sum(&try, &sum);
        }
    }
    return !try.c.bad && try.c.left == 0;
}

static int take_section(struct reading *r, const xray_buffer *raw)
{
    uint32_t groups;
    int status = 0;

    r->c = xf_varints_over(raw->data, raw->len);
    r->text_count = xf_varint_take_count(&r->c, 1);
    r->texts = xf_alloc_array(r->text_count, sizeof *r->texts);
    r->reasons = xf_alloc_array(raw->len / 2 + 1, sizeof *r->reasons);
    r->durations = xf_alloc_array(raw->len + 1, sizeof *r->durations);
    if (r->texts == NULL || r->reasons == NULL || r->durations == NULL)
        return XRAY_ENOMEM;
    for (uint32_t i = 0; i < r->text_count; i++)
        r->texts[i] = xf_varint_take_text(&r->c);
    groups = xf_varint_take_count(&r->c, 4);
    if (r->c.bad || !is_well_formed(r, groups))
        return 0;
    for (uint32_t i = 0; i < groups && status == 0; i++)
        status = take_group(r);
    return status;
}

/* The runs first .. end of the list are those of one segment. */
static int read_segment(struct xray_store *s, const struct xf_run_list *list, uint32_t first, uint32_t end,
                        const xray_sum_visitor *visitor, void *ctx, xray_error *err)
{
    struct reading r = {.s = s, .visitor = visitor, .ctx = ctx};
    const xray_buffer *raw;
    int status;

    for (uint32_t i = first; i < end; i++)
        if (list->runs[i].local != XF_NO_PLACE && list->runs[i].local >= r.local_count)
            r.local_count = list->runs[i].local + 1;
    if (r.local_count == 0)
        return 0;
    status = xf_index_use(s, list->runs[first].segment, XF_INDEX_FUNNEL, &raw, err);
    if (status <= 0)
        return status;
    r.index_of = xf_alloc_array(r.local_count, sizeof *r.index_of);
    if (r.index_of == NULL)
        return xf_fail_memory(err);
    memset(r.index_of, 0xff, r.local_count * sizeof *r.index_of);
    for (uint32_t i = first; i < end; i++)
        if (list->runs[i].local != XF_NO_PLACE)
            r.index_of[list->runs[i].local] = i;
    status = take_section(&r, raw);
    xf_free(r.index_of);
    xf_free(r.texts);
    xf_free(r.runs);
    xf_free(r.reasons);
    xf_free(r.durations);
    return status == XRAY_ENOMEM ? xf_fail_memory(err) : status;
}

int xray_store_sums(xray_store *s, const xray_sum_visitor *visitor, void *ctx, xray_error *err)
{
    struct xf_run_list *list;
    int r = xf_run_list_get(s, &list, err);

    for (uint32_t first = 0, end; r == 0 && first < list->count; first = end) {
        for (end = first + 1; end < list->count && list->runs[end].segment == list->runs[first].segment;)
            end++;
        r = read_segment(s, list, first, end, visitor, ctx, err);
    }
    /* Of a million runs these are as large as what comes next may be; the sums are asked for once. */
    xray_buffer_free(&s->section);
    xray_buffer_free(&s->stored);
    return r;
}
