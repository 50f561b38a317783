/* Names of the small enumerations, and packing of plain values. */
#include "xrayfile.h"

#include <stdlib.h>
#include <string.h>

#include "support/check.h"

static void test_statuses(void)
{
    for (int status = 1; status > -40; status--) {
        const char *name = xray_status_name(status);

        CHECK(name != NULL && name[0] != '\0');
        CHECK_EQ(strcmp(name, "unknown status") == 0, status > 0 || status < XRAY_ECLOSED);
    }
    CHECK_STR(xray_status_name(XRAY_OK), "ok");
    CHECK_STR(xray_status_name(XRAY_ECORRUPT), "corrupt");
    CHECK_STR(xray_status_name(XRAY_ECLOSED), "closed");
    CHECK_STR(xray_version(), XRAY_VERSION);
    CHECK(xray_abi_version() >= 0);
}

static void test_names(void)
{
    CHECK_STR(xray_outcome_name(XRAY_RUNNING), "running");
    CHECK_STR(xray_outcome_name(XRAY_PARTIAL), "partial");
    CHECK_STR(xray_outcome_name(4), NULL);
    CHECK_STR(xray_outcome_name(-1), NULL);
    CHECK_STR(xray_verdict_name(0), NULL);
    CHECK_STR(xray_verdict_name(XRAY_MODIFY), "modify");
    CHECK_STR(xray_by_name(XRAY_BY_VERIFIER), "verifier");
    CHECK_STR(xray_provenance_name(XRAY_INFERRED), "inferred");
    for (int i = 0; i < 8; i++) { /* what is written is read */
        if (xray_outcome_name(i) != NULL)
            CHECK_EQ(xray_outcome_parse(xray_s(xray_outcome_name(i))), i);
        if (xray_verdict_name(i) != NULL)
            CHECK_EQ(xray_verdict_parse(xray_s(xray_verdict_name(i))), i);
        if (xray_by_name(i) != NULL)
            CHECK_EQ(xray_by_parse(xray_s(xray_by_name(i))), i);
        if (xray_provenance_name(i) != NULL)
            CHECK_EQ(xray_provenance_parse(xray_s(xray_provenance_name(i))), i);
    }
}

static void test_aliases(void)
{
    CHECK_EQ(xray_outcome_parse(xray_s("Completed")), XRAY_SUCCESS);
    CHECK_EQ(xray_outcome_parse(xray_s("OK")), XRAY_SUCCESS);
    CHECK_EQ(xray_outcome_parse(xray_s("failed")), XRAY_FAILURE);
    CHECK_EQ(xray_outcome_parse(xray_s("ERROR")), XRAY_FAILURE);
    CHECK_EQ(xray_outcome_parse(xray_s("okay")), -1);
    CHECK_EQ(xray_outcome_parse(xray_s("o")), -1);
    CHECK_EQ(xray_outcome_parse(xray_s("")), -1);
    CHECK_EQ(xray_outcome_parse(xray_s(NULL)), -1);
    CHECK_EQ(xray_outcome_parse(xray_strn("ok\0", 3)), -1);
    CHECK_EQ(xray_verdict_parse(xray_s("rejected")), XRAY_REJECT);
    CHECK_EQ(xray_verdict_parse(xray_s("maybe")), -1);
}

static void pack(xray_value value, const char *want, size_t want_len)
{
    xray_buffer out = {0};
    xray_error err = {0};

    CHECK_STATUS(xray_value_pack(value, false, &out, &err), XRAY_OK, &err);
    CHECK_MEM(out.data, out.len, want, want_len);
    xray_buffer_free(&out);
}

static void test_values(void)
{
    pack(xray_nil(), "\xc0", 1);
    pack(xray_bool(true), "\xc3", 1);
    pack(xray_int(-1), "\xff", 1);
    pack(xray_uint(UINT64_MAX), "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9);
    pack(xray_double(1), "\xcb\x3f\xf0\0\0\0\0\0\0", 9);
    pack(xray_text("a"),
         "\xa1"
         "a",
         2);
    pack(xray_text(""), "\xa0", 1);
    pack(xray_text(NULL), "\xc0", 1);
    pack(xray_textn("\xff", 1), "\xd4\x06\xff", 3);
    pack(xray_bin(NULL, 0), "\xc4\x00", 2);
    pack(xray_json("[1]"), "\x91\x01", 2);
    pack(xray_msgpack("\xcc\x01", 2), "\x01", 1);
    pack(xray_tree(NULL), "\xc0", 1);
}

static void test_refused_values(void)
{
    xray_value odd = xray_nil();
    xray_buffer out = {0};
    xray_error err = {0};
    const size_t large = (size_t)65 << 20;
    char *text = (char *)malloc(large);

    memset(&odd.kind, 99, sizeof odd.kind);
    CHECK_STATUS(xray_value_pack(odd, false, &out, &err), XRAY_EMISUSE, &err);
    CHECK_STATUS(xray_value_pack(xray_json(NULL), false, &out, &err), XRAY_ESYNTAX, &err);
    CHECK_STATUS(xray_value_pack(xray_msgpack(NULL, 0), false, &out, &err), XRAY_ECORRUPT, &err);
    if (CHECK(text != NULL)) {
        memset(text, 'x', large);
        CHECK_STATUS(xray_value_pack(xray_textn(text, large), false, &out, &err), XRAY_ELIMIT, &err);
    }
    CHECK_EQ(out.len, 0);
    free(text);
    xray_buffer_free(&out);
}

CHECK_MAIN(test_statuses, test_names, test_aliases, test_values, test_refused_values)
