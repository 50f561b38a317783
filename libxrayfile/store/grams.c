/* Asking the section of grams (grams.h). */
#include "store/grams.h"

#include "base/bytes.h"
#include "base/fail.h"
#include "base/hash.h"
#include "base/mem.h"
#include "codec/gramset.h"
#include "codec/varint.h"
#include "store/indexuse.h"

struct in_block {
    uint64_t set;    /* number + 1; 0: none */
    unsigned forms;  /* of its packed ids */
    uint64_t digits; /* of those in hexadecimal; 0: not known */
};

struct asked { /* the section, while it is read */
    struct xray_store *s;
    uint32_t segment;
    const xray_str *texts;
    size_t text_count;
    struct xf_varints c;
    struct in_block *blocks;
    uint32_t ref_count, ref_cap, part_count, part_cap;
    bool no_memory;
    uint32_t set_count;
    bool *sets; /* by number: it may hold one of the texts */
};

/* ---- ids that are packed ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static bool all_are(xray_str text, bool (*test)(char))
{
    for (size_t i = 0; i < text.len; i++)
        if (!test(text.ptr[i]))
            return false;
    return true;
}

/* Could it stand in a UUID, from this place on? */
static bool fits_uuid(xray_str text, size_t from)
{
    for (size_t i = 0; i < text.len; i++) {
        const size_t at = from + i;
        const bool dash = at == 8 || at == 13 || at == 18 || at == 23;

        if (dash ? text.ptr[i] != '-' : !is_hex(text.ptr[i]))
            return false;
    }
    return true;
}

enum { UUID_LEN = 36 };

static bool is_in_uuid(xray_str text)
{
    for (size_t from = 0; from + text.len <= UUID_LEN; from++)
        if (fits_uuid(text, from))
            return true;
    return false;
}

/* The text is as long as an id in this form: the filter of items knows whether it is one. Packed letters
 * are small. */
static bool may_be_item(const struct asked *a, uint32_t block, xray_str text)
{
    char small[UINT8_MAX];

    if (a->s->parts[a->segment].seg->blocks[block].kind != XF_CANDIDATES || text.len > sizeof small)
        return true;
    for (size_t i = 0; i < text.len; i++)
        small[i] = (char)(text.ptr[i] >= 'A' && text.ptr[i] <= 'F' ? text.ptr[i] | 0x20 : text.ptr[i]);
    return xf_index_may_hold_item(a->s, a->segment, block, xf_hash64(small, text.len, 0));
}

static bool may_be_in_packed(const struct asked *a, uint32_t block, xray_str text)
{
    const struct in_block *b = &a->blocks[block];

    if ((b->forms & XF_PACKED_DECIMAL) != 0 && all_are(text, is_digit))
        return true;
    if ((b->forms & XF_PACKED_UUID) != 0 && is_in_uuid(text) &&
        (text.len < UUID_LEN || may_be_item(a, block, text)))
        return true;
    if ((b->forms & XF_PACKED_HEX) == 0 || !all_are(text, is_hex))
        return false;
    return b->digits == 0 || text.len < b->digits || (text.len == b->digits && may_be_item(a, block, text));
}

/* ---- the section ---- */

void xf_grams_free(struct xf_grams *g)
{
    xf_free(g->may_hold);
    xf_free(g->refs_start);
    xf_free(g->refs);
    xf_free(g->parts);
    *g = (struct xf_grams){0};
}

static bool add_part(struct xf_grams *g, struct asked *a, uint32_t part)
{
    void *parts = g->parts;
    const bool room = xf_store_grow(&parts, a->part_count, &a->part_cap, sizeof *g->parts);

    g->parts = parts;
    a->no_memory |= !room;
    if (room)
        g->parts[a->part_count++] = part;
    return room;
}

/* NULL: memory is out. */
static struct xf_gram_ref *add_ref(struct xf_grams *g, struct asked *a, uint32_t number)
{
    void *refs = g->refs;
    const bool room = xf_store_grow(&refs, a->ref_count, &a->ref_cap, sizeof *g->refs);

    g->refs = refs;
    a->no_memory |= !room;
    if (!room)
        return NULL;
    g->refs[a->ref_count] = (struct xf_gram_ref){.number = number};
    return &g->refs[a->ref_count++];
}

/* The parts of one reference, ascending. */
static bool take_parts(struct xf_grams *g, struct asked *a, struct xf_gram_ref *ref, uint32_t rows)
{
    const uint64_t count = xf_varint_take(&a->c);
    uint64_t part = 0;

    ref->any_part = count == 1;
    ref->parts = a->part_count;
    for (uint64_t i = 2; i <= count; i++) {
        const uint64_t more = xf_varint_take(&a->c);

        if (a->c.bad || more >= rows || part + more >= rows)
            return false;
        part += more;
        if (!add_part(g, a, (uint32_t)part))
            return false;
    }
    ref->part_count = a->part_count - ref->parts;
    return !a->c.bad;
}

/* Ascending, and to payload blocks that are there. */
static bool take_refs(struct xf_grams *g, struct asked *a)
{
    const struct xf_segment *seg = a->s->parts[a->segment].seg;
    const uint64_t count = xf_varint_take(&a->c);
    uint64_t number = 0;

    if (count == 0 && add_ref(g, a, XF_REFS_ALL) == NULL)
        return false;
    for (uint64_t i = 1; i < count; i++) {
        const uint64_t more = xf_varint_take(&a->c);
        struct xf_gram_ref *ref;

        if (a->c.bad || more >= seg->payload_count || number + more >= seg->payload_count)
            return false;
        number += more;
        ref = add_ref(g, a, (uint32_t)number);
        if (ref == NULL)
            return false;
        ref->values = (uint32_t)xf_varint_take(&a->c);
        if (!take_parts(g, a, ref, seg->blocks[seg->payload[number]].rows))
            return false;
    }
    return !a->c.bad;
}

