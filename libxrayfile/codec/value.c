/* What an application hands over, as canonical MessagePack (public header, section 2). */
#include "base/buf.h"
#include "base/fail.h"
#include "codec/json.h"
#include "codec/jsonmemo.h"
#include "codec/mpread.h"
#include "codec/mpwrite.h"
#include "codec/value.h"

#define MAX_VALUE ((size_t)64 << 20) /* spec 11: one resolved value */

static int pack(const xray_value *v, bool lax, struct xf_json_memo *memo, xray_buffer *out, xray_error *err)
{
    const xray_str bytes = v->as.bytes;

    switch (v->kind) {
    case XRAY_VALUE_NIL:
        xf_mp_nil(out);
        return XRAY_OK;
    case XRAY_VALUE_BOOL:
        xf_mp_bool(out, v->as.boolean);
        return XRAY_OK;
    case XRAY_VALUE_INT:
        xf_mp_int(out, v->as.i);
        return XRAY_OK;
    case XRAY_VALUE_UINT:
        xf_mp_uint(out, v->as.u);
        return XRAY_OK;
    case XRAY_VALUE_DOUBLE:
        xf_mp_double(out, v->as.d);
        return XRAY_OK;
    case XRAY_VALUE_TEXT:
        if (bytes.ptr == NULL) /* "none", as everywhere */
            xf_mp_nil(out);
        else
            xf_mp_text(out, bytes.ptr, bytes.len);
        return XRAY_OK;
    case XRAY_VALUE_BIN:
        xf_mp_bin(out, bytes.ptr, bytes.len);
        return XRAY_OK;
    case XRAY_VALUE_JSON:
        return xf_json_memo_pack(memo, bytes.ptr, bytes.len, lax, out, err);
    case XRAY_VALUE_MSGPACK:
        return xf_mp_canonize(bytes.ptr, bytes.len, XF_DEPTH_WRITE, out, err);
    case XRAY_VALUE_TREE:
        return xf_json_tree_pack(v->as.tree, out, err);
    }
    return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "a value of the unknown kind %d", (int)v->kind);
}

int xf_value_pack(const xray_value *value, bool lax, struct xf_json_memo *memo, xray_buffer *out, xray_error *err)
{
    const size_t before = out->len;
    const bool failed_before = out->failed;
    int status = pack(value, lax, memo, out, err);

    if (status == XRAY_OK && out->failed)
        status = xf_fail_memory(err);
    else if (status == XRAY_OK && out->len - before > MAX_VALUE)
        status = xf_fail(err, XRAY_ELIMIT, XF_NO_POS, "a value of %zu bytes is too large", out->len - before);
    if (status != XRAY_OK) {
        out->len = before;
        out->failed = failed_before;
    }
    return status;
}

int xray_value_pack(xray_value value, bool lax, xray_buffer *out, xray_error *err)
{
    return xf_value_pack(&value, lax, NULL, out, err);
}
