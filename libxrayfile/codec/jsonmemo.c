/* Packing JSON with a memory (jsonmemo.h). The outermost objects and arrays are taken apart here, strictly; large array
 * elements are looked up by the hash of their text, and everything else goes through the scan and json-c as
 * always. Whatever is unusual in the outer part (a syntax error, an escaped or repeated key, an object of spec 13)
 * sends the whole text that way, so that there is one place which says what is wrong. */
#include "codec/jsonmemo.h"

#include "base/buf.h"
#include "base/fail.h"
#include "base/hash.h"
#include "base/mem.h"
#include "codec/json.h"
#include "codec/jsonscan.h"
#include "codec/mpread.h"
#include "codec/mpwrite.h"

#define TEXT_MIN 2048u    /* shorter texts are parsed as quickly */
#define ELEMENT_MIN 128u
#define ENTRIES 8192u
#define PACKED_MAX ((size_t)8 << 20) /* beyond it everything is forgotten */
#define SPLIT_DEPTH 4
#define KEYS_MAX 32u

struct xf_json_memo_entry {
    uint64_t high, low;
    uint32_t off, len; /* in `packed`; len 0: free */
};

struct split {
    struct xf_json_memo *memo;
    const char *text;
    size_t len;
    size_t at;
    bool lax;
    xray_buffer *out;
};

void xf_json_memo_done(struct xf_json_memo *memo)
{
    xf_free(memo->entries);
    xray_buffer_free(&memo->packed);
    memo->entries = NULL;
}

/* ---- finding where things end ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* The next character that is not white space, or NUL at the end. */
static char peek(struct split *s)
{
    while (s->at < s->len && is_space(s->text[s->at]))
        s->at++;
    return s->at < s->len ? s->text[s->at] : '\0';
}

static bool take(struct split *s, char c)
{
    if (peek(s) != c)
        return false;
    s->at++;
    return true;
}

/* Behind the string that begins at `at`, or the text's length. */
static size_t skip_string(const struct split *s, size_t at)
{
    for (at++; at < s->len; at++) {
        at += xf_json_plain_run(s->text + at, s->len - at);
        if (at >= s->len)
            break;
        if (s->text[at] == '"')
            return at + 1;
        at += s->text[at] == '\\';
    }
    return s->len;
}

/* The end of the value that begins at `at`, by its brackets: whether it is well-formed is for others to say. */
static size_t skip_value(const struct split *s, size_t at)
{
    size_t depth = 0;

    while (at < s->len) {
        const char c = s->text[at];
        const bool closes = c == '}' || c == ']';

        if (depth == 0 && (closes || c == ',' || is_space(c)))
            break; /* behind a number or a word */
        depth += c == '{' || c == '[';
        depth -= closes;
        at = c == '"' ? skip_string(s, at) : at + 1;
        if (depth == 0 && (closes || c == '"'))
            break;
    }
    return at;
}

/* ---- packing ---- */

/* Depth counts from the whole value (spec 11), and this part stands `depth` levels down in it. */
static bool pack_plain(struct split *s, size_t end, int depth)
{
    const size_t before = s->out->len;

    if (end == s->at || xf_json_pack(s->text + s->at, end - s->at, s->lax, s->out, NULL) != XRAY_OK)
        return false;
    s->at = end;
    return xf_mp_check(s->out->data + before, s->out->len - before, XF_DEPTH_WRITE - depth, false);
}

static void forget_all(struct xf_json_memo *m)
{
    xf_buf_reset(&m->packed);
    memset(m->entries, 0, ENTRIES * sizeof *m->entries);
}

/* Packs an element, or copies what it became the last time. */
static bool pack_known(struct split *s, size_t end, int depth)
{
    struct xf_json_memo *m = s->memo;
    const struct xf_hash128 h = xf_hash128(s->text + s->at, end - s->at, (uint64_t)depth);
    struct xf_json_memo_entry *entry = &m->entries[h.low % ENTRIES];
    const size_t before = s->out->len;

    if (entry->len != 0 && entry->high == h.high && entry->low == h.low) {
        xf_buf_put(s->out, m->packed.data + entry->off, entry->len);
        s->at = end;
        return true;
    }
    if (!pack_plain(s, end, depth))
        return false;
    if (m->packed.len + (s->out->len - before) > PACKED_MAX)
        forget_all(m);
    *entry = (struct xf_json_memo_entry){
        .high = h.high, .low = h.low, .off = (uint32_t)m->packed.len, .len = (uint32_t)(s->out->len - before)};
    xf_buf_put(&m->packed, s->out->data + before, entry->len);
    if (m->packed.failed)
        forget_all(m);
    return true;
}

