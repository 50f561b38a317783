/* Redaction and size caps: what must not be recorded is nowhere in the file, in whatever field it comes. */
#include "format/scrub.h"
#include "support/check.h"
#include "support/trace.h"

#include <stdio.h>
#include <stdlib.h>

#define SECRET "sk-abcDEF123456"

/* The value as NDJSON would show it, scrubbed by the rules. */
static const char *scrubbed(const char *rules, size_t text_limit, size_t value_limit, const char *json)
{
    static char text[2000];
    xray_buffer value = {0}, out = {0};
    struct xf_scrub *s;
    xray_error err;

    if (!CHECK_STATUS(xf_scrub_new(&s, rules, text_limit, value_limit, &err), XRAY_OK, &err))
        return "";
    CHECK_STATUS(xray_value_pack(xray_json(json), true, &value, &err), XRAY_OK, &err);
    CHECK(xf_scrub_value(s, xray_s(NULL), &value, 0) >= 0);
    CHECK_STATUS(xray_msgpack_json(value.data, value.len, &out, &err), XRAY_OK, &err);
    snprintf(text, sizeof text, "%.*s", (int)out.len, (const char *)out.data);
    xray_buffer_free(&value);
    xray_buffer_free(&out);
    xf_scrub_free(s);
    return text;
}

#define GONE(len) "{\"$missing\":[\"redacted\"," #len ",\"00000000000000000000000000000000\"]}"

static void test_rules(void)
{
    CHECK_STR(scrubbed(NULL, 0, 0, "{\"a\":\"x\"}"), "{\"a\":\"x\"}");
    CHECK_STR(scrubbed("", 0, 0, "{\"a\":\"x\"}"), "{\"a\":\"x\"}");
    CHECK_STR(scrubbed("password", 0, 0, "{\"a\":[{\"Password\":{\"b\":1},\"c\":2}]}"),
              "{\"a\":[{\"Password\":" GONE(4) ",\"c\":2}]}");
    CHECK_STR(scrubbed("password", 0, 0, "{\"passwords\":1,\"my password\":2}"), "{\"passwords\":1,\"my password\":2}");
    CHECK_STR(scrubbed("a , b", 0, 0, "{\"a\":1,\"b\":\"xy\",\"c\":3}"), "{\"a\":" GONE(1) ",\"b\":" GONE(3) ",\"c\":3}");
    CHECK_STR(scrubbed("/sk-[a-z]+/i", 0, 0, "[\"the key SK-A is\",\"sk\",5]"), "[" GONE(16) ",\"sk\",5]");
    CHECK_STR(scrubbed("/a,b/, /c\\/d/", 0, 0, "[\"a,b\",\"c/d\",\"ab\",\"cd\"]"), "[" GONE(4) "," GONE(4) ",\"ab\",\"cd\"]");
    CHECK_STR(scrubbed("/^s3/", 0, 0, "{\"s3cret\":{\"s3\":1}}"), "{\"$map\":[[" GONE(7) ",{\"$map\":[[" GONE(3) ",1]]}]]}");
    CHECK_STR(scrubbed("/^/", 0, 0, "[\"\",1,true,null]"), "[" GONE(1) ",1,true,null]");
    CHECK_STR(scrubbed("/x/", 0, 0, "[{\"$bstr\":\"/3g=\"},{\"$bin\":\"eA==\"}]"), "[" GONE(4) "," GONE(3) "]");
    CHECK_STR(scrubbed("a\n/x/", 0, 0, "{\"a\":1,\"b\":\"x\"}"), "{\"a\":" GONE(1) ",\"b\":" GONE(2) "}");
}

static void test_bad_rules(void)
{
    static const struct {
        const char *list, *message;
    } cases[] = {
        {"/abc", "redact: the pattern /abc has no end"},
        {"/abc\\/", "has no end"},
        {"/a(/", "redact: pattern /a(/, character"},
        {"/a/z", "a comma is expected after /a/"},
        {"x, /a/ b", NULL}, /* a blank ends a pattern as well */
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct xf_scrub *s = NULL;
        xray_error err = {0};
        const int r = xf_scrub_new(&s, cases[i].list, 0, 0, &err);

        check_context("%s: %s", cases[i].list, err.message);
        CHECK_EQ(r, cases[i].message != NULL ? XRAY_EMISUSE : XRAY_OK);
        CHECK(cases[i].message == NULL || strstr(err.message, cases[i].message) != NULL);
        xf_scrub_free(s);
    }
}

