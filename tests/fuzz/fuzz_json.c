/* fuzz_json - any bytes as JSON text.
 *
 * Properties: what is taken comes back from its own print as the same bytes of MessagePack; what
 * strict JSON takes, lax JSON takes alike; on failure nothing is appended. */
#include "fuzz/fuzz.h"

static bool same(const xray_buffer *a, const xray_buffer *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    xray_buffer strict = {0}, lax = {0}, print = {0}, again = {0};

    const int r = xray_value_pack(xray_jsonn((const char *)data, len), false, &strict, NULL);
    const int l = xray_value_pack(xray_jsonn((const char *)data, len), true, &lax, NULL);

    fuzz_require(r == XRAY_OK || strict.len == 0, "a failure appends nothing");
    fuzz_require(l == XRAY_OK || lax.len == 0, "a failure appends nothing");
    if (r == XRAY_OK)
        fuzz_require(l == XRAY_OK && same(&strict, &lax), "lax takes what strict takes");
    if (l == XRAY_OK) {
        fuzz_require(xray_msgpack_json(lax.data, lax.len, &print, NULL) == XRAY_OK, "a value can be printed");

        const int p = xray_value_pack(xray_jsonn((const char *)print.data, print.len), false, &again, NULL);

        /* {"$map":...} of what cannot be an object nests deeper than the object did. */
        fuzz_require(p == XRAY_OK || p == XRAY_ELIMIT, "what is printed is strict JSON");
        if (p == XRAY_OK)
            fuzz_require(same(&lax, &again), "a value comes back from its print");
    }
    xray_buffer_free(&strict);
    xray_buffer_free(&lax);
    xray_buffer_free(&print);
    xray_buffer_free(&again);
    return 0;
}
