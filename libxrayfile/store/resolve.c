/* Stored values with their references resolved (spec 6). The result is canonical
 * whatever the writer wrote; what already is, is copied in one piece. */
#include "store/resolve.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "base/hash.h"
#include "base/mem.h"
#include "codec/mpread.h"
#include "codec/mpwrite.h"
#include "store/layers.h"

struct range_array { /* an array in which ranges of parts stand */
    uint32_t number;  /* among the arrays of the skeleton, from 0, as their headers come */
    uint64_t more;    /* elements beyond those its header counts */
};

struct resolver {
    struct xray_store *s;
    uint32_t segment;
    xray_buffer *out;
    size_t start; /* of the value in *out */
    struct xf_cached *held; /* payload block of the last part */
    struct range_array *arrays;
    uint32_t array_count, array_cap;
    xray_error *err;
};

/* Levels that are open while going through a value. */
struct levels {
    uint64_t todo[XF_DEPTH_READ];
    int depth;
};

static void put_item(xray_buffer *out, const xray_mp_item *item)
{
    switch (item->type) {
    case XRAY_MP_NIL: xf_mp_nil(out); break;
    case XRAY_MP_BOOL: xf_mp_bool(out, item->boolean); break;
    case XRAY_MP_INT: xf_mp_int(out, item->i); break;
    case XRAY_MP_UINT: xf_mp_uint(out, item->u); break;
    case XRAY_MP_FLOAT: xf_mp_double(out, item->d); break;
    case XRAY_MP_STR: xf_mp_str(out, item->bytes.ptr, item->bytes.len); break;
    case XRAY_MP_BIN: xf_mp_bin(out, item->bytes.ptr, item->bytes.len); break;
    case XRAY_MP_EXT: xf_mp_ext(out, item->ext_type, item->bytes.ptr, item->bytes.len); break;
    case XRAY_MP_ARRAY: xf_mp_array(out, item->count); break;
    case XRAY_MP_MAP: xf_mp_map(out, item->count); break;
    }
}

/* Spec 6.3, ext 3: lost, nothing known of it. */
void xf_put_lost(xray_buffer *out)
{
    const uint8_t data[25] = {XF_LOST};

    xf_mp_ext(out, XF_EXT_MISSING, data, sizeof data);
}

/* ---- going through a value ------------------------------------------------------------ */

/* Steps out of containers that are complete. False at the end of the value. */
static bool is_more(struct levels *l, uint64_t *todo)
{
    while (*todo == 0) {
        if (l->depth == 0)
            return false;
        *todo = l->todo[--l->depth];
    }
    --*todo;
    return true;
}

/* Steps into a container. */
static bool enter(struct levels *l, uint64_t *todo, const xray_mp_item *item)
{
    if (l->depth == XF_DEPTH_READ)
        return false;
    l->todo[l->depth++] = *todo;
    *todo = item->type == XRAY_MP_MAP ? 2 * (uint64_t)item->count : item->count;
    return true;
}

static bool is_container(const xray_mp_item *item)
{
    return item->type == XRAY_MP_ARRAY || item->type == XRAY_MP_MAP;
}

static bool is_reference(const xray_mp_item *item)
{
    return item->type == XRAY_MP_EXT && (item->ext_type == XF_EXT_PART || item->ext_type == XF_EXT_VALUE);
}

static int check_size(const struct resolver *r)
{
    if (r->out->failed)
        return xf_fail_memory(r->err);
    if (r->out->len - r->start > XF_VALUE_MAX)
        return xf_fail(r->err, XRAY_ELIMIT, XF_NO_POS, "value is larger than %u bytes", XF_VALUE_MAX);
    return XRAY_OK;
}

/* Copies a value without references to *out. `depth` levels are open around it. XRAY_ECORRUPT: it is not
 * one value; what was appended must go. */
static int copy_plain(struct resolver *r, xray_str value, int depth)
{
    xray_mp c = xray_mp_over(value.ptr, value.len);
    const uint8_t *copied = c.at; /* all before it is in *out */
    struct levels l = {.depth = 0};
    uint64_t todo = 1;

    while (is_more(&l, &todo)) {
        const uint8_t *at = c.at;
        xray_mp_item item = {0};

        if (!xray_mp_next(&c, &item))
            return XRAY_ECORRUPT;
        if (is_container(&item) && (l.depth + depth >= XF_DEPTH_READ || !enter(&l, &todo, &item)))
            return xf_fail(r->err, XRAY_ELIMIT, XF_NO_POS, "a value is nested deeper than %d levels", XF_DEPTH_READ);
        if (xf_mp_is_canonical(at, &item) && !is_reference(&item))
            continue;
        xf_buf_put(r->out, copied, (size_t)(at - copied));
        if (is_reference(&item))
            xf_put_lost(r->out); /* parts do not nest (6.4) */
        else
            put_item(r->out, &item);
        copied = c.at;
    }
    if (c.left > 0)
        return XRAY_ECORRUPT;
    xf_buf_put(r->out, copied, (size_t)(c.at - copied));
    return check_size(r);
}

