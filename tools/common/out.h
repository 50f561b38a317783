/* Standard output: buffered here, checked at the end, coloured on demand. */
#ifndef COMMON_OUT_H
#define COMMON_OUT_H

#include "common/text.h"

enum out_color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* To be called before the first output. */
void out_start(enum out_color color);

/* What is written goes through the pager, if one is wanted here. It begins with the first output. */
void out_use_pager(void);

/* A failing write (but for a reader that went away, which is a quiet end)
 * prints "write error" and exits with status 2. */
void out_put(const char *data, size_t len);
void out_text(const struct text *t);
void out_flush(void);

/* Flushes on a terminal, so that long searches show what they have. */
void out_rest(void);

/* Is it a terminal (also if through a pager); its columns (80 where unknown). */
bool out_is_terminal(void);
size_t out_columns(void);
/* Is it a terminal that shows UTF-8? */
bool out_is_unicode(void);

enum style {
    STYLE_NONE, /* back to normal */
    STYLE_DIM,
    STYLE_BOLD,
    STYLE_GOOD,
    STYLE_BAD,
    STYLE_WARN,
    STYLE_ID,
    STYLE_MATCH,
};

/* Appends the sequence that begins a style, or nothing where colour is off. */
void out_style(struct text *t, enum style style);
/* Appends foreign text in one line, styled. */
void out_styled(struct text *t, enum style style, xray_str foreign);

#endif
