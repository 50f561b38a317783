/* See hitrow.h. */
#include "grep/hitrow.h"

bool hitrow_put_text(struct text *t, const struct hit *hit, size_t columns)
{
    const xray_str text = xray_strn(hit->text.ptr + hit->start, hit->end - hit->start);
    size_t len = text.len;

    if (columns > 0) {
        size_t used = 0;

        /* A column takes a character at least: count these, which bounds the columns of most text. */
        for (len = 0; len < text.len && used < columns; used++) {
            len++;
            while (len < text.len && ((unsigned char)text.ptr[len] & 0xC0) == 0x80)
                len++;
        }
    }
    text_put(t, text.ptr, len);
    return len < text.len;
}

static const struct hitrow *own_of(const struct record *r)
{
    return r->own;
}

static void get_kind(const struct record *r, struct cell *out)
{
    cell_set_text(out, xray_s(own_of(r)->matches ? "match" : "context"));
}

static void get_field(const struct record *r, struct cell *out)
{
    const struct hit *hit = own_of(r)->hit;

    cell_set_text(out, hit != NULL ? xray_s(field_name(hit->field)) : xray_s(NULL));
}

static void get_item(const struct record *r, struct cell *out)
{
    const struct hit *hit = own_of(r)->hit;

    cell_set_text(out, hit != NULL ? hit->item : xray_s(NULL));
}

static void get_path(const struct record *r, struct cell *out)
{
    const struct hit *hit = own_of(r)->hit;

    cell_set_text(out, hit != NULL ? hit->path : xray_s(NULL));
}

static void get_start(const struct record *r, struct cell *out)
{
    const struct hit *hit = own_of(r)->hit;

    cell_set_int(out, CELL_INT, hit != NULL ? (int64_t)hit->start : XRAY_MISSING);
}

static void get_end(const struct record *r, struct cell *out)
{
    const struct hit *hit = own_of(r)->hit;

    cell_set_int(out, CELL_INT, hit != NULL ? (int64_t)hit->end : XRAY_MISSING);
}

static void get_text(const struct record *r, struct cell *out)
{
    const struct hitrow *own = own_of(r);
    struct text t = {0};

    if (own->hit != NULL && hitrow_put_text(&t, own->hit, own->columns))
        text_puts(&t, "…");
    cell_set_text(out, text_str(&t));
    text_free(&t);
}

static const struct field_own own_fields[] = {
    {"kind", get_kind},       {"hit.field", get_field}, {"hit.item", get_item}, {"hit.path", get_path},
    {"hit.start", get_start}, {"hit.end", get_end},     {"hit.text", get_text}, {NULL, NULL},
};

#define FORMATS                                                                                              \
    (1u << ROWS_TEXT | 1u << ROWS_LINE | 1u << ROWS_NDJSON | 1u << ROWS_JSON | 1u << ROWS_CSV |              \
     1u << ROWS_TSV | 1u << ROWS_TEMPLATE)
#define RUN_FIELDS "run.id,run.start,run.pipeline,run.version,run.status,run.duration,run.cost"
#define STEP_FIELDS "run.id,step.number,step.name,step.type,step.status"
#define COUNT_FIELDS "step.candidates_in,step.candidates_out,step.duration,step.cost"
#define CAND_FIELDS "run.id,step.number,step.name,cand.id,cand.verdict,cand.reason"
#define HIT_FIELDS "hit.field,hit.item,hit.path,hit.start,hit.end,hit.text"

const struct rows_tool *hitrow_tool(const struct settings *settings)
{
    /* With a pattern a row is a match, else it is what the expression holds for. */
    static const struct rows_tool tools[2][2] = {
        {
            {FORMATS,
             {NULL, RUN_FIELDS, STEP_FIELDS "," COUNT_FIELDS, CAND_FIELDS ",cand.score"},
             own_fields},
            {FORMATS,
             {NULL, RUN_FIELDS, "kind," STEP_FIELDS "," COUNT_FIELDS, CAND_FIELDS ",cand.score"},
             own_fields},
        },
        {
            {FORMATS,
             {NULL, RUN_FIELDS, "run.id,step.number,step.name," HIT_FIELDS, CAND_FIELDS "," HIT_FIELDS},
             own_fields},
            {FORMATS,
             {NULL, RUN_FIELDS, "kind,run.id,step.number,step.name," HIT_FIELDS, CAND_FIELDS "," HIT_FIELDS},
             own_fields},
        },
    };

    return &tools[settings->has_pattern && !settings->invert][settings_has_context(settings)];
}
