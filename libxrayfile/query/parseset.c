/* The right side of in, ~ and !~ (ql 2.4, 2.5). */
#include "query/parser.h"

#include <stdlib.h>

#include "base/fail.h"
#include "os/file.h"

enum { MAX_FILE = 64 << 20 };

/* ---- sets ------------------------------------------------------------------------ */

static struct xf_expr *parse_elements(struct xf_parser *p, struct xf_expr *e, struct xf_expr **tail)
{
    const size_t open = p->lex.at++;

    if (!xf_parse_enter(p, open))
        return NULL;
    do {
        struct xf_expr *element;

        xf_lex_space(&p->lex);
        if (xf_lex_peek(&p->lex, 0) == ')' && tail == &e->first->next) {
            xf_source_fail(p->source, XRAY_ESYNTAX, open, 2, "write f in (a, b) or f in @file",
                           "the set is empty");
            return NULL;
        }
        element = xf_parse_sum(p, true);
        if (element == NULL)
            return NULL;
        xf_parse_add(&tail, element);
        xf_lex_space(&p->lex);
    } while (xf_lex_take(&p->lex, ","));
    if (!xf_parse_close(p, open, '(', ')'))
        return NULL;
    xf_parse_leave(p);
    xf_parse_end(p, e);
    return e;
}

/* "@" file: up to a space or what could close something; else quoted. */
static int take_file_name(struct xf_parser *p, xray_str *name)
{
    struct xf_lex *l = &p->lex;
    const size_t start = ++l->at;
    const char c = xf_lex_peek(l, 0);

    if (c == '"' || c == '\'')
        return xf_lex_string(l, name);
    while (l->at < l->len && (unsigned char)l->text[l->at] > ' ' &&
           strchr("(){}[],;#\"'", l->text[l->at]) == NULL)
        l->at++;
    *name = xray_strn(l->text + start, l->at - start);
    return XRAY_OK;
}

static int read_file(struct xf_parser *p, xray_str name, size_t off, const char **data, size_t *len)
{
    struct xf_query_source *s = p->source;
    char *path = xf_arena_alloc(s->arena, name.len + 1);
    xray_error err = {0};
    uint64_t size = 0;
    char *text = NULL;
    int fd = -1, r;

    if (path == NULL)
        return xf_source_fail_memory(s);
    memcpy(path, name.ptr, name.len);
    r = xf_file_open(&fd, path, &err);
    if (r == XRAY_OK)
        r = xf_file_size(fd, &size, &err);
    if (r == XRAY_OK && size > MAX_FILE)
        r = xf_fail(&err, XRAY_ELIMIT, XF_NO_POS, "%s is larger than 64 MiB", path);
    if (r == XRAY_OK) {
        text = xf_arena_alloc(s->arena, (size_t)size + 1);
        r = text != NULL ? xf_file_read(fd, 0, text, (size_t)size, len, &err) : xf_fail_memory(&err);
    }
    if (fd >= 0)
        xf_file_close(fd);
    *data = text;
    return r == XRAY_OK ? r : xf_source_fail(s, r, off, p->lex.at - off, NULL, "%s", err.message);
}

/* Every line that is not empty; a CR at its end is not of it. */
static int split_lines(struct xf_parser *p, const char *data, size_t len, struct xf_set *set)
{
    size_t count = 1;

    for (size_t i = 0; i < len; i++)
        count += data[i] == '\n';
    set->texts = xf_arena_alloc(p->source->arena, count * sizeof *set->texts);
    if (set->texts == NULL)
        return xf_source_fail_memory(p->source);
    for (size_t at = 0; at < len;) {
        const char *end = memchr(data + at, '\n', len - at);
        const size_t next = end != NULL ? (size_t)(end - data) + 1 : len;
        size_t n = next - at - (end != NULL);

        n -= n > 0 && data[at + n - 1] == '\r';
        if (n > 0)
            set->texts[set->count++] = xray_strn(data + at, n);
        at = next;
    }
    return XRAY_OK;
}

static struct xf_expr *parse_file(struct xf_parser *p, struct xf_expr *e)
{
    const size_t off = p->lex.at;
    struct xf_set *set = xf_arena_alloc(p->source->arena, sizeof *set);
    const char *data = NULL;
    size_t len = 0;

    if (set == NULL) {
        xf_source_fail_memory(p->source);
        return NULL;
    }
    if (take_file_name(p, &set->file) != XRAY_OK)
        return NULL;
    if (set->file.len == 0 || memchr(set->file.ptr, '\0', set->file.len) != NULL) {
        xf_source_fail(p->source, XRAY_ESYNTAX, off, 1, "write f in @file", "the name of a file is missing");
        return NULL;
    }
    if (read_file(p, set->file, off, &data, &len) != XRAY_OK || split_lines(p, data, len, set) != XRAY_OK)
        return NULL;
    e->as.set = set;
    xf_parse_end(p, e);
    return e;
}

struct xf_expr *xf_parse_set(struct xf_parser *p, struct xf_expr *operand, bool negated)
{
    struct xf_expr *e = xf_parse_node(p, XF_IN, operand->off);

    if (e == NULL)
        return NULL;
    e->first = operand;
    e->negated = negated;
    xf_lex_space(&p->lex);
    if (xf_lex_peek(&p->lex, 0) == '@')
        return parse_file(p, e);
    if (xf_lex_peek(&p->lex, 0) == '(')
        return parse_elements(p, e, &operand->next);
    xf_source_fail(p->source, XRAY_ESYNTAX, p->lex.at, 1, "write f in (a, b) or f in @file",
                   "'in' needs a set in parentheses");
    return NULL;
}

/* ---- patterns ---------------------------------------------------------------------- */

struct xf_expr *xf_parse_match(struct xf_parser *p, struct xf_expr *operand, bool negated)
{
    struct xf_lex *l = &p->lex;
    struct xf_expr *e = xf_parse_node(p, XF_MATCH, operand->off);
    xray_str pattern = {0}, flags = {0};
    char message[200] = "", hint[256];
    size_t start, off = 0;
    int r;

    if (e == NULL)
        return NULL;
    xf_lex_space(l);
    start = l->at;
    e->quoted = xf_lex_peek(l, 0) == '"' || xf_lex_peek(l, 0) == '\'';
    if (!e->quoted && xf_lex_peek(l, 0) != '/') {
        const size_t word = xf_lex_word(l);

        xf_source_fail(p->source, XRAY_ESYNTAX, start, word,
                       word > 0 ? xf_source_hint(hint, "write /%.*s/", xf_source_show(word), l->text + start)
                                : "write /pattern/ or \"pattern\"",
                       "a pattern is missing after ~");
        return NULL;
    }
    if ((e->quoted ? xf_lex_string(l, &pattern) : xf_lex_pattern(l, &pattern, &flags)) != XRAY_OK)
        return NULL;
    r = xf_regex_new(&e->as.regex, p->regexes, pattern, flags, message, &off);
    if (r == XRAY_ENOMEM) {
        xf_source_fail_memory(p->source);
        return NULL;
    }
    if (r != XRAY_OK) {
        xf_source_fail(p->source, r, xf_lex_origin(l, start, off), 1, NULL, "in the pattern: %s", message);
        return NULL;
    }
    e->first = operand;
    e->negated = negated;
    xf_parse_end(p, e);
    return e;
}
