/* Row records (rowrecord.h). */
#include "format/rowrecord.h"

#include "base/buf.h"
#include "codec/mpwrite.h"

static void put_name(struct xf_digest_record *record, xray_buffer *scratch, unsigned column, xray_str text)
{
    const bool failed = scratch->failed;

    if (text.len == 0)
        return;
    xf_buf_reset(scratch);
    xf_mp_uint(scratch, column);
    xf_mp_str(scratch, text.ptr, text.len);
    xf_digest_piece(record, scratch->data, scratch->len);
    scratch->failed |= failed;
}

static unsigned count_bits(uint64_t v)
{
    unsigned n = 0;

    for (; v != 0; v &= v - 1)
        n++;
    return n;
}

void xf_record_row(struct xf_digest *digest, struct xf_digest_record *record, xray_buffer *scratch,
                   enum xf_table table, const uint8_t writer_id[16], const struct xf_run_ref *ref,
                   const struct xf_row *row)
{
    const bool is_run = table == XF_TABLE_RUNS;
    const unsigned columns = is_run ? (unsigned)XF_RUN_COLUMNS : (unsigned)XF_STEP_COLUMNS;
    const bool named = is_run && (xf_row_get_int(row, XF_RUN_STATE) & XF_STATE_BEGIN) != 0;
    bool failed = false;
    size_t members = 1 + count_bits(row->present & ~UINT64_C(1));

    if (named)
        members += (size_t)(ref->pipeline.len > 0) + (ref->version.len > 0);
    xf_digest_begin(record);
    xf_buf_reset(scratch);
    xf_mp_array(scratch, 3);
    xf_mp_uint(scratch, table);
    xf_mp_bin(scratch, writer_id, 16);
    xf_mp_map(scratch, members);
    xf_mp_uint(scratch, 0);
    xf_mp_bin(scratch, ref->id, 16);
    for (unsigned c = 1; c < columns; c++) {
        xray_str value;

        if (!xf_row_has(row, c))
            continue;
        value = xf_row_get(row, c);
        xf_mp_uint(scratch, c);
        xf_digest_piece(record, scratch->data, scratch->len);
        failed |= scratch->failed;
        xf_buf_reset(scratch);
        xf_digest_piece(record, value.ptr, value.len);
    }
    xf_digest_piece(record, scratch->data, scratch->len);
    if (named) {
        put_name(record, scratch, XF_RUN_PIPELINE, ref->pipeline);
        put_name(record, scratch, XF_RUN_VERSION, ref->version);
    }
    xf_digest_finish(digest, record);
    scratch->failed |= failed;
}

void xf_record_begin(xray_buffer *r, enum xf_table table, const struct xf_owner *owner, size_t more)
{
    xf_buf_reset(r);
    xf_mp_array(r, 4 + more);
    xf_mp_int(r, table);
    xf_mp_bin(r, owner->writer_id, 16);
    xf_mp_bin(r, owner->run_id, 16);
    if (owner->step == XRAY_MISSING)
        xf_mp_nil(r);
    else
        xf_mp_int(r, owner->step);
}
