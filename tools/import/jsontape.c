/* See jsontape.h. A loop over tokens with an explicit stack: no recursion, so that
 * nesting costs nothing but the check. */
#include "import/jsontape.h"

#include <stdlib.h>

#include "common/text.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* What may come next. */
enum expect {
    A_VALUE,
    A_VALUE_OR_END, /* behind [ */
    A_KEY,
    A_KEY_OR_END, /* behind { */
    A_COLON,
    A_COMMA_OR_END, /* behind a value in a container */
};

struct reader {
    struct json_tape *tape;
    const char *text;
    size_t at, len;
    bool whole;
};

static enum json_result bad(struct reader *r, size_t at, const char *what)
{
    r->tape->fault = at;
    r->tape->what = what;
    return JSON_BAD;
}

/* The text stops inside a token. */
static enum json_result cut(struct reader *r)
{
    if (!r->whole)
        return JSON_MORE;
    return bad(r, r->len, "the text ends inside a value");
}

static uint32_t add_node(struct json_tape *tape, size_t off, enum node_type type)
{
    struct json_node *n;

    if (tape->count == tape->cap)
        tape->nodes = memory_grow(tape->nodes, &tape->cap, tape->count + 1, sizeof *tape->nodes);
    n = &tape->nodes[tape->count];
    *n = (struct json_node){ .off = (uint32_t)off, .type = (uint8_t)type };
    return (uint32_t)tape->count++;
}

static void close_node(struct json_tape *tape, uint32_t node, size_t end)
{
    tape->nodes[node].len = (uint32_t)(end - tape->nodes[node].off);
    tape->nodes[node].next = (uint32_t)tape->count;
}

/* ---- strings ---- */

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* Bytes that end a plain run: quote, backslash, controls, everything that is not ASCII. */
static bool is_special(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\' || c >= 0x80;
}

#ifdef __SSE2__
/* Bit i: byte i of the sixteen is special. Signed, everything that is not ASCII is below 0x20 too. */
static unsigned specials_of_16(const char *text)
{
    const __m128i v = _mm_loadu_si128((const __m128i *)(const void *)text);
    const __m128i below = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));
    const __m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
    const __m128i backslash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));

    return (unsigned)_mm_movemask_epi8(_mm_or_si128(below, _mm_or_si128(quote, backslash)));
}
#endif

/* Sixteen or eight bytes at a time: the usual text is long and plain. (x - 1 borrows from the top bit of a zero byte.) */
static size_t skip_plain(const char *text, size_t at, size_t len)
{
#ifdef __SSE2__
    while (len - at >= 16) {
        const unsigned special = specials_of_16(text + at);

        if (special != 0)
            return at + (size_t)__builtin_ctz(special);
        at += 16;
    }
#endif
    while (len - at >= 8) {
        uint64_t w, special;

        memcpy(&w, text + at, 8);
        special = (((w ^ EACH_BYTE('"')) - EACH_BYTE(1)) | ((w ^ EACH_BYTE('\\')) - EACH_BYTE(1)) |
                   (w - EACH_BYTE(0x20)) | w) & EACH_BYTE(0x80);
        if (special == 0) {
            at += 8;
            continue;
        }
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        return at + (size_t)__builtin_ctzll(special) / 8; /* a borrow can only reach beyond the first one */
#else
        break;
#endif
    }
    while (at < len && !is_special((unsigned char)text[at]))
        at++;
    return at;
}

