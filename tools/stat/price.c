/* See price.h. */
#include "stat/price.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <inttypes.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/when.h"

enum { COLUMNS = 6, MAX_RULES = 10000, MAX_PATTERN = 400, MAX_MODELS = 65536, MATCH_LIMIT = 100000 };

#define MAX_NANO INT64_C(1000000000000000) /* a million dollars: times 2^63 tokens it stays far below 2^128 */

struct price_row {
    int64_t from_ns;
    int64_t in, out;
    int64_t cache_read, cache_write; /* XRAY_MISSING: none published */
};

struct price_rule {
    struct text pattern;
    pcre2_code *code;
    pcre2_match_data *match;
    struct price_row *rows; /* by date, ascending */
    size_t row_count, row_cap;
};

static const char builtin[] =
#include "stat/prices.inc"
    ;

const char *price_builtin(void)
{
    return builtin;
}

/* ---- the table ---- */

bool price_parse_amount(xray_str text, int64_t *nano)
{
    int64_t amount = 0;
    int decimals = -1;

    if (text.len == 0 || text.len > 20 || text.ptr[0] == '.' || text.ptr[text.len - 1] == '.')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];

        if (c == '.' && decimals < 0) {
            decimals = 0;
            continue;
        }
        if (c < '0' || c > '9' || amount > MAX_NANO || (decimals >= 0 && ++decimals > 9))
            return false;
        amount = amount * 10 + (c - '0');
    }
    for (int i = decimals < 0 ? 0 : decimals; i < 9; i++) {
        if (amount > MAX_NANO)
            return false;
        amount *= 10;
    }
    if (amount > MAX_NANO)
        return false;
    *nano = amount;
    return true;
}

static bool parse_optional(xray_str text, int64_t *nano)
{
    if (text.len == 1 && text.ptr[0] == '-') {
        *nano = XRAY_MISSING;
        return true;
    }
    return price_parse_amount(text, nano);
}

/* YYYY-MM-DD, in UTC whatever --tz says: prices change everywhere at once. */
static bool parse_day(xray_str text, int64_t *ns)
{
    char stamp[32];
    const char *hint;

    if (text.len != 10)
        return false;
    snprintf(stamp, sizeof stamp, "%.10sT00:00:00Z", text.ptr);
    return when_parse(stamp, ns, &hint);
}

/* What may stand around the name: see the head of prices.tsv. */
static bool compile(struct price_rule *rule, char error[256])
{
    static const char before[] = "^(?:\\S*/)?(?:[a-z-]+\\.)*(?:";
    static const char behind[] = ")(?:[-@:.](?:\\d{8}|\\d{4}-\\d\\d-\\d\\d|\\d\\d-\\d{4}|\\d\\d-\\d\\d|\\d{3,4}|"
                                 "latest|preview|exp|v\\d+(?:[:.]\\d+)?))*$";
    struct text whole = {0};
    PCRE2_UCHAR message[128];
    PCRE2_SIZE offset;
    int code;

    text_puts(&whole, before);
    text_put(&whole, rule->pattern.data, rule->pattern.len);
    text_puts(&whole, behind);
    rule->code = pcre2_compile((PCRE2_SPTR)whole.data, whole.len, PCRE2_CASELESS | PCRE2_DOLLAR_ENDONLY, &code,
                               &offset, NULL);
    text_free(&whole);
    if (rule->code == NULL) {
        pcre2_get_error_message(code, message, sizeof message);
        snprintf(error, 256, "regular expression: %s", (const char *)message);
        return false;
    }
    rule->match = pcre2_match_data_create(1, NULL);
    if (rule->match == NULL) {
        snprintf(error, 256, "out of memory");
        return false;
    }
    return true;
}

static bool is_pattern(const struct price_rule *rule, xray_str pattern)
{
    return rule->pattern.len == pattern.len && memcmp(rule->pattern.data, pattern.ptr, pattern.len) == 0;
}

