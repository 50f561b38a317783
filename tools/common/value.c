/* See value.h. */
#include "common/value.h"

#include "common/cli.h"
#include "common/human.h"
#include "common/out.h"

enum {
    FOLD_BYTES = 4096, /* of a string on a terminal */
    LINE_COLUMNS = 100,
    INDENT = 2,
};

/* Resolves a value; what cannot be is shown by its reason. */
static bool resolve(xray_store *store, xray_ref ref, xray_buffer *out, struct text *t)
{
    xray_error err = {0};

    if (xray_ref_resolve(store, ref, out, &err) == 0)
        return true;
    text_puts(t, "(unreadable: ");
    text_safe(t, xray_s(err.message), SAFE_LINE);
    text_puts(t, ")");
    return false;
}

/* The value's text, if it is a string. */
static bool is_text(const xray_buffer *value, xray_str *text)
{
    xray_mp cursor = xray_mp_over(value->data, value->len);
    xray_mp_item item;

    if (!xray_mp_next(&cursor, &item) || item.type != XRAY_MP_STR)
        return false;
    *text = item.bytes;
    return true;
}

static void put_more(struct text *t, size_t bytes, const char *advice)
{
    out_style(t, STYLE_DIM);
    text_puts(t, " +");
    human_count(t, (int64_t)bytes);
    text_printf(t, " bytes (%s)", advice);
    out_style(t, STYLE_NONE);
}

/* Foreign text for a line of limited width (0: not limited): no more is made
 * safe than could be shown. */
static void put_cut(struct text *t, xray_str text, size_t columns)
{
    enum { NOTE_COLUMNS = 24 }; /* what put_more takes, nearly always */
    const size_t mark = t->len;
    const size_t most = columns == 0 ? text.len : text_char_floor(text.ptr, text.len, 4 * columns);

    text_safe(t, xray_strn(text.ptr, most), SAFE_LINE);
    if (columns == 0 || (most == text.len && text_width(t->data + mark, t->len - mark) <= columns))
        return;
    text_fill(t, ' ', 2 * columns); /* so that the cut shows an ellipsis in any case */
    text_cut(t, mark, columns > 2 * NOTE_COLUMNS ? columns - NOTE_COLUMNS : columns / 2);

    const size_t shown = t->len - mark - strlen("…"); /* escapes make it a little more than was shown */

    put_more(t, text.len > shown ? text.len - shown : 1, "--full");
}

void value_line(struct text *t, xray_store *store, xray_ref ref, size_t columns)
{
    xray_buffer value = {0};
    xray_buffer json = {0};
    xray_str text;

    if (ref.data == NULL)
        return;
    if (resolve(store, ref, &value, t)) {
        if (is_text(&value, &text))
            put_cut(t, text, columns);
        else if (xray_msgpack_json(value.data, value.len, &json, NULL) == 0)
            put_cut(t, xray_strn((const char *)json.data, json.len), columns);
    }
    xray_buffer_free(&json);
    xray_buffer_free(&value);
}

/* ---- JSON with room ---- */

/* The end of the string that begins at `at` (a quote). */
static size_t string_end(xray_str json, size_t at)
{
    for (at++; at < json.len; at++) {
        if (json.ptr[at] == '\\')
            at++;
        else if (json.ptr[at] == '"')
            return at + 1;
    }
    return json.len;
}

/* The end of the container that begins at `at` if it takes at most `room` columns in one line, else 0. */
static size_t inline_end(xray_str json, size_t at, size_t room)
{
    size_t depth = 0;
    size_t columns = 0;

    while (at < json.len && columns <= room) {
        const char c = json.ptr[at];

        if (c == '"') {
            const size_t end = string_end(json, at);

            columns += end - at;
            at = end;
            continue;
        }
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        columns += c == ',' || c == ':' ? 2 : 1;
        at++;
        if (depth == 0)
            return columns <= room ? at : 0;
    }
    return 0;
}

/* The short form of an escape that begins at `at`, for newline, tab and carriage return, or NULL. */
static const char *short_escape(xray_str json, size_t at)
{
    if (json.len - at < 6 || memcmp(json.ptr + at, "\\u00", 4) != 0)
        return NULL;
    if (memcmp(json.ptr + at + 4, "0a", 2) == 0)
        return "\\n";
    if (memcmp(json.ptr + at + 4, "09", 2) == 0)
        return "\\t";
    return memcmp(json.ptr + at + 4, "0d", 2) == 0 ? "\\r" : NULL;
}

