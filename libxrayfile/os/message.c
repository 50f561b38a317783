/* One line to standard error (message.h). */
#include "os/message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fail.h"

void xf_message(const char *format, ...)
{
    const int before = errno;
    char text[512], line[sizeof((xray_error *)0)->message + 1];
    xray_error safe;
    va_list args;
    size_t len;
    ssize_t r;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    xf_fail(&safe, XRAY_EIO, XF_NO_POS, "%s", text);
    len = strlen(safe.message);
    memcpy(line, safe.message, len);
    line[len] = '\n';
    do
        r = write(STDERR_FILENO, line, len + 1);
    while (r < 0 && errno == EINTR);
    errno = before;
}
