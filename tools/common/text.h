/* Text on its way to people: a growing string, and the one function through
 * which every byte of a trace passes before a terminal may see it. */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include "xrayfile.h"

/* Start with all zero; release with text_free. Running out of memory ends the program. */
struct text {
    char *data;
    size_t len;
    size_t cap;
};

/* Memory of `count` times `size` bytes, zeroed, or the end of the program. */
void *memory_new(size_t count, size_t size);
/* Grows an array to hold at least `need` elements; *cap is updated. */
void *memory_grow(void *array, size_t *cap, size_t need, size_t size);

void text_put(struct text *t, const char *data, size_t len);
void text_puts(struct text *t, const char *string);
void text_fill(struct text *t, char c, size_t count);
void text_printf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_free(struct text *t);

static inline void text_reset(struct text *t)
{
    t->len = 0;
}

static inline xray_str text_str(const struct text *t)
{
    return xray_strn(t->data, t->len);
}

/* Appends foreign text made harmless: control characters (C0, C1, DEL), bidirectional
 * and zero-width characters, line and paragraph separators and bytes that are
 * not UTF-8 appear as \x1b or \u{202e}. SAFE_LINE shows newline, tab and carriage
 * return as \n \t \r as well, SAFE_BLOCK keeps newline and tab. */
enum safe_mode { SAFE_LINE, SAFE_BLOCK };
void text_safe(struct text *t, xray_str foreign, enum safe_mode mode);
/* The same whatever --raw-text says: for messages. */
void text_escape(struct text *t, xray_str foreign, enum safe_mode mode);

/* --raw-text: from now on text_safe lets everything through but, in SAFE_LINE, newline, tab and
 * carriage return. */
void text_set_raw(void);

/* Columns that safe text takes on a terminal; our own colour sequences take none. */
size_t text_width(const char *data, size_t len);

/* Pads what stands in t from `mark` on to `width` columns, at its end or its beginning. */
void text_pad(struct text *t, size_t mark, size_t width);
void text_pad_left(struct text *t, size_t mark, size_t width);

/* Cuts what stands in t from `mark` on to `width` columns, the last of them an ellipsis,
 * and ends its colours there. Returns the bytes that went. */
size_t text_cut(struct text *t, size_t mark, size_t width);

/* The largest prefix of valid or broken UTF-8 that takes at most `max` bytes and splits no character. */
size_t text_char_floor(const char *data, size_t len, size_t max);

#endif
