/* Payload: splitting values into parts and keeping each part once (spec 6.4, 6.5). */
#include "format/payload_build.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/mem.h"
#include "codec/mpread.h"
#include "codec/mpwrite.h"
#include "format/layout.h"

/* Known parts: a set-associative table, the least recently used of a set makes
 * room. 3 MiB whatever the segment's size; a part that fell out is stored again. */
#define SETS 32768u
#define WAYS 4u

struct xf_part_table {
    uint32_t clock;
    struct known_part {
        uint64_t high, low;
        uint32_t ordinal;
        uint32_t used; /* clock of the last use; 0: free */
    } known[SETS][WAYS];
};

void xf_payload_init(struct xf_payload_build *p, uint64_t secret)
{
    *p = (struct xf_payload_build){.secret = secret};
}

void xf_payload_done(struct xf_payload_build *p)
{
    xray_buffer_free(&p->part_lens);
    xray_buffer_free(&p->parts);
    xray_buffer_free(&p->value_lens);
    xray_buffer_free(&p->values);
    xray_buffer_free(&p->skeleton);
    xf_free(p->table);
    p->table = NULL;
}

void xf_payload_new_segment(struct xf_payload_build *p)
{
    xf_free(p->table);
    p->table = NULL;
    p->first_part = p->first_value = 0;
}

/* The entry that holds `h`, or the one to put it into (then `ordinal` is not its). */
static struct known_part *find_known(struct xf_part_table *t, struct xf_hash128 h, bool *found)
{
    struct known_part *set = t->known[h.low % SETS], *oldest = set;

    t->clock++;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].used != 0 && set[i].high == h.high && set[i].low == h.low) {
            set[i].used = t->clock;
            *found = true;
            return &set[i];
        }
        if (set[i].used < oldest->used)
            oldest = &set[i];
    }
    *found = false;
    return oldest;
}

/* The number of the part with these bytes; stored now if it is not known. */
static int64_t part_ordinal(struct xf_payload_build *p, const uint8_t *data, size_t len)
{
    const struct xf_hash128 h = xf_hash128(data, len, p->secret);
    const uint64_t next = p->first_part + p->part_count;
    struct known_part *k;
    bool found;

    if (p->table == NULL && (p->table = xf_alloc(sizeof *p->table)) == NULL)
        return XRAY_ENOMEM;
    k = find_known(p->table, h, &found);
    if (found) {
        p->deduped_bytes += len;
        return k->ordinal;
    }
    if (next > UINT32_MAX)
        return XRAY_ELIMIT;
    *k = (struct known_part){.high = h.high, .low = h.low, .ordinal = (uint32_t)next, .used = p->table->clock};
    xf_mp_uint(&p->part_lens, len);
    xf_buf_put(&p->parts, data, len);
    p->part_count++;
    p->part_bytes += len;
    return (int64_t)next;
}

/* A run of consecutive parts not yet written to the skeleton. */
struct pending {
    uint32_t first;
    uint32_t count;
};

static void put_reference(xray_buffer *out, struct pending *r)
{
    uint8_t data[8];

    if (r->count == 0)
        return;
    xf_put_be32(data, r->first);
    xf_put_be32(data + 4, r->count);
    xf_mp_ext(out, XF_EXT_PART, data, r->count == 1 ? 4 : 8);
    r->count = 0;
}

static int put_part(struct xf_payload_build *p, const uint8_t *data, size_t len, xray_buffer *out)
{
    const int64_t ordinal = part_ordinal(p, data, len);
    struct pending one = {.first = (uint32_t)ordinal, .count = 1};

    if (ordinal < 0)
        return (int)ordinal;
    put_reference(out, &one);
    return XRAY_OK;
}

static int split_value(struct xf_payload_build *p, xray_str value, xray_buffer *out);

static int split_map(struct xf_payload_build *p, xray_mp *c, uint32_t count, xray_buffer *out)
{
    xf_mp_map(out, count);
    for (uint32_t i = 0; i < count; i++) {
        xray_str key, value;
        int r;

        if (!xf_mp_take_value(c, &key) || !xf_mp_take_value(c, &value))
            return XRAY_ECORRUPT;
        xf_buf_put(out, key.ptr, key.len);
        r = split_value(p, value, out);
        if (r < 0)
            return r;
    }
    return XRAY_OK;
}

