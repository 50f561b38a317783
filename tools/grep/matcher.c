/* See matcher.h. */
#include "grep/matcher.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "common/cli.h"
#include "common/leaves.h"
#include "grep/literals.h"
#include "grep/needle.h"
#include "grep/required.h"

enum {
    MATCH_LIMIT = 100000,
    DEPTH_LIMIT = 100000,
    HEAP_LIMIT_KIB = 64 * 1024,
    JIT_STACK_START = 32 * 1024,
    JIT_STACK_MAX = 8 * 1024 * 1024,
    MANY_LITERALS = 8, /* up to here memmem for each of them is faster */
    MIN_NEEDLE = 2,    /* one byte stands nearly everywhere */
    MIN_NEEDLES = 4,   /* the shortest of several that are looked for at once */
};

struct pattern {
    pcre2_code *code;
    bool jit;
    xray_str literal; /* what to look for with memmem instead; none: ptr NULL */
};

struct matcher {
    struct pattern *patterns; /* without those that are in the set */
    size_t count;
    xray_str *plain;      /* of the set */
    struct literals *set; /* many plain texts, looked for at once, or NULL */
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    pcre2_match_data *data;
    bool numbers;
    bool shares; /* patterns, set and needles are another's */
    uint64_t failures;
    struct text scratch;

    /* What every match holds, for a look at raw bytes; see find_needles. */
    struct needle needle;       /* of the only pattern */
    struct literals *needle_set; /* of several */
    xray_str *needle_texts;
    struct text *needle_rooms;
    size_t needle_count;
    bool not_hex;
};

/* ---- compiling ---- */

static _Noreturn void reject_pattern(xray_str pattern, int code, size_t offset)
{
    char message[256] = "";
    struct text line = {0};
    size_t columns;

    pcre2_get_error_message(code, (PCRE2_UCHAR *)message, sizeof message);
    text_safe(&line, xray_strn(pattern.ptr, offset <= pattern.len ? offset : pattern.len), SAFE_LINE);
    columns = line.len > 0 ? text_width(line.data, line.len) : 0;
    text_reset(&line);
    text_safe(&line, pattern, SAFE_LINE);
    cli_error("pattern", "%s", message);
    fprintf(stderr, "  %.*s\n  %*s^\n", (int)line.len, line.data, (int)columns, "");
    exit(EXIT_TROUBLE);
}

static bool is_plain(xray_str pattern)
{
    for (size_t i = 0; i < pattern.len; i++) {
        if (strchr("\\^$.[]|()?*+{}", pattern.ptr[i]) != NULL) /* finds NUL as well */
            return false;
    }
    return true;
}

/* The length of the escape sequence at `at`: what it names has no case of its own. */
static size_t escape_len(xray_str pattern, size_t at)
{
    const char c = at + 1 < pattern.len ? pattern.ptr[at + 1] : '\0';
    size_t len = 2;

    if (strchr("pPxNogk", c) == NULL || at + 2 >= pattern.len || pattern.ptr[at + 2] != '{')
        return c == 'p' || c == 'P' || c == 'x' ? 3 : len;
    while (at + len < pattern.len && pattern.ptr[at + len] != '}')
        len++;
    return len + 1;
}

static bool has_upper(xray_str pattern, bool literal)
{
    for (size_t at = 0; at < pattern.len;) {
        utf8proc_int32_t c = -1;
        utf8proc_ssize_t len;

        if (pattern.ptr[at] == '\\' && !literal) {
            at += escape_len(pattern, at);
            continue;
        }
        len = utf8proc_iterate((const utf8proc_uint8_t *)pattern.ptr + at,
                               (utf8proc_ssize_t)(pattern.len - at), &c);
        if (len > 0 &&
            (utf8proc_category(c) == UTF8PROC_CATEGORY_LU || utf8proc_category(c) == UTF8PROC_CATEGORY_LT))
            return true;
        at += len > 0 ? (size_t)len : 1;
    }
    return false;
}

static bool is_caseless(xray_str pattern, const struct matcher_options *options)
{
    switch (options->letters) {
    case CASE_EXACT:
        return false;
    case CASE_FOLDED:
        return true;
    case CASE_SMART:
        break;
    }
    return !has_upper(pattern, options->literal);
}

/* Appends a plain text as a pattern that means it: letters and digits are themselves, before
 * everything else in ASCII a backslash makes it so. */