/* ---- parts ----------------------------------------------------------------------------- */

/* Holds the payload block that has the part; false if there is none. */
static int hold_part(struct resolver *r, uint32_t ordinal, bool *found)
{
    const struct xf_segment *seg = r->s->parts[r->segment].seg;
    int64_t block;
    int status;

    if (r->held != NULL) {
        const uint64_t first = seg->blocks[r->held->block].first;

        if (ordinal >= first && ordinal - first < r->held->as.payload.part_count) {
            *found = true;
            return XRAY_OK;
        }
    }
    xf_block_release(r->s, r->held);
    r->held = NULL;
    *found = false;
    block = xf_segment_find_part(seg, ordinal);
    if (block < 0)
        return XRAY_OK;
    status = xf_block_load(r->s, r->segment, (uint32_t)block, &r->held, r->err);
    *found = status > 0;
    return status < 0 ? status : XRAY_OK;
}

static int put_part(struct resolver *r, uint32_t ordinal, int depth)
{
    const size_t before = r->out->len;
    bool found;
    int status = hold_part(r, ordinal, &found);

    if (status < 0)
        return status;
    status = XRAY_ECORRUPT;
    if (found) {
        const uint64_t first = r->s->parts[r->segment].seg->blocks[r->held->block].first;

        status = copy_plain(r, xf_payload_part(&r->held->as.payload, (uint32_t)(ordinal - first)), depth);
    }
    if (status == XRAY_ECORRUPT) {
        r->out->len = before;
        xf_put_lost(r->out);
        status = check_size(r);
    }
    return status;
}

/* How many elements the reference stands for: 0 if it is malformed. */
static uint32_t reference_count(const xray_mp_item *item)
{
    const uint8_t *data = (const uint8_t *)item->bytes.ptr;

    if (item->ext_type != XF_EXT_PART)
        return 0;
    return item->bytes.len == 4 ? 1 : item->bytes.len == 8 ? xf_get_be32(data + 4) : 0;
}

static int put_reference(struct resolver *r, const xray_mp_item *item, bool in_array, int depth)
{
    const uint32_t count = reference_count(item);
    uint32_t ordinal;
    int status = XRAY_OK;

    if (count == 0 || (count > 1 && !in_array)) {
        xf_put_lost(r->out);
        return check_size(r);
    }
    ordinal = xf_get_be32((const uint8_t *)item->bytes.ptr);
    for (uint32_t i = 0; i < count && status >= 0; i++) {
        if (ordinal > UINT32_MAX - i)
            xf_put_lost(r->out);
        else
            status = put_part(r, ordinal + i, depth);
        if (status >= 0)
            status = check_size(r);
    }
    return status;
}

/* ---- skeletons --------------------------------------------------------------------------- */

/* Which array each open level is, and whether its elements are counted already. */
struct open_array {
    bool is_array;
    uint32_t number;
    uint32_t entry; /* in r->arrays, + 1 */
};

static int count_range(struct resolver *r, struct open_array *a, uint64_t more)
{
    void *arrays = r->arrays;

    if (a->entry == 0) {
        const bool room = xf_store_grow(&arrays, r->array_count, &r->array_cap, sizeof *r->arrays);

        r->arrays = arrays;
        if (!room)
            return xf_fail_memory(r->err);
        r->arrays[r->array_count] = (struct range_array){.number = a->number};
        a->entry = ++r->array_count;
    }
    r->arrays[a->entry - 1].more += more;
    return XRAY_OK;
}

static int compare_arrays(const void *a, const void *b)
{
    const uint32_t x = ((const struct range_array *)a)->number, y = ((const struct range_array *)b)->number;

    return (x > y) - (x < y);
}

/* First pass: finds the arrays that hold ranges, and how long they become; their headers come
 * before the elements. Sets *plain if there is no reference at all. */
