/* See text.h. Widths and categories are utf8proc's. */
#include "common/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "common/cli.h"

void *memory_new(size_t count, size_t size)
{
    void *p = calloc(count > 0 ? count : 1, size);

    if (p == NULL)
        cli_die("out of memory");
    return p;
}

void *memory_grow(void *array, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return array;

    size_t bigger = *cap < 8 ? 8 : *cap + *cap / 2;

    if (bigger < need)
        bigger = need;
    if (bigger > SIZE_MAX / size)
        cli_die("out of memory");

    void *p = realloc(array, bigger * size);

    if (p == NULL)
        cli_die("out of memory");
    *cap = bigger;
    return p;
}

static void reserve(struct text *t, size_t extra)
{
    if (extra > SIZE_MAX - t->len)
        cli_die("out of memory");
    t->data = memory_grow(t->data, &t->cap, t->len + extra, 1);
}

void text_put(struct text *t, const char *data, size_t len)
{
    if (len == 0)
        return;
    reserve(t, len);
    memcpy(t->data + t->len, data, len);
    t->len += len;
}

void text_puts(struct text *t, const char *string)
{
    text_put(t, string, strlen(string));
}

void text_fill(struct text *t, char c, size_t count)
{
    if (count == 0)
        return;
    reserve(t, count);
    memset(t->data + t->len, c, count);
    t->len += count;
}

void text_printf(struct text *t, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    const int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        return;
    reserve(t, (size_t)len + 1);
    va_start(args, format);
    vsnprintf(t->data + t->len, (size_t)len + 1, format, args);
    va_end(args);
    t->len += (size_t)len;
}

void text_free(struct text *t)
{
    free(t->data);
    *t = (struct text){0};
}

/* Characters that change what is seen around them or are not seen at all.
 * The fillers are letters by category but show nothing. */
static bool is_hidden(utf8proc_int32_t c)
{
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CS:
        return true;
    default:
        return (c >= 0x2060 && c <= 0x206F) || c == 0x034F || c == 0x115F || c == 0x1160 || c == 0x3164 || c == 0xFFA0 ||
               (c >= 0x180B && c <= 0x180F) || (c >= 0xE0000 && c <= 0xE0FFF);
    }
}

static void put_control(struct text *t, unsigned char c, enum safe_mode mode)
{
    if (c == '\n' || c == '\t') {
        if (mode == SAFE_BLOCK)
            text_put(t, (const char *)&c, 1);
        else
            text_puts(t, c == '\n' ? "\\n" : "\\t");
    } else if (c == '\r') {
        text_puts(t, "\\r");
    } else {
        text_printf(t, "\\x%02x", c);
    }
}

void text_escape(struct text *t, xray_str foreign, enum safe_mode mode)
{
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)foreign.ptr;
    size_t left = foreign.len;

    while (left > 0) {
        size_t plain = 0;

        while (plain < left && at[plain] >= 0x20 && at[plain] < 0x7f)
            plain++;
        text_put(t, (const char *)at, plain);
        at += plain;
        left -= plain;
        if (left == 0)
            break;
        if (*at < 0x80) {
            put_control(t, *at, mode);
            at++;
            left--;
            continue;
        }

        utf8proc_int32_t c = -1;
        const utf8proc_ssize_t size = utf8proc_iterate(at, left < 4 ? (utf8proc_ssize_t)left : 4, &c);

        if (size <= 0 || c < 0) {
            text_printf(t, "\\x%02x", *at);
            at++;
            left--;
            continue;
        }
        if (is_hidden(c))
            text_printf(t, "\\u{%x}", (unsigned)c);
        else
            text_put(t, (const char *)at, (size_t)size);
        at += size;
        left -= (size_t)size;
    }
}

static bool raw;

void text_set_raw(void)
{
    raw = true;
}

void text_safe(struct text *t, xray_str foreign, enum safe_mode mode)
{
    if (!raw) {
        text_escape(t, foreign, mode);
    } else if (mode == SAFE_BLOCK) {
        text_put(t, foreign.ptr, foreign.len);
    } else {
        for (size_t i = 0; i < foreign.len; i++) {
            if (foreign.ptr[i] == '\n' || foreign.ptr[i] == '\t' || foreign.ptr[i] == '\r')
                put_control(t, (unsigned char)foreign.ptr[i], mode);
            else
                text_put(t, &foreign.ptr[i], 1);
        }
    }
}

/* The size and the columns of the character, or of the colour sequence, at data. */
static size_t next_char(const char *data, size_t len, size_t *columns)
{
    const unsigned char first = (unsigned char)data[0];

    *columns = 1;
    if (first == 0x1b) {
        size_t n = 1;

        while (n < len && data[n] != 'm')
            n++;
        *columns = 0;
        return n < len ? n + 1 : len;
    }
    if (first < 0x80)
        return 1;

    utf8proc_int32_t c = -1;
    const utf8proc_ssize_t size =
        utf8proc_iterate((const utf8proc_uint8_t *)data, len < 4 ? (utf8proc_ssize_t)len : 4, &c);

    if (size <= 0 || c < 0)
        return 1;
    const int width = utf8proc_charwidth(c);

    *columns = width > 0 ? (size_t)width : 0;
    return (size_t)size;
}

size_t text_width(const char *data, size_t len)
{
    size_t width = 0;

    for (size_t at = 0; at < len;) {
        size_t columns;

        at += next_char(data + at, len - at, &columns);
        width += columns;
    }
    return width;
}

void text_pad(struct text *t, size_t mark, size_t width)
{
    const size_t have = t->len > mark ? text_width(t->data + mark, t->len - mark) : 0;

    if (have < width)
        text_fill(t, ' ', width - have);
}

void text_pad_left(struct text *t, size_t mark, size_t width)
{
    const size_t len = t->len - mark;
    const size_t have = len > 0 ? text_width(t->data + mark, len) : 0;

    if (have >= width)
        return;
    text_fill(t, ' ', width - have);
    memmove(t->data + mark + (width - have), t->data + mark, len);
    memset(t->data + mark, ' ', width - have);
}

size_t text_cut(struct text *t, size_t mark, size_t width)
{
    size_t at = mark;
    size_t used = 0;
    size_t keep = mark; /* the end of what leaves a column for the ellipsis */
    bool styled = false;

    while (at < t->len) {
        size_t columns;

        styled = styled || t->data[at] == 0x1b;

        const size_t size = next_char(t->data + at, t->len - at, &columns);

        if (used + columns > width)
            break;
        used += columns;
        at += size;
        if (used + 1 <= width)
            keep = at;
    }
    if (at >= t->len)
        return 0;

    const size_t gone = t->len - keep;

    t->len = keep;
    text_puts(t, "…");
    if (styled)
        text_puts(t, "\033[0m");
    return gone;
}

size_t text_char_floor(const char *data, size_t len, size_t max)
{
    if (len <= max)
        return len;
    size_t n = max;

    /* At most three continuation bytes: broken text is cut anywhere. */
    while (n > 0 && max - n < 3 && ((unsigned char)data[n] & 0xC0) == 0x80)
        n--;
    return ((unsigned char)data[n] & 0xC0) == 0x80 ? max : n;
}