static void put_literal(struct text *t, xray_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.ptr[i];

        if (c < 0x80 && !((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
            text_puts(t, "\\");
        text_put(t, text.ptr + i, 1);
    }
}

/* Appends the pattern with the conditions of -w. PCRE2's own option for words knows ASCII
 * letters only, unless \d and \w are to mean more as well, and -w is not to change these. */
static void put_wrapped(struct text *t, xray_str pattern, const struct matcher_options *options)
{
    if (options->word)
        text_puts(t, "(?<![\\p{L}\\p{M}\\p{N}_])(?:");
    if (options->literal)
        put_literal(t, pattern);
    else
        text_put(t, pattern.ptr, pattern.len);
    if (options->word)
        text_puts(t, ")(?![\\p{L}\\p{M}\\p{N}_])");
}

static pcre2_code *compile_code(xray_str text, uint32_t flags, bool line, int *code, size_t *offset)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    pcre2_code *compiled;

    if (context == NULL)
        cli_die("out of memory");
    if (line)
        pcre2_set_compile_extra_options(context, PCRE2_EXTRA_MATCH_LINE);
    compiled =
        pcre2_compile((PCRE2_SPTR)(text.len > 0 ? text.ptr : ""), text.len, flags, code, offset, context);
    pcre2_compile_context_free(context);
    return compiled;
}

static void compile(struct pattern *p, xray_str text, const struct matcher_options *options)
{
    /* Beside PCRE2_LITERAL the others are not allowed, nor needed. */
    const uint32_t common =
        PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | (is_caseless(text, options) ? PCRE2_CASELESS : 0);
    const uint32_t regex = common | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
    struct text wrapped = {0};
    int code = 0;
    size_t offset = 0;

    p->code = compile_code(text, options->literal ? common | PCRE2_LITERAL : regex, false, &code, &offset);
    if (p->code == NULL)
        reject_pattern(text, code, offset);
    if (options->word || options->line) {
        pcre2_code_free(p->code);
        put_wrapped(&wrapped, text, options);
        p->code = compile_code(text_str(&wrapped), regex, options->line, &code, &offset);
        if (p->code == NULL)
            reject_pattern(text_str(&wrapped), code, offset);
        text_free(&wrapped);
    }
    p->jit = pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE) == 0;
    if ((common & PCRE2_CASELESS) == 0 && !options->word && !options->line && text.len > 0 &&
        (options->literal || is_plain(text)))
        p->literal = text;
}

static bool in_numbers(unsigned char c)
{
    return c != '\0' && strchr("0123456789+-.eEinfaINFA", c) != NULL;
}

/* Could the pattern match some number's text? What it must begin with, or must hold,
 * often shows that not. */
static bool matches_numbers(const pcre2_code *code)
{
    uint32_t type = 0;
    uint32_t unit = 0;
    const uint8_t *bitmap = NULL;

    if (pcre2_pattern_info(code, PCRE2_INFO_FIRSTCODETYPE, &type) == 0 && type == 1 &&
        pcre2_pattern_info(code, PCRE2_INFO_FIRSTCODEUNIT, &unit) == 0 && !in_numbers((unsigned char)unit))
        return false;
    if (pcre2_pattern_info(code, PCRE2_INFO_LASTCODETYPE, &type) == 0 && type == 1 &&
        pcre2_pattern_info(code, PCRE2_INFO_LASTCODEUNIT, &unit) == 0 && !in_numbers((unsigned char)unit))
        return false;
    if (pcre2_pattern_info(code, PCRE2_INFO_FIRSTBITMAP, &bitmap) == 0 && bitmap != NULL) {
        bool any = false;

        for (unsigned c = 0; c < 256; c++)
            any = any || ((bitmap[c / 8] >> c % 8 & 1) && in_numbers((unsigned char)c));
        return any;
    }
    return true;
}

static bool is_hex(unsigned char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') || c == '-';
}

static bool all_are(xray_str text, bool (*test)(unsigned char))
{
    for (size_t i = 0; i < text.len; i++) {
        if (!test((unsigned char)text.ptr[i]))
            return false;
    }
    return true;
}

/* Extracts from each pattern a text that its matches must hold. Where one of the patterns has none, or only
 * numbers could match it (they do not stand in a value as they read), nothing is looked for in raw bytes. */
