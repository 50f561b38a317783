/* Where a query is wrong (source.h). */
#include "query/source.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/fail.h"
#include "codec/utf8.h"

enum { SHOWN = 40 };

int xf_source_show(size_t len)
{
    return (int)(len < SHOWN ? len : SHOWN);
}

const char *xf_source_hint(char hint[256], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(hint, 256, format, args);
    va_end(args);
    return hint;
}

/* Lines and columns count from 1, columns in characters. */
static void locate(xray_str text, size_t off, int *line, int *column)
{
    *line = 1;
    *column = 1;
    for (size_t i = 0; i < off && i < text.len; i++) {
        if (text.ptr[i] == '\n') {
            ++*line;
            *column = 1;
        } else if (((unsigned char)text.ptr[i] & 0xc0) != 0x80) {
            ++*column;
        }
    }
}

/* Control characters and what is not UTF-8 as \xNN: it goes to terminals. */
static void copy_safely(char out[256], const char *text)
{
    xray_error escaped;

    xf_fail(&escaped, XRAY_ESYNTAX, XF_NO_POS, "%s", text);
    memcpy(out, escaped.message, 256);
    out[xf_utf8_valid_len(out, strlen(out))] = '\0';
}

int xf_source_fail(struct xf_query_source *s, int status, size_t off, size_t len, const char *hint,
                   const char *format, ...)
{
    if (s->status != XRAY_OK)
        return s->status;
    s->status = status;
    if (s->error != NULL) {
        char text[512];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        *s->error = (xray_query_error){.status = status, .offset = off, .len = len > 0 ? len : 1};
        locate(s->text, off, &s->error->line, &s->error->column);
        copy_safely(s->error->message, text);
        if (hint != NULL)
            copy_safely(s->error->hint, hint);
    }
    return status;
}

int xf_source_fail_memory(struct xf_query_source *s)
{
    return xf_source_fail(s, XRAY_ENOMEM, 0, 1, NULL, "out of memory");
}
