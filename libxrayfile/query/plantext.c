/* What an index says of `contains` and `startswith` before a run is opened (plan.h). Where it knows that a
 * text stands in few blocks of payload these are searched, and then it is known which runs have it. */
#include "base/fail.h"
#include "base/mem.h"
#include "codec/mpread.h"
#include "query/plan.h"
#include "store/runs.h"

enum { FEW = 4 }; /* one block in so many: the search costs less than it saves */

/* A number or a truth value that is compared with a text does not stand there as one. */
static bool is_asked(const struct xf_leaf *leaf)
{
    switch (leaf->field->field->id) {
    case XF_F_VALUE:
    case XF_F_ERROR:
    case XF_F_TEXT:
        break;
    default:
        return false;
    }
    return (leaf->op == XF_HAS || leaf->op == XF_STARTS) && leaf->value != NULL &&
           leaf->value->kind == XF_TEXT && leaf->field->owner != XF_CAND;
}

void xf_plan_forget_texts(struct xf_plan *p)
{
    for (uint32_t i = 0; i < p->text_count; i++)
        xf_free(p->texts[i].runs);
    p->text_count = 0;
}

/* ---- searching ---- */

static size_t find(void *ctx, const uint8_t *data, size_t len)
{
    const xray_str *text = ctx;
    size_t from = 0;

    while (len - from >= text->len) {
        const uint8_t *at = memchr(data + from, text->ptr[0], len - from - text->len + 1);

        if (at == NULL)
            break;
        if (memcmp(at, text->ptr, text->len) == 0)
            return (size_t)(at - data);
        from = (size_t)(at - data) + 1;
    }
    return len;
}

static bool in_text(void *ctx, xray_str text)
{
    return find(ctx, (const uint8_t *)text.ptr, text.len) < text.len;
}

static int visit(void *ctx, const uint8_t *data, size_t len)
{
    xray_mp c = xray_mp_over((const char *)data, len);
    xray_mp_item item;

    while (xf_mp_next_of(&c, XF_MP_TEXTS | XF_MP_EXTS, &item))
        if (in_text(ctx, item.bytes))
            return 1;
    return 0;
}

/* Few of the payload blocks may hold it. */
static bool is_rare(struct xray_store *s, const xray_str *text)
{
    uint64_t all = 0, held[6];

    for (uint32_t i = 0; i < s->part_count; i++)
        all += s->parts[i].seg->payload_count;
    return text->len > 0 && xray_store_may_hold(s, text, 1, held, NULL) == XRAY_OK &&
           held[XF_PAYLOAD] <= all / FEW;
}

/* Of each run, whether it may have the text (xray_hits_runs). NULL: nothing is known. */
static uint8_t *search(struct xray_store *s, const struct xf_run_list *list, xray_str text)
{
    void *const contexts[] = {&text};
    const xray_visitor visitor = {
        .visit = visit,
        .find = find,
        .text = in_text,
        .needles = &text,
        .needle_count = 1,
        .contexts = contexts,
        .context_count = 1,
    };
    xray_hits *h = NULL;
    uint8_t *runs;

    if (!is_rare(s, &text) || xray_hits_build(&h, s, &visitor, NULL) != XRAY_OK)
        return NULL;
    runs = xf_alloc(list->count);
    if (runs != NULL && xray_hits_runs(h, s, runs, NULL) != XRAY_OK) {
        xf_free(runs);
        runs = NULL;
    }
    xray_hits_free(h);
    return runs;
}

/* ---- asking ---- */

/* What is known of the leaf: found out once. */
static const uint8_t *runs_of(struct xf_plan *p, struct xray_store *s, const struct xf_expr *e,
                              const struct xf_leaf *leaf)
{
    void *texts = p->texts;

    if (p->text_store != s || p->text_list != s->run_lists) { /* another store, or it has grown */
        xf_plan_forget_texts(p);
        p->text_store = s;
        p->text_list = s->run_lists;
    }
    for (uint32_t i = 0; i < p->text_count; i++)
        if (p->texts[i].e == e)
            return p->texts[i].runs;
    if (!xf_store_grow(&texts, p->text_count, &p->text_cap, sizeof *p->texts))
        return NULL;
    p->texts = texts;
    p->texts[p->text_count] = (struct xf_plan_text){e, search(s, s->runs, leaf->value->as.text)};
    return p->texts[p->text_count++].runs;
}

int xf_plan_contains(xray_query *q, const struct xf_expr *e, const struct xf_leaf *leaf)
{
    const uint8_t *runs = is_asked(leaf) ? runs_of(&q->plan, q->plan.store, e, leaf) : NULL;

    return runs != NULL && runs[q->plan.run_index] == XRAY_HITS_NONE ? XF_FALSE : XF_MAYBE;
}
