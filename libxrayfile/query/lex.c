/* Tokens: space, names, strings and patterns (lex.h). Numbers are in lexnum.c. */
#include "query/lex.h"

#include "codec/regex.h"

/* ---- space and names ----------------------------------------------------------- */

void xf_lex_space(struct xf_lex *l)
{
    for (;;) {
        const char c = xf_lex_peek(l, 0);

        if (c == '#') {
            while (l->at < l->len && l->text[l->at] != '\n')
                l->at++;
        } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            l->at++;
        } else {
            return;
        }
    }
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool xf_lex_is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool xf_lex_is_name(char c)
{
    return xf_lex_is_name_start(c) || is_digit(c);
}

bool xf_lex_is_word(char c)
{
    return xf_lex_is_name(c) || c == '-' || c == '.' || c == '@' || c == '/' || c == ':';
}

size_t xf_lex_name(const struct xf_lex *l)
{
    size_t n = 0;

    if (xf_lex_is_name_start(xf_lex_peek(l, 0)))
        while (xf_lex_is_name(xf_lex_peek(l, n)))
            n++;
    return n;
}

size_t xf_lex_word(const struct xf_lex *l)
{
    size_t n = 0;

    if (xf_lex_is_name_start(xf_lex_peek(l, 0)))
        while (xf_lex_is_word(xf_lex_peek(l, n)))
            n++;
    return n;
}

bool xf_lex_at_name(const struct xf_lex *l, const char *name)
{
    return xf_text_is(xray_strn(l->text + l->at, xf_lex_name(l)), name);
}

bool xf_lex_take_name(struct xf_lex *l, const char *name)
{
    if (!xf_lex_at_name(l, name))
        return false;
    l->at += strlen(name);
    return true;
}

bool xf_lex_at(const struct xf_lex *l, const char *characters)
{
    return xf_text_begins(xray_strn(l->text + l->at, l->len - l->at), xray_s(characters));
}

bool xf_lex_take(struct xf_lex *l, const char *characters)
{
    if (!xf_lex_at(l, characters))
        return false;
    l->at += strlen(characters);
    return true;
}

/* ---- strings ------------------------------------------------------------------- */

static int hex_value(char c)
{
    return is_digit(c)            ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* UTF-8 of a code point; its length. */
static size_t put_point(uint32_t point, char out[4])
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }

    const size_t n = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;

    for (size_t i = n - 1; i > 0; i--, point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3f));
    out[0] = (char)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | point);
    return n;
}

/* The escape at text[0] == '\\': bytes it takes (0: none that there is), what it stands for in out. */
static size_t read_escape(const char *text, size_t len, char out[4], size_t *out_len)
{
    static const char simple[] = "\"\"''\\\\n\nt\t";
    uint32_t point = 0;
    size_t i;

    *out_len = 1;
    if (len < 2)
        return 0;
    for (i = 0; i < sizeof simple - 1; i += 2)
        if (text[1] == simple[i]) {
            out[0] = simple[i + 1];
            return 2;
        }
    if (text[1] != 'u' || len < 5 || text[2] != '{')
        return 0;
    for (i = 3; i < len && i < 9 && hex_value(text[i]) >= 0; i++)
        point = point << 4 | (uint32_t)hex_value(text[i]);
    if (i == 3 || i == len || text[i] != '}' || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return 0;
    *out_len = put_point(point, out);
    return i + 1;
}

static int fail_escape(struct xf_lex *l, size_t at)
{
    size_t n = 2;

    while (at + n < l->len && ((unsigned char)l->text[at + n] & 0xc0) == 0x80)
        n++;
    return xf_source_fail(l->source, XRAY_ESYNTAX, at, n,
                          "escapes are \\\" \\' \\\\ \\n \\t \\u{1f600}; a pattern is written ~ /\\d+/",
                          "there is no escape '%.*s'", (int)n, l->text + at);
}

int xf_lex_string(struct xf_lex *l, xray_str *out)
{
    const size_t start = l->at;
    const char quote = l->text[l->at++];
    size_t end = l->at, n = 0;
    char *text;

    while (end < l->len && l->text[end] != quote && l->text[end] != '\n')
        end += l->text[end] == '\\' ? 2 : 1;
    if (end >= l->len || l->text[end] != quote)
        return xf_source_fail(l->source, XRAY_ESYNTAX, start, 1,
                              quote == '"' ? "add \"; a newline is written \\n"
                                           : "add '; a newline is written \\n",
                              "the string is not closed");
    text =
        xf_arena_alloc(l->source->arena, end - l->at + 1); /* no escape is shorter than what it stands for */
    if (text == NULL)
        return xf_source_fail_memory(l->source);
    while (l->at < end) {
        if (l->text[l->at] != '\\') {
            text[n++] = l->text[l->at++];
            continue;
        }

        char bytes[4];
        size_t count;
        const size_t taken = read_escape(l->text + l->at, end - l->at, bytes, &count);

        if (taken == 0)
            return fail_escape(l, l->at);
        memcpy(text + n, bytes, count);
        n += count;
        l->at += taken;
    }
    l->at++;
    *out = xray_strn(text, n);
    return XRAY_OK;
}

/* ---- patterns ------------------------------------------------------------------ */

int xf_lex_pattern(struct xf_lex *l, xray_str *pattern, xray_str *flags)
{
    const size_t start = l->at++;
    size_t end = l->at, n = 0;
    char *text;

    while (end < l->len && l->text[end] != '/')
        end += l->text[end] == '\\' ? 2 : 1;
    if (end >= l->len)
        return xf_source_fail(l->source, XRAY_ESYNTAX, start, 1, "add /; a slash in it is written \\/",
                              "the pattern is not closed");
    text = xf_arena_alloc(l->source->arena, end - l->at + 1);
    if (text == NULL)
        return xf_source_fail_memory(l->source);
    while (l->at < end) {
        if (l->text[l->at] == '\\') {
            l->at++;
            if (l->text[l->at] != '/')
                text[n++] = '\\';
        }
        text[n++] = l->text[l->at++];
    }
    *pattern = xray_strn(text, n);
    l->at++;
    *flags = xray_strn(l->text + l->at, xf_lex_name(l));
    for (size_t i = 0; i < flags->len; i++)
        if (strchr(XF_REGEX_FLAGS, flags->ptr[i]) == NULL)
            return xf_source_fail(l->source, XRAY_ESYNTAX, l->at + i, 1,
                                  flags->ptr[i] == 'g' ? "leave it out: a pattern is looked for everywhere"
                                                       : "flags are i (case), s (dot takes newline), m, x",
                                  "a pattern has no flag '%c'", flags->ptr[i]);
    l->at += flags->len;
    return XRAY_OK;
}

size_t xf_lex_origin(const struct xf_lex *l, size_t start, size_t off)
{
    const bool pattern = l->text[start] == '/';
    size_t at = start + 1;

    for (size_t n = 0; n < off && at < l->len && l->text[at] != l->text[start];) {
        char bytes[4];
        size_t count = 1, taken = 1;

        if (l->text[at] == '\\' && pattern)
            taken = count = 2;
        else if (l->text[at] == '\\')
            taken = read_escape(l->text + at, l->len - at, bytes, &count);
        if (pattern && taken == 2 && at + 1 < l->len && l->text[at + 1] == '/')
            count = 1;
        if (taken == 0 || n + count > off)
            break;
        n += count;
        at += taken;
    }
    return at;
}
