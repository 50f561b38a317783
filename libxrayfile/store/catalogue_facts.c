/* What a catalogue knows of the steps and runs of segments (format-spec/catalogue.md, 2.2): of runs that one segment has alone, what
 * its index says; the others are opened. */
#include "store/catalogue_make.h"

#include "base/buf.h"
#include "base/fail.h"
#include "base/mem.h"
#include "store/facts.h"

enum { MEMBERS_MAX = 64, PARTNERS_MAX = 64 };

struct source { /* facts of a run that has rows in the segment */
    uint32_t row;
    uint32_t number; /* of the run in them */
    bool joined;     /* they are those of runs in several segments */
};

struct sources {
    struct source *list; /* by row, once sorted */
    uint32_t count, cap;
    uint32_t *runs; /* those in several segments: indexes in the store */
    uint32_t run_count, run_cap;
    uint32_t *first; /* by row */
    struct xf_facts joined;
};

static bool add_source(struct sources *x, uint32_t row, uint32_t number, bool joined)
{
    void *list = x->list;
    const bool room = xf_store_grow(&list, x->count, &x->cap, sizeof *x->list);

    x->list = list;
    if (room)
        x->list[x->count++] = (struct source){row, number, joined};
    return room;
}

/* ---- where facts come from ---------------------------------------------------------------------- */

/* Has the run rows in segments that are not listed, or in very many? Then its steps are not known. */
static bool is_vague(const struct xf_run_list *list, const struct xf_run_sum *run, const bool *listed, uint32_t row_count)
{
    for (uint32_t p = run->first_place; p != XF_NO_PLACE; p = list->places[p].next)
        if (!listed[list->places[p].segment])
            return true;
    return row_count > PARTNERS_MAX;
}

static bool add_partners(struct xf_maker *b, uint32_t first, uint32_t end)
{
    bool good = true;

    for (uint32_t i = first; i < end && good; i++)
        for (uint32_t j = first; j < end && good; j++)
            if (i != j)
                good = xf_pairs_add(&b->partners, b->seen[i].row, b->seen[j].row);
    return good;
}

/* One that several segments have. */
static bool add_joined(struct xf_maker *b, struct sources *x, uint32_t run, uint32_t first, uint32_t end)
{
    void *runs = x->runs;
    bool good = xf_store_grow(&runs, x->run_count, &x->run_cap, sizeof *x->runs);

    x->runs = runs;
    if (!good)
        return false;
    for (uint32_t i = first; i < end && good; i++)
        good = add_source(x, b->seen[i].row, x->run_count, true);
    x->runs[x->run_count++] = run;
    return good && add_partners(b, first, end);
}

static bool add_run(struct xf_maker *b, struct sources *x, const struct xf_run_list *list, const bool *listed, uint32_t first,
                    uint32_t end)
{
    const uint32_t run = xf_run_list_find(b->s, list, b->seen[first].id);
    bool good = true;

    if (run == UINT32_MAX || is_vague(list, &list->runs[run], listed, end - first)) {
        for (uint32_t i = first; i < end; i++)
            b->vague[b->seen[i].row] = true;
        return good;
    }
    if (end - first == 1 && list->runs[run].local != XF_NO_PLACE)
        return add_source(x, b->seen[first].row, list->runs[run].local, false);
    return add_joined(b, x, run, first, end);
}

/* Of all runs; then by row. */
static int find_sources(struct xf_maker *b, struct sources *x, xray_error *err)
{
    bool *listed = xf_alloc_array(b->s->part_count, sizeof *listed);
    struct source *sorted;
    struct xf_run_list *list;
    bool good = listed != NULL;
    int r = good ? xf_run_list_get(b->s, &list, err) : XRAY_ENOMEM;

    for (uint32_t row = 0; row < b->table.count && r >= 0; row++)
        listed[b->parts[row]] = true;
    for (uint32_t first = 0, end; first < b->seen_count && good && r >= 0; first = end) {
        end = xf_maker_run_end(b, first);
        good = add_run(b, x, list, listed, first, end);
    }
    xf_free(listed);
    x->first = xf_alloc_array((size_t)b->table.count + 1, sizeof *x->first);
    sorted = xf_alloc_array(x->count, sizeof *sorted);
    if (r < 0 || !good || x->first == NULL || sorted == NULL) {
        xf_free(sorted);
        return xf_fail_memory(err);
    }
    for (uint32_t i = 0; i < x->count; i++)
        x->first[x->list[i].row + 1]++;
    for (uint32_t row = 0; row < b->table.count; row++)
        x->first[row + 1] += x->first[row];
    for (uint32_t i = x->count; i-- > 0;)
        sorted[--x->first[x->list[i].row + 1]] = x->list[i];
    /* Now first[row + 1] is where the row begins. */
    for (uint32_t row = 0; row < b->table.count; row++)
        x->first[row] = x->first[row + 1];
    x->first[b->table.count] = x->count;
    xf_free(x->list);
    x->list = sorted;
    return XRAY_OK;
}

