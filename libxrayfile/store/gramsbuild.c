/* Making the section of grams (grams.h; format-spec/index-file.md, 3.6). Neighbouring blocks of a kind
 * share a set, up to a size that is worth reading for the sake of one hit. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "base/mem.h"
#include "codec/gramset.h"
#include "codec/idcol.h"
#include "codec/mpread.h"
#include "codec/varint.h"
#include "format/layout.h"
#include "store/grams.h"

/* Raw bytes of a set's blocks: of payload, most of which is text, and of others. */
enum { KINDS = XF_SPINE + 1, SPAN_PAYLOAD = 3 << 19, SPAN = 3 << 21 };

struct gathering { /* the set of a kind that grows */
    struct xf_gramset set;
    uint32_t number;
    uint64_t raw; /* 0: there is none */
};

struct stored { /* a set that is done, in `data` */
    size_t off, len;
};

struct reference {       /* to a payload block */
    uint32_t number;     /* among them */
    uint32_t values;     /* thirty-seconds of its values: bits */
    uint32_t part_count; /* over XF_REF_PARTS_MOST: too many to tell */
    uint32_t parts[XF_REF_PARTS_MOST];
};

struct xf_gramtable {
    const struct xf_segment *seg;
    uint32_t span;
    struct gathering of_kind[KINDS];
    xray_buffer blocks; /* what the section says of each */
    xray_buffer data;
    struct stored *sets;
    uint32_t count, cap;
    struct reference refs[XF_REFS_MOST + 1]; /* of the block at hand; not to its own parts */
    uint32_t ref_count;
};

struct xf_gramtable *xf_gramtable_new(const struct xf_segment *seg, uint32_t span)
{
    struct xf_gramtable *t = xf_alloc(sizeof *t);

    if (t == NULL)
        return NULL;
    t->seg = seg;
    t->span = span;
    return t;
}

void xf_gramtable_free(struct xf_gramtable *t)
{
    if (t == NULL)
        return;
    xray_buffer_free(&t->blocks);
    xray_buffer_free(&t->data);
    xf_free(t->sets);
    xf_free(t);
}

/* ---- references ---- */

/* All is said of a block that refers to more than is worth telling, or to what is not there. */
static void refer_to_all(struct xf_gramtable *t)
{
    t->ref_count = XF_REFS_MOST + 1;
}

/* NULL: there are too many. */
static struct reference *reference_to(struct xf_gramtable *t, uint32_t block)
{
    const uint32_t number = xf_segment_payload_number(t->seg, block);
    uint32_t i = 0;

    while (i < t->ref_count && i <= XF_REFS_MOST && t->refs[i].number != number)
        i++;
    if (i > XF_REFS_MOST)
        return NULL;
    if (i == t->ref_count)
        t->refs[t->ref_count++] = (struct reference){.number = number};
    return &t->refs[i];
}

static void add_part(struct reference *r, uint32_t part)
{
    uint32_t i = 0;

    while (i < r->part_count && i < XF_REF_PARTS_MOST && r->parts[i] != part)
        i++;
    if (i == XF_REF_PARTS_MOST)
        r->part_count = XF_REF_PARTS_MOST + 1;
    else if (i == r->part_count)
        r->parts[r->part_count++] = part;
}

static void add_value(struct xf_gramtable *t, uint64_t value)
{
    const int64_t block = xf_segment_find_value(t->seg, value);
    struct reference *r = block >= 0 ? reference_to(t, (uint32_t)block) : NULL;

    if (r != NULL)
        r->values |= xf_place_of_value(&t->seg->blocks[block], value);
    else
        refer_to_all(t);
}

static void add_parts(struct xf_gramtable *t, uint32_t from, uint64_t part, uint64_t count)
{
    while (count > 0 && t->ref_count <= XF_REFS_MOST) {
        const int64_t block = xf_segment_find_part(t->seg, part);
        const struct xf_block *b = &t->seg->blocks[block >= 0 ? block : 0];
        struct reference *r = block >= 0 && block != from ? reference_to(t, (uint32_t)block) : NULL;
        uint64_t here;

        if (block < 0 || (block != from && r == NULL)) {
            refer_to_all(t);
            return;
        }
        here = b->first + b->rows - part < count ? b->first + b->rows - part : count;
        for (uint64_t i = 0; r != NULL && i < here && r->part_count <= XF_REF_PARTS_MOST; i++)
            add_part(r, (uint32_t)(part + i - b->first));
        part += here;
        count -= here;
    }
}