static int split_array(struct xf_payload_build *p, xray_mp *c, uint32_t count, xray_buffer *out)
{
    const size_t start = out->len;
    struct pending run = {0};
    size_t written = 0;

    for (uint32_t i = 0; i < count; i++) {
        xray_str element;
        int64_t ordinal;
        bool is_array;

        if (!xf_mp_take_value(c, &element))
            return XRAY_ECORRUPT;
        is_array = ((uint8_t)element.ptr[0] & 0xf0) == 0x90 || (uint8_t)element.ptr[0] == 0xdc ||
                   (uint8_t)element.ptr[0] == 0xdd;
        if (element.len < XF_PART_MIN || is_array) {
            int r;

            put_reference(out, &run);
            written++;
            r = split_value(p, element, out);
            if (r < 0)
                return r;
            continue;
        }
        ordinal = part_ordinal(p, (const uint8_t *)element.ptr, element.len);
        if (ordinal < 0)
            return (int)ordinal;
        if (run.count > 0 && (uint64_t)ordinal == (uint64_t)run.first + run.count) {
            run.count++;
            continue;
        }
        put_reference(out, &run);
        run = (struct pending){.first = (uint32_t)ordinal, .count = 1};
        written++;
    }
    put_reference(out, &run);
    return xf_mp_insert_header(out, start, written, false) ? XRAY_OK : XRAY_ENOMEM;
}

/* A message stands alone as an output first and then, the same bytes, in every history after it:
 * it must be the same part in both places. */
static bool is_message(xray_str map)
{
    xray_str role;

    return xf_mp_find(map, "role", &role);
}

/* Recursion is bounded: values are canonical, depth at most XF_DEPTH_WRITE. */
static int split_value(struct xf_payload_build *p, xray_str value, xray_buffer *out)
{
    xray_mp c = xray_mp_over(value.ptr, value.len);
    xray_mp_item item;

    if (value.len < XF_PART_MIN) {
        xf_buf_put(out, value.ptr, value.len);
        return XRAY_OK;
    }
    if (!xray_mp_next(&c, &item))
        return XRAY_ECORRUPT;
    if (item.type == XRAY_MP_MAP && !is_message(value))
        return split_map(p, &c, item.count, out);
    if (item.type == XRAY_MP_ARRAY)
        return split_array(p, &c, item.count, out);
    return put_part(p, (const uint8_t *)value.ptr, value.len, out);
}

static int put_value_reference(struct xf_payload_build *p, xray_buffer *out)
{
    const uint64_t ordinal = p->first_value + p->value_count;
    uint8_t data[4];

    if (ordinal > UINT32_MAX)
        return XRAY_ELIMIT;
    xf_mp_uint(&p->value_lens, p->skeleton.len);
    xf_buf_put(&p->values, p->skeleton.data, p->skeleton.len);
    p->value_count++;
    xf_put_be32(data, (uint32_t)ordinal);
    xf_mp_ext(out, XF_EXT_VALUE, data, 4);
    return XRAY_OK;
}

int xf_payload_store(struct xf_payload_build *p, const void *data, size_t len, xray_buffer *out)
{
    int r;

    if (len <= XF_INLINE_MAX) {
        xf_buf_put(out, data, len);
        return out->failed ? XRAY_ENOMEM : XRAY_OK;
    }
    xf_buf_reset(&p->skeleton);
    r = split_value(p, xray_strn(data, len), &p->skeleton);
    if (r < 0)
        return r;
    if (p->skeleton.failed || p->parts.failed || p->part_lens.failed)
        return XRAY_ENOMEM;
    if (p->skeleton.len <= XF_INLINE_MAX)
        xf_buf_put(out, p->skeleton.data, p->skeleton.len);
    else if ((r = put_value_reference(p, out)) < 0)
        return r;
    return out->failed || p->values.failed || p->value_lens.failed ? XRAY_ENOMEM : XRAY_OK;
}

static void put_array(xray_buffer *body, const char *key, uint32_t count, xray_buffer *elements)
{
    xf_mp_cstr(body, key);
    xf_mp_array(body, count);
    xf_buf_put(body, elements->data, elements->len);
    body->failed |= elements->failed;
    xf_buf_reset(elements);
}

int xf_payload_finish(struct xf_payload_build *p, xray_buffer *body)
{
    xf_mp_map(body, 5);
    xf_mp_cstr(body, "kind");
    xf_mp_cstr(body, "payload");
    put_array(body, "part_len", p->part_count, &p->part_lens);
    put_array(body, "parts", p->part_count, &p->parts);
    put_array(body, "value_len", p->value_count, &p->value_lens);
    put_array(body, "values", p->value_count, &p->values);
    p->first_part += p->part_count;
    p->first_value += p->value_count;
    p->part_count = p->value_count = 0;
    return body->failed ? XRAY_ENOMEM : XRAY_OK;
}