static bool split_value(struct split *s, int depth);

static bool split_element(struct split *s, int depth)
{
    const size_t end = skip_value(s, s->at);

    if (s->text[s->at] == '[')
        return split_value(s, depth);
    return end - s->at >= ELEMENT_MIN ? pack_known(s, end, depth) : pack_plain(s, end, depth);
}

static bool split_array(struct split *s, int depth)
{
    const size_t start = s->out->len;
    size_t count = 0;

    s->at++;
    while (count == 0 ? !take(s, ']') : take(s, ',')) {
        if (peek(s) == '\0' || !split_element(s, depth + 1))
            return false;
        count++;
    }
    if (count > 0 && !take(s, ']'))
        return false;
    return xf_mp_insert_header(s->out, start, count, false);
}

/* Keys that json-c has to look at: escaped, repeated, not ASCII, or of an object of spec 13. */
static bool key_is_plain(const xray_str *keys, size_t count)
{
    const xray_str last = keys[count - 1];

    if (last.len > 0 && (last.ptr[0] == '$' || xf_json_plain_run(last.ptr, last.len) != last.len))
        return false;
    for (size_t i = 0; i + 1 < count; i++)
        if (keys[i].len == last.len && memcmp(keys[i].ptr, last.ptr, last.len) == 0)
            return false;
    return true;
}

static bool take_key(struct split *s, xray_str *keys, size_t count)
{
    size_t end;

    if (count > KEYS_MAX || peek(s) != '"')
        return false;
    end = skip_string(s, s->at);
    if (end - s->at < 2 || s->text[end - 1] != '"')
        return false;
    keys[count - 1] = xray_strn(s->text + s->at + 1, end - s->at - 2);
    s->at = end;
    return key_is_plain(keys, count) && take(s, ':') && peek(s) != '\0';
}

static bool split_object(struct split *s, int depth)
{
    const size_t start = s->out->len;
    xray_str keys[KEYS_MAX];
    size_t count = 0;

    s->at++;
    while (count == 0 ? !take(s, '}') : take(s, ',')) {
        count++;
        if (!take_key(s, keys, count))
            return false;
        xf_mp_str(s->out, keys[count - 1].ptr, keys[count - 1].len);
        if (!split_value(s, depth + 1))
            return false;
    }
    if (count > 0 && !take(s, '}'))
        return false;
    return xf_mp_insert_header(s->out, start, count, true);
}

static bool split_value(struct split *s, int depth)
{
    const char c = s->text[s->at];

    if (depth < SPLIT_DEPTH && c == '{')
        return split_object(s, depth);
    if (depth < SPLIT_DEPTH && c == '[')
        return split_array(s, depth);
    return pack_plain(s, skip_value(s, s->at), depth);
}

int xf_json_memo_pack(struct xf_json_memo *memo, const char *text, size_t len, bool lax, xray_buffer *out,
                      xray_error *err)
{
    const size_t before = out->len;
    struct split s = {.memo = memo, .text = text, .len = len, .lax = lax, .out = out};

    if (memo == NULL || len < TEXT_MIN)
        return xf_json_pack(text, len, lax, out, err);
    if (memo->entries == NULL && (memo->entries = xf_alloc_array(ENTRIES, sizeof *memo->entries)) == NULL)
        return xf_json_pack(text, len, lax, out, err);
    if (peek(&s) != '\0' && split_value(&s, 0) && peek(&s) == '\0' && s.at == len && !out->failed)
        return XRAY_OK;
    if (out->failed)
        return xf_fail_memory(err);
    out->len = before;
    return xf_json_pack(text, len, lax, out, err);
}
