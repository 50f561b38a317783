/* Answers from an index (plan.h). */
#include "query/plan.h"

#include "base/buf.h"
#include "base/fail.h"
#include "base/mem.h"
#include "format/zone.h"
#include "query/canon.h"

enum { NOT_ASKED, NONE, SOME };

void xf_plan_done(struct xf_plan *p)
{
    xf_plan_forget_texts(p);
    xf_free(p->texts);
    for (uint32_t i = 0; i < p->leaf_count; i++)
        xf_free(p->leaves[i].sets);
    xf_free(p->leaves);
    *p = (struct xf_plan){.facts = NULL};
}

/* ---- texts ---- */

static int run_text_column(const struct xf_field_ref *f)
{
    switch (f->field->id) {
    case XF_F_PIPELINE:
        return XF_ST_RUN_PIPELINE;
    case XF_F_VERSION:
        return XF_ST_RUN_VERSION;
    case XF_F_STATUS:
        return XF_ST_RUN_STATUS;
    case XF_F_VALUE:
        return f->field->column == XF_COL_TAGS && f->path_count == 1 && !f->path[0].is_index ? XF_ST_TAG : -1;
    default:
        return -1;
    }
}

/* The column that has the field, or -1. */
static int text_column(const struct xf_field_ref *f)
{
    if (f->owner == XF_RUN)
        return run_text_column(f);
    if (f->owner != XF_STEP)
        return -1;
    switch (f->field->id) {
    case XF_F_NAME:
        return XF_ST_NAME;
    case XF_F_TYPE:
        return XF_ST_TYPE;
    case XF_F_STATUS:
        return XF_ST_STATUS;
    case XF_F_MODEL:
        return XF_ST_MODEL;
    case XF_F_PROVIDER:
        return XF_ST_PROVIDER;
    case XF_F_ERROR_TYPE:
        return XF_ST_ERROR_TYPE;
    case XF_F_REASON:
        return XF_ST_REASON;
    default:
        return -1;
    }
}

/* Where the answers to a leaf are kept; NULL: memory is out. */
static uint8_t *answers_of(struct xf_plan *p, const struct xf_expr *e, uint32_t set_count)
{
    void *leaves = p->leaves;

    if (p->serial != p->facts->serial) { /* another segment: other sets */
        for (uint32_t i = 0; i < p->leaf_count; i++)
            xf_free(p->leaves[i].sets);
        p->leaf_count = 0;
        p->serial = p->facts->serial;
    }
    for (uint32_t i = 0; i < p->leaf_count; i++)
        if (p->leaves[i].e == e)
            return p->leaves[i].sets;
    if (!xf_store_grow(&leaves, p->leaf_count, &p->leaf_cap, sizeof *p->leaves))
        return NULL;
    p->leaves = leaves;
    p->leaves[p->leaf_count] = (struct xf_plan_leaf){e, xf_alloc(set_count)};
    return p->leaves[p->leaf_count].sets != NULL ? p->leaves[p->leaf_count++].sets : NULL;
}

/* The part of a member that the field would have: of tags, the value of its key. */
static bool member_value(const struct xf_field_ref *f, int column, xray_str member, xray_str *out)
{
    const xray_str key = f->path_count > 0 ? f->path[0].key : xray_strn(NULL, 0);

    *out = member;
    if (column != XF_ST_TAG)
        return true;
    if (member.len <= key.len || memcmp(member.ptr, key.ptr, key.len) != 0 || member.ptr[key.len] != '\0')
        return false;
    *out = xray_strn(member.ptr + key.len + 1, member.len - key.len - 1);
    return true;
}

/* Tries the leaf on one text in place of the field. */
static int try_text(xray_query *q, const struct xf_expr *e, const struct xf_field_ref *f, xray_str text)
{
    int r;

    q->plan.probed = f;
    q->plan.probe = xf_val_text(text);
    r = xf_eval_truth(q, e);
    q->plan.probed = NULL;
    return r;
}