/* Steps that cannot be read may hold anything. */
static int add_unread(struct xf_summary *m, uint32_t number)
{
    bool good = true;

    for (int k = 0; k < XF_SUMMARY_TEXTS; k++)
        good = good && xf_summary_leave_unknown(m, k);
    for (int k = 0; k < XF_SUMMARY_NUMBERS; k++) {
        xf_summary_widen(m, k, number, 1);
        xf_summary_widen(m, k, number, UINT8_MAX);
    }
    return good ? XRAY_OK : XRAY_ENOMEM;
}

static int open_joined(struct xf_maker *b, struct sources *x, struct xf_summary *m, xray_error *err)
{
    int r = XRAY_OK;

    for (uint32_t i = 0; i < x->run_count && r >= 0; i++) {
        const size_t problems = b->s->problems.count;
        const xray_step_record *steps;
        xray_trace *t = NULL;
        size_t count;

        r = xray_trace_open(&t, b->s, x->runs[i], err);
        if (r == XRAY_ENOMEM)
            break;
        if (r < 0 || b->s->problems.count > problems) {
            r = add_unread(m, i);
        } else {
            steps = xray_trace_steps(t, &count);
            r = xf_summary_add(m, b->s, i, xray_trace_run(t), steps, count, err);
        }
        xray_trace_close(t);
    }
    return r < 0 ? xf_fail_memory(err) : XRAY_OK;
}

static int join(struct xf_maker *b, struct sources *x, xray_error *err)
{
    struct xf_summary *m = xf_summary_new(x->run_count);
    int r = m != NULL ? open_joined(b, x, m, err) : xf_fail_memory(err);

    if (r >= 0)
        r = xf_summary_put(m, &x->joined.raw, err);
    xf_summary_free(m);
    if (r >= 0 && xf_facts_decode(&x->joined, XF_SUMMARY_TEXTS) != 1)
        r = xf_fail_memory(err);
    return r;
}

/* ---- one segment -------------------------------------------------------------------------------- */

struct gather { /* what is known of the segment at hand */
    struct xf_summary *m;
    const struct sources *x;
    const struct xf_facts *own; /* NULL: none */
    uint32_t row, first, end;   /* its sources */
    bool vague;
};

static const struct xf_facts *facts_of(const struct gather *g, const struct source *from)
{
    return from->joined ? &g->x->joined : g->own;
}

/* The texts of all sets that the segment's runs have in facts `of`, each once; *count is how many in all. False: memory is out. */
static bool take_sets(struct gather *g, const struct xf_facts *of, int k, uint32_t *count)
{
    const struct xf_fact_column *c = &of->columns[k];
    uint8_t *sets = xf_alloc(c->set_count), *texts = xf_alloc(of->text_count);
    bool good = sets != NULL && texts != NULL;

    for (uint32_t i = g->first; i < g->end && good; i++) {
        const struct source *from = &g->x->list[i];
        uint32_t set;

        if (facts_of(g, from) != of)
            continue;
        set = c->of_run[from->number];
        if (set == 0)
            *count = MEMBERS_MAX + 1;
        if (set == 0 || sets[set] != 0)
            continue;
        sets[set] = 1;
        for (uint32_t j = c->set_start[set]; j < c->set_start[set + 1] && good; j++) {
            if (texts[c->members[j]] != 0)
                continue;
            texts[c->members[j]] = 1;
            ++*count;
            good = *count > MEMBERS_MAX || xf_summary_take_text(g->m, of->texts[c->members[j]]);
        }
    }
    xf_free(sets);
    xf_free(texts);
    return good;
}

static bool take_column(struct gather *g, int k)
{
    uint32_t count = 0;
    bool good = true;

    if (!g->vague && g->own != NULL)
        good = take_sets(g, g->own, k, &count);
    if (!g->vague && g->x->run_count > 0)
        good = good && take_sets(g, &g->x->joined, k, &count);
    if (!good)
        return false;
    return g->vague || count > MEMBERS_MAX ? xf_summary_leave_unknown(g->m, k) : xf_summary_end_set(g->m, k);
}

static void take_numbers(struct gather *g)
{
    for (int k = 0; k < XF_SUMMARY_NUMBERS; k++) {
        for (uint32_t i = g->first; i < g->end && !g->vague; i++) {
            const struct xf_facts *of = facts_of(g, &g->x->list[i]);

            xf_summary_widen(g->m, k, g->row, of->low[k][g->x->list[i].number]);
            xf_summary_widen(g->m, k, g->row, of->high[k][g->x->list[i].number]);
        }
        if (g->vague) {
            xf_summary_widen(g->m, k, g->row, 1);
            xf_summary_widen(g->m, k, g->row, UINT8_MAX);
        }
    }
}

