/* What runs and steps have in common: times, names, ids, values. */
#include "writer/back.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "codec/mpread.h"
#include "codec/mpwrite.h"
#include "codec/utf8.h"
#include "format/missing.h"

/* Maps beyond this do not grow: a block holds at most 64 MiB (spec 11). */
#define MAP_MAX (16u << 20)

/* Buffers larger than this are not kept when a slot is free. */
#define KEEP_MAX (256u << 10)

void xf_scope_open(struct xf_back *b, struct xf_scope *s, enum xray_clock clock, int64_t start_mono, int64_t start_ns)
{
    s->back = b;
    s->begun = s->dirty = s->failed = false;
    s->segment = 0;
    s->clock = clock;
    s->start_ns = start_ns;
    s->start_mono = start_mono;
    s->end_ns = s->dur_ns = XRAY_MISSING;
    s->flags = 0;
    s->cand_total = 0;
    s->cand_count = s->event_count = 0;
    xf_row_reset(&s->row);
    xf_row_reset(&s->ident);
    xf_buf_reset(&s->cands);
    xf_buf_reset(&s->events);
}

static void trim(xray_buffer *b)
{
    if (b->cap > KEEP_MAX)
        xray_buffer_free(b);
}

void xf_scope_close(struct xf_scope *s, bool lost)
{
    struct xf_back *b = s->back;

    if (lost) {
        const uint64_t n = (uint64_t)s->cand_count + s->event_count + !s->begun;

        b->stats.dropped += n;
        b->lost_in_blocks += n;
        b->gathered -= s->cands.len + s->events.len;
    }
    trim(&s->row.bytes);
    trim(&s->cands);
    trim(&s->events);
}

void xf_scope_done(struct xf_scope *s)
{
    xf_row_done(&s->row);
    xf_row_done(&s->ident);
    xray_buffer_free(&s->cands);
    xray_buffer_free(&s->events);
}

