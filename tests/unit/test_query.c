/* The query language as text: what is accepted and how it is understood, what is
 * refused and how that is said (format-spec/query-language.md, "ql"). */
#include "support/cases.h"
#include "support/check.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const xray_query_options at_fixed_time = {.now_ns = 1700000000000000000};

static int parse(xray_query **q, const char *text, xray_query_error *error)
{
    memset(error, 0, sizeof *error);
    return xray_query_parse(q, xray_s(text), &at_fixed_time, error);
}

/* The canonical form, NUL-terminated, freed by the caller; NULL if the query is refused. */
static char *canonical(const char *text, enum xray_unit unit)
{
    xray_query_options options = at_fixed_time;
    xray_query_error error = {0};
    xray_buffer form = {0};
    xray_query *q = NULL;
    char *copy;

    options.unit = unit;
    if (!CHECK_STATUS(xray_query_parse(&q, xray_s(text), &options, &error), XRAY_OK, NULL)) {
        printf("    %s\n    %s\n", text, error.message);
        return NULL;
    }
    CHECK_STATUS(xray_query_canonical(q, &form), XRAY_OK, NULL);
    copy = malloc(form.len + 1);
    memcpy(copy, form.data, form.len);
    copy[form.len] = '\0';
    xray_buffer_free(&form);
    xray_query_free(q);
    return copy;
}

/* Parsing the canonical form gives the canonical form. */
static void check_stable(const char *text)
{
    char *first = canonical(text, XRAY_UNIT_AUTO);
    char *second = first != NULL ? canonical(first, XRAY_UNIT_AUTO) : NULL;

    if (second != NULL)
        CHECK_STR(second, first);
    free(second);
    free(first);
}

/* ---- examples --------------------------------------------------------------------- */

/* Calls `run` for each line of the fenced block of ql 7. */
static size_t each_example(void (*run)(const char *query))
{
    size_t len, count = 0;
    char *text = check_read_file("format-spec/query-language.md", &len), *line;

    if (!CHECK(text != NULL))
        return 0;
    line = strstr(text, "## 7. Examples");
    line = line != NULL ? strstr(line, "```\n") : NULL;
    if (CHECK(line != NULL))
        for (line = strtok(line + 4, "\n"); line != NULL && strcmp(line, "```") != 0;
             line = strtok(NULL, "\n"))
            if (line[0] != '#') {
                run(line);
                count++;
            }
    free(text);
    return count;
}

/* The file that an example speaks of, where the example finds it. */
static bool enter_directory(char before[1024])
{
    FILE *f;

    if (!CHECK(getcwd(before, 1024) != NULL) || !CHECK(chdir(check_dir()) == 0))
        return false;
    f = fopen("pipelines.txt", "w");
    if (!CHECK(f != NULL))
        return false;
    fputs("product_search\n\nsupport\r\nlast", f);
    return CHECK(fclose(f) == 0);
}

static void check_example(const char *query)
{
    char before[1024];

    check_context("%s", query);
    if (enter_directory(before))
        check_stable(query);
    CHECK(chdir(before) == 0);
    check_context(NULL);
}

static void test_examples(void)
{
    CHECK(each_example(check_example) >= 40);
}

/* ---- cases ------------------------------------------------------------------------ */

static void check_canonical(const struct test_case *c)
{
    static const char *const units[] = {"", "run", "step", "cand"};
    char *form = canonical(case_value(c, "query"), XRAY_UNIT_AUTO), needs[64];
    xray_query_error error;
    xray_query *q;

    if (form == NULL)
        return;
    CHECK_STR(form, case_value(c, "form"));
    free(form);
    check_stable(case_value(c, "query"));
    if (parse(&q, case_value(c, "query"), &error) != XRAY_OK)
        return;
    CHECK_STR(units[xray_query_unit(q)], case_value(c, "unit"));

    const unsigned n = xray_query_needs(q);

    snprintf(needs, sizeof needs, "%s%s%s", (n & XRAY_NEEDS_STEPS) != 0 ? " steps" : "",
             (n & XRAY_NEEDS_PAYLOAD) != 0 ? " payload" : "", (n & XRAY_NEEDS_EVENTS) != 0 ? " events" : "");
    CHECK_STR(n != 0 ? needs + 1 : "nothing", case_value(c, "needs"));
    xray_query_free(q);
}