/* A pattern that gives up counts as a match. */
static void test_expensive(void)
{
    char json[200];

    memset(json, 'a', sizeof json);
    json[0] = '"';
    memcpy(json + 60, "!\"", 3);
    CHECK(strstr(scrubbed("/^(a|aa)+$/", 0, 0, json), "redacted") != NULL);
}

static void test_limits(void)
{
    CHECK_STR(scrubbed(NULL, 3, 0, "{\"abcdef\":[\"abc\",\"abcd\",\"ab\\u00e9\"]}"), "{\"abc\":[\"abc\",\"abc\",\"ab\"]}");
    CHECK_STR(scrubbed("/cd/", 3, 0, "\"abcd\""), GONE(5)); /* looked at before it is cut */
    CHECK(strncmp(scrubbed(NULL, 0, 5, "\"abcdef\""), "{\"$missing\":[\"not captured\",7,\"", 31) == 0);
    CHECK_STR(scrubbed(NULL, 0, 7, "\"abcdef\""), "\"abcdef\"");
}

/* ---- through a writer ---- */

static void record_everywhere(xray_writer *w)
{
    const xray_run_options ro = {.ext_id = xray_s("x" SECRET), .version = xray_s(SECRET), .project = xray_s(SECRET),
                                 .session = xray_s(SECRET), .user = xray_s("u" SECRET)};
    const xray_step_options so = {.ext_id = xray_s(SECRET)}, po = {.parent_ext = xray_s(SECRET)};
    const xray_reason reason = {xray_s(SECRET), xray_s(SECRET), xray_s(SECRET), xray_s(SECRET)};
    const xray_str selected = xray_s(SECRET);
    const xray_alternative other = {xray_s(SECRET), 1, xray_s("not " SECRET)};
    xray_decision d = XRAY_DECISION_INIT;
    xray_run run = xray_run_begin(w, xray_s("p" SECRET), &ro);
    xray_step st = xray_step_begin(run, xray_s("n" SECRET), xray_s("t" SECRET), &so);
    xray_candidate c = {.item = xray_s("i" SECRET), .verdict = XRAY_REJECT, .reasons = &reason, .reason_count = 1};

    for (int f = XRAY_INPUT; f <= XRAY_PARENT_EXT; f++) {
        xray_run_set(run, (xray_field)f, xray_text("in " SECRET));
        xray_step_set(st, (xray_field)f, xray_text("in " SECRET));
        xray_run_set(run, (xray_field)f, xray_json("{\"deep\": [{\"" SECRET "\": \"a " SECRET " b\"}]}"));
        xray_step_set(st, (xray_field)f, xray_json("{\"deep\": [{\"" SECRET "\": \"a " SECRET " b\"}]}"));
        xray_run_add(run, (xray_field)f, xray_s(SECRET), xray_text(SECRET));
        xray_step_add(st, (xray_field)f, xray_s(SECRET), xray_text(SECRET));
    }
    xray_step_set(st, XRAY_ERROR, xray_text(SECRET ": " SECRET));
    xray_step_set(st, XRAY_OUTPUT, xray_json("{\"" SECRET)); /* not well formed: kept as text */
    xray_step_candidate(st, &c);
    c.fields = XRAY_HAS_EVIDENCE;
    c.evidence_value = xray_json("{\"k\": \"" SECRET "\"}");
    xray_step_candidate(st, &c);
    xray_step_reject(st, xray_s(SECRET), xray_s(SECRET), XRAY_ATTRS(xray_kv(SECRET, xray_bin(SECRET, sizeof SECRET))));
    xray_step_set_reason_count(st, xray_s("r" SECRET), 3);
    d.name = d.reason = xray_s(SECRET);
    d.selected = &selected;
    d.selected_count = 1;
    d.alternatives = &other;
    d.alternative_count = 1;
    xray_step_decide(st, &d);
    xray_run_note(run, xray_s(SECRET), xray_json("{\"x\": \"" SECRET "\"}"), XRAY_MISSING, 0);
    xray_step_begin(run, xray_s("c"), xray_s("t"), &po);
    xray_step_end(st, XRAY_ENDED);
    xray_run_end(run, XRAY_ENDED);
}