/* A string of JSON, quotes included. Its line breaks are followed by one where `indent` is not 0. */
static void put_string(struct text *t, xray_str string, size_t indent)
{
    size_t plain = 0; /* where what is not yet put begins */
    size_t at = 0;

    while (at < string.len) {
        const char *escape = string.ptr[at] == '\\' ? short_escape(string, at) : NULL;

        if (escape == NULL) {
            at += string.ptr[at] == '\\' && at + 1 < string.len ? 2 : 1;
            continue;
        }
        text_safe(t, xray_strn(string.ptr + plain, at - plain), SAFE_LINE);
        text_puts(t, escape);
        at += 6;
        plain = at;
        if (indent > 0 && escape[1] == 'n' && at + 1 < string.len) {
            text_puts(t, "\n");
            text_fill(t, ' ', indent + 1);
        }
    }
    text_safe(t, xray_strn(string.ptr + plain, string.len - plain), SAFE_LINE);
}

/* The same where there is room: on a terminal lines are broken, and what is long is folded. */
static void put_long_string(struct text *t, xray_str string, size_t indent)
{
    size_t shown = string.len;

    if (out_is_terminal() && !cli_full() && shown > FOLD_BYTES)
        shown = text_char_floor(string.ptr, string.len, FOLD_BYTES);
    put_string(t, xray_strn(string.ptr, shown), out_is_terminal() ? indent : 0);
    if (shown < string.len) {
        text_puts(t, "…");
        put_more(t, string.len - shown, "--full");
    }
}

static void put_inline(struct text *t, xray_str json)
{
    size_t at = 0;

    while (at < json.len) {
        const size_t end = json.ptr[at] == '"' ? string_end(json, at) : at + 1;

        if (json.ptr[at] == '"')
            put_string(t, xray_strn(json.ptr + at, end - at), 0);
        else
            text_put(t, json.ptr + at, 1);
        if (json.ptr[at] == ',' || json.ptr[at] == ':')
            text_puts(t, " ");
        at = end;
    }
}

static void put_newline(struct text *t, size_t indent)
{
    text_puts(t, "\n");
    text_fill(t, ' ', indent);
}

/* Indented JSON: a container stands in one line where it fits. The library's JSON
 * is well formed and not deeper than 64. */
static void put_json(struct text *t, xray_str json, size_t indent, size_t columns)
{
    size_t line = t->len; /* where the line began, less its indentation */
    size_t at = 0;

    while (at < json.len) {
        const char c = json.ptr[at];
        const size_t used = indent + (t->len - line);

        if (c == '"') {
            const size_t end = string_end(json, at);

            put_long_string(t, xray_strn(json.ptr + at, end - at), indent);
            at = end;
            continue;
        }
        if (c == '{' || c == '[') {
            const size_t end = inline_end(json, at, columns > used + 20 ? columns - used : 20);

            if (end > 0) {
                put_inline(t, xray_strn(json.ptr + at, end - at));
                at = end;
                continue;
            }
            indent += INDENT;
        } else if (c == '}' || c == ']') {
            indent -= INDENT;
            put_newline(t, indent);
            line = t->len;
        }
        text_put(t, &c, 1);
        if (c == ':')
            text_puts(t, " ");
        if (c == ',' || c == '{' || c == '[') {
            put_newline(t, indent);
            line = t->len;
        }
        at++;
    }
}

/* ---- whole values ---- */

/* Text as it is, each line indented. */
static void put_lines(struct text *t, xray_str text, size_t indent)
{
    size_t shown = text.len;
    size_t at = 0;

    if (out_is_terminal() && !cli_full() && shown > 4 * FOLD_BYTES)
        shown = text_char_floor(text.ptr, text.len, 4 * FOLD_BYTES);
    while (at < shown) {
        const char *newline = memchr(text.ptr + at, '\n', shown - at);
        const size_t end = newline != NULL ? (size_t)(newline - text.ptr) : shown;

        put_newline(t, end > at ? indent : 0);
        text_safe(t, xray_strn(text.ptr + at, end - at), SAFE_BLOCK);
        at = end + 1;
    }
    if (shown < text.len) {
        put_newline(t, indent);
        text_puts(t, "…");
        put_more(t, text.len - shown, "--full");
    }
}

static void put_value(struct text *t, const xray_buffer *value, size_t indent, size_t label_columns)
{
    const size_t columns = out_is_terminal() ? out_columns() : LINE_COLUMNS;
    const size_t room = columns > indent + label_columns + 20 ? columns - indent - label_columns : 20;
    xray_buffer json = {0};
    xray_str text;

    if (is_text(value, &text)) {
        if (text.len <= room && memchr(text.ptr, '\n', text.len) == NULL) {
            text_puts(t, " ");
            text_safe(t, text, SAFE_BLOCK);
        } else {
            put_lines(t, text, indent + INDENT);
        }
    } else if (xray_msgpack_json(value->data, value->len, &json, NULL) == 0) {
        const xray_str all = xray_strn((const char *)json.data, json.len);

        if (all.len <= room) {
            text_puts(t, " ");
            put_inline(t, all);
        } else {
            put_newline(t, indent + INDENT);
            put_json(t, all, indent + INDENT, columns);
        }
    }
    xray_buffer_free(&json);
}