static void test_canonical(void)
{
    CHECK(cases_run("tests/query/canonical.cases", check_canonical) > 100);
}

static void check_error(const struct test_case *c)
{
    const char *query = case_value(c, "query");
    xray_query_error error;
    xray_query *q = NULL;
    char at[40], length[24];

    if (!CHECK(parse(&q, query, &error) < 0)) {
        xray_query_free(q);
        return;
    }
    snprintf(at, sizeof at, "%d:%d", error.line, error.column);
    snprintf(length, sizeof length, "%zu", error.len);
    CHECK_STR(at, case_value(c, "at"));
    CHECK_STR(length, case_value(c, "length"));
    CHECK_STR(error.message, case_value(c, "message"));
    CHECK_STR(error.hint, case_value(c, "hint"));
    CHECK(q == NULL);
    CHECK(error.offset <= strlen(query));
}

static void test_errors(void)
{
    CHECK(cases_run("tests/query/errors.cases", check_error) > 80);
}

/* ---- what a line of a case cannot say --------------------------------------------------- */

static void check_place(const char *query, int line, int column, size_t offset, const char *message)
{
    xray_query_error error;
    xray_query *q = NULL;

    check_context("%s", query);
    if (CHECK(parse(&q, query, &error) < 0)) {
        CHECK_EQ(error.line, line);
        CHECK_EQ(error.column, column);
        CHECK_EQ(error.offset, offset);
        CHECK_STR(error.message, message);
    }
    xray_query_free(q);
    check_context(NULL);
}

static void test_places(void)
{
    xray_query_error error = {0};
    xray_query *q = NULL;
    char *form;

    check_place("", 1, 1, 0, "the query is empty");
    check_place("  # nothing\n ", 1, 1, 0, "the query is empty");
    check_place("run.cost > 1 # dear\n  and status = ok", 2, 7, 26, "'status' exists in run and step");
    check_place("run.user = \"\xc3\xa9\xc3\xa9\" or\n\"\xc3\xa9\" = x y", 2, 9, 30, "'y' has no place here");
    check_place("run.user = \"a\nb\"", 1, 12, 11, "the string is not closed");
    check_place("run.cost > \x01", 1, 12, 11, "'\\x01' has no place here");
    check_place("run.user = \xff", 1, 12, 11, "the query is not UTF-8");
    check_place("run.user = \"\xed\xa0\x80\"", 1, 13, 12, "the query is not UTF-8");
    CHECK(xray_query_parse(&q, xray_strn("run.user = a\0b", 14), NULL, &error) == XRAY_ESYNTAX);
    CHECK_STR(error.message, "a NUL has no place here");
    CHECK(xray_query_parse(&q, xray_strn(NULL, 0), NULL, &error) == XRAY_ESYNTAX);
    CHECK(xray_query_parse(&q, xray_s("status = 1"), NULL, NULL) == XRAY_ESYNTAX);

    form = canonical("run.cost > 1 # dear\n\n  and\trun.user = x # \xc3\xa9", XRAY_UNIT_AUTO);
    if (form != NULL)
        CHECK_STR(form, "run.cost > 1 and run.user = \"x\"");
    free(form);
}

static void test_units(void)
{
    xray_query_options options = {.unit = XRAY_UNIT_CAND};
    xray_query_error error = {0};
    xray_query *q = NULL;
    char *form = canonical("step.type = llm and run.cost > 1", XRAY_UNIT_RUN);

    if (form != NULL)
        CHECK_STR(form, "any step{step.type = \"llm\" and run.cost > 1}");
    free(form);
    form = canonical("run.cost > 1", XRAY_UNIT_RUN);
    if (form != NULL)
        CHECK_STR(form, "run.cost > 1");
    free(form);
    form = canonical("cand.score > 1 and step.type = filter", XRAY_UNIT_CAND);
    if (form != NULL)
        CHECK_STR(form, "cand.score > 1 and step.type = \"filter\"");
    free(form);
    CHECK(xray_query_parse(&q, xray_s("any{cand.score > 1}"), &options, &error) == XRAY_ESYNTAX);
    CHECK_STR(error.message, "'cand.score' stands outside cand{...}");
    if (CHECK(xray_query_parse(&q, xray_s("run.cost > 1"), &options, &error) == XRAY_OK)) {
        CHECK_EQ(xray_query_unit(q), XRAY_UNIT_CAND);
        CHECK_EQ(xray_query_needs(q), XRAY_NEEDS_STEPS | XRAY_NEEDS_EVENTS);
    }
    xray_query_free(q);
}

