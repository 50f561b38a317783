/* See out.h. */
#include "common/out.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/cli.h"
#include "common/pager.h"
#include "common/progress.h"

enum { STYLES = STYLE_MATCH + 1, SEQUENCE_LEN = 24 };

static struct {
    char buffer[1 << 16];
    size_t len;
    bool pager; /* to be started before the first output */
    char sequence[STYLES][SEQUENCE_LEN];
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

/* ---- colours ---- */

static const struct {
    const char *name; /* in XRAY_COLORS */
    const char *codes;
} styles[STYLES] = {
    [STYLE_NONE] = {"", "0"},      [STYLE_DIM] = {"dim", "2"},        [STYLE_BOLD] = {"bold", "1"},
    [STYLE_GOOD] = {"good", "32"}, [STYLE_BAD] = {"error", "31"},     [STYLE_WARN] = {"warn", "33"},
    [STYLE_ID] = {"id", "36"},     [STYLE_MATCH] = {"match", "1;31"},
};

static void set_style(size_t style, const char *codes, size_t len)
{
    char *sequence = out.sequence[style];

    memcpy(sequence, "\033[", 2);
    memcpy(sequence + 2, codes, len);
    memcpy(sequence + 2 + len, "m", 2);
}

/* name=codes, where codes are digits and semicolons: nothing else may get to the terminal. */
static bool set_style_from(const char *pair, size_t len)
{
    const char *equals = memchr(pair, '=', len);

    if (equals == NULL)
        return false;

    const size_t name_len = (size_t)(equals - pair);
    const size_t codes_len = len - name_len - 1;

    if (codes_len == 0 || codes_len > SEQUENCE_LEN - 4 || strspn(equals + 1, "0123456789;") < codes_len)
        return false;
    for (size_t i = STYLE_DIM; i < STYLES; i++) {
        if (strlen(styles[i].name) == name_len && memcmp(styles[i].name, pair, name_len) == 0) {
            set_style(i, equals + 1, codes_len);
            return true;
        }
    }
    return false;
}

static void set_styles(void)
{
    const char *pairs = getenv("XRAY_COLORS");

    for (size_t i = 0; i < STYLES; i++)
        set_style(i, styles[i].codes, strlen(styles[i].codes));
    while (pairs != NULL && *pairs != '\0') {
        const size_t len = strcspn(pairs, ":");

        if (len > 0 && !set_style_from(pairs, len))
            cli_say("XRAY_COLORS", "'%.*s' is passed over; pairs are as in match=1;31:error=31", (int)len,
                    pairs);
        pairs += len + (pairs[len] == ':');
    }
}

void out_start(enum out_color color)
{
    struct winsize size;

    out.terminal = isatty(STDOUT_FILENO) != 0;
    out.columns = 80;
    if (out.terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        out.columns = size.ws_col;
    out.colored = wants_color(color);
    if (out.colored)
        set_styles();
}

void out_use_pager(void)
{
    out.pager = pager_is_wanted();
}

/* ---- writing ---- */

void out_flush(void)
{
    size_t done = 0;

    if (out.len > 0 && out.terminal)
        progress_hide();
    if (out.len > 0 && out.pager) {
        out.pager = false;
        pager_start();
    }
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
    if (out.colored)
        text_puts(t, out.sequence[style]);
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

/* The first of these that is set names the character set, as setlocale(3) has it. */
static bool is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        const char *dot;

        if (value == NULL || value[0] == '\0')
            continue;
        dot = strchr(value, '.');
        return dot != NULL && (strncasecmp(dot, ".UTF-8", 6) == 0 || strncasecmp(dot, ".UTF8", 5) == 0);
    }
    return false;
}

bool out_is_unicode(void)
{
    return out_is_terminal() && is_utf8();
}