void xf_scope_put_text(struct xf_scope *s, unsigned column, xray_str text, size_t max, bool ident)
{
    char clean[XF_ITEM_MAX];
    bool cut = false;
    const size_t n = xf_utf8_clean(clean, max, text.ptr, text.len, &cut);
    struct xf_row *rows[2] = {&s->row, ident ? &s->ident : NULL};

    for (size_t i = 0; i < 2; i++) {
        size_t start;

        if (rows[i] == NULL)
            continue;
        start = xf_row_begin(rows[i]);
        xf_mp_str(&rows[i]->bytes, clean, n);
        xf_row_end(rows[i], column, start);
    }
    if (cut)
        s->flags |= XRAY_FLAG_TRUNCATED;
    s->dirty = true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Bytes of lowercase hexadecimal text, dashes only where a UUID has them (dashed). */
static bool parse_hex(xray_str text, bool dashed, size_t want, uint8_t *out)
{
    size_t digits = 0;

    for (size_t i = 0; i < text.len; i++) {
        const int d = hex_digit(text.ptr[i]);

        if (dashed && (i == 8 || i == 13 || i == 18 || i == 23)) {
            if (text.ptr[i] != '-')
                return false;
            continue;
        }
        if (d < 0 || digits == want * 2)
            return false;
        out[digits / 2] = (uint8_t)(digits % 2 == 0 ? d << 4 : out[digits / 2] | d);
        digits++;
    }
    return digits == want * 2;
}

void xf_scope_put_ext_id(struct xf_scope *s, unsigned column, xray_str text)
{
    uint8_t id[16];
    size_t n = 0, start;

    if (text.len == 36 && parse_hex(text, true, 16, id))
        n = 16;
    else if (text.len == 16 && parse_hex(text, false, 8, id))
        n = 8;
    if (n == 0) {
        xf_scope_put_text(s, column, text, XF_ITEM_MAX, true);
        return;
    }
    start = xf_row_begin(&s->row);
    xf_mp_bin(&s->row.bytes, id, n);
    xf_row_end(&s->row, column, start);
    xf_row_put_bytes(&s->ident, column, xf_row_get(&s->row, column));
    s->dirty = true;
}

void xf_scope_put_lost(struct xf_scope *s, unsigned column, uint64_t len)
{
    const size_t start = xf_row_begin(&s->row);

    xf_missing_put(&s->row.bytes, XF_LOST, len, (struct xf_hash128){0});
    xf_row_end(&s->row, column, start);
    s->dirty = true;
}

static int pack(struct xf_scope *s, xray_value value, xray_buffer *out)
{
    const int r = xf_value_pack(&value, true, &s->back->memo, out, NULL);

    if (s->back->sync || (r != XRAY_ESYNTAX && r != XRAY_ECORRUPT && r != XRAY_ELIMIT))
        return r;
    value.kind = value.kind == XRAY_VALUE_JSON ? XRAY_VALUE_TEXT : XRAY_VALUE_BIN;
    s->flags |= XRAY_FLAG_MALFORMED;
    s->back->stats.malformed++;
    return xf_value_pack(&value, true, NULL, out, NULL);
}

int xf_scope_pack(struct xf_scope *s, xray_str name, xray_value value, xray_buffer *out)
{
    const size_t start = out->len;
    int r = pack(s, value, out);

    if (r < 0 || out->failed)
        return r;
    r = xf_scrub_value(s->back->scrub, name, out, start);
    if (r < 0)
        return r;
    if ((r & XF_SCRUB_CUT) != 0)
        s->flags |= XRAY_FLAG_TRUNCATED;
    return XRAY_OK;
}

int xf_scope_put_value(struct xf_scope *s, unsigned column, xray_str name, xray_value value)
{
    const size_t start = xf_row_begin(&s->row);
    int r;

    if (value.kind == XRAY_VALUE_NIL) { /* a column cannot tell it from "missing" (spec 5.1) */
        xf_row_unset(&s->row, column);
        return XRAY_OK;
    }
    r = xf_scope_pack(s, name, value, &s->row.bytes);
    if (r < 0)
        return r;
    if (s->row.bytes.len == start + 1 && s->row.bytes.data[start] == 0xc0) { /* JSON's null, likewise */
        s->row.bytes.len = start;
        xf_row_unset(&s->row, column);
        return XRAY_OK;
    }
    xf_row_end(&s->row, column, start);
    s->dirty = true;
    return XRAY_OK;
}

xray_outcome xf_scope_outcome(const struct xf_scope *s, xray_outcome given)
{
    if (given != XRAY_ENDED)
        return given;
    return s->failed ? XRAY_FAILURE : XRAY_SUCCESS;
}

/* Copies the entries of `map` but those of `key`; returns how many. */
static size_t copy_entries(xray_buffer *out, xray_str map, xray_str key)
{
    xray_mp c = xray_mp_over(map.ptr, map.len);
    size_t kept = 0;
    uint32_t count;

    if (!xf_mp_take_map(&c, &count))
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        xray_mp start = c;
        xray_str name = {NULL, 0}, k, v;

        if (!xf_mp_take_value(&c, &k) || !xf_mp_take_value(&c, &v))
            break;
        if (xf_mp_take_str(&start, &name) && name.len == key.len && memcmp(name.ptr, key.ptr, key.len) == 0)
            continue;
        xf_buf_put(out, k.ptr, k.len);
        xf_buf_put(out, v.ptr, v.len);
        kept++;
    }
    return kept;
}

static void put_key(struct xf_scope *s, xray_buffer *b, xray_str key)
{
    const xray_str text = xf_scrub_text(s->back->scrub, key);

    xf_mp_text(b, text.ptr, text.len);
}

int xf_scope_put_entry(struct xf_scope *s, unsigned column, xray_str key, xray_value value)
{
    const xray_str old = xf_row_has(&s->row, column) ? xf_row_get(&s->row, column) : xray_strn(NULL, 0);
    xray_buffer *b = &s->back->scratch;
    size_t kept, start;
    int r;

    xf_buf_reset(b);
    kept = copy_entries(b, old, key);
    put_key(s, b, key);
    r = xf_scope_pack(s, key, value, b);
    if (r < 0)
        return r;
    if (b->failed || b->len > MAP_MAX)
        return b->failed ? XRAY_ENOMEM : XRAY_ELIMIT;
    start = xf_row_begin(&s->row);
    xf_mp_map(&s->row.bytes, kept + 1);
    xf_buf_put(&s->row.bytes, b->data, b->len);
    xf_row_end(&s->row, column, start);
    s->dirty = true;
    return XRAY_OK;
}
