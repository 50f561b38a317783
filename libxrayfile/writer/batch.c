/* Many candidates in one call, by columns (public header, section 7). */
#include "base/fail.h"
#include "xrayfile.h"

#include <math.h>
#include <stddef.h>

#define COLUMNS_MAX 64
#define FIRST_SIZE offsetof(xray_batch, weights) /* of the first xray_batch there was */

static bool ends_rise(const uint32_t *ends, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (ends[i] < ends[i - 1])
            return false;
    return true;
}

/* The i-th text of a blob. */
static xray_str text_at(const char *blob, const uint32_t *ends, size_t i)
{
    const uint32_t from = i > 0 ? ends[i - 1] : 0;

    return xray_strn(blob != NULL ? blob + from : "", ends[i] - from);
}

static const char *check_columns(const xray_batch *b)
{
    if (b->column_count > COLUMNS_MAX)
        return "too many columns of evidence";
    if (b->column_count > 0 && b->columns == NULL)
        return "columns of evidence are missing";
    if (b->column_count > 0 && b->evidence_ends != NULL)
        return "evidence is given by columns and by candidates";
    for (size_t i = 0; i < b->column_count; i++) {
        const xray_column *c = &b->columns[i];

        if ((c->doubles != NULL) + (c->ints != NULL) + (c->text_ends != NULL) != 1)
            return "a column of evidence must have one kind of values";
        if (c->key == NULL || (c->text_ends != NULL && !ends_rise(c->text_ends, b->count)))
            return "a column of evidence is not well formed";
    }
    return NULL;
}

static const char *check_reasons(const xray_batch *b)
{
    if (b->reasons == NULL)
        return NULL;
    if (b->code_count > 0 && (b->code_ends == NULL || !ends_rise(b->code_ends, b->code_count)))
        return "the ends of the reasons must not fall";
    if (b->rule_ends != NULL && !ends_rise(b->rule_ends, b->code_count))
        return "the ends of the rules must not fall";
    if (b->version_ends != NULL && !ends_rise(b->version_ends, b->code_count))
        return "the ends of the versions must not fall";
    for (size_t i = 0; i < b->count; i++)
        if (b->reasons[i] > b->code_count)
            return "a reason is not in the list";
    return NULL;
}

/* What is wrong with it, or NULL. */
static const char *check_batch(const xray_batch *b)
{
    const char *wrong;

    if (b->item_ends == NULL || !ends_rise(b->item_ends, b->count))
        return "the ends of the items must not fall";
    if (b->evidence_ends != NULL && !ends_rise(b->evidence_ends, b->count))
        return "the ends of the evidence must not fall";
    for (size_t i = 0; b->verdicts != NULL && i < b->count; i++)
        if (xray_verdict_name(b->verdicts[i]) == NULL)
            return "a verdict is unknown";
    for (size_t i = 0; b->by != NULL && i < b->count; i++)
        if (b->by[i] != XRAY_BY_UNSAID && xray_by_name(b->by[i]) == NULL)
            return "a \"by\" is unknown";
    wrong = check_reasons(b);
    return wrong != NULL ? wrong : check_columns(b);
}

/* The i-th candidate's evidence out of the columns; how many keys it has. */
static size_t gather_evidence(const xray_batch *b, size_t i, xray_attr out[COLUMNS_MAX])
{
    size_t count = 0;

    for (size_t k = 0; k < b->column_count; k++) {
        const xray_column *c = &b->columns[k];
        xray_value v;

        if (c->doubles != NULL && isnan(c->doubles[i]))
            continue;
        if (c->ints != NULL && c->ints[i] == XRAY_MISSING)
            continue;
        if (c->doubles != NULL) {
            v = xray_double(c->doubles[i]);
        } else if (c->ints != NULL) {
            v = xray_int(c->ints[i]);
        } else {
            const xray_str text = text_at(c->texts, c->text_ends, i);

            v = xray_textn(text.ptr, text.len);
        }
        out[count].key = xray_strn(c->key, c->key_len);
        out[count++].value = v;
    }
    return count;
}

