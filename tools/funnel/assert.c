/* See assert.h. */
#include "funnel/assert.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "common/cli.h"
#include "common/human.h"
#include "common/when.h"
#include "funnel/blame.h"

struct assert_condition {
    const char *text; /* as it was given */
    struct text step;
    struct assert_test test;
};

static const char *const field_names[ASSERT_FIELDS] = {
    [ASSERT_RATE] = "rejection_rate", [ASSERT_IN] = "in",     [ASSERT_OUT] = "out",   [ASSERT_RUNS] = "runs",
    [ASSERT_P50] = "p50",             [ASSERT_P95] = "p95",   [ASSERT_COST] = "cost", [ASSERT_REJECTED] = "rejected",
};

/* ---- parsing ---- */

static _Noreturn void refuse(const char *text, const char *at, const char *problem, const char *hint)
{
    cli_error(NULL, "--assert:1:%zu: %s", (size_t)(at - text) + 1, problem);
    cli_hint("%s", hint);
    exit(EXIT_TROUBLE);
}

static const char *skip_space(const char *at)
{
    while (*at == ' ' || *at == '\t' || *at == '\n')
        at++;
    return at;
}

/* STEP: up to the last dot before the comparison, or in quotes, where \ takes the next character as it is. */
static const char *parse_step(struct assert_condition *c)
{
    const char *at = skip_space(c->text);
    const char *dot = NULL;

    if (*at == '"' || *at == '\'') {
        const char quote = *at++;

        for (; *at != quote && *at != '\0'; at++) {
            if (*at == '\\' && at[1] != '\0')
                at++;
            text_put(&c->step, at, 1);
        }
        if (*at == '\0' || at[1] != '.')
            refuse(c->text, at, *at == '\0' ? "the quoted name does not end" : "a field is missing behind the name",
                   "write \"the step\".rejection_rate < 95%");
        return at + 2;
    }
    for (const char *p = at; *p != '\0' && strchr("<>=!", *p) == NULL; p++)
        dot = *p == '.' ? p : dot;
    if (dot == NULL || dot == at)
        refuse(c->text, at, "a condition begins with STEP.FIELD", "write filter_price.rejection_rate < 95%");
    text_put(&c->step, at, (size_t)(dot - at));
    return dot + 1;
}

static const char *parse_field(struct assert_condition *c, const char *at)
{
    const size_t len = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

    for (int field = 0; field < ASSERT_FIELDS; field++) {
        if (strlen(field_names[field]) == len && memcmp(at, field_names[field], len) == 0) {
            c->test.field = (enum assert_field)field;
            return skip_space(at + len);
        }
    }
    refuse(c->text, at, "no such field of a step",
           "the fields are rejection_rate in out rejected runs p50 p95 cost; quote a step name with dots or signs");
}

static const char *parse_comparison(struct assert_condition *c, const char *at)
{
    static const struct {
        const char *sign;
        enum assert_comparison comparison;
    } signs[] = {{"<=", ASSERT_LE}, {">=", ASSERT_GE}, {"==", ASSERT_EQ}, {"!=", ASSERT_NE},
                 {"<", ASSERT_LT},  {">", ASSERT_GT},  {"=", ASSERT_EQ}};

    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        const size_t len = strlen(signs[i].sign);

        if (strncmp(at, signs[i].sign, len) == 0) {
            c->test.comparison = signs[i].comparison;
            return skip_space(at + len);
        }
    }
    refuse(c->text, at, "a comparison is missing here", "write one of < <= > >= = !=");
}

/* A plain number; *rest is what follows it. */
static double parse_number(const char *text, const char *at, const char **rest)
{
    char *end = NULL;

    errno = 0;

    const double value = strtod(at, &end);

    if (end == at || errno != 0 || !isfinite(value) || strpbrk(at, "xXnN") != NULL)
        refuse(text, at, "a number is missing here", "write for instance filter_price.rejection_rate < 95%");
    *rest = end;
    return value;
}

static void parse_value(struct assert_condition *c, const char *at)
{
    const char *rest = NULL;
    const char *hint = NULL;
    int64_t ns;

    if (c->test.field == ASSERT_P50 || c->test.field == ASSERT_P95) {
        struct text word = {0};
        size_t len = strlen(at);

        while (len > 0 && isspace((unsigned char)at[len - 1]))
            len--;
        text_put(&word, at, len);
        text_put(&word, "", 1);
        if (!when_parse_duration(word.data, &ns, &hint))
            refuse(c->text, at, "a duration is missing here", "write it with its unit: 250ms, 2s, 1h30m");
        text_free(&word);
        c->test.value = (double)ns;
        return;
    }
    if (c->test.field == ASSERT_COST && *at == '$')
        at++;
    c->test.value = parse_number(c->text, at, &rest);
    if (c->test.field == ASSERT_RATE && *rest == '%') {
        c->test.value /= 100;
        rest++;
    } else if (c->test.field == ASSERT_RATE && fabs(c->test.value) > 1) {
        refuse(c->text, at, "a rate lies between 0 and 1", "write it as 95% or 0.95");
    }
    if (*skip_space(rest) != '\0')
        refuse(c->text, rest, "nothing more belongs here", "one --assert takes one condition; it can be repeated");
}

void asserts_add(struct asserts *a, const char *text)
{
    a->items = memory_grow(a->items, &a->cap, a->count + 1, sizeof *a->items);

    struct assert_condition *c = &a->items[a->count++];

    *c = (struct assert_condition){.text = text};
    parse_value(c, parse_comparison(c, parse_field(c, parse_step(c))));
}