/* ---- limits ---------------------------------------------------------------------------- */

/* n times `open`, the middle, n times `close`. */
static char *nest(const char *open, const char *middle, const char *close, size_t n)
{
    char *text = malloc(n * (strlen(open) + strlen(close)) + strlen(middle) + 1), *at = text;

    for (size_t i = 0; i < n; i++)
        at += sprintf(at, "%s", open);
    at += sprintf(at, "%s", middle);
    for (size_t i = 0; i < n; i++)
        at += sprintf(at, "%s", close);
    return text;
}

static void check_depth(const char *open, const char *middle, const char *close, size_t most)
{
    for (size_t n = most; n <= most + 1; n++) {
        char *text = nest(open, middle, close, n);
        xray_query_error error;
        xray_query *q = NULL;
        const int r = parse(&q, text, &error);

        check_context("%zu times '%s'", n, open);
        CHECK_STATUS(r, n == most ? XRAY_OK : XRAY_ELIMIT, NULL);
        if (r == XRAY_OK)
            check_stable(text);
        else
            CHECK(strstr(error.message, "nesting is deeper than 64") != NULL);
        xray_query_free(q);
        free(text);
    }
    check_context(NULL);
}

static void test_depth(void)
{
    char *text;
    xray_query_error error;
    xray_query *q = NULL;

    check_depth("(", "run.cost > 1", ")", 64);
    check_depth("any{", "run.cost > 1", "}", 64);
    check_depth("any cand{", "cand.score > 1", "}", 64);
    /* With parentheses: -(-(... -run.cost)), not (not (... not any step{})). */
    check_depth("-", "run.cost > 1", "", 32);
    check_depth("not (", "run.cost > 1", ")", 32);
    check_depth("not ", "any{}", "", 32);
    text = nest("(", "x", ")", 100000);
    CHECK_STATUS(parse(&q, text, &error), XRAY_ELIMIT, NULL);
    CHECK_EQ(error.column, 65);
    free(text);
}

/* Joins n copies of `item` by `sep`. */
static char *repeat(const char *head, const char *item, const char *sep, size_t n, const char *tail)
{
    const size_t item_len = strlen(item), sep_len = strlen(sep);
    char *text = malloc(strlen(head) + n * (item_len + sep_len) + strlen(tail) + 1), *at = text;

    at += sprintf(at, "%s", head);
    for (size_t i = 0; i < n; i++) {
        memcpy(at, item, item_len);
        at += item_len;
        if (i + 1 < n) {
            memcpy(at, sep, sep_len);
            at += sep_len;
        }
    }
    strcpy(at, tail);
    return text;
}

static void check_long(const char *head, const char *item, const char *sep, size_t n, const char *tail,
                       int want)
{
    char *text = repeat(head, item, sep, n, tail);
    xray_query_error error;
    xray_query *q = NULL;

    check_context("%zu bytes of '%s'", strlen(text), item);
    CHECK_STATUS(parse(&q, text, &error), want, NULL);
    xray_query_free(q);
    free(text);
    check_context(NULL);
}

