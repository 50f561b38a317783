/* Grams (format-spec/index-file.md, 3.6): a set misses nothing of what it was given, and a search with an
 * index finds what one without finds, in traces with texts that recur, ids of all forms, and texts that
 * stand anywhere. */
#include "support/check.h"
#include "support/search.h"
#include "support/trace.h"

#include "base/buf.h"
#include "codec/gramset.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- sets ---- */

static void random_text(char *out, size_t len)
{
    static const char letters[] = "abcdefgABCDEFG0123456789-_. \xc3\xa9";

    for (size_t i = 0; i < len; i++)
        out[i] = letters[check_random_below(sizeof letters - 1)];
    out[len] = '\0';
}

/* Every part of every text, in either case; and others as rarely as half of the bits allows. */
static void check_set(size_t texts)
{
    static struct xf_gramset set;
    char(*text)[41] = calloc(texts + 1, sizeof *text);
    xray_buffer out = {0};
    size_t missed = 0, held = 0;
    const size_t others = 2000;

    check_context("%zu texts", texts);
    for (size_t i = 0; i < texts; i++) {
        random_text(text[i], 40);
        xf_gramset_add(&set, text[i], 40);
    }
    xf_gramset_put(&set, &out);
    CHECK_EQ(xf_gramset_len(out.data, out.len), out.len);
    CHECK_EQ(xf_gramset_len(out.data, out.len - 1), 0);
    for (size_t i = 0; i < texts; i++) {
        const size_t from = (size_t)check_random_below(30), len = (size_t)check_random_below(40 - from) + 1;

        for (size_t k = from; k < from + len && i % 2 == 0; k++)
            text[i][k] = (char)(text[i][k] >= 'a' && text[i][k] <= 'z' ? text[i][k] - 'a' + 'A' : text[i][k]);
        missed += !xf_gramset_may_hold(out.data, xray_strn(text[i] + from, len));
    }
    CHECK_EQ(missed, 0);
    for (size_t i = 0; i < others; i++) {
        char other[11];

        random_text(other, 10); /* 7 grams */
        held += xf_gramset_may_hold(out.data, xray_strn(other, 10));
    }
    if (texts <= 1000) /* so many grams leave half of the bits 0 */
        CHECK(held < others / 40);
    CHECK(xf_gramset_may_hold(out.data, xray_s("xyz")) && xf_gramset_may_hold(out.data, xray_s("")));
    for (size_t i = 0; i < sizeof set.words / sizeof *set.words; i++)
        CHECK_EQ(set.words[i], 0);
    xray_buffer_free(&out);
    free(text);
}

static void test_sets(void)
{
    static const size_t counts[] = {0, 1, 10, 100, 1000, 2000, 20000};

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        check_set(counts[i]);
}

static void test_no_set(void)
{
    const uint8_t small[] = {XF_GRAMS_LOG_MIN - 1, 0, 0}, large[] = {XF_GRAMS_LOG_MAX + 1, 0},
                  cut[] = {XF_GRAMS_LOG_MIN, 0, 0};

    CHECK_EQ(xf_gramset_len(small, sizeof small), 0);
    CHECK_EQ(xf_gramset_len(large, sizeof large), 0);
    CHECK_EQ(xf_gramset_len(cut, sizeof cut), 0);
    CHECK_EQ(xf_gramset_len(cut, 0), 0);
}

/* ---- searches ---- */

enum { RUNS = 60, WORDS = 400 };

static char words[WORDS][24]; /* what values are made of; a word is in few of them, some of these long enough
                                 to recur as parts */

static const char *word_near(int i)
{
    return words[((size_t)i * 6 + (size_t)check_random_below(12)) % WORDS];
}

/* A conversation: two messages that many runs begin with, and one of its own. */
static const char *make_history(int i, char *out, size_t room)
{
    static const char message[] = "%s{\"role\":\"user\",\"content\":\"%s and %s, at some length, so that it "
                                  "is worth a part of its own, "
                                  "as what is said first recurs in what follows it\"}";
    const size_t talk = (size_t)(i / 20);
    int n =
        snprintf(out, room, "{\"settings\":\"too long for a value that stands in its column\",\"messages\":");

    for (size_t k = 0; k < 2; k++)
        n += snprintf(out + n, room - (size_t)n, message, k ? "," : "[", words[talk * 2 + k],
                      words[WORDS - 1 - talk * 2 - k]);
    n += snprintf(out + n, room - (size_t)n, message, ",", word_near(i), word_near(i));
    snprintf(out + n, room - (size_t)n, "]}");
    return out;
}

