/* Filling an xray_error (fail.h). */
#include "base/fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Appends one unit of text (a byte or a UTF-8 character) unless it does not fit whole. */
static bool put(xray_error *err, size_t *len, const char *unit, size_t n)
{
    if (n > sizeof err->message - 1 - *len)
        return false;
    memcpy(err->message + *len, unit, n);
    *len += n;
    return true;
}

/* Bytes of the UTF-8 character whose first byte this is (1 for anything odd). */
static size_t unit_len(unsigned char first)
{
    return first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 1;
}

/* Copies text with control characters (C0, DEL, C1) as \xNN: messages quote
 * foreign bytes and go to terminals. Cuts between characters. */
static void set_message(xray_error *err, const char *text)
{
    const size_t text_len = strlen(text);
    size_t len = 0;

    for (size_t i = 0; i < text_len;) {
        const unsigned char c = (unsigned char)text[i];
        size_t n = unit_len(c);
        bool fits;

        if (n > text_len - i)
            n = 1;
        const bool c1 = c == 0xc2 && n == 2 && (unsigned char)text[i + 1] < 0xa0;
        if (c < 0x20 || c == 0x7f || c1) {
            char escape[8];

            snprintf(escape, sizeof escape, "\\x%02x", c1 ? (unsigned char)text[i + 1] : c);
            fits = put(err, &len, escape, 4);
        } else {
            fits = put(err, &len, text + i, n);
        }
        if (!fits)
            break;
        i += n;
    }
    err->message[len] = '\0';
}

static void fill(xray_error *err, int status, int sys_errno, uint64_t pos, const char *text)
{
    err->status = status;
    err->sys_errno = sys_errno;
    err->pos = pos;
    set_message(err, text);
}

int xf_fail(xray_error *err, int status, uint64_t pos, const char *format, ...)
{
    if (err != NULL) {
        char text[512];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        fill(err, status, 0, pos, text);
    }
    return status;
}

int xf_fail_errno(xray_error *err, int sys_errno, uint64_t pos, const char *format, ...)
{
    if (err != NULL) {
        char what[256];
        char why[128];
        char text[400];
        va_list args;

        va_start(args, format);
        vsnprintf(what, sizeof what, format, args);
        va_end(args);
        if (strerror_r(sys_errno, why, sizeof why) != 0)
            snprintf(why, sizeof why, "error %d", sys_errno);
        snprintf(text, sizeof text, "%s: %s", what, why);
        fill(err, XRAY_EIO, sys_errno, pos, text);
    }
    return XRAY_EIO;
}

int xf_fail_memory(xray_error *err)
{
    return xf_fail(err, XRAY_ENOMEM, XF_NO_POS, "out of memory");
}