static bool is_tail(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Length of the UTF-8 character at `at`; 0: it is none; SIZE_MAX: the text stops in it. */
static size_t char_len(const char *text, size_t at, size_t len)
{
    const unsigned char a = (unsigned char)text[at];
    const size_t want = a >= 0xc2 && a < 0xe0 ? 2 : a >= 0xe0 && a < 0xf0 ? 3 : a >= 0xf0 && a < 0xf5 ? 4 : 0;
    unsigned char b;

    if (want == 0)
        return 0;
    for (size_t i = 1; i < want; i++) {
        if (at + i == len)
            return SIZE_MAX;
        if (!is_tail(text[at + i]))
            return 0;
    }
    b = (unsigned char)text[at + 1];
    if ((a == 0xe0 && b < 0xa0) || (a == 0xed && b >= 0xa0) || (a == 0xf0 && b < 0x90) ||
        (a == 0xf4 && b >= 0x90))
        return 0; /* overlong, a surrogate, beyond U+10FFFF */
    return want;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The four digits behind \u; -1: there are not four. */
static int32_t unicode_unit(const char *digits)
{
    int32_t unit = 0;

    for (int i = 0; i < 4; i++) {
        const int d = hex_value(digits[i]);

        if (d < 0)
            return -1;
        unit = unit * 16 + d;
    }
    return unit;
}

static bool is_high(int32_t unit)
{
    return unit >= 0xd800 && unit < 0xdc00;
}

static bool is_low(int32_t unit)
{
    return unit >= 0xdc00 && unit < 0xe000;
}

/* At a \u: moves behind it, and behind the second half of a pair. */
static enum json_result take_unicode(struct reader *r)
{
    const size_t start = r->at;
    int32_t unit;

    if (r->len - start < 6)
        return cut(r);
    unit = unicode_unit(r->text + start + 2);
    if (unit < 0)
        return bad(r, start, "\\u without four hexadecimal digits");
    r->at += 6;
    if (is_low(unit))
        return bad(r, start, "lone surrogate in a string");
    if (!is_high(unit))
        return JSON_DONE;
    if (r->len - r->at < 6 && !r->whole)
        return JSON_MORE;
    if (r->len - r->at < 6 || r->text[r->at] != '\\' || r->text[r->at + 1] != 'u' ||
        !is_low(unicode_unit(r->text + r->at + 2)))
        return bad(r, start, "lone surrogate in a string");
    r->at += 6;
    return JSON_DONE;
}

static enum json_result take_escape(struct reader *r)
{
    if (r->len - r->at < 2)
        return cut(r);
    if (r->text[r->at + 1] == 'u')
        return take_unicode(r);
    switch (r->text[r->at + 1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        r->at += 2;
        return JSON_DONE;
    default:
        return bad(r, r->at, "unknown escape in a string");
    }
}

/* At a quote: a string node. */
static enum json_result take_string(struct reader *r)
{
    const uint32_t node = add_node(r->tape, r->at, JSON_STRING);

    r->at++;
    for (;;) {
        unsigned char c;
        size_t n;

        r->at = skip_plain(r->text, r->at, r->len);
        if (r->at == r->len)
            return r->whole ? bad(r, r->tape->nodes[node].off, "this string has no end") : JSON_MORE;
        c = (unsigned char)r->text[r->at];
        if (c == '"')
            break;
        if (c == '\\') {
            const enum json_result e = take_escape(r);

            if (e != JSON_DONE)
                return e;
            r->tape->nodes[node].escaped = true;
            continue;
        }
        if (c < 0x20)
            return bad(r, r->at, "control character in a string");
        n = char_len(r->text, r->at, r->len);
        if (n == SIZE_MAX)
            return cut(r);
        if (n == 0)
            return bad(r, r->at, "bytes in a string that are not UTF-8");
        r->at += n;
    }
    r->at++;
    close_node(r->tape, node, r->at);
    return JSON_DONE;
}

static size_t put_char(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

size_t json_unescape(char *out, const char *quoted, size_t len)
{
    const char *p = quoted + 1, *end = quoted + len - 1;
    size_t n = 0;

    while (p < end) {
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";

        if (*p != '\\') {
            out[n++] = *p++;
        } else if (p[1] != 'u') {
            out[n++] = to[strchr(from, p[1]) - from];
            p += 2;
        } else {
            uint32_t c = (uint32_t)unicode_unit(p + 2);

            p += 6;
            if (is_high((int32_t)c)) {
                c = 0x10000 + ((c - 0xd800) << 10) + ((uint32_t)unicode_unit(p + 2) - 0xdc00);
                p += 6;
            }
            n += put_char(out + n, c);
        }
    }
    return n;
}

/* ---- other scalars ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t skip_digits(struct reader *r, size_t at)
{
    while (at < r->len && is_digit(r->text[at]))
        at++;
    return at;
}

/* At a digit or a minus that no I follows. A number that touches the end may go on. */
static enum json_result take_number(struct reader *r)
{
    static const char what[] = "this is not a number";
    const uint32_t node = add_node(r->tape, r->at, JSON_INT);
    size_t at = r->at + (r->text[r->at] == '-'), from = at;

    at = skip_digits(r, at);
    if (at == from && at < r->len)
        return bad(r, r->at, what);
    if (at - from > 1 && r->text[from] == '0')
        return bad(r, r->at, "a number that begins with 0");
    if (at < r->len && r->text[at] == '.') {
        r->tape->nodes[node].type = JSON_REAL;
        from = ++at;
        at = skip_digits(r, at);
        if (at == from && at < r->len)
            return bad(r, r->at, what);
    }
    if (at > from && at < r->len && (r->text[at] == 'e' || r->text[at] == 'E')) {
        r->tape->nodes[node].type = JSON_REAL;
        at++;
        if (at < r->len && (r->text[at] == '+' || r->text[at] == '-'))
            at++;
        from = at;
        at = skip_digits(r, at);
        if (at == from && at < r->len)
            return bad(r, r->at, what);
    }
    if (at == r->len && !r->whole)
        return JSON_MORE;
    if (at == from)
        return bad(r, r->at, what);
    close_node(r->tape, node, at);
    r->at = at;
    return JSON_DONE;
}

static enum json_result take_word(struct reader *r, const char *word, enum node_type type)
{
    const size_t want = strlen(word), have = r->len - r->at < want ? r->len - r->at : want;
    uint32_t node;

    if (memcmp(r->text + r->at, word, have) != 0)
        return bad(r, r->at, "a value was expected");
    if (have < want)
        return cut(r);
    if (type == JSON_NONFINITE && r->tape->nonfinite == SIZE_MAX)
        r->tape->nonfinite = r->at;
    node = add_node(r->tape, r->at, type);
    r->at += want;
    close_node(r->tape, node, r->at);
    return JSON_DONE;
}

static enum json_result take_scalar(struct reader *r)
{
    switch (r->text[r->at]) {
    case '"':
        return take_string(r);
    case 't':
        return take_word(r, "true", JSON_BOOL);
    case 'f':
        return take_word(r, "false", JSON_BOOL);
    case 'n':
        return take_word(r, "null", JSON_NULL);
    case 'N':
        return take_word(r, "NaN", JSON_NONFINITE);
    case 'I':
        return take_word(r, "Infinity", JSON_NONFINITE);
    case '-':
        if (r->at + 1 == r->len)
            return cut(r);
        if (r->text[r->at + 1] == 'I')
            return take_word(r, "-Infinity", JSON_NONFINITE);
        return take_number(r);
    default:
        if (is_digit(r->text[r->at]))
            return take_number(r);
        return bad(r, r->at, "a value was expected");
    }
}

/* ---- the value ---- */

static enum json_result open_container(struct reader *r, enum expect *next)
{
    const bool object = r->text[r->at] == '{';

    if (r->tape->depth == JSON_DEPTH_MAX)
        return bad(r, r->at, "nested too deeply");
    r->tape->stack[r->tape->depth++] = add_node(r->tape, r->at, object ? JSON_OBJECT : JSON_ARRAY);
    r->at++;
    *next = object ? A_KEY_OR_END : A_VALUE_OR_END;
    return JSON_DONE;
}

static bool in_object(const struct json_tape *tape)
{
    return tape->depth > 0 && tape->nodes[tape->stack[tape->depth - 1]].type == JSON_OBJECT;
}

static void close_container(struct reader *r, enum expect *next)
{
    r->at++;
    close_node(r->tape, r->tape->stack[--r->tape->depth], r->at);
    *next = A_COMMA_OR_END;
}

static enum json_result take_punctuation(struct reader *r, enum expect *next)
{
    const char c = r->text[r->at], closing = in_object(r->tape) ? '}' : ']';

    if (c == closing) {
        close_container(r, next);
        return JSON_DONE;
    }
    if (c != ',')
        return bad(r, r->at, closing == '}' ? "',' or '}' was expected" : "',' or ']' was expected");
    r->at++;
    *next = closing == '}' ? A_KEY : A_VALUE;
    return JSON_DONE;
}

/* One token. */
static enum json_result step(struct reader *r, enum expect *next)
{
    const char c = r->text[r->at];
    enum json_result result;

    switch (*next) {
    case A_KEY_OR_END:
    case A_KEY:
        if (c == '}' && *next == A_KEY_OR_END) {
            close_container(r, next);
            return JSON_DONE;
        }
        if (c != '"')
            return bad(r, r->at, "a key was expected");
        *next = A_COLON;
        return take_string(r);
    case A_COLON:
        if (c != ':')
            return bad(r, r->at, "':' was expected");
        r->at++;
        *next = A_VALUE;
        return JSON_DONE;
    case A_COMMA_OR_END:
        return take_punctuation(r, next);
    case A_VALUE_OR_END:
    case A_VALUE:
        break;
    }
    if (c == ']' && *next == A_VALUE_OR_END) {
        close_container(r, next);
        return JSON_DONE;
    }
    if (c == '{' || c == '[')
        return open_container(r, next);
    result = take_scalar(r);
    *next = A_COMMA_OR_END;
    return result;
}

enum json_result json_tape_read(struct json_tape *tape, const char *text, size_t len, bool whole)
{
    struct reader r = { .tape = tape, .text = text, .len = len, .whole = whole };
    enum expect next = A_VALUE;

    tape->text = text;
    tape->count = tape->depth = 0;
    tape->nonfinite = SIZE_MAX;
    do {
        enum json_result result;

        while (r.at < len && json_is_white(text[r.at]))
            r.at++;
        if (r.at == len)
            return cut(&r);
        result = step(&r, &next);
        if (result != JSON_DONE)
            return result;
    } while (tape->depth > 0);
    tape->end = r.at;
    return JSON_DONE;
}

void json_tape_free(struct json_tape *tape)
{
    free(tape->nodes);
    *tape = (struct json_tape){ 0 };
}