/* Too long to stand in its column, with nothing that is worth a part. */
static const char *make_map(int i, char *out, size_t room)
{
    snprintf(out, room,
             "{\"first\":\"%s\",\"second\":\"%s\",\"third\":\"%s\",\"fourth\":\"%s\",\"fifth\":\"nothing\"}",
             word_near(i), word_near(i), word_near(i), word_near(i));
    return out;
}

/* A mixed-up number, so that ids have little in common. */
static unsigned mixed(int i, int k, int c)
{
    return (unsigned)(i * 1000 + k * 50 + c) * 2654435761u;
}

static void make_id(int i, int k, char *out, size_t room)
{
    static const char *const forms[] = {"%08x-1111-4222-8333-0000%08x", "%08x%08x", "s-%x-%x"};

    snprintf(out, room, forms[i / 4 % 3], mixed(i, k, 7), mixed(i, k, 8));
}

/* Each form has blocks of its own. */
static void make_item(int i, int k, int c, char *out, size_t room)
{
    static const char *const forms[] = {"%08x", "%u", "item-%08x", "%08x-0000-4000-8000-00000000000a",
                                        "x-%010u"};

    snprintf(out, room, forms[i / 12],
             i / 12 == 1 ? 999860u + (unsigned)(i * 10 + k * 5 + c) : mixed(i, k, c));
}

static void write_step(xray_writer *w, xray_run run, int i, int k, char *room, size_t len)
{
    char id[64], item[64];
    xray_step_options options = {.ext_id = xray_s(id)};
    xray_step step;

    make_id(i, k, id, sizeof id);
    step = xray_step_begin(run, xray_s(word_near(i)), xray_s("t"), &options);
    xray_step_set(step, XRAY_INPUT, xray_json(make_history(i, room, len)));
    xray_step_set(step, XRAY_OUTPUT, k ? xray_text(word_near(i)) : xray_json(make_map(i, room, len)));
    if (i % 9 == 0) /* the rest of it is another row, in another block */
        xray_writer_flush(w, -1, NULL);
    for (int c = 0; c < 5; c++) {
        make_item(i, k, c, item, sizeof item);
        xray_step_reject(step, xray_s(item), xray_s(c == 4 ? word_near(i) : "plain"), XRAY_NO_ATTRS);
    }
    xray_step_end(step, XRAY_SUCCESS);
}

static xray_store *open_store(const char *dir, bool with_index)
{
    const xray_store_options options = {.index = with_index ? XRAY_INDEX_AUTO : XRAY_INDEX_NEVER};
    const char *const paths[] = {dir};
    xray_store *s = NULL;

    CHECK_EQ(xray_store_open(&s, paths, 1, &options, NULL), XRAY_OK);
    return s;
}

static const char *write_store(void)
{
    const xray_index_options options = {.gram_span = 1}; /* a set for each block */
    const char *dir = trace_dir();
    xray_writer *w = trace_writer(dir);
    char *room = malloc(4096);

    for (size_t i = 0; i < WORDS; i++)
        random_text(words[i], 6 + (size_t)check_random_below(16));
    for (size_t i = 0; i < WORDS; i++) /* JSON is made of them */
        for (char *p = words[i]; *p != '\0'; p++)
            *p = (unsigned char)*p >= 0x80 ? 'z' : *p;
    for (int i = 0; i < RUNS; i++) {
        xray_run run = xray_run_begin(w, xray_s("p"), NULL);

        for (int k = 0; k < 2; k++)
            write_step(w, run, i, k, room, 4096);
        xray_run_note(run, xray_s("chosen"), xray_json("{\"reason\":\"as always\"}"), XRAY_MISSING,
                      XRAY_MISSING);
        xray_run_end(run, XRAY_SUCCESS);
        if (i % 4 == 3)
            xray_writer_flush(w, -1, NULL);
    }
    free(room);
    xray_writer_close(w, -1, NULL);
    CHECK_EQ(xray_index_build(trace_segment(dir), &options, NULL), XRAY_OK);
    CHECK_EQ(xray_index_check(trace_segment(dir), NULL), XRAY_OK);
    return dir;
}

/* A piece of something that is there, or of nothing. */
static void make_needle(char *out, size_t room)
{
    const size_t kind = (size_t)check_random_below(8);
    const int run = (int)check_random_below(RUNS), step = (int)check_random_below(2);
    size_t from, len;
    char text[64];

    if (kind == 0) /* of what recurs */
        snprintf(text, sizeof text, "%s", words[WORDS - 1 - check_random_below(6)]);
    else if (kind < 3)
        snprintf(text, sizeof text, "%s", words[check_random_below(WORDS)]);
    else if (kind < 5)
        make_id(run, step, text, sizeof text);
    else if (kind < 7)
        make_item(run, step, (int)check_random_below(5), text, sizeof text);
    else
        random_text(text, 8);
    from = kind == 6 ? 0 : (size_t)check_random_below(strlen(text) / 2 + 1);
    len = strlen(text) - from;
    if (len > 5 && kind != 6) /* items whole as well: another filter knows these */
        len -= (size_t)check_random_below(len / 3);
    snprintf(out, room, "%.*s", (int)len, text + from);
}

