/* fuzz_mpread - any bytes as one MessagePack value.
 *
 * Properties: the cursor takes what msgpack-c takes, and as many bytes of it; what it takes can be
 * made canonical, which is a fixed point, and can be printed as JSON. */
#include "fuzz/fuzz.h"

#include <math.h>

#include <msgpack.h>

/* Lengths before anything is unpacked: msgpack-c allocates what a header claims. */
static size_t value_len(const uint8_t *data, size_t len)
{
    xray_mp c = xray_mp_over(data, len);

    return xray_mp_skip(&c) ? len - c.left : 0;
}

static void compare_with_msgpack_c(const uint8_t *data, size_t len, size_t taken)
{
    msgpack_unpacked oracle;
    size_t at = 0;

    msgpack_unpacked_init(&oracle);

    const msgpack_unpack_return r = msgpack_unpack_next(&oracle, (const char *)data, len, &at);

    /* It says "out of memory" for what is nested deeper than 32. */
    fuzz_require(r == MSGPACK_UNPACK_SUCCESS || r == MSGPACK_UNPACK_NOMEM_ERROR,
                 "msgpack-c takes what we take");
    if (r == MSGPACK_UNPACK_SUCCESS)
        fuzz_require(at == taken, "msgpack-c takes as many bytes as we do");
    msgpack_unpacked_destroy(&oracle);
}

/* Ext types of ours are quoted when an application hands them over: packing twice quotes twice. */
static bool holds_ext(const xray_buffer *value)
{
    xray_mp c = xray_mp_over(value->data, value->len);
    xray_mp_item item;

    while (xray_mp_next(&c, &item))
        if (item.type == XRAY_MP_EXT)
            return true;
    return false;
}

/* JSON says of a NaN only that it is one, not which. */
static bool holds_nan(const xray_buffer *value)
{
    xray_mp c = xray_mp_over(value->data, value->len);
    xray_mp_item item;

    while (xray_mp_next(&c, &item))
        if (item.type == XRAY_MP_FLOAT && isnan(item.d))
            return true;
    return false;
}

static void check_canonical(const uint8_t *data, size_t len)
{
    xray_buffer once = {0}, again = {0}, json = {0};

    if (xray_value_pack(xray_msgpack(data, len), false, &once, NULL) == XRAY_OK) {
        fuzz_require(xray_value_pack(xray_msgpack(once.data, once.len), false, &again, NULL) == XRAY_OK,
                     "what is canonical can be packed");
        fuzz_require(holds_ext(&once) ||
                         (once.len == again.len && memcmp(once.data, again.data, once.len) == 0),
                     "what is canonical stays as it is");
        fuzz_require(xray_msgpack_json(once.data, once.len, &json, NULL) == XRAY_OK,
                     "a packed value can be printed");
        again.len = 0;

        const int r = xray_value_pack(xray_jsonn((const char *)json.data, json.len), false, &again, NULL);

        fuzz_require(r == XRAY_OK || r == XRAY_ELIMIT, "what is printed is JSON");
        if (r == XRAY_OK && !holds_nan(&once))
            fuzz_require(once.len == again.len && memcmp(once.data, again.data, once.len) == 0,
                         "JSON gives back the value it was printed from");
    }
    xray_buffer_free(&once);
    xray_buffer_free(&again);
    xray_buffer_free(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const size_t taken = value_len(data, len);

    if (taken > 0) {
        compare_with_msgpack_c(data, len, taken);
        check_canonical(data, taken);
    }
    return 0;
}