/* ---- testing ---- */

static bool compare(double value, enum assert_comparison comparison, double wanted)
{
    switch (comparison) {
    case ASSERT_LT:
        return value < wanted;
    case ASSERT_LE:
        return value <= wanted;
    case ASSERT_GT:
        return value > wanted;
    case ASSERT_GE:
        return value >= wanted;
    case ASSERT_EQ:
        return value == wanted;
    case ASSERT_NE:
        return value != wanted;
    }
    return false;
}

bool assert_holds(const struct assert_test *test, double value)
{
    return compare(value, test->comparison, test->value);
}

static bool set(double *value, int64_t n)
{
    *value = (double)n;
    return n != XRAY_MISSING;
}

static bool line_value(const struct board *b, struct board_line *line, enum assert_field field, double *value)
{
    struct tally *t = &line->sides[0];
    int64_t n;

    switch (field) {
    case ASSERT_RATE:
        return tally_drop(t, b->rate, value);
    case ASSERT_IN:
        return set(value, t->in);
    case ASSERT_OUT:
        return set(value, t->out);
    case ASSERT_RUNS:
        return set(value, (int64_t)t->runs.count);
    case ASSERT_P50:
    case ASSERT_P95:
        return quantiles_get(&t->durations, field == ASSERT_P50 ? 0.50 : 0.95, &n) && set(value, n);
    case ASSERT_COST:
        if (t->cost == XRAY_MISSING)
            return false;
        *value = (double)t->cost / 1e9;
        return true;
    case ASSERT_REJECTED:
        return tally_rejected(t, &n) && set(value, n);
    case ASSERT_FIELDS:
        break;
    }
    return false;
}

void assert_put_value(struct text *t, enum assert_field field, double value)
{
    if (field == ASSERT_RATE)
        human_rate(t, value);
    else if (field == ASSERT_P50 || field == ASSERT_P95)
        human_duration(t, (int64_t)value);
    else if (field == ASSERT_COST)
        human_money(t, llround(value * 1e9));
    else
        human_count(t, (int64_t)value);
}

/* "rejection_rate is 96.2% (competitor_selection, version 1.3)" */
static void say_failure(const struct board *b, const struct assert_condition *c, const struct board_line *line,
                        bool has_value, double value)
{
    const struct grouping *g = b->grouping;
    struct text t = {0};

    text_printf(&t, "%s is ", field_names[c->test.field]);
    if (has_value)
        assert_put_value(&t, c->test.field, value);
    else
        text_puts(&t, "not recorded");
    text_puts(&t, " (");
    text_safe(&t, text_str(&b->pipelines[b->steps[line->step].pipeline].name), SAFE_LINE);
    if (g->bucket_ns > 0) {
        text_puts(&t, ", ");
        group_put_bucket(&t, g, &line->group);
    }
    for (size_t i = 0; i < g->field_count; i++) {
        text_printf(&t, ", %s ", g->fields[i].title);
        group_put(&t, g, &line->group, i);
    }
    text_puts(&t, ")");

    struct text subject = {0};

    text_printf(&subject, "assert '%s'", c->text);
    text_put(&subject, "", 1);
    cli_say(subject.data, "%.*s", (int)t.len, t.data);
    text_free(&subject);
    text_free(&t);
}

static void say_absent(const struct board *b, const struct assert_condition *c)
{
    struct text names = {0};

    for (size_t i = 0; i < b->step_count && names.len < 400; i++) {
        text_puts(&names, i > 0 ? ", " : "");
        text_safe(&names, text_str(&b->steps[i].name), SAFE_LINE);
    }
    cli_say(NULL, "assert '%s': none of the chosen runs has a step '%.*s'", c->text, (int)c->step.len, c->step.data);
    if (names.len > 0)
        cli_hint("steps that occur: %.*s", (int)names.len, names.data);
    text_free(&names);
}

static bool condition_holds(const struct assert_condition *c, struct board *b, const struct feed *feed)
{
    enum { MOST_BLAMED = 8 }; /* each costs a pass over the spine */
    int blamed = 0;
    bool occurs = false;
    bool holds = true;

    for (size_t i = 0; i < b->line_count; i++) {
        struct board_line *line = &b->lines[i];
        const struct text *name = &b->steps[line->step].name;
        double value = 0;

        if (name->len != c->step.len || memcmp(name->data, c->step.data, name->len) != 0 ||
            line->sides[0].steps == 0)
            continue;
        occurs = true;

        const bool has_value = line_value(b, line, c->test.field, &value);

        if (has_value && assert_holds(&c->test, value))
            continue;
        holds = false;
        say_failure(b, c, line, has_value, value);
        if (has_value && blamed++ < MOST_BLAMED)
            blame_runs(&c->test, b, line, feed);
    }
    if (!occurs)
        say_absent(b, c);
    return holds && occurs;
}

bool asserts_hold(const struct asserts *a, struct board *board, const struct feed *feed)
{
    bool hold = true;

    for (size_t i = 0; i < a->count; i++)
        hold = condition_holds(&a->items[i], board, feed) && hold;
    return hold;
}

void asserts_free(struct asserts *a)
{
    for (size_t i = 0; i < a->count; i++)
        text_free(&a->items[i].step);
    free(a->items);
}