void value_block(struct text *t, xray_store *store, const char *label, xray_ref ref, size_t indent)
{
    xray_buffer value = {0};

    if (ref.data == NULL)
        return;
    text_fill(t, ' ', indent);
    out_style(t, STYLE_BOLD);
    text_printf(t, "%s:", label);
    out_style(t, STYLE_NONE);
    if (resolve(store, ref, &value, t))
        put_value(t, &value, indent, strlen(label) + 2);
    text_puts(t, "\n");
    xray_buffer_free(&value);
}

static bool needs_quotes(xray_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];

        if ((unsigned char)c <= ' ' || c == '"' || c == '=' || c == ',')
            return true;
    }
    return text.len == 0;
}

/* One value, of which the first item is given. */
static void put_word(struct text *t, const xray_mp_item *item, const uint8_t *data, size_t len)
{
    xray_buffer json = {0};

    if (item->type == XRAY_MP_STR && !needs_quotes(item->bytes))
        text_safe(t, item->bytes, SAFE_LINE);
    else if (xray_msgpack_json(data, len, &json, NULL) == 0)
        text_safe(t, xray_strn((const char *)json.data, json.len), SAFE_LINE);
    xray_buffer_free(&json);
}

void value_word(struct text *t, xray_store *store, xray_ref ref)
{
    xray_buffer value = {0};
    xray_mp_item item;

    if (ref.data == NULL || !resolve(store, ref, &value, t))
        return;

    xray_mp cursor = xray_mp_over(value.data, value.len);

    if (xray_mp_next(&cursor, &item))
        put_word(t, &item, value.data, value.len);
    xray_buffer_free(&value);
}

void value_pairs(struct text *t, xray_store *store, xray_ref ref)
{
    xray_buffer value = {0};
    xray_mp_item item;

    if (ref.data == NULL || !resolve(store, ref, &value, t))
        return;

    xray_mp cursor = xray_mp_over(value.data, value.len);

    if (!xray_mp_next(&cursor, &item) || item.type != XRAY_MP_MAP) {
        value_line(t, store, ref, 0);
        item.count = 0;
    }
    for (uint32_t i = 0; i < item.count; i++) {
        xray_mp_item key, member;

        if (!xray_mp_next(&cursor, &key))
            break;

        const uint8_t *begin = cursor.at;
        xray_mp peek = cursor;

        if (!xray_mp_next(&peek, &member) || !xray_mp_skip(&cursor))
            break;
        text_puts(t, i > 0 ? " " : "");
        if (key.type == XRAY_MP_STR)
            text_safe(t, key.bytes, SAFE_LINE);
        text_puts(t, "=");
        put_word(t, &member, begin, (size_t)(cursor.at - begin));
    }
    xray_buffer_free(&value);
}

static bool is_key(const xray_mp_item *item, const char *name)
{
    return item->type == XRAY_MP_STR && item->bytes.len == strlen(name) &&
           memcmp(item->bytes.ptr, name, item->bytes.len) == 0;
}

void value_error(struct text *t, xray_store *store, xray_ref ref, size_t columns)
{
    xray_buffer value = {0};
    xray_str type = {0};
    xray_str message = {0};
    xray_mp_item item;

    if (ref.data == NULL || !resolve(store, ref, &value, t))
        return;

    xray_mp cursor = xray_mp_over(value.data, value.len);
    const uint32_t members = xray_mp_next(&cursor, &item) && item.type == XRAY_MP_MAP ? item.count : 0;

    for (uint32_t i = 0; i < members; i++) {
        xray_mp_item key, member;

        if (!xray_mp_next(&cursor, &key))
            break;

        xray_mp peek = cursor;

        if (!xray_mp_next(&peek, &member) || !xray_mp_skip(&cursor))
            break;
        if (member.type == XRAY_MP_STR && is_key(&key, "type"))
            type = member.bytes;
        if (member.type == XRAY_MP_STR && is_key(&key, "message"))
            message = member.bytes;
    }
    if (message.len == 0) {
        value_line(t, store, ref, columns);
    } else {
        if (type.len > 0) {
            text_safe(t, type, SAFE_LINE);
            text_puts(t, ": ");
        }
        put_cut(t, message, columns);
    }
    xray_buffer_free(&value);
}
