/* Facts of runs out of an index (facts.h). */
#include "store/facts.h"

#include "base/buf.h"
#include "base/fail.h"
#include "base/mem.h"
#include "codec/varint.h"
#include "store/indexuse.h"

static void reset(struct xf_facts *f)
{
    for (int k = 0; k < XF_SEGMENT_TEXTS; k++) {
        xf_free(f->columns[k].set_start);
        xf_free(f->columns[k].members);
        xf_free(f->columns[k].of_run);
        f->columns[k] = (struct xf_fact_column){.set_count = 0};
    }
    xf_free(f->texts);
    f->texts = NULL;
    f->usable = false;
}

void xf_facts_done(struct xf_facts *f)
{
    reset(f);
    xray_buffer_free(&f->raw);
}

void xf_facts_free(struct xf_facts *f)
{
    if (f == NULL)
        return;
    xf_facts_done(f);
    xf_free(f);
}

/* The members of all sets. 1, 0, XRAY_ENOMEM. */
static int take_sets(struct xf_fact_column *column, struct xf_varints *c, uint32_t text_count)
{
    uint32_t count = 0;

    column->set_count = xf_varint_take_count(c, 1) + 1;
    column->set_start = xf_alloc_array((size_t)column->set_count + 1, sizeof *column->set_start);
    /* Each member has a byte at least. */
    column->members = c->bad ? NULL : xf_alloc_array(c->left, sizeof *column->members);
    if (column->set_start == NULL || column->members == NULL)
        return c->bad ? 0 : XRAY_ENOMEM;
    for (uint32_t i = 1; i < column->set_count; i++) {
        const xray_str set = xf_varint_take_text(c);
        struct xf_varints members = xf_varints_over(set.ptr, set.len);
        uint64_t text = 0;

        column->set_start[i] = count;
        while (members.left > 0) {
            const uint64_t more = xf_varint_take(&members);

            if (members.bad || more >= text_count || text + more >= text_count)
                return 0;
            text += more;
            column->members[count++] = (uint32_t)text;
        }
    }
    column->set_start[column->set_count] = count;
    return c->bad ? 0 : 1;
}

static int take_column(struct xf_facts *f, struct xf_fact_column *column, struct xf_varints *c)
{
    int r = take_sets(column, c, f->text_count);

    if (r <= 0)
        return r;
    column->of_run = xf_alloc_array(f->runs, sizeof *column->of_run);
    if (column->of_run == NULL)
        return XRAY_ENOMEM;
    for (uint32_t i = 0; i < f->runs; i++) {
        const uint64_t set = xf_varint_take(c);

        if (set >= column->set_count)
            return 0;
        column->of_run[i] = (uint32_t)set;
    }
    return c->bad ? 0 : 1;
}

int xf_facts_decode(struct xf_facts *f, int column_count)
{
    struct xf_varints c = xf_varints_over(f->raw.data, f->raw.len);
    int r = 1;

    f->column_count = column_count;
    f->runs = xf_varint_take_count(&c, 2 * XF_SUMMARY_NUMBERS);
    f->text_count = xf_varint_take_count(&c, 1);
    f->texts = xf_alloc_array(f->text_count, sizeof *f->texts);
    if (f->texts == NULL)
        return XRAY_ENOMEM;
    for (uint32_t i = 0; i < f->text_count; i++)
        f->texts[i] = xf_varint_take_text(&c);
    for (int k = 0; k < column_count && r > 0; k++)
        r = take_column(f, &f->columns[k], &c);
    for (int k = 0; k < XF_SUMMARY_NUMBERS; k++) {
        f->low[k] = xf_varints_bytes(&c, f->runs);
        f->high[k] = xf_varints_bytes(&c, f->runs);
    }
    return r <= 0 ? r : !c.bad && c.left == 0;
}

/* Makes s->facts those of the segment. */
static int load(struct xray_store *s, uint32_t segment, xray_error *err)
{
    const xray_buffer *raw;
    struct xf_facts *f = s->facts;
    int r;

    if (f == NULL) {
        f = s->facts = xf_alloc(sizeof *f);
        if (f == NULL)
            return xf_fail_memory(err);
    }
    reset(f);
    f->segment = segment;
    f->serial = ++s->facts_loaded;
    r = xf_index_use(s, segment, XF_INDEX_STEPS, &raw, err);
    if (r <= 0)
        return r;
    (void)raw; /* it is s->section, and is taken over */
    xray_buffer_free(&f->raw);
    f->raw = s->section;
    s->section = (xray_buffer){0};
    r = xf_facts_decode(f, XF_SUMMARY_TEXTS);
    if (r < 0)
        return xf_fail_memory(err);
    f->usable = r > 0;
    return XRAY_OK;
}

int xf_facts_of_segment(struct xray_store *s, uint32_t segment, const struct xf_facts **out, xray_error *err)
{
    int r = XRAY_OK;

    *out = NULL;
    if (s->facts == NULL || s->facts->serial == 0 || s->facts->segment != segment)
        r = load(s, segment, err);
    if (r >= 0 && s->facts->usable)
        *out = s->facts;
    return r < 0 ? r : XRAY_OK;
}

int xf_facts_of(struct xray_store *s, size_t run_index, const struct xf_facts **out, uint32_t *run, xray_error *err)
{
    struct xf_run_list *list;
    int r = xf_run_list_get(s, &list, err);

    *out = NULL;
    if (r < 0 || run_index >= list->count || list->runs[run_index].local == XF_NO_PLACE)
        return r;
    r = xf_facts_of_segment(s, list->runs[run_index].segment, out, err);
    if (r >= 0 && *out != NULL && list->runs[run_index].local >= (*out)->runs)
        *out = NULL;
    *run = list->runs[run_index].local;
    return r;
}
