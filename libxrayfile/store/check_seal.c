/* Checking the seal against the blocks before it (check.h; spec 9.2). */
#include "store/check.h"

#include <inttypes.h>

#include "base/bytes.h"

static int wrong(struct xf_check *c, const struct xf_header *h, uint64_t pos, const char *what, uint64_t said,
                 uint64_t found)
{
    xf_check_say(c, XF_CHECK_DAMAGE, (int64_t)h->ordinal, pos,
                 "seal says %" PRIu64 " for %s, found %" PRIu64 "; every block that was read is whole", said, what,
                 found);
    return XRAY_ECORRUPT;
}

static bool find_uint(xray_str map, const char *key, uint64_t *out)
{
    xray_str value;
    xray_mp_item item;
    xray_mp c;

    if (!xf_mp_find(map, key, &value))
        return false;
    c = xray_mp_over(value.ptr, value.len);
    if (!xray_mp_next(&c, &item))
        return false;
    if (item.type == XRAY_MP_UINT)
        *out = item.u;
    else if (item.type == XRAY_MP_INT && item.i >= 0)
        *out = (uint64_t)item.i;
    else
        return false;
    return true;
}

static bool find_bytes(xray_str map, const char *key, size_t len, xray_str *out)
{
    xray_str value;
    xray_mp c;

    if (!xf_mp_find(map, key, &value))
        return false;
    c = xray_mp_over(value.ptr, value.len);
    return xf_mp_take_bin(&c, out) && out->len == len;
}

/* ---- the table of blocks --------------------------------------------------------------- */

enum { KIND, POS, STORED, RAW, ROWS, ROWS2, COLUMNS };

static bool open_columns(xray_str table, xray_mp columns[COLUMNS], uint32_t *count)
{
    static const char *const names[COLUMNS] = {"kind", "pos", "stored", "raw", "rows", "rows2"};
    uint32_t n;
    xray_str value;

    for (int k = 0; k < COLUMNS; k++) {
        if (!xf_mp_find(table, names[k], &value))
            return false;
        columns[k] = xray_mp_over(value.ptr, value.len);
        if (!xf_mp_take_array(&columns[k], &n) || (k > 0 && n != *count))
            return false;
        *count = n;
    }
    return true;
}

/* Every block that is there must be listed as it is; those that are listed and not there were told as a gap. */
static int check_table(struct xf_check *c, const struct xf_header *h, uint64_t pos, xray_str table)
{
    xray_mp columns[COLUMNS];
    uint32_t count = 0, at = 0;
    int64_t sum = 0;

    if (!open_columns(table, columns, &count)) {
        xf_check_say(c, XF_CHECK_DAMAGE, (int64_t)h->ordinal, pos, "the seal's table of blocks is malformed");
        return XRAY_ECORRUPT;
    }
    if (count != h->ordinal)
        return wrong(c, h, pos, "blocks before it", count, h->ordinal);
    for (uint32_t i = 0; i < count; i++) {
        const struct xf_block *b = &c->seg->blocks[at];
        int64_t v[COLUMNS];
        bool same;

        for (int k = 0; k < COLUMNS; k++)
            if (!xf_mp_take_int(&columns[k], &v[k]) || v[k] == XRAY_MISSING)
                return wrong(c, h, pos, "numbers in its table of blocks", i, count);
        sum = (int64_t)((uint64_t)sum + (uint64_t)v[POS]);
        if (at >= c->seg->block_count || b->ordinal != i)
            continue;
        at++;
        same = v[KIND] == b->kind && (uint64_t)sum == b->pos - c->base && v[STORED] == b->stored_len &&
               v[RAW] == b->raw_len && v[ROWS] == b->rows && v[ROWS2] == b->rows2;
        if (!same) {
            xf_check_say(c, XF_CHECK_DAMAGE, (int64_t)h->ordinal, pos,
                         "the seal lists block %" PRIu32 " otherwise than it is; the block itself was checked", i);
            return XRAY_ECORRUPT;
        }
    }
    return XRAY_OK;
}

/* ---- totals and digests -------------------------------------------------------------------- */

static int check_totals(struct xf_check *c, const struct xf_header *h, uint64_t pos, xray_str map)
{
    const struct xf_seal_totals *t = &c->totals;
    const struct {
        const char *name;
        uint64_t found;
        bool deep; /* only bodies tell */
    } totals[] = {
        {"runs", t->runs, false},
        {"steps", t->steps, false},
        {"candidates", t->candidates, false},
        {"decisions", t->decisions, true},
        {"notes", t->notes, true},
        {"parts", t->parts, false},
        {"values", t->values, false},
        {"lost", t->lost, true},
        {"raw", c->raw, false},
        {"stored", c->stored, false},
    };
    uint64_t said;

    for (size_t i = 0; i < sizeof totals / sizeof *totals; i++) {
        if (totals[i].deep && !c->deep)
            continue;
        if (!find_uint(map, totals[i].name, &said)) {
            xf_check_say(c, XF_CHECK_DAMAGE, (int64_t)h->ordinal, pos, "the seal has no total \"%s\"", totals[i].name);
            return XRAY_ECORRUPT;
        }
        if (said != totals[i].found)
            return wrong(c, h, pos, totals[i].name, said, totals[i].found);
    }
    return XRAY_OK;
}

static int check_digests(struct xf_check *c, const struct xf_header *h, uint64_t pos, xray_str body)
{
    uint8_t content[16];
    xray_str said;

    if (!find_bytes(body, "chain", 8, &said) || xf_get_be64((const uint8_t *)said.ptr) != h->prev) {
        xf_check_say(c, XF_CHECK_DAMAGE, (int64_t)h->ordinal, pos,
                     "the seal's chain digest is not the prev of its header, %016" PRIx64, h->prev);
        return XRAY_ECORRUPT;
    }
    if (!find_bytes(body, "content", 16, &said)) {
        xf_check_say(c, XF_CHECK_DAMAGE, (int64_t)h->ordinal, pos, "the seal has no content digest");
        return XRAY_ECORRUPT;
    }
    if (c->holes || !c->content_known)
        return XRAY_OK;
    xf_digest_encode(&c->content, content);
    if (memcmp(said.ptr, content, sizeof content) == 0)
        return XRAY_OK;
    xf_check_say(c, XF_CHECK_DAMAGE, (int64_t)h->ordinal, pos,
                 "content digest: the seal says %016" PRIx64 "%016" PRIx64 ", the rows give %016" PRIx64 "%016" PRIx64,
                 xf_get_be64((const uint8_t *)said.ptr), xf_get_be64((const uint8_t *)said.ptr + 8),
                 c->content.high, c->content.low);
    return XRAY_ECORRUPT;
}

int xf_check_seal(struct xf_check *c, const struct xf_header *h, uint64_t pos)
{
    const xray_str body = xray_strn((const char *)c->body.data, c->body.len);
    xray_str table, totals;
    int r;

    if (!xf_mp_find(body, "blocks", &table) || !xf_mp_find(body, "totals", &totals)) {
        xf_check_say(c, XF_CHECK_DAMAGE, (int64_t)h->ordinal, pos, "the seal has no table of blocks or no totals");
        return XRAY_ECORRUPT;
    }
    r = check_table(c, h, pos, table);
    if (r >= 0 && !c->holes)
        r = check_totals(c, h, pos, totals);
    return r < 0 ? r : check_digests(c, h, pos, body);
}
