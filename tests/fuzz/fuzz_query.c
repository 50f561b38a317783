/* fuzz_query - any bytes as the text of a query.
 *
 * Properties: what is refused is said to be wrong somewhere in the text; the canonical form of what
 * is accepted is accepted, and is its own canonical form. */
#include "fuzz/fuzz.h"

/* Longer queries take time and show nothing new. */
enum { MAX_LEN = 4096 };

static const xray_query_options options = {.now_ns = 1700000000000000000, .match_limit = 1000};

static void check_refusal(int status, const xray_query_error *error, size_t len)
{
    fuzz_require(status == XRAY_ESYNTAX || status == XRAY_ELIMIT || status == XRAY_EIO,
                 "a query is refused in order");
    fuzz_require(error->status == status && error->message[0] != '\0', "a refusal says why");
    fuzz_require(error->offset <= len && error->len > 0 && error->line > 0 && error->column > 0,
                 "a refusal says where");
}

static void check_form(const xray_query *q, xray_buffer *first)
{
    xray_query_error error = {0};
    xray_buffer second = {0};
    xray_query *again = NULL;

    fuzz_require(xray_query_canonical(q, first) == XRAY_OK, "a query has a canonical form");
    fuzz_require(xray_query_parse(&again, xray_strn((const char *)first->data, first->len), &options,
                                  &error) == XRAY_OK,
                 "the canonical form is a query");
    fuzz_require(xray_query_canonical(again, &second) == XRAY_OK, "a query has a canonical form");
    fuzz_require(first->len == second.len && memcmp(first->data, second.data, second.len) == 0,
                 "the canonical form is its own");
    fuzz_require(xray_query_unit(q) == xray_query_unit(again) &&
                     xray_query_needs(q) == xray_query_needs(again),
                 "the canonical form means the same");
    xray_buffer_free(&second);
    xray_query_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const xray_run_record run = {.start_ns = 1, .end_ns = 2, .duration_ns = 1, .cost = XRAY_MISSING};
    xray_query_error error = {0};
    xray_buffer form = {0};
    xray_query *q = NULL;
    int r;

    if (len > MAX_LEN || memchr(data, '@', len) != NULL) /* no files */
        return 0;
    r = xray_query_parse(&q, xray_strn((const char *)data, len), &options, &error);
    if (r != XRAY_OK) {
        check_refusal(r, &error, len);
        return 0;
    }
    check_form(q, &form);
    r = xray_query_test_run(q, &run);
    fuzz_require(r >= 0 && r <= 2, "a run is in, out or to be opened");
    xray_buffer_free(&form);
    xray_query_free(q);
    return 0;
}
