/* Which runs have texts that match (hits.h), from the columns of the spine. Each name is tested once per
 * block, and a value by the bits of what it refers to, without making a record of any step. */
#include "base/fail.h"
#include "base/mem.h"
#include "codec/mpread.h"
#include "store/hits.h"
#include "store/rowview.h"
#include "store/runs.h"

enum { MEMO = 256 }; /* a power of 2 */

struct asked { /* a text of the block, by where it stands */
    uint32_t off;
    bool matches;
};

struct asker {
    const struct xray_hits *h;
    struct xray_store *s;
    const struct xf_run_list *list;
    uint8_t *out;
    uint32_t segment, block; /* what is loaded next */
    /* of the block at hand */
    const struct xf_cached *e;
    const struct xf_spine *spine;
    struct asked memo[MEMO];
    bool *rows;     /* those of the table at hand that match */
    uint32_t *runs; /* by number in the block: that in the list + 1; 0: not looked up */
};

static void *context_of(const struct asker *a)
{
    return a->h->visitor.contexts[0];
}

/* ---- texts ---------------------------------------------------------------------------------- */

static bool text_matches(struct asker *a, struct xf_slice s)
{
    struct asked *asked = &a->memo[(s.off * UINT32_C(0x9E3779B1)) >> 24];

    if (asked->off != s.off) {
        asked->off = s.off;
        asked->matches = a->h->visitor.text(context_of(a), xf_slice_text(a->spine->body, s));
    }
    return asked->matches;
}

static void ask_names(struct asker *a, const union xf_cell *column, uint32_t rows)
{
    for (uint32_t i = 0; column != NULL && i < rows; i++)
        if (column[i].s.len > 0 && !a->rows[i])
            a->rows[i] = text_matches(a, column[i].s);
}

/* Ids that are packed read as hexadecimal digits and dashes. */
static bool is_out_of_question(const struct asker *a, struct xf_slice id)
{
    enum { BIN = 0xc4 };

    return id.off == 0 || (a->h->visitor.not_hex && a->h->visitor.find != NULL && a->spine->body[id.off] == BIN);
}

static void ask_ids(struct asker *a, const union xf_cell *column, uint32_t rows)
{
    char room[40];

    for (uint32_t i = 0; column != NULL && i < rows; i++) {
        xray_str id;

        if (a->rows[i] || is_out_of_question(a, column[i].s))
            continue;
        id = xf_id_text(a->spine->body, column[i].s, room);
        a->rows[i] = id.len > 0 && a->h->visitor.text(context_of(a), id);
    }
}

static bool reasons_match(struct asker *a, struct xf_slice s)
{
    xray_mp c = xray_mp_over(a->spine->body + s.off, s.len);
    uint32_t count;
    int64_t index, n;

    if (!xf_mp_take_array(&c, &count))
        return false;
    for (uint32_t i = 0; i < count / 2 && xf_mp_take_int_here(&c, &index) && xf_mp_take_int_here(&c, &n); i++) {
        const xray_str code = a->spine->strings[index];

        if (text_matches(a, (struct xf_slice){(uint32_t)((const uint8_t *)code.ptr - a->spine->body), (uint32_t)code.len}))
            return true;
    }
    return false;
}

static void ask_reasons(struct asker *a, const union xf_cell *column, uint32_t rows)
{
    for (uint32_t i = 0; column != NULL && i < rows; i++)
        if (column[i].s.off != 0 && !a->rows[i])
            a->rows[i] = reasons_match(a, column[i].s);
}

/* ---- values --------------------------------------------------------------------------------- */

/* A column of values as it stands in the body: light blocks have no other. */
static void ask_values(struct asker *a, struct xf_slice column)
{
    const uint8_t *bytes = a->spine->body + column.off;
    xray_mp c = xray_mp_over(bytes, column.len);
    xray_str value;
    uint32_t rows;

    if (column.off == 0 || !xf_mp_take_array(&c, &rows))
        return;
    if (!a->h->segments[a->e->segment].any && !xf_hits_found(a->h, context_of(a), bytes, column.len))
        return;
    for (uint32_t i = 0; i < rows && xf_mp_take_value(&c, &value); i++)
        if (!a->rows[i] && *(const uint8_t *)value.ptr != 0xc0)
            a->rows[i] = xf_hits_test(a->h, context_of(a), a->e->segment, value);
}

/* ---- rows ----------------------------------------------------------------------------------- */

/* Whose the rows are that match. Others of the run or step may overrule what was found, unless the row is
 * all there is of it. */
