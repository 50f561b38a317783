/* See out.h. */
#include "common/out.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/cli.h"

static struct {
    char buffer[1 << 16];
    size_t len;
    bool terminal;
    bool colored;
    size_t columns;
} out;

static bool is_set(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0';
}

/* The flag, then NO_COLOR, then the forcing variables, then what stdout is. */
static bool wants_color(enum out_color color)
{
    if (color != COLOR_AUTO)
        return color == COLOR_ALWAYS;
    if (is_set("NO_COLOR"))
        return false;
    if (is_set("CLICOLOR_FORCE") || is_set("FORCE_COLOR"))
        return true;

    const char *term = getenv("TERM");

    return out.terminal && term != NULL && strcmp(term, "dumb") != 0;
}

void out_start(enum out_color color)
{
    struct winsize size;

    out.terminal = isatty(STDOUT_FILENO) != 0;
    out.columns = 80;
    if (out.terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        out.columns = size.ws_col;
    out.colored = wants_color(color);
}

void out_flush(void)
{
    size_t done = 0;

    while (done < out.len) {
        const ssize_t n = write(STDOUT_FILENO, out.buffer + done, out.len - done);

        if (n >= 0) {
            done += (size_t)n;
        } else if (errno != EINTR) {
            out.len = 0; /* what follows must not try again */
            if (errno == EPIPE)
                _exit(EXIT_TROUBLE);
            cli_die("write error: %s", strerror(errno));
        }
    }
    out.len = 0;
}

void out_put(const char *data, size_t len)
{
    while (len > 0) {
        if (out.len == sizeof out.buffer)
            out_flush();

        const size_t room = sizeof out.buffer - out.len;
        const size_t n = len < room ? len : room;

        memcpy(out.buffer + out.len, data, n);
        out.len += n;
        data += n;
        len -= n;
    }
}

void out_text(const struct text *t)
{
    out_put(t->data, t->len);
}

void out_rest(void)
{
    if (out.terminal)
        out_flush();
}

bool out_is_terminal(void)
{
    return out.terminal;
}

size_t out_columns(void)
{
    return out.columns;
}

void out_style(struct text *t, enum style style)
{
    static const char *const sequence[] = {
        [STYLE_NONE] = "\033[0m",  [STYLE_DIM] = "\033[2m",      [STYLE_BOLD] = "\033[1m",
        [STYLE_GOOD] = "\033[32m", [STYLE_BAD] = "\033[31m",     [STYLE_WARN] = "\033[33m",
        [STYLE_ID] = "\033[36m",   [STYLE_MATCH] = "\033[1;31m",
    };

    if (out.colored)
        text_puts(t, sequence[style]);
}

void out_styled(struct text *t, enum style style, xray_str foreign)
{
    if (foreign.len == 0)
        return;
    if (style != STYLE_NONE)
        out_style(t, style);
    text_safe(t, foreign, SAFE_LINE);
    if (style != STYLE_NONE)
        out_style(t, STYLE_NONE);
}