static int ask_set(xray_query *q, const struct xf_expr *e, const struct xf_leaf *leaf, int column, uint32_t set)
{
    const struct xf_facts *facts = q->plan.facts;
    const struct xf_fact_column *c = &facts->columns[column];
    /* Of a set field, an inequality is about all elements at once. */
    const bool whole = column == XF_ST_REASON && (leaf->negated || leaf->cmp == XF_NE);

    for (uint32_t i = c->set_start[set]; i < c->set_start[set + 1]; i++) {
        xray_str text;

        if (!member_value(leaf->field, column, facts->texts[c->members[i]], &text))
            continue;
        if (whole || try_text(q, e, leaf->field, text) != XF_FALSE)
            return SOME;
    }
    return NONE;
}

static int text_truth(xray_query *q, const struct xf_expr *e, const struct xf_leaf *leaf, int column)
{
    const struct xf_fact_column *c = &q->plan.facts->columns[column];
    const uint32_t set = column < q->plan.facts->column_count ? c->of_run[q->plan.run] : 0;
    uint8_t *answers = set != 0 ? answers_of(&q->plan, e, c->set_count) : NULL;

    if (answers == NULL)
        return XF_MAYBE;
    if (answers[set] == NOT_ASKED)
        answers[set] = (uint8_t)ask_set(q, e, leaf, column, set);
    return answers[set] == NONE ? XF_FALSE : XF_MAYBE;
}

/* ---- numbers ---- */

static int number_column(const struct xf_field_ref *f)
{
    if (f->owner != XF_STEP)
        return -1;
    switch (f->field->id) {
    case XF_F_DURATION:
        return XF_SN_DURATION;
    case XF_F_COST:
        return XF_SN_COST;
    case XF_F_CANDIDATES_IN:
        return XF_SN_IN;
    case XF_F_CANDIDATES_OUT:
        return XF_SN_OUT;
    case XF_F_REJECTED:
        return XF_SN_REJECTED;
    case XF_F_REJECTION_RATE:
        return XF_SN_RATE;
    case XF_F_TOKENS_IN:
        return XF_SN_TOKENS_IN;
    case XF_F_TOKENS_OUT:
        return XF_SN_TOKENS_OUT;
    case XF_F_TOKENS_TOTAL:
        return XF_SN_TOKENS_TOTAL;
    case XF_F_SIZE:
        return f->field->column == XF_COL_INPUT ? XF_SN_INPUT_SIZE : XF_SN_OUTPUT_SIZE;
    default:
        return -1;
    }
}

/* The least and the greatest value that codes stand for. */
static void bounds(int column, uint8_t low_code, uint8_t high_code, struct xf_val *low, struct xf_val *high)
{
    int64_t least, most, other;
    double a, b, c;

    if (column == XF_SN_RATE) {
        xf_zone_rates(low_code, &a, &c);
        xf_zone_rates(high_code, &c, &b);
        *low = xf_val_double(a);
        *high = xf_val_double(b);
        return;
    }
    xf_zone_ints(low_code, &least, &other);
    xf_zone_ints(high_code, &other, &most);
    *low = column == XF_SN_COST ? xf_val_cost(least) : xf_val_int(least);
    *high = column == XF_SN_COST ? xf_val_cost(most) : xf_val_int(most);
    if (low_code <= 1) /* arithmetic may leave the range of integers */
        *low = xf_val_double(-1e300);
    if (high_code == UINT8_MAX)
        *high = xf_val_double(1e300);
}

static int number_truth(xray_query *q, const struct xf_leaf *leaf, int column)
{
    const uint8_t low_code = q->plan.facts->low[column][q->plan.run];
    const uint8_t high_code = q->plan.facts->high[column][q->plan.run];
    struct xf_val low, high;
    bool can = true;

    if (low_code == XF_ZONE_NONE || high_code == XF_ZONE_NONE) /* no step has it, and then nothing holds of it */
        return low_code == high_code ? XF_FALSE : XF_MAYBE;
    if (leaf->op != XF_CMPR || leaf->value == NULL || !xf_val_is_number(leaf->value))
        return XF_MAYBE;
    bounds(column, low_code, high_code, &low, &high);
    switch (leaf->cmp) {
    case XF_LT:
    case XF_LE:
        can = xf_val_compare(&low, leaf->cmp, leaf->value);
        break;
    case XF_GT:
    case XF_GE:
        can = xf_val_compare(&high, leaf->cmp, leaf->value);
        break;
    case XF_EQ:
        can = xf_val_compare(&low, XF_LE, leaf->value) && xf_val_compare(&high, XF_GE, leaf->value);
        break;
    case XF_NE:
        break;
    }
    return can ? XF_MAYBE : XF_FALSE;
}