static void test_searches(void)
{
    const int rounds = getenv("XRAY_TEST_LONG") != NULL ? 20000 : 300;
    const char *dir;
    xray_store *with, *without;
    xray_buffer a = {0}, b = {0};
    xray_read_stats stats;

    dir = write_store();
    with = open_store(dir, true);
    without = open_store(dir, false);
    for (int i = 0; i < rounds; i++) {
        const bool folded = check_random_below(2) == 0;
        char needle[64];

        make_needle(needle, sizeof needle);
        for (char *p = needle; folded && i % 2 == 0 && *p != '\0'; p++)
            *p = (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
        check_context("%s, %s", needle, folded ? "of any case" : "as it is");
        xf_buf_reset(&a);
        xf_buf_reset(&b);
        CHECK_EQ(search_store(with, needle, folded, &a), XRAY_OK);
        CHECK_EQ(search_store(without, needle, folded, &b), XRAY_OK);
        CHECK_MEM(a.data, a.len, b.data, b.len);
    }
    xray_store_get_stats(with, &stats);
    CHECK(stats.blocks_skipped > (uint64_t)rounds * 25); /* of 45, in spite of the ids that are packed */
    xray_store_get_stats(without, &stats);
    CHECK_EQ(stats.blocks_skipped, 0);
    xray_store_close(with);
    xray_store_close(without);
    xray_buffer_free(&a);
    xray_buffer_free(&b);
}

/* ---- queries ---- */

/* Which runs match. */
static void ask_query(xray_store *s, const char *text, bool with_index, xray_buffer *out)
{
    xray_query *q = NULL;
    size_t count = 0;

    if (!CHECK_EQ(xray_query_parse(&q, xray_s(text), NULL, NULL), XRAY_OK) ||
        !CHECK_EQ(xray_store_run_count(s, &count, NULL), XRAY_OK))
        return;
    for (size_t i = 0; i < count; i++) {
        xray_trace *t;
        int matches = 0;

        if ((!with_index || xray_query_test_indexed(q, s, i, NULL) != 0) &&
            xray_trace_open(&t, s, i, NULL) == XRAY_OK) {
            matches = xray_query_match_run(q, s, t, NULL);
            xray_trace_close(t);
        }
        xf_buf_put_u8(out, (uint8_t)('0' + matches));
    }
    xray_query_free(q);
}

static void test_queries(void)
{
    static const char *const forms[] = {
        "any{input contains \"%s\"}",
        "any{input.messages[2].content contains \"%s\" and step.name != x}",
        "none{output contains \"%s\"}",
        "any{output startswith \"%s\"}",
        "any{text contains \"%s\"}",
        "not any{text contains \"%s\"} or any{output.first contains \"%s\"}",
        "any{lower(text) contains \"%s\"}",
        "any{input contains \"%s\"} or pipeline = q",
        "any cand{text contains \"%s\"}",
        "any{text contains \"%s\"} or any cand{text contains \"%s\"}",
    };
    const int rounds = getenv("XRAY_TEST_LONG") != NULL ? 5000 : 200;
    const char *dir = write_store();
    xray_store *with = open_store(dir, true), *without = open_store(dir, false);
    xray_buffer a = {0}, b = {0};
    xray_read_stats stats;
    size_t found = 0;

    for (int i = 0; i < rounds; i++) {
        char needles[2][64], text[300];

        for (int k = 0; k < 2; k++) {
            make_needle(needles[k], sizeof needles[k]);
            for (char *p = needles[k]; *p != '\0'; p++) /* a query is UTF-8 */
                *p = (unsigned char)*p >= 0x80 ? 'z' : *p;
        }
        snprintf(text, sizeof text, forms[i % (int)(sizeof forms / sizeof *forms)], needles[0], needles[1]);
        check_context("%s", text);
        xf_buf_reset(&a);
        xf_buf_reset(&b);
        ask_query(with, text, true, &a);
        ask_query(without, text, false, &b);
        CHECK_MEM(a.data, a.len, b.data, b.len);
        found += memchr(b.data, '1', b.len) != NULL;
    }
    CHECK(found > (size_t)rounds / 4);
    xray_store_get_stats(with, &stats);
    CHECK(stats.runs_skipped > (uint64_t)rounds * RUNS / 3);
    xray_store_close(with);
    xray_store_close(without);
    xray_buffer_free(&a);
    xray_buffer_free(&b);
}

CHECK_MAIN(test_sets, test_no_set, test_searches, test_queries)