static bool take_blocks(struct xf_grams *g, struct asked *a)
{
    for (uint32_t i = 0; i < g->blocks; i++) {
        const uint64_t own = xf_varint_take(&a->c);

        a->blocks[i] = (struct in_block){.set = own / XF_PACKED_FORMS, .forms = own % XF_PACKED_FORMS};
        if ((own & XF_PACKED_HEX) != 0)
            a->blocks[i].digits = xf_varint_take(&a->c);
        if (a->blocks[i].set > a->set_count)
            return false;
        g->refs_start[i] = a->ref_count;
        if (!take_refs(g, a))
            return false;
    }
    g->refs_start[g->blocks] = a->ref_count;
    return true;
}

static bool take_sets(struct asked *a)
{
    for (uint32_t i = 0; i < a->set_count; i++) {
        const size_t len = xf_gramset_len(a->c.at, a->c.left);
        const uint8_t *set = xf_varints_bytes(&a->c, len);

        if (len == 0 || set == NULL)
            return false;
        for (size_t k = 0; k < a->text_count && !a->sets[i]; k++)
            a->sets[i] = xf_gramset_may_hold(set, a->texts[k]);
    }
    return a->c.left == 0;
}

static bool make_room(struct xf_grams *g, struct asked *a)
{
    g->may_hold = xf_alloc_array(g->blocks, sizeof *g->may_hold);
    g->refs_start = xf_alloc_array((size_t)g->blocks + 1, sizeof *g->refs_start);
    a->blocks = xf_alloc_array(g->blocks, sizeof *a->blocks);
    a->sets = xf_alloc_array(a->set_count, sizeof *a->sets);
    return g->may_hold != NULL && g->refs_start != NULL && a->blocks != NULL && a->sets != NULL;
}

/* 1, 0: malformed, XRAY_ENOMEM. */
static int decode(struct xf_grams *g, struct asked *a)
{
    const struct xf_segment *seg = a->s->parts[a->segment].seg;

    g->blocks = xf_varint_take_count(&a->c, 2);
    (void)xf_varint_take(&a->c); /* the span that was asked for */
    a->set_count = xf_varint_take_count(&a->c, 1);
    if (a->c.bad || g->blocks != seg->index->blocks)
        return 0;
    if (!make_room(g, a))
        return XRAY_ENOMEM;
    if (!take_blocks(g, a) || !take_sets(a))
        return a->no_memory ? XRAY_ENOMEM : 0;
    for (uint32_t i = 0; i < g->blocks; i++) {
        g->may_hold[i] = a->blocks[i].set == 0 || a->sets[a->blocks[i].set - 1];
        for (size_t k = 0; k < a->text_count && !g->may_hold[i]; k++)
            g->may_hold[i] = may_be_in_packed(a, i, a->texts[k]);
    }
    return 1;
}

int xf_grams_ask(struct xf_grams *out, struct xray_store *s, uint32_t segment, const xray_str *texts,
                 size_t count, xray_error *err)
{
    struct asked a = {.s = s, .segment = segment, .texts = texts, .text_count = count};
    const xray_buffer *raw;
    int r = xf_index_use(s, segment, XF_INDEX_GRAMS, &raw, err);

    *out = (struct xf_grams){0};
    if (r <= 0)
        return r;
    a.c = xf_varints_over(raw->data, raw->len);
    r = decode(out, &a);
    xf_index_used(s);
    xf_free(a.blocks);
    xf_free(a.sets);
    if (r <= 0)
        xf_grams_free(out);
    return r < 0 ? xf_fail_memory(err) : r;
}

static bool is_found(const struct xf_grams *g, const struct xf_gram_ref *ref,
                     const struct xf_gram_hits *found)
{
    if ((found->values & ref->values) != 0 || (found->parts != NULL && ref->any_part))
        return true;
    for (uint32_t i = 0; found->parts != NULL && i < ref->part_count; i++) {
        const uint32_t part = g->parts[ref->parts + i];

        if ((found->parts[part / 64] >> part % 64 & 1) != 0)
            return true;
    }
    return false;
}

bool xf_grams_refers(const struct xf_grams *g, const struct xf_segment *seg, uint32_t block,
                     const struct xf_gram_hits *found)
{
    if (block >= g->blocks)
        return true;
    for (uint32_t i = g->refs_start[block]; i < g->refs_start[block + 1]; i++) {
        const struct xf_gram_ref *ref = &g->refs[i];

        if (ref->number != XF_REFS_ALL && is_found(g, ref, &found[ref->number]))
            return true;
        for (uint32_t k = 0; ref->number == XF_REFS_ALL && k < seg->payload_count && seg->payload[k] <= block;
             k++)
            if (found[k].parts != NULL || found[k].values != 0)
                return true;
    }
    return false;
}

int xray_store_may_hold(xray_store *s, const xray_str *texts, size_t count, uint64_t blocks[6],
                        xray_error *err)
{
    int r = XRAY_OK;

    memset(blocks, 0, 6 * sizeof *blocks);
    for (uint32_t i = 0; i < s->part_count && r >= 0; i++) {
        const struct xf_segment *seg = s->parts[i].seg;
        struct xf_grams g;

        r = xf_grams_ask(&g, s, i, texts, count, err);
        for (uint32_t b = 0; b < seg->block_count && r >= 0; b++)
            blocks[seg->blocks[b].kind < 6 ? seg->blocks[b].kind : 0] += b >= g.blocks || g.may_hold[b];
        xf_grams_free(&g);
    }
    return r < 0 ? r : XRAY_OK;
}