/* Is there something that its sources do not tell? */
static bool lacks(const struct gather *g)
{
    for (uint32_t i = g->first; i < g->end; i++) {
        const struct xf_facts *of = facts_of(g, &g->x->list[i]);

        if (of == NULL || g->x->list[i].number >= of->runs)
            return true;
    }
    return false;
}

/* ---- texts of runs ------------------------------------------------------------------------------ */

static bool take_pairs(struct xf_maker *b, struct xf_summary *m, const struct xf_pairs *p, uint32_t *at, uint32_t row, int column)
{
    bool good = true;

    for (; *at < p->count && p->list[*at] >> 32 == row && good; ++*at)
        good = xf_summary_take_text(m, xf_dict_get(&b->names, (uint32_t)p->list[*at]));
    return good && xf_summary_end_set(m, column);
}

static bool take_statuses(struct xf_summary *m, uint8_t bits)
{
    static const struct {
        uint8_t bit;
        const char *name;
    } names[] = {
        {XF_SEEN_OPEN, "running"},    {XF_SEEN_OPEN, "abandoned"},  {XF_SEEN_ENDED, "running"}, {XF_SEEN_ENDED, "ended"},
        {XF_SEEN_SUCCESS, "success"}, {XF_SEEN_FAILURE, "failure"}, {XF_SEEN_PARTIAL, "partial"},
    };
    bool good = true;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if ((bits & names[i].bit) != 0)
            good = good && xf_summary_take_text(m, xray_s(names[i].name));
    return good && xf_summary_end_set(m, XF_ST_RUN_STATUS);
}

/* ---- all segments ------------------------------------------------------------------------------- */

static int take_rows(struct xf_maker *b, struct sources *x, struct xf_summary *m, xray_error *err)
{
    uint32_t pipeline = 0, version = 0;

    for (uint32_t row = 0; row < b->table.count; row++) {
        struct gather g = {.m = m, .x = x, .row = row, .first = x->first[row], .end = x->first[row + 1]};
        bool good = true;

        if (xf_facts_of_segment(b->s, b->parts[row], &g.own, err) < 0)
            return XRAY_ENOMEM;
        g.vague = b->vague[row] || lacks(&g);
        for (int k = 0; k < XF_SUMMARY_TEXTS; k++)
            good = good && take_column(&g, k);
        take_numbers(&g);
        if (!good || !take_pairs(b, m, &b->pipelines, &pipeline, row, XF_ST_RUN_PIPELINE) ||
            !take_pairs(b, m, &b->versions, &version, row, XF_ST_RUN_VERSION) || !take_statuses(m, b->statuses[row]))
            return xf_fail_memory(err);
    }
    return XRAY_OK;
}

/* A segment with very many partners has none, and is vague. */
static int put_partners(struct xf_maker *b, xray_error *err)
{
    struct xf_catalogue_table *t = &b->table;
    struct xf_pairs *p = &b->partners;

    xf_pairs_settle(p);
    t->partners = xf_alloc_array(p->count, sizeof *t->partners);
    if (t->partners == NULL)
        return xf_fail_memory(err);
    for (uint32_t i = 0, end; i < p->count; i = end) {
        const uint32_t row = (uint32_t)(p->list[i] >> 32);

        for (end = i; end < p->count && p->list[end] >> 32 == row;)
            end++;
        if (end - i > PARTNERS_MAX) {
            b->vague[row] = true;
            continue;
        }
        t->rows[row].first_partner = t->total_partners;
        t->rows[row].partner_count = end - i;
        for (uint32_t k = i; k < end; k++)
            t->partners[t->total_partners++] = (uint32_t)p->list[k];
    }
    return XRAY_OK;
}

int xf_maker_put_facts(struct xf_maker *b, xray_error *err)
{
    struct sources x = {.count = 0};
    struct xf_summary *m = xf_summary_new_of_segments(b->table.count);
    int r;

    b->vague = xf_alloc_array(b->table.count, sizeof *b->vague);
    r = m != NULL && b->vague != NULL ? find_sources(b, &x, err) : xf_fail_memory(err);
    if (r >= 0)
        r = put_partners(b, err);
    if (r >= 0 && x.run_count > 0)
        r = join(b, &x, err);
    xf_pairs_settle(&b->pipelines);
    xf_pairs_settle(&b->versions);
    if (r >= 0)
        r = take_rows(b, &x, m, err);
    if (r >= 0)
        r = xf_summary_put(m, &b->facts, err);
    xf_summary_free(m);
    xf_facts_done(&x.joined);
    xf_free(x.list);
    xf_free(x.runs);
    xf_free(x.first);
    return r;
}