static void find_needles(struct matcher *m, const xray_str *patterns, size_t count,
                         const struct matcher_options *options)
{
    bool usable = count > 0;
    bool folded = false;

    m->needle_rooms = memory_new(count, sizeof *m->needle_rooms);
    m->needle_texts = memory_new(count, sizeof *m->needle_texts);
    m->needle_count = count;
    m->not_hex = true;
    for (size_t i = 0; i < count; i++) {
        const size_t least = count == 1 ? MIN_NEEDLE : MIN_NEEDLES;
        bool fold = is_caseless(patterns[i], options);
        xray_str pattern = patterns[i];

        if (!options->literal && pattern.len >= 4 && memcmp(pattern.ptr, "(?i)", 4) == 0) {
            pattern = xray_strn(pattern.ptr + 4, pattern.len - 4);
            fold = true;
        }
        required_text(pattern, options->literal, fold, &m->needle_rooms[i]);
        m->needle_texts[i] = text_str(&m->needle_rooms[i]);
        if (m->needle_texts[i].len < least) {
            m->needle_texts[i].len = 0;
            usable = false;
        }
        folded = folded || fold;
        m->not_hex = m->not_hex && !all_are(m->needle_texts[i], is_hex);
        m->numbers = m->numbers || (matches_numbers(m->patterns[i].code) &&
                                    all_are(m->needle_texts[i], in_numbers));
    }
    if (!usable || m->numbers || (count > 1 && folded) || getenv("XRAY_TEST_NO_PREFILTER") != NULL)
        return;
    if (count == 1)
        m->needle = needle_new(m->needle_texts[0], folded);
    else
        m->needle_set = literals_new(m->needle_texts, count);
}

/* Moves the plain texts among many patterns to a set. */
static void collect_literals(struct matcher *m)
{
    size_t plain = 0;
    size_t kept = 0;

    for (size_t i = 0; i < m->count; i++)
        plain += m->patterns[i].literal.ptr != NULL;
    if (plain <= MANY_LITERALS)
        return;
    m->plain = memory_new(plain, sizeof *m->plain);
    plain = 0;
    for (size_t i = 0; i < m->count; i++) {
        if (m->patterns[i].literal.ptr == NULL) {
            m->patterns[kept++] = m->patterns[i];
            continue;
        }
        m->plain[plain++] = m->patterns[i].literal;
        pcre2_code_free(m->patterns[i].code);
    }
    m->count = kept;
    m->set = literals_new(m->plain, plain);
}

/* What a search needs for itself, while the compiled patterns may be used by many. */
static void make_room(struct matcher *m)
{
    m->context = pcre2_match_context_create(NULL);
    m->stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MAX, NULL);
    m->data = pcre2_match_data_create(1, NULL);
    if (m->context == NULL || m->data == NULL)
        cli_die("out of memory");
    pcre2_set_match_limit(m->context, MATCH_LIMIT);
    pcre2_set_depth_limit(m->context, DEPTH_LIMIT);
    pcre2_set_heap_limit(m->context, HEAP_LIMIT_KIB);
    if (m->stack != NULL)
        pcre2_jit_stack_assign(m->context, NULL, m->stack);
}

struct matcher *matcher_new(const xray_str *patterns, size_t count, const struct matcher_options *options)
{
    struct matcher *m = memory_new(1, sizeof *m);

    m->patterns = memory_new(count, sizeof *m->patterns);
    m->count = count;
    for (size_t i = 0; i < count; i++)
        compile(&m->patterns[i], patterns[i], options);
    find_needles(m, patterns, count, options);
    collect_literals(m);
    make_room(m);
    return m;
}

struct matcher *matcher_share(const struct matcher *from)
{
    struct matcher *m = memory_new(1, sizeof *m);

    *m = *from;
    m->shares = true;
    m->failures = 0;
    m->scratch = (struct text){0};
    make_room(m);
    return m;
}

void matcher_unshare(struct matcher *m, struct matcher *shared)
{
    m->failures += shared->failures;
    matcher_free(shared);
}

static void free_patterns(struct matcher *m)
{
    for (size_t i = 0; i < m->count; i++)
        pcre2_code_free(m->patterns[i].code);
    free(m->patterns);
    literals_free(m->set);
    free(m->plain);
    literals_free(m->needle_set);
    for (size_t i = 0; i < m->needle_count; i++)
        text_free(&m->needle_rooms[i]);
    free(m->needle_rooms);
    free(m->needle_texts);
}