/* All frames of the segment, decompressed one behind the other, hold the part. */
static bool file_holds(const char *dir, const char *part)
{
    char command[800];

    snprintf(command, sizeof command, "zstd -dcq '%s' | grep -aq -- '%s'", trace_segment(dir), part);
    return system(command) == 0;
}

static void check_nowhere(bool sync, const char *redact)
{
    const char *dir = trace_dir();
    xray_writer_options o = {.redact = redact, .sync = sync};
    xray_writer *w;
    xray_error err;
    char *text;

    if (!CHECK_STATUS(xray_writer_open(&w, dir, &o, &err), XRAY_OK, &err))
        return;
    record_everywhere(w);
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    CHECK_EQ(file_holds(dir, "sk-abc"), redact == NULL);
    CHECK(file_holds(dir, "candidates"));
    text = trace_text(dir, NULL);
    CHECK_EQ(strstr(text, "sk-abc") != NULL, redact == NULL);
    CHECK_EQ(strstr(text, "(redacted)") != NULL, redact != NULL);
    CHECK(strstr(text, "\"candidates_in\":3,\"candidates_out\":0") != NULL);
    free(text);
}

static void test_nowhere(void)
{
    check_nowhere(false, "/sk-[a-z]+/i");
    check_nowhere(true, "/sk-[a-z]+/i");
    check_nowhere(false, NULL); /* the test finds it if it is there */
}

static void test_fields_by_name(void)
{
    const char *dir = trace_dir();
    xray_writer_options o = {.redact = "input, USER, price, token", .text_limit = 8};
    const xray_run_options ro = {.user = xray_s("ann"), .session = xray_s("s1")};
    xray_writer *w;
    xray_run run;
    xray_step st;
    char *text;

    CHECK_EQ(xray_writer_open(&w, dir, &o, NULL), 0);
    run = xray_run_begin(w, xray_s("p"), &ro);
    st = xray_step_begin(run, xray_s("s"), xray_s("t"), NULL);
    xray_run_set(run, XRAY_INPUT, xray_text("Fritz"));
    xray_run_add(run, XRAY_TAGS, xray_s("token"), xray_text("Fritz"));
    xray_step_set(st, XRAY_OUTPUT, xray_json("{\"token\": [\"Fritz\"], \"long\": \"0123456789\"}"));
    xray_step_reject(st, xray_s("B0"), xray_s("high"), XRAY_ATTRS(xray_kv("price", xray_text("Fritz")), xray_kv("limit", xray_int(60))));
    xray_step_end(st, XRAY_ENDED);
    xray_run_end(run, XRAY_ENDED);
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    CHECK(!file_holds(dir, "Fritz") && !file_holds(dir, "ann"));
    text = trace_text(dir, NULL);
    CHECK(strstr(text, "\"session\":\"s1\",\"user\":\"(redacted)\"") != NULL);
    CHECK(strstr(text, "\"tags\":{\"token\":" GONE(6) "}") != NULL);
    CHECK(strstr(text, "\"input\":" GONE(6)) != NULL);
    CHECK(strstr(text, "\"flags\":1,\"output\":{\"token\":" GONE(7) ",\"long\":\"01234567\"}") != NULL);
    CHECK(strstr(text, "\"evidence\":{\"price\":" GONE(6) ",\"limit\":60}") != NULL);
    free(text);
}

static void test_bad_option(void)
{
    xray_writer_options o = {.redact = "/("};
    xray_writer *w;
    xray_error err = {0};

    CHECK_STATUS(xray_writer_open(&w, trace_dir(), &o, &err), XRAY_EMISUSE, &err);
}

CHECK_MAIN(test_rules, test_bad_rules, test_expensive, test_limits, test_nowhere, test_fields_by_name, test_bad_option)
