/* Strict JSON as a check over the text (jsonscan.h).
 *
 * A pushdown machine: three functions for what may stand at a place, and one
 * loop that goes from place to place. Long strings are what traces are made of,
 * so their plain ASCII runs go eight bytes at a time. */
#include "codec/jsonscan.h"

#include <string.h>

#include "base/fail.h"
#include "codec/mpread.h"
#include "codec/utf8.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

struct scan {
    const char *text;
    size_t len;
    size_t at;
    bool lax;
    char stack[XF_JSON_DEPTH]; /* '{' or '[' */
    int depth;
    struct xf_json_facts *facts;
    xray_error *err;
};

/* ---- messages --------------------------------------------------------------- */

static int fail_expected(struct scan *s, const char *expected)
{
    if (s->at >= s->len)
        return xf_fail(s->err, XRAY_ESYNTAX, s->at, "expected %s, but the JSON text ends", expected);

    const unsigned char c = (unsigned char)s->text[s->at];

    if (c > 0x20 && c < 0x7f)
        return xf_fail(s->err, XRAY_ESYNTAX, s->at, "expected %s, found '%c'", expected, c);
    return xf_fail(s->err, XRAY_ESYNTAX, s->at, "expected %s, found byte %02x", expected, c);
}

static int fail_string(struct scan *s, const char *what)
{
    if (s->at >= s->len)
        return xf_fail(s->err, XRAY_ESYNTAX, s->len, "the JSON text ends inside a string");
    return xf_fail(s->err, XRAY_ESYNTAX, s->at, "%s in a string", what);
}

/* ---- strings ---------------------------------------------------------------- */

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* Non-zero if any byte of the word is a quote, a backslash, DEL, a control character
 * or not ASCII (the usual trick: x - 1 borrows from the top bit of a zero byte). */
static uint64_t has_special(uint64_t w)
{
    const uint64_t quote = w ^ EACH_BYTE('"');
    const uint64_t backslash = w ^ EACH_BYTE('\\');
    const uint64_t del = w ^ EACH_BYTE(0x7f);
    const uint64_t below = w - EACH_BYTE(0x20);

    return ((quote - EACH_BYTE(1)) | (backslash - EACH_BYTE(1)) | (del - EACH_BYTE(1)) | below | w) &
           EACH_BYTE(0x80);
}

#ifdef __SSE2__
/* Bit i: byte i of the sixteen is special. Signed, everything that is not ASCII is below 0x20 too. */
static unsigned specials_of_16(const char *text)
{
    const __m128i v = _mm_loadu_si128((const __m128i *)(const void *)text);
    const __m128i below = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));
    const __m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
    const __m128i backslash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
    const __m128i del = _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f));

    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(below, quote), _mm_or_si128(backslash, del)));
}
#endif

size_t xf_json_plain_run(const char *text, size_t len)
{
    size_t n = 0;

#ifdef __SSE2__
    while (len - n >= 16) {
        const unsigned special = specials_of_16(text + n);

        if (special != 0)
            return n + (size_t)__builtin_ctz(special);
        n += 16;
    }
#endif
    while (len - n >= 8) {
        uint64_t word, special;

        memcpy(&word, text + n, 8);
        special = has_special(word);
        if (special == 0) {
            n += 8;
            continue;
        }
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        return n + (size_t)__builtin_ctzll(special) / 8; /* a borrow can only reach beyond the first one */
#else
        break;
#endif
    }
    while (n < len) {
        const unsigned char c = (unsigned char)text[n];

        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
            break;
        n++;
    }
    return n;
}

static bool is_short_escape(char c)
{
    switch (c) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return true;
    default:
        return false;
    }
}