static void note_rows(struct asker *a, const union xf_cell *run, const union xf_cell *state, uint32_t rows)
{
    for (uint32_t i = 0; i < rows; i++) {
        const bool whole = xf_cell_int(state, i) == (XF_STATE_BEGIN | XF_STATE_END);
        uint32_t *number = a->rows[i] ? &a->runs[run[i].i] : NULL;

        if (number == NULL)
            continue;
        if (*number == 0)
            *number = xf_run_list_find(a->s, a->list, xf_spine_run_id(a->spine, run[i].i)) + 1;
        if (*number == 0)
            continue; /* cannot be: the list has every run */
        if (whole)
            a->out[*number - 1] = XRAY_HITS_SURE;
        else if (a->out[*number - 1] == XRAY_HITS_NONE)
            a->out[*number - 1] = XRAY_HITS_POSSIBLE;
    }
}

static void ask_steps(struct asker *a)
{
    const struct xf_spine *s = a->spine;
    const uint32_t rows = s->step_rows;

    ask_names(a, s->steps[XF_STEP_NAME], rows);
    ask_names(a, s->steps[XF_STEP_TYPE], rows);
    ask_names(a, s->steps[XF_STEP_MODEL], rows);
    ask_names(a, s->steps[XF_STEP_PROVIDER], rows);
    ask_ids(a, s->steps[XF_STEP_EXT_ID], rows);
    ask_reasons(a, s->steps[XF_STEP_REASONS], rows);
    for (int k = XF_STEP_ERROR; k < XF_STEP_COLUMNS; k++)
        ask_values(a, s->step_values[k]);
    note_rows(a, s->steps[XF_STEP_RUN], s->steps[XF_STEP_STATE], rows);
}

static void ask_runs(struct asker *a)
{
    const struct xf_spine *s = a->spine;
    const uint32_t rows = s->run_rows;

    ask_names(a, s->runs[XF_RUN_SESSION], rows);
    ask_names(a, s->runs[XF_RUN_USER], rows);
    ask_names(a, s->runs[XF_RUN_PROJECT], rows);
    ask_ids(a, s->runs[XF_RUN_EXT_ID], rows);
    for (int k = XF_RUN_ERROR; k < XF_RUN_COLUMNS; k++)
        ask_values(a, s->run_values[k]);
    note_rows(a, s->runs[XF_RUN_RUN], s->runs[XF_RUN_STATE], rows);
}

static int ask_block(struct asker *a, struct xf_cached *e, xray_error *err)
{
    const struct xf_spine *s = &e->as.spine;
    const uint32_t rows = s->step_rows > s->run_rows ? s->step_rows : s->run_rows;

    xf_block_bound(e);
    a->e = e;
    a->spine = s;
    a->rows = xf_alloc_array(rows, sizeof *a->rows);
    a->runs = xf_alloc_array(s->run_count, sizeof *a->runs);
    if (a->rows != NULL && a->runs != NULL) {
        memset(a->memo, 0, sizeof a->memo); /* no text stands at the first byte */
        ask_steps(a);
        memset(a->rows, 0, rows * sizeof *a->rows);
        ask_runs(a);
    }

    const bool good = a->rows != NULL && a->runs != NULL;

    xf_free(a->rows);
    xf_free(a->runs);
    return good ? XRAY_OK : xf_fail_memory(err);
}

/* ---- blocks --------------------------------------------------------------------------------- */

static bool next_spine(void *ctx, uint32_t *segment, uint32_t *block)
{
    struct asker *a = ctx;

    for (; a->segment < a->s->part_count; a->segment++, a->block = 0) {
        const struct xf_segment *seg = a->s->parts[a->segment].seg;
        const struct xf_segment_hits *hits = &a->h->segments[a->segment];

        *segment = a->segment;
        while (a->block < seg->block_count) {
            *block = a->block++;
            if (seg->blocks[*block].kind != XF_SPINE)
                continue;
            if (!xf_hits_rules_out(hits, seg, *block))
                return true;
            a->s->stats.blocks_skipped++;
        }
    }
    return false;
}

int xray_hits_runs(const xray_hits *h, xray_store *s, uint8_t *out, xray_error *err)
{
    struct asker a = {.h = h, .s = s, .out = out};
    struct xf_ahead ahead = {.store = s, .next = next_spine, .ctx = &a, .light = true};
    struct xf_run_list *list;
    struct xf_cached *e;
    int r = xf_run_list_get(s, &list, err);

    if (r < 0)
        return r;
    a.list = list;
    memset(out, XRAY_HITS_NONE, list->count);
    r = xf_ahead_open(&ahead, err);
    while (r >= 0 && (r = xf_ahead_next(&ahead, &e, err)) > 0) {
        r = ask_block(&a, e, err);
        xf_ahead_release(&ahead, e);
    }
    xf_ahead_close(&ahead);
    return r;
}