static int survey(struct resolver *r, xray_str skeleton, bool *plain)
{
    struct open_array open[XF_DEPTH_READ + 1] = {{false, 0, 0}};
    xray_mp c = xray_mp_over(skeleton.ptr, skeleton.len);
    struct levels l = {.depth = 0};
    uint64_t todo = 1;
    uint32_t arrays = 0;

    *plain = true;
    r->array_count = 0;
    while (is_more(&l, &todo)) {
        xray_mp_item item = {0};

        if (!xray_mp_next(&c, &item))
            return xf_fail(r->err, XRAY_ECORRUPT, XF_NO_POS, "stored value is not MessagePack");
        if (is_container(&item)) {
            if (!enter(&l, &todo, &item))
                return xf_fail(r->err, XRAY_ELIMIT, XF_NO_POS, "stored value is nested deeper than %d",
                               XF_DEPTH_READ);
            open[l.depth] = (struct open_array){item.type == XRAY_MP_ARRAY, arrays, 0};
            arrays += item.type == XRAY_MP_ARRAY;
        } else if (is_reference(&item)) {
            const uint32_t count = reference_count(&item);

            *plain = false;
            if (count > 1 && open[l.depth].is_array) {
                const int status = count_range(r, &open[l.depth], count - 1);

                if (status < 0)
                    return status;
            }
        }
    }
    if (c.left > 0)
        return xf_fail(r->err, XRAY_ECORRUPT, XF_NO_POS, "something follows a stored value");
    if (r->array_count > 1)
        qsort(r->arrays, r->array_count, sizeof *r->arrays, compare_arrays);
    return XRAY_OK;
}

/* Second pass. */
static int expand(struct resolver *r, xray_str skeleton)
{
    bool is_array[XF_DEPTH_READ + 1] = {false};
    xray_mp c = xray_mp_over(skeleton.ptr, skeleton.len);
    const uint8_t *copied = c.at;
    struct levels l = {.depth = 0};
    uint64_t todo = 1;
    uint32_t arrays = 0, next = 0;
    int status = XRAY_OK;

    while (status >= 0 && is_more(&l, &todo)) {
        const uint8_t *at = c.at;
        xray_mp_item item = {0};
        bool longer = false;

        xray_mp_next(&c, &item); /* cannot fail: the survey went the same way */
        if (is_container(&item)) {
            enter(&l, &todo, &item);
            is_array[l.depth] = item.type == XRAY_MP_ARRAY;
            longer = is_array[l.depth] && next < r->array_count && r->arrays[next].number == arrays;
            arrays += is_array[l.depth];
        }
        if (!longer && !is_reference(&item) && xf_mp_is_canonical(at, &item))
            continue;
        xf_buf_put(r->out, copied, (size_t)(at - copied));
        copied = c.at;
        if (is_reference(&item)) {
            status = put_reference(r, &item, is_array[l.depth], l.depth);
        } else if (longer) {
            const uint64_t count = item.count + r->arrays[next++].more;

            if (count > XF_VALUE_MAX)
                return xf_fail(r->err, XRAY_ELIMIT, XF_NO_POS, "value is larger than %u bytes", XF_VALUE_MAX);
            xf_mp_array(r->out, (size_t)count);
        } else {
            put_item(r->out, &item);
        }
    }
    if (status < 0)
        return status;
    xf_buf_put(r->out, copied, (size_t)(c.at - copied));
    return check_size(r);
}

/* The skeleton that ext 2 stands for; its block is held. 1, 0 if it is not there. */
static int find_skeleton(struct resolver *r, uint32_t number, struct xf_cached **held, xray_str *out)
{
    const struct xf_segment *seg = r->s->parts[r->segment].seg;
    const int64_t block = xf_segment_find_value(seg, number);
    int status;

    if (block < 0)
        return 0;
    status = xf_block_load(r->s, r->segment, (uint32_t)block, held, r->err);
    if (status > 0)
        *out = xf_payload_value(&(*held)->as.payload, (uint32_t)(number - seg->blocks[block].first2));
    return status;
}

bool xf_is_value_reference(const uint8_t *data, size_t len, uint32_t *number)
{
    xray_mp c = xray_mp_over(data, len);
    xray_mp_item item;

    if (!xray_mp_next(&c, &item) || item.type != XRAY_MP_EXT || item.ext_type != XF_EXT_VALUE ||
        item.bytes.len != 4 || c.left > 0)
        return false;
    *number = xf_get_be32((const uint8_t *)item.bytes.ptr);
    return true;
}