/* ---- any leaf ---- */

int xf_plan_truth(xray_query *q, const struct xf_expr *e)
{
    struct xf_leaf leaf;
    int column;

    if (q->plan.facts == NULL || q->plan.probed != NULL || !xf_expr_leaf(e, &leaf) || leaf.field->optional)
        return XF_MAYBE;
    column = text_column(leaf.field);
    if (column >= 0)
        return text_truth(q, e, &leaf, column);
    column = number_column(leaf.field);
    return column >= 0 ? number_truth(q, &leaf, column) : xf_plan_contains(q, e, &leaf);
}

/* ---- the public side ---- */

int xray_query_test_indexed(xray_query *q, xray_store *s, size_t run_index, xray_error *err)
{
    xray_run_record run;
    int r = xray_store_run(s, run_index, &run, err);

    if (r < 0)
        return r;
    r = xray_query_test_run(q, &run);
    if (r != XF_MAYBE)
        return r;
    q->plan.store = s;
    q->plan.run_index = (uint32_t)run_index;
    r = xf_facts_of(s, run_index, &q->plan.facts, &q->plan.run, err);
    if (r < 0 || q->plan.facts == NULL)
        return r < 0 ? r : XF_MAYBE;
    r = xray_query_test_run(q, &run);
    q->plan.facts = NULL;
    /* That every step matches says nothing of a run that has none. */
    s->stats.runs_asked++;
    s->stats.runs_skipped += r == XF_FALSE;
    return r == XF_FALSE ? XF_FALSE : XF_MAYBE;
}

int xray_query_test_segment(xray_query *q, const xray_segment_facts *segment)
{
    const struct xf_facts *facts = segment->index;
    int r;

    if (facts == NULL || segment->row >= facts->runs)
        return XF_MAYBE;
    q->plan.facts = facts;
    q->plan.run = segment->row;
    r = xray_query_test_run(q, NULL);
    q->plan.facts = NULL;
    return r == XF_FALSE ? XF_FALSE : XF_MAYBE;
}

/* How many runs the condition alone rules out. */
static int count_ruled_out(xray_query *q, xray_store *s, const struct xf_expr *e, size_t count, uint64_t *out,
                           xray_error *err)
{
    struct xf_expr *root = q->root;
    const xray_read_stats stats = s->stats;
    int r = XRAY_OK;

    *out = 0;
    q->root = (struct xf_expr *)e;
    for (size_t i = 0; i < count && r >= 0; i++) {
        r = xray_query_test_indexed(q, s, i, err);
        *out += r == XF_FALSE;
    }
    q->root = root;
    s->stats = stats;
    return r < 0 ? r : XRAY_OK;
}

int xray_query_explain(xray_query *q, xray_store *s, int (*visit)(void *ctx, xray_str condition, uint64_t runs),
                       void *ctx, xray_error *err)
{
    const struct xf_expr *e = q->root->op == XF_AND ? q->root->first : q->root;
    xray_buffer text = {0};
    size_t count;
    int r = xray_store_run_count(s, &count, err);

    for (; e != NULL && r == XRAY_OK; e = q->root->op == XF_AND ? e->next : NULL) {
        uint64_t ruled_out = 0;

        xf_buf_reset(&text);
        xf_canon_print(e, &text);
        r = text.failed ? xf_fail_memory(err) : count_ruled_out(q, s, e, count, &ruled_out, err);
        if (r == XRAY_OK)
            r = visit(ctx, xray_strn((const char *)text.data, text.len), ruled_out);
    }
    xray_buffer_free(&text);
    return r;
}