/* As those who follow references read it (trace-file.md, 6.3), wherever it stands. */
static void note_reference(struct xf_gramtable *t, uint32_t block, const xray_mp_item *item)
{
    const uint8_t *p = (const uint8_t *)item->bytes.ptr;
    const size_t len = item->bytes.len;

    if (len == 4 && item->ext_type == XF_EXT_VALUE)
        add_value(t, xf_get_be32(p));
    else if ((len == 4 || len == 8) && item->ext_type == XF_EXT_PART)
        add_parts(t, block, xf_get_be32(p), len == 8 ? xf_get_be32(p + 4) : 1);
}

static int compare_references(const void *a, const void *b)
{
    const uint32_t x = ((const struct reference *)a)->number, y = ((const struct reference *)b)->number;

    return (x > y) - (x < y);
}

static int compare_parts(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void put_parts(struct reference *r, xray_buffer *out)
{
    uint32_t before = 0;

    if (r->part_count > XF_REF_PARTS_MOST) {
        xf_varint_put(out, 1);
        return;
    }
    if (r->part_count > 1)
        qsort(r->parts, r->part_count, sizeof *r->parts, compare_parts);
    xf_varint_put(out, r->part_count > 0 ? r->part_count + 1 : 0);
    for (uint32_t i = 0; i < r->part_count; i++) {
        xf_varint_put(out, r->parts[i] - before);
        before = r->parts[i];
    }
}

static void put_references(struct xf_gramtable *t)
{
    uint32_t before = 0;

    if (t->ref_count > XF_REFS_MOST) {
        xf_varint_put(&t->blocks, 0);
        return;
    }
    if (t->ref_count > 1)
        qsort(t->refs, t->ref_count, sizeof *t->refs, compare_references);
    xf_varint_put(&t->blocks, t->ref_count + 1);
    for (uint32_t i = 0; i < t->ref_count; i++) {
        xf_varint_put(&t->blocks, t->refs[i].number - before);
        xf_varint_put(&t->blocks, t->refs[i].values);
        put_parts(&t->refs[i], &t->blocks);
        before = t->refs[i].number;
    }
}

/* ---- texts ---- */

static unsigned form_of(const struct xf_idcol *col)
{
    switch (col->form) {
    case XF_IDCOL_UUID:
        return XF_PACKED_UUID;
    case XF_IDCOL_HEX:
        return XF_PACKED_HEX;
    case XF_IDCOL_DECIMAL:
        return XF_PACKED_DECIMAL;
    case XF_IDCOL_PLAIN:
        break;
    }
    return 0;
}

struct packed { /* ids that stand packed and without a prefix */
    unsigned forms;
    uint32_t digits; /* of each in hexadecimal; 0: any number */
};

/* Items: those that are packed behind something that all begin with stand nowhere as they read. */
static struct packed add_items(struct gathering *g, const struct xf_cached *block, xray_str body)
{
    const struct xf_cands *c = &block->as.cands;
    struct xf_idcol col;
    xray_str column;

    if (!xf_mp_find(body, "items", &column) || xf_idcol_open(column, &col, NULL) < 0)
        return (struct packed){0};
    for (uint32_t i = 0; col.prefix.len > 0 && i < c->item_count; i++)
        xf_gramset_add(&g->set, c->items[i].ptr, c->items[i].len);
    if (col.prefix.len > 0)
        return (struct packed){0};
    return (struct packed){form_of(&col),
                           col.form == XF_IDCOL_HEX && col.digits <= UINT8_MAX ? (uint32_t)col.digits : 0};
}

static unsigned forms_in(const struct xf_spine *s, const union xf_cell *column, uint32_t rows)
{
    enum { UUID_LEN = 16 };
    unsigned forms = 0;

    for (uint32_t i = 0; column != NULL && i < rows; i++) {
        xray_mp c = xray_mp_over(s->body + column[i].s.off, column[i].s.len);
        xray_mp_item id;

        if (column[i].s.off != 0 && xray_mp_next(&c, &id) && id.type == XRAY_MP_BIN)
            forms |= id.bytes.len == UUID_LEN ? XF_PACKED_UUID : XF_PACKED_HEX;
    }
    return forms;
}

static struct packed add_packed(struct gathering *g, const struct xf_cached *block, xray_str body)
{
    const struct xf_spine *s = &block->as.spine;

    if (block->kind == XF_CANDIDATES)
        return add_items(g, block, body);
    if (block->kind != XF_SPINE)
        return (struct packed){0};
    return (struct packed){forms_in(s, s->steps[XF_STEP_EXT_ID], s->step_rows) |
                               forms_in(s, s->runs[XF_RUN_EXT_ID], s->run_rows),
                           0};
}

static struct packed add_texts(struct xf_gramtable *t, struct gathering *g, const struct xf_cached *block)
{
    const xray_str body = xray_strn((const char *)block->body.data, block->body.len);
    xray_mp c = xray_mp_over(body.ptr, body.len);
    xray_mp_item item;

    while (xf_mp_next_of(&c, XF_MP_TEXTS | XF_MP_EXTS, &item)) {
        xf_gramset_add(&g->set, item.bytes.ptr, item.bytes.len);
        if (item.type == XRAY_MP_EXT)
            note_reference(t, block->block, &item);
    }
    return add_packed(g, block, body);
}

/* ---- sets ---- */

static bool begin_set(struct xf_gramtable *t, struct gathering *g)
{
    void *sets = t->sets;
    const bool room = xf_store_grow(&sets, t->count, &t->cap, sizeof *t->sets);

    t->sets = sets;
    if (!room)
        return false;
    g->number = t->count++;
    t->sets[g->number] = (struct stored){0};
    return true;
}

static void end_set(struct xf_gramtable *t, struct gathering *g)
{
    const size_t off = t->data.len;

    xf_gramset_put(&g->set, &t->data);
    t->sets[g->number] = (struct stored){off, t->data.len - off};
    g->raw = 0;
}

static uint64_t span_of(const struct xf_gramtable *t, int kind)
{
    return t->span > 0 ? t->span : kind == XF_PAYLOAD ? SPAN_PAYLOAD : SPAN;
}

bool xf_gramtable_add(struct xf_gramtable *t, const struct xf_cached *block)
{
    struct gathering *g;
    struct packed packed;

    t->ref_count = 0;
    if (block->kind != XF_PAYLOAD && block->kind != XF_CANDIDATES && block->kind != XF_SPINE) {
        xf_varint_put(&t->blocks, 0);
        put_references(t);
        return true;
    }
    g = &t->of_kind[block->kind];
    if (g->raw == 0 && !begin_set(t, g))
        return false;
    packed = add_texts(t, g, block);
    xf_varint_put(&t->blocks, ((uint64_t)g->number + 1) * XF_PACKED_FORMS + packed.forms);
    if ((packed.forms & XF_PACKED_HEX) != 0)
        xf_varint_put(&t->blocks, packed.digits);
    put_references(t);
    g->raw += block->body.len;
    if (g->raw >= span_of(t, block->kind))
        end_set(t, g);
    return true;
}

int xf_gramtable_put(struct xf_gramtable *t, xray_buffer *out, xray_error *err)
{
    for (int k = 0; k < KINDS; k++)
        if (t->of_kind[k].raw > 0)
            end_set(t, &t->of_kind[k]);
    if (t->blocks.failed || t->data.failed) /* then the sets are nowhere */
        return xf_fail_memory(err);
    xf_varint_put(out, t->seg->block_count);
    xf_varint_put(out, t->span);
    xf_varint_put(out, t->count);
    xf_buf_put(out, t->blocks.data, t->blocks.len);
    for (uint32_t i = 0; i < t->count; i++)
        xf_buf_put(out, t->data.data + t->sets[i].off, t->sets[i].len);
    return out->failed ? xf_fail_memory(err) : XRAY_OK;
}