static bool add_row(struct price_list *p, xray_str pattern, const struct price_row *row, char error[256])
{
    struct price_rule *rule = p->rule_count > 0 ? &p->rules[p->rule_count - 1] : NULL;

    if (rule == NULL || !is_pattern(rule, pattern)) {
        if (p->rule_count == MAX_RULES || pattern.len > MAX_PATTERN) {
            snprintf(error, 256, "more than %d models, or an expression longer than %d bytes", MAX_RULES, MAX_PATTERN);
            return false;
        }
        p->rules = memory_grow(p->rules, &p->rule_cap, p->rule_count + 1, sizeof *p->rules);
        rule = &p->rules[p->rule_count++];
        *rule = (struct price_rule){0};
        text_put(&rule->pattern, pattern.ptr, pattern.len);
        if (!compile(rule, error))
            return false;
    }
    if (rule->row_count > 0 && rule->rows[rule->row_count - 1].from_ns >= row->from_ns) {
        snprintf(error, 256, "the date is not later than that of the row before, which is of the same model");
        return false;
    }
    rule->rows = memory_grow(rule->rows, &rule->row_cap, rule->row_count + 1, sizeof *rule->rows);
    rule->rows[rule->row_count++] = *row;
    return true;
}

static bool parse_line(struct price_list *p, xray_str line, char error[256])
{
    xray_str columns[COLUMNS];
    struct price_row row;
    int count = 0;

    for (const char *at = line.ptr, *end = line.ptr + line.len; at <= end; count++) {
        const char *tab = memchr(at, '\t', (size_t)(end - at));
        const char *stop = tab != NULL ? tab : end;

        if (count < COLUMNS)
            columns[count] = xray_strn(at, (size_t)(stop - at));
        at = stop + 1;
    }
    if (count != COLUMNS || columns[0].len == 0) {
        snprintf(error, 256, "expected 6 columns separated by tabs (model from input output cache_read cache_write), "
                             "found %d", count);
        return false;
    }
    if (!parse_day(columns[1], &row.from_ns)) {
        snprintf(error, 256, "the second column is no date such as 2024-08-06");
        return false;
    }
    if (!price_parse_amount(columns[2], &row.in) || !price_parse_amount(columns[3], &row.out) ||
        !parse_optional(columns[4], &row.cache_read) || !parse_optional(columns[5], &row.cache_write)) {
        snprintf(error, 256, "a price is no number of dollars from 0 to 1000000 with at most 9 decimals");
        return false;
    }
    return add_row(p, columns[0], &row, error);
}

bool price_parse(struct price_list *p, xray_str tsv, char error[256])
{
    const char *at = tsv.ptr;
    const char *end = tsv.ptr + tsv.len;
    char wrong[256];

    for (int number = 1; at < end; number++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline != NULL ? newline : end;
        xray_str line = xray_strn(at, (size_t)(stop - at));

        at = stop + 1;
        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        if (!parse_line(p, line, wrong)) {
            snprintf(error, 256, "line %d: %.200s", number, wrong);
            return false;
        }
    }
    return true;
}

/* ---- looking up ---- */

static bool matches(const struct price_rule *rule, xray_str model)
{
    pcre2_match_context *context = pcre2_match_context_create(NULL);

    if (context == NULL)
        return false;
    pcre2_set_match_limit(context, MATCH_LIMIT); /* a name that costs more than this is no model's */

    const int r = pcre2_match(rule->code, (PCRE2_SPTR)model.ptr, model.len, 0, 0, rule->match, context);

    pcre2_match_context_free(context);
    return r >= 0;
}

static const struct price_rule *search_rules(const struct price_list *p, xray_str model)
{
    for (size_t i = 0; i < p->rule_count; i++) {
        if (matches(&p->rules[i], model))
            return &p->rules[i];
    }
    return NULL;
}

/* Names are looked up once, as long as they are not too many to remember. */
static const struct price_rule *find_rule(struct price_list *p, xray_str model)
{
    bool added;

    if (p->models.count >= MAX_MODELS)
        return search_rules(p, model);

    const size_t number = strmap_put(&p->models, model, &added);

    if (added) {
        p->rule_of = memory_grow(p->rule_of, &p->rule_of_cap, number + 1, sizeof *p->rule_of);
        p->rule_of[number] = search_rules(p, model);
    }
    return p->rule_of[number];
}

/* The row in force: the last that is not later. Without a time the newest, before the first date the oldest: both are
 * a guess. */