static void test_length(void)
{
    check_long("", "run.cost > 1", " or ", 65000, "", XRAY_OK);
    check_long("", "run.cost > 1", " or ", 66000, "", XRAY_ELIMIT);
    check_long("run.cost > ", "1", "+", 500000, "", XRAY_OK);
    check_long("run.cost > ", "run.cost", "*", 90000, "", XRAY_OK);
    check_long("step.type in (", "abcdef", ",", 100000, ")", XRAY_OK);
    check_long("step.name = \"", "x", "", 1000000, "\"", XRAY_OK);
    check_long("step.name ~ /", "x", "", 1000000, "/", XRAY_ESYNTAX); /* PCRE2 has a limit of its own */
    check_long("run.cost > ", "1", "", 1000000, "", XRAY_ESYNTAX);
    check_long("run.duration > ", "1s", "", 500000, "", XRAY_OK);
    check_long("", "{step.type = a}", "->", 40000, "", XRAY_OK);
    check_long("tags", ".a", "", 64, " = 1", XRAY_OK);
    check_long("tags", ".a", "", 65, " = 1", XRAY_ELIMIT);
    check_long("", "status", "", 100000, " = 1", XRAY_ESYNTAX);
    check_long("run.cost > 1 ", "#", "", 1000000, "", XRAY_OK);
    /* Short as it is, but not with its scopes. */
    check_long("", "steps=1", " or ", 95000, "", XRAY_ELIMIT);
}

/* ---- files ----------------------------------------------------------------------------- */

static void test_files(void)
{
    char before[1024];
    xray_query_error error;
    xray_query *q = NULL;
    char *form;

    if (!enter_directory(before))
        return;
    form = canonical("pipeline not in @pipelines.txt and run.user in @'pipelines.txt'", XRAY_UNIT_AUTO);
    if (form != NULL)
        CHECK_STR(form, "run.pipeline not in @\"pipelines.txt\" and run.user in @\"pipelines.txt\"");
    free(form);
    CHECK(parse(&q, "pipeline in @.", &error) < 0);
    CHECK(error.column == 13);
    CHECK_STATUS(parse(&q, "pipeline in @nothing.txt", &error), XRAY_EIO, NULL);
    CHECK_STATUS(parse(&q, "run.cost in @pipelines.txt", &error), XRAY_ESYNTAX, NULL);
    CHECK_STR(error.message, "'run.cost' is a number");
    CHECK(chdir(before) == 0);
}

/* ---- bad memory, bad text ------------------------------------------------------------------ */

static void test_memory(void)
{
    static const char text[] =
        "step.type in (a, b) and lower(output) ~ /x/i or run.id in (\"9f3c2a71\", b) or "
        "any cand{cand.score > 1 and cand.id = \"x\"} or {step.name = a} -> {reason? != b}";

    for (size_t n = 1;; n++) {
        xray_query_error error;
        xray_query *q = NULL;
        int r;

        xf_mem_fail_from(n);
        r = parse(&q, text, &error);
        xf_mem_fail_from(0);
        if (r == XRAY_OK) {
            CHECK(n > 10);
            xray_query_free(q);
            return;
        }
        check_context("allocation %zu", n);
        if (!CHECK_STATUS(r, XRAY_ENOMEM, NULL))
            return;
        CHECK_STR(error.message, "out of memory");
    }
}

/* Changes some bytes of an example: whatever comes of it, it is refused in order or it is stable. */
static void check_mutations(const char *query)
{
    static const char pieces[] = "(){}[]\"'/\\.,?!=<>~|&+-*%@#:abe09 \n\xc3\xa9";
    char text[512];
    const size_t len = strlen(query);

    if (len >= sizeof text)
        return;
    for (int round = 0; round < 40; round++) {
        xray_query_error error;
        xray_query *q = NULL;
        uint8_t *copy;

        memcpy(text, query, len);
        for (uint64_t n = 1 + check_random_below(3); n > 0; n--)
            text[check_random_below(len)] = pieces[check_random_below(sizeof pieces - 1)];

        const size_t cut = check_random_below(8) == 0 ? check_random_below(len) : len;

        copy = check_copy(text, cut);
        text[cut] = '\0';
        check_context("%s", text);
        memset(&error, 0, sizeof error);
        if (xray_query_parse(&q, xray_strn((const char *)copy, cut), &at_fixed_time, &error) == XRAY_OK) {
            check_stable(text);
        } else {
            CHECK(q == NULL);
            CHECK(error.offset <= cut && error.len > 0 && error.line > 0 && error.column > 0);
            CHECK(error.message[0] != '\0');
        }
        xray_query_free(q);
        free(copy);
    }
    check_context(NULL);
}

static void test_mutations(void)
{
    each_example(check_mutations);
}

CHECK_MAIN(test_examples, test_canonical, test_errors, test_places, test_units, test_depth, test_length,
           test_files, test_memory, test_mutations)