void matcher_free(struct matcher *m)
{
    if (m == NULL)
        return;
    if (!m->shares)
        free_patterns(m);
    pcre2_match_data_free(m->data);
    pcre2_jit_stack_free(m->stack);
    pcre2_match_context_free(m->context);
    text_free(&m->scratch);
    free(m);
}

/* ---- matching ---- */

static bool find_literal(xray_str literal, xray_str text, size_t from, size_t *start, size_t *end)
{
    const char *at = memmem(text.ptr + from, text.len - from, literal.ptr, literal.len);

    if (at == NULL)
        return false;
    *start = (size_t)(at - text.ptr);
    *end = *start + literal.len;
    return true;
}

static bool find_one(struct matcher *m, const struct pattern *p, xray_str text, size_t from, size_t *start,
                     size_t *end)
{
    if (p->literal.ptr != NULL)
        return find_literal(p->literal, text, from, start, end);

    const PCRE2_SPTR subject = (PCRE2_SPTR)text.ptr;
    const int r = p->jit ? pcre2_jit_match(p->code, subject, text.len, from, 0, m->data, m->context)
                         : pcre2_match(p->code, subject, text.len, from, 0, m->data, m->context);

    if (r >= 0) {
        const size_t *vector = pcre2_get_ovector_pointer(m->data);

        *start = vector[0];
        *end = vector[1] >= vector[0] ? vector[1] : vector[0]; /* \K may turn them round */
        return true;
    }
    if (r != PCRE2_ERROR_NOMATCH && r != PCRE2_ERROR_PARTIAL)
        m->failures++; /* a limit was met: never a silent miss */
    return false;
}

bool matcher_find(struct matcher *m, xray_str text, size_t from, size_t *start, size_t *end)
{
    bool found;

    if (text.ptr == NULL)
        text = xray_strn("", 0);
    if (from > text.len)
        return false;
    found = m->set != NULL && literals_find(m->set, text, from, start, end);
    for (size_t i = 0; i < m->count; i++) {
        size_t s, e;

        if (!find_one(m, &m->patterns[i], text, from, &s, &e))
            continue;
        if (!found || s < *start || (s == *start && e > *end)) {
            *start = s;
            *end = e;
        }
        found = true;
    }
    return found;
}

bool matcher_has_needle(const struct matcher *m)
{
    return m->needle.len > 0 || m->needle_set != NULL;
}

const xray_str *matcher_needles(const struct matcher *m, size_t *count)
{
    *count = matcher_has_needle(m) ? m->needle_count : 0;
    return m->needle_texts;
}

size_t matcher_find_needle(const struct matcher *m, const uint8_t *data, size_t len)
{
    size_t start, end;

    if (m->needle.len > 0)
        return needle_find(&m->needle, data, len);
    return literals_find(m->needle_set, xray_strn((const char *)data, len), 0, &start, &end) ? start : len;
}

bool matcher_not_hex(const struct matcher *m)
{
    return m->not_hex;
}

bool matcher_text(struct matcher *m, xray_str text)
{
    size_t start, end;

    if (text.ptr == NULL)
        text = xray_strn("", 0);
    if (m->needle.len > 0 && needle_find(&m->needle, (const uint8_t *)text.ptr, text.len) == text.len)
        return false;
    if (m->set != NULL && literals_find(m->set, text, 0, &start, &end))
        return true;
    for (size_t i = 0; i < m->count; i++) {
        if (find_one(m, &m->patterns[i], text, 0, &start, &end))
            return true;
    }
    return false;
}

bool matcher_value(struct matcher *m, const uint8_t *data, size_t len)
{
    xray_mp cursor = xray_mp_over(data, len);
    xray_mp_item item;
    xray_str text;

    if (matcher_has_needle(m) && matcher_find_needle(m, data, len) == len)
        return false;
    while (xray_mp_next(&cursor, &item)) {
        if (leaf_text(&item, m->numbers, &m->scratch, &text) && matcher_text(m, text))
            return true;
    }
    return false;
}

bool matcher_numbers(const struct matcher *m)
{
    return m->numbers;
}

uint64_t matcher_failures(const struct matcher *m)
{
    return m->failures;
}