static const struct price_row *row_at(const struct price_rule *rule, int64_t time_ns, bool *guessed)
{
    const struct price_row *row = &rule->rows[rule->row_count - 1];

    if (time_ns == XRAY_MISSING) {
        *guessed = true;
        return row;
    }
    while (row > rule->rows && row->from_ns > time_ns)
        row--;
    *guessed = *guessed || row->from_ns > time_ns;
    return row;
}

/* Fills in tokens in and out from what is known; 70 to 30 where there is nothing but a total. */
static bool split_tokens(const struct price_usage *u, int64_t *in, int64_t *out, bool *guessed)
{
    *in = u->in;
    *out = u->out;
    if (*in < 0 && *out < 0) {
        if (u->total < 0)
            return false;
        *in = (int64_t)((__int128)u->total * 7 / 10);
        *out = u->total - *in;
        *guessed = true;
    } else if (*in < 0) {
        *in = u->total > *out ? u->total - *out : 0;
        *guessed = *guessed || u->total < *out;
    } else if (*out < 0) {
        *out = u->total > *in ? u->total - *in : 0;
        *guessed = *guessed || u->total < *in;
    }
    return true;
}

static price_femto times(int64_t tokens, int64_t nano)
{
    return (price_femto)tokens * (price_femto)nano;
}

static price_femto cost_at(const struct price_row *row, const struct price_usage *u, int64_t in, int64_t out,
                           bool *guessed)
{
    const int64_t cache_read = u->cache_read > 0 ? u->cache_read : 0;
    const int64_t cache_write = u->cache_write > 0 ? u->cache_write : 0;
    const bool apart = cache_read > in || cache_write > in - cache_read; /* the cache is not part of the input */
    const int64_t uncached = apart ? in : in - cache_read - cache_write;

    if (apart || (cache_read > 0 && row->cache_read == XRAY_MISSING) ||
        (cache_write > 0 && row->cache_write == XRAY_MISSING))
        *guessed = true;
    return times(uncached, row->in) + times(out, row->out) +
           times(cache_read, row->cache_read != XRAY_MISSING ? row->cache_read : row->in) +
           times(cache_write, row->cache_write != XRAY_MISSING ? row->cache_write : row->in);
}

enum price_answer price_of(struct price_list *p, const struct price_usage *usage, price_femto *femto)
{
    bool guessed = false;
    int64_t in, out;

    if (usage->model.len == 0 || !split_tokens(usage, &in, &out, &guessed))
        return PRICE_NOTHING;

    const struct price_rule *rule = find_rule(p, usage->model);
    const struct price_row fallback = {.in = p->default_in, .out = p->default_out, .cache_read = XRAY_MISSING,
                                       .cache_write = XRAY_MISSING};

    if (rule == NULL && !p->has_default)
        return PRICE_UNKNOWN;
    guessed = guessed || rule == NULL;
    *femto = cost_at(rule != NULL ? row_at(rule, usage->time_ns, &guessed) : &fallback, usage, in, out, &guessed);
    return guessed ? PRICE_ESTIMATED : PRICE_EXACT;
}

void price_add(price_femto *sum, price_femto femto)
{
    if (__builtin_add_overflow(*sum, femto, sum))
        *sum = ~(price_femto)0;
}

void price_put(struct text *t, price_femto femto)
{
    const price_femto unit = 1000000000; /* femto-dollars in a micro-dollar */
    const price_femto micro = femto / unit + (femto % unit >= unit / 2);
    price_femto whole = micro / 1000000;
    char digits[48];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + (int)(whole % 10));
        whole /= 10;
    } while (whole > 0);
    text_put(t, &digits[at], sizeof digits - at);
    text_printf(t, ".%06u", (unsigned)(micro % 1000000));
}

void price_free(struct price_list *p)
{
    for (size_t i = 0; i < p->rule_count; i++) {
        text_free(&p->rules[i].pattern);
        pcre2_match_data_free(p->rules[i].match);
        pcre2_code_free(p->rules[i].code);
        free(p->rules[i].rows);
    }
    free(p->rules);
    free(p->rule_of);
    strmap_free(&p->models);
    *p = (struct price_list){0};
}