/* Value of the four hexadecimal digits at `at`, or -1. */
static int hex4(const struct scan *s, size_t at)
{
    int value = 0;

    if (s->len < 4 || at > s->len - 4)
        return -1;
    for (size_t i = at; i < at + 4; i++) {
        const char c = s->text[i];
        int digit;

        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if (c >= 'a' && c <= 'f')
            digit = c - 'a' + 10;
        else if (c >= 'A' && c <= 'F')
            digit = c - 'A' + 10;
        else
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* At a \u escape: checks it, and that surrogates come in pairs. */
static int scan_unicode(struct scan *s)
{
    const int unit = hex4(s, s->at + 2);

    if (unit < 0)
        return fail_string(s, "\\u without four hexadecimal digits");
    if (unit >= 0xdc00 && unit <= 0xdfff)
        return fail_string(s, "a lone low surrogate");
    if (unit >= 0xd800 && unit <= 0xdbff) {
        const bool escaped = s->len - s->at >= 12 && s->text[s->at + 6] == '\\' && s->text[s->at + 7] == 'u';
        const int low = escaped ? hex4(s, s->at + 8) : -1;

        if (low < 0xdc00 || low > 0xdfff)
            return fail_string(s, "a lone high surrogate");
        s->at += 6;
    }
    if (unit == 0)
        s->facts->rewrite = true;
    s->at += 6;
    return XRAY_OK;
}

static int scan_escape(struct scan *s)
{
    const char c = s->len - s->at >= 2 ? s->text[s->at + 1] : '\0';

    if (c == 'u')
        return scan_unicode(s);
    if (c == '\0' && s->len - s->at < 2) {
        s->at = s->len;
        return fail_string(s, "");
    }
    if (!is_short_escape(c))
        return fail_string(s, "an unknown escape");
    s->at += 2;
    return XRAY_OK;
}

/* At the opening quote; ends behind the closing one. */
static int scan_string(struct scan *s)
{
    s->at++;
    for (;;) {
        s->at += xf_json_plain_run(s->text + s->at, s->len - s->at);
        if (s->at >= s->len)
            return fail_string(s, "");

        const unsigned char c = (unsigned char)s->text[s->at];

        if (c == '"') {
            s->at++;
            return XRAY_OK;
        }
        if (c == '\\') {
            const int status = scan_escape(s);

            if (status != XRAY_OK)
                return status;
        } else if (c < 0x20) {
            return fail_string(s, "a raw control character");
        } else {
            size_t size;

            if (xf_utf8_next((const uint8_t *)s->text + s->at, s->len - s->at, &size) < 0)
                return fail_string(s, "invalid UTF-8");
            s->at += size;
        }
    }
}

/* ---- numbers and words ------------------------------------------------------ */

static size_t digit_run(const char *text, size_t len, size_t at)
{
    const size_t start = at;

    while (at < len && text[at] >= '0' && text[at] <= '9')
        at++;
    return at - start;
}

size_t xf_json_number_len(const char *text, size_t len)
{
    size_t at = len > 0 && text[0] == '-' ? 1 : 0;
    const size_t whole = digit_run(text, len, at);

    if (whole == 0)
        return 0;
    at += text[at] == '0' ? 1 : whole; /* "01" is the number 0 with something behind it */
    if (at < len && text[at] == '.') {
        const size_t n = digit_run(text, len, at + 1);

        if (n == 0)
            return 0;
        at += 1 + n;
    }
    if (at < len && (text[at] == 'e' || text[at] == 'E')) {
        const size_t sign = len - at > 1 && (text[at + 1] == '+' || text[at + 1] == '-') ? 1 : 0;
        const size_t n = digit_run(text, len, at + 1 + sign);

        if (n == 0)
            return 0;
        at += 1 + sign + n;
    }
    return at;
}

bool xf_json_is_big_integer(const char *number, size_t len)
{
    const bool negative = len > 0 && number[0] == '-';
    const char *digits = number + (negative ? 1 : 0);
    const size_t n = len - (negative ? 1 : 0);
    const char *limit = negative ? "9223372036854775808" : "18446744073709551615";
    const size_t limit_len = strlen(limit);

    if (n < limit_len || digit_run(number, len, negative ? 1 : 0) != n)
        return false;
    return n > limit_len || memcmp(digits, limit, n) > 0;
}

static int scan_number(struct scan *s)
{
    const char *number = s->text + s->at;
    const size_t len = xf_json_number_len(number, s->len - s->at);

    if (len == 0)
        return fail_expected(s, "a whole number");
    if (len >= 19 && xf_json_is_big_integer(number, len))
        s->facts->rewrite = true;
    s->at += len;
    if (s->at < s->len && s->text[s->at] >= '0' && s->text[s->at] <= '9')
        return xf_fail(s->err, XRAY_ESYNTAX, s->at - 1, "a number begins with a superfluous 0");
    return XRAY_OK;
}

static bool take_word(struct scan *s, const char *word)
{
    const size_t n = strlen(word);

    if (s->len - s->at < n || memcmp(s->text + s->at, word, n) != 0)
        return false;
    s->at += n;
    return true;
}

static int scan_word(struct scan *s)
{
    const size_t at = s->at;

    if (take_word(s, "true") || take_word(s, "false") || take_word(s, "null"))
        return XRAY_OK;
    if (take_word(s, "NaN") || take_word(s, "Infinity") || take_word(s, "-Infinity")) {
        if (s->lax) {
            s->facts->nonfinite = true;
            return XRAY_OK;
        }
        return xf_fail(s->err, XRAY_ESYNTAX, at, "NaN and Infinity are not JSON");
    }
    return fail_expected(s, "a value");
}

/* ---- structure -------------------------------------------------------------- */

static void skip_space(struct scan *s)
{
    while (s->at < s->len) {
        const char c = s->text[s->at];

        if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
            break;
        s->at++;
    }
}

static bool stands(const struct scan *s, char c)
{
    return s->at < s->len && s->text[s->at] == c;
}

/* What must come next. */
enum place { VALUE, KEY, AFTER };

static int open_container(struct scan *s, enum place *next)
{
    const char open = s->text[s->at];

    if (s->depth == XF_JSON_DEPTH)
        return xf_fail(s->err, XRAY_ELIMIT, s->at, "JSON is nested deeper than %d levels", XF_JSON_DEPTH);
    if (s->depth == XF_DEPTH_WRITE && s->facts->deep_pos == XF_NO_POS)
        s->facts->deep_pos = s->at;
    s->stack[s->depth++] = open;
    s->at++;
    skip_space(s);
    if (stands(s, open == '{' ? '}' : ']')) {
        s->at++;
        s->depth--;
        *next = AFTER;
    } else {
        *next = open == '{' ? KEY : VALUE;
    }
    return XRAY_OK;
}

static int scan_value(struct scan *s, enum place *next)
{
    *next = AFTER;
    if (s->at >= s->len)
        return fail_expected(s, "a value");

    const char c = s->text[s->at];

    if (c == '"')
        return scan_string(s);
    if (c == '{' || c == '[')
        return open_container(s, next);
    if ((c >= '0' && c <= '9') || (c == '-' && !(s->len - s->at > 1 && s->text[s->at + 1] == 'I')))
        return scan_number(s);
    return scan_word(s);
}

static int scan_key(struct scan *s, enum place *next)
{
    if (!stands(s, '"'))
        return fail_expected(s, "a key in quotes");

    const int status = scan_string(s);

    if (status != XRAY_OK)
        return status;
    skip_space(s);
    if (!stands(s, ':'))
        return fail_expected(s, "':' after the key");
    s->at++;
    s->facts->members++;
    *next = VALUE;
    return XRAY_OK;
}

static int scan_after(struct scan *s, enum place *next)
{
    const bool object = s->stack[s->depth - 1] == '{';

    if (stands(s, ',')) {
        s->at++;
        *next = object ? KEY : VALUE;
    } else if (stands(s, object ? '}' : ']')) {
        s->at++;
        s->depth--;
        *next = AFTER;
    } else {
        return fail_expected(s, object ? "',' or '}'" : "',' or ']'");
    }
    return XRAY_OK;
}

int xf_json_scan(const char *text, size_t len, bool lax, struct xf_json_facts *facts, xray_error *err)
{
    struct scan s = {.text = text, .len = len, .lax = lax, .facts = facts, .err = err};
    enum place next = VALUE;

    *facts = (struct xf_json_facts){.deep_pos = XF_NO_POS};
    for (;;) {
        int status = XRAY_OK;

        skip_space(&s);
        switch (next) {
        case VALUE:
            status = scan_value(&s, &next);
            break;
        case KEY:
            status = scan_key(&s, &next);
            break;
        case AFTER:
            if (s.depth == 0)
                return s.at == len ? XRAY_OK : fail_expected(&s, "nothing more after the value");
            status = scan_after(&s, &next);
            break;
        }
        if (status != XRAY_OK)
            return status;
    }
}