static int resolve_one(struct resolver *r, xray_str value)
{
    struct xf_cached *held = NULL;
    uint32_t number;
    bool plain;
    int status = 1;

    if (xf_is_value_reference((const uint8_t *)value.ptr, value.len, &number))
        status = find_skeleton(r, number, &held, &value);
    if (status == 0) {
        xf_put_lost(r->out);
        return check_size(r);
    }
    if (status > 0)
        status = survey(r, value, &plain);
    if (status >= 0)
        status = plain ? copy_plain(r, value, 0) : expand(r, value);
    xf_block_release(r->s, held);
    return status;
}

int xf_resolve(struct xray_store *s, uint32_t segment, xray_str value, xray_buffer *out, xray_error *err)
{
    struct resolver r = {.s = s, .segment = segment, .out = out, .start = out->len, .err = err};
    int status;

    if (segment >= s->part_count)
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "a reference of another store");
    status = resolve_one(&r, value);
    xf_block_release(s, r.held);
    xf_free(r.arrays);
    if (status < 0)
        out->len = r.start;
    return status < 0 ? status : XRAY_OK;
}

/* ---- values that cannot be shown ------------------------------------------------------------ */

/* The block that a value stands in, or its skeleton; NULL: unknown. */
static const struct xf_block *block_of(const struct xray_store *s, uint32_t segment, xray_str value)
{
    const struct xf_segment *seg = s->parts[segment].seg;
    uint32_t number;

    if (xf_is_value_reference((const uint8_t *)value.ptr, value.len, &number)) {
        const int64_t block = xf_segment_find_value(seg, number);

        return block < 0 ? NULL : &seg->blocks[block];
    }
    for (const struct xf_cached *e = s->cache.newest; e != NULL; e = e->older)
        if (e->segment == segment && (uintptr_t)value.ptr - (uintptr_t)e->body.data < e->body.len)
            return &seg->blocks[e->block];
    return NULL;
}

/* A value that breaks the spec or its limits is a problem of the store, told once however often it is asked for. Values
 * are told apart by the bytes that stand in their row. */
static void report(struct xray_store *s, uint32_t segment, xray_str value, int status, const char *message)
{
    const struct xf_block *b;
    uint8_t key[12];
    uint64_t digest = xf_hash64(value.ptr, value.len, s->seed);
    xray_error why;

    memcpy(key, &segment, 4);
    memcpy(key + 4, &digest, 8);
    if (s->bad_values.count < XF_PROBLEMS_KEPT && xf_dict_put(&s->bad_values, key, sizeof key) + 1 != s->bad_values.count)
        return;
    b = block_of(s, segment, value);
    if (b != NULL)
        xf_fail(&why, status, b->pos, "block %" PRIu64 " at byte %" PRIu64 ": a value is left out: %s", b->ordinal, b->pos,
                message);
    else
        xf_fail(&why, status, XF_NO_POS, "a value is left out: %s", message);
    xf_problems_add(&s->problems, s->files[s->parts[segment].file].path, b != NULL ? (int64_t)b->ordinal : -1,
                    b != NULL ? b->pos : UINT64_MAX, status, why.message);
}

/* Of a merged map the first row is blamed. */
static void blame(struct xray_store *s, xray_ref ref, int status, const char *message)
{
    xray_str value = xray_strn((const char *)ref.data, ref.len);
    uint32_t segment = ref.segment;

    if (status != XRAY_ECORRUPT && status != XRAY_ELIMIT)
        return;
    if (segment == XF_LAYERED) {
        xray_str layers = value;

        xf_layers_take(&layers, &segment, &value);
    }
    if (segment < s->part_count)
        report(s, segment, value, status, message);
}

int xray_ref_resolve(xray_store *s, xray_ref ref, xray_buffer *out, xray_error *err)
{
    xray_error why = {0};
    int status;

    if (ref.data == NULL)
        return xf_fail(err, XRAY_ENOTFOUND, XF_NO_POS, "there is no value");
    if (ref.segment == XF_LAYERED)
        status = xf_layers_resolve(s, ref, out, &why);
    else
        status = xf_resolve(s, ref.segment, xray_strn((const char *)ref.data, ref.len), out, &why);
    if (status < 0) {
        blame(s, ref, status, why.message);
        if (err != NULL)
            *err = why;
    }
    return status;
}

int xray_ref_json(xray_store *s, xray_ref ref, xray_buffer *out, xray_error *err)
{
    xray_buffer value = {0};
    int status = xray_ref_resolve(s, ref, &value, err);

    if (status >= 0)
        status = xray_msgpack_json(value.data, value.len, out, err);
    xray_buffer_free(&value);
    return status;
}