static void take_numbers(const xray_batch *b, size_t i, xray_candidate *c)
{
    if (b->scores != NULL && !isnan(b->scores[i])) {
        c->fields |= XRAY_HAS_SCORE;
        c->score = b->scores[i];
    }
    if (b->thresholds != NULL && !isnan(b->thresholds[i])) {
        c->fields |= XRAY_HAS_THRESHOLD;
        c->threshold = b->thresholds[i];
    }
    if (b->weights != NULL && !isnan(b->weights[i])) {
        c->fields |= XRAY_HAS_WEIGHT;
        c->weight = b->weights[i];
    }
    if (b->ranks_in != NULL && b->ranks_in[i] != XRAY_MISSING) {
        c->fields |= XRAY_HAS_RANK_IN;
        c->rank_in = b->ranks_in[i];
    }
    if (b->ranks_out != NULL && b->ranks_out[i] != XRAY_MISSING) {
        c->fields |= XRAY_HAS_RANK_OUT;
        c->rank_out = b->ranks_out[i];
    }
}

static int record_one(xray_step step, const xray_batch *b, size_t i)
{
    xray_attr attrs[COLUMNS_MAX];
    xray_reason reason = {.code = {NULL, 0}};
    xray_candidate c = {
        .item = text_at(b->items, b->item_ends, i),
        .verdict = b->verdicts != NULL ? (xray_verdict)b->verdicts[i] : XRAY_ACCEPT,
        .reasons = &reason,
        .evidence = attrs,
        .by = b->by != NULL ? (xray_by)b->by[i] : XRAY_BY_UNSAID,
    };
    int r;

    if (b->reasons != NULL && b->reasons[i] > 0) {
        const size_t k = b->reasons[i] - 1u;

        reason.code = text_at(b->codes, b->code_ends, k);
        if (b->rule_ends != NULL)
            reason.rule = text_at(b->rules, b->rule_ends, k);
        if (b->version_ends != NULL)
            reason.version = text_at(b->versions, b->version_ends, k);
        c.reason_count = 1;
    }
    take_numbers(b, i, &c);
    if (b->evidence_ends != NULL) {
        const xray_str json = text_at(b->evidence, b->evidence_ends, i);

        if (json.len > 0) {
            c.fields |= XRAY_HAS_EVIDENCE;
            c.evidence_value = xray_jsonn(json.ptr, json.len);
        }
    } else {
        c.evidence_count = gather_evidence(b, i, attrs);
    }
    r = xray_step_candidate(step, &c);
    if (r == XRAY_ESYNTAX || r == XRAY_ECORRUPT) { /* the evidence's fault: the candidate must not be lost with it */
        c.fields &= ~XRAY_HAS_EVIDENCE;
        r = xray_step_candidate(step, &c);
    }
    return r;
}

int64_t xray_step_candidates(xray_step step, const xray_batch *given, xray_error *err)
{
    xray_batch own = {0};
    const xray_batch *batch = &own;
    const char *wrong = NULL;
    int64_t recorded = 0;
    int failure = XRAY_OK;

    if (given == NULL || given->size < FIRST_SIZE)
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "no batch, or its size is not set");
    memcpy(&own, given, given->size < sizeof own ? given->size : sizeof own); /* an older caller has no later fields */
    if (batch->count == 0)
        return 0;
    wrong = check_batch(batch);
    if (wrong != NULL)
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "%s", wrong);
    for (size_t i = 0; i < batch->count; i++) {
        const int r = record_one(step, batch, i);

        if (r == XRAY_ECLOSED)
            return xf_fail(err, r, XF_NO_POS, "the step has ended");
        recorded += r == XRAY_OK;
        failure = r < 0 ? r : failure;
    }
    if (recorded == 0 && failure < 0)
        return xf_fail(err, failure, XF_NO_POS, "no candidate was recorded: %s", xray_status_name(failure));
    return recorded;
}
