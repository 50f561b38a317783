/* The head of an index (indexfile.h). */
#include "format/indexfile.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/fail.h"
#include "base/hash.h"

static const char magic[8] = {'X', 'R', 'A', 'Y', 'I', 'D', 'X', '\n'};

enum { AT_VERSION = 8, AT_ZERO = 12, AT_SEGMENT = 16, AT_COVERED = 32, AT_BLOCKS = 40, AT_CHAIN = 48,
       AT_LAST = 56, AT_CHECK = 64, AT_TABLE = 72, ENTRY_LEN = 32 };

uint64_t xf_index_section_check(const struct xf_index_head *head, uint32_t kind, const void *stored, size_t len)
{
    uint8_t key[28];

    memcpy(key, head->segment, 16);
    xf_put_u64(key + 16, head->chain);
    xf_put_u32(key + 24, kind);
    return xf_hash64(stored, len, xf_hash64(key, sizeof key, 0));
}

/* Over everything but itself. */
static uint64_t head_check(const uint8_t *bytes)
{
    return xf_hash64(bytes + AT_TABLE, XF_INDEX_HEAD_LEN - AT_TABLE, xf_hash64(bytes, AT_CHECK, 0));
}

void xf_index_head_encode(const struct xf_index_head *head, uint8_t out[XF_INDEX_HEAD_LEN])
{
    memset(out, 0, XF_INDEX_HEAD_LEN);
    memcpy(out, magic, sizeof magic);
    xf_put_u32(out + AT_VERSION, XF_INDEX_VERSION);
    memcpy(out + AT_SEGMENT, head->segment, 16);
    xf_put_u64(out + AT_COVERED, head->covered);
    xf_put_u64(out + AT_BLOCKS, head->blocks);
    xf_put_u64(out + AT_CHAIN, head->chain);
    xf_put_u64(out + AT_LAST, head->last_pos);
    for (size_t i = 0; i < XF_INDEX_SECTIONS; i++) {
        const struct xf_index_entry *e = &head->sections[i];
        uint8_t *p = out + AT_TABLE + i * ENTRY_LEN;

        xf_put_u32(p, e->kind);
        xf_put_u32(p + 8, e->stored_len);
        xf_put_u32(p + 12, e->raw_len);
        xf_put_u64(p + 16, e->off);
        xf_put_u64(p + 24, e->check);
    }
    xf_put_u64(out + AT_CHECK, head_check(out));
}

static bool entry_fits(const struct xf_index_entry *e, uint64_t size)
{
    return e->stored_len <= XF_INDEX_SECTION_MAX && e->raw_len <= XF_INDEX_SECTION_MAX &&
           e->stored_len <= e->raw_len && e->off >= XF_INDEX_HEAD_LEN && e->off <= size &&
           e->stored_len <= size - e->off;
}

int xf_index_head_decode(struct xf_index_head *out, const uint8_t *bytes, size_t len, uint64_t size,
                         xray_error *err)
{
    struct xf_index_head head = {.covered = 0};

    if (len < XF_INDEX_HEAD_LEN)
        return xf_fail(err, XRAY_ECORRUPT, 0, "an index begins with %d bytes, here are %zu", XF_INDEX_HEAD_LEN, len);
    if (memcmp(bytes, magic, sizeof magic) != 0)
        return xf_fail(err, XRAY_ECORRUPT, 0, "not an index");
    if (head_check(bytes) != xf_get_u64(bytes + AT_CHECK))
        return xf_fail(err, XRAY_ECORRUPT, 0, "the head's checksum does not match");
    if (xf_get_u32(bytes + AT_VERSION) != XF_INDEX_VERSION || xf_get_u32(bytes + AT_ZERO) != 0)
        return xf_fail(err, XRAY_EUNSUPPORTED, 0, "an index of version %" PRIu32, xf_get_u32(bytes + AT_VERSION));
    memcpy(head.segment, bytes + AT_SEGMENT, 16);
    head.covered = xf_get_u64(bytes + AT_COVERED);
    head.blocks = xf_get_u64(bytes + AT_BLOCKS);
    head.chain = xf_get_u64(bytes + AT_CHAIN);
    head.last_pos = xf_get_u64(bytes + AT_LAST);
    for (size_t i = 0; i < XF_INDEX_SECTIONS; i++) {
        const uint8_t *p = bytes + AT_TABLE + i * ENTRY_LEN;
        struct xf_index_entry *e = &head.sections[i];

        *e = (struct xf_index_entry){
            .kind = xf_get_u32(p),
            .stored_len = xf_get_u32(p + 8),
            .raw_len = xf_get_u32(p + 12),
            .off = xf_get_u64(p + 16),
            .check = xf_get_u64(p + 24),
        };
        if (e->kind != 0 && !entry_fits(e, size))
            return xf_fail(err, XRAY_ECORRUPT, e->off, "section %" PRIu32 " does not fit into the index", e->kind);
    }
    *out = head;
    return XRAY_OK;
}

const struct xf_index_entry *xf_index_find(const struct xf_index_head *head, enum xf_index_kind kind)
{
    for (size_t i = 0; i < XF_INDEX_SECTIONS; i++)
        if (head->sections[i].kind == (uint32_t)kind)
            return &head->sections[i];
    return NULL;
}
