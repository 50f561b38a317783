/* What must not be recorded (scrub.h). */
#include "format/scrub.h"

#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/mem.h"
#include "codec/mpread.h"
#include "codec/mpwrite.h"
#include "codec/regex.h"
#include "codec/utf8.h"
#include "format/missing.h"

#define RULES_MAX 256
#define MATCH_LIMIT 1000000 /* of PCRE2: some milliseconds on the longest texts */

struct xf_scrub {
    struct xf_regex_env *env;
    struct xf_regex *patterns[RULES_MAX];
    xray_str names[RULES_MAX]; /* into `list` */
    size_t pattern_count, name_count;
    char *list;
    size_t text_limit, value_limit;
    xray_buffer scratch;
};

/* ---- rules ---- */

static const char *skip_blanks(const char *p)
{
    while (*p == ' ' || *p == ',' || *p == '\n')
        p++;
    return p;
}

/* The slash that ends the pattern which begins at p, or NULL. */
static const char *pattern_end(const char *p)
{
    for (; *p != '\0' && *p != '/'; p++)
        if (*p == '\\' && p[1] != '\0')
            p++;
    return *p == '/' ? p : NULL;
}

static int take_pattern(struct xf_scrub *s, const char **at, xray_error *err)
{
    const char *begin = *at + 1, *end = pattern_end(begin);
    size_t flags, off = 0;
    char message[200] = "";
    int r;

    if (end == NULL)
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "redact: the pattern %.80s has no end", *at);
    flags = strspn(end + 1, XF_REGEX_FLAGS);
    if (strchr(" ,\n", end[1 + flags]) == NULL) /* the NUL at the end is found as well */
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "redact: a comma is expected after %.*s", (int)(end + 1 - *at), *at);
    r = xf_regex_new(&s->patterns[s->pattern_count], s->env, xray_strn(begin, (size_t)(end - begin)),
                     xray_strn(end + 1, flags), message, &off);
    if (r == XRAY_ESYNTAX)
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "redact: pattern %.*s, character %zu: %s", (int)(end + 1 - *at), *at,
                       off + 1, message);
    if (r < 0)
        return xf_fail_memory(err);
    s->pattern_count++;
    *at = end + 1 + flags;
    return XRAY_OK;
}

static void take_name(struct xf_scrub *s, const char **at)
{
    size_t len = strcspn(*at, ",\n");
    const char *begin = *at;

    *at += len;
    while (len > 0 && begin[len - 1] == ' ')
        len--;
    s->names[s->name_count++] = xray_strn(begin, len);
}

static int take_rules(struct xf_scrub *s, xray_error *err)
{
    const char *at = skip_blanks(s->list);

    while (*at != '\0') {
        int r = XRAY_OK;

        if (s->name_count + s->pattern_count == RULES_MAX)
            return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "redact: more than %d names and patterns", RULES_MAX);
        if (*at == '/')
            r = take_pattern(s, &at, err);
        else
            take_name(s, &at);
        if (r < 0)
            return r;
        at = skip_blanks(at);
    }
    return XRAY_OK;
}

int xf_scrub_new(struct xf_scrub **out, const char *list, size_t text_limit, size_t value_limit, xray_error *err)
{
    struct xf_scrub *s = xf_alloc(sizeof *s);
    int r;

    if (s == NULL)
        return xf_fail_memory(err);
    s->text_limit = text_limit != 0 ? text_limit : SIZE_MAX;
    s->value_limit = value_limit != 0 ? value_limit : SIZE_MAX;
    s->env = xf_regex_env_new(MATCH_LIMIT);
    s->list = xf_alloc((list != NULL ? strlen(list) : 0) + 1);
    if (s->env == NULL || s->list == NULL) {
        xf_scrub_free(s);
        return xf_fail_memory(err);
    }
    if (list != NULL)
        memcpy(s->list, list, strlen(list));
    r = take_rules(s, err);
    if (r < 0)
        xf_scrub_free(s);
    else
        *out = s;
    return r;
}

void xf_scrub_free(struct xf_scrub *s)
{
    if (s == NULL)
        return;
    xf_regex_env_free(s->env);
    xray_buffer_free(&s->scratch);
    xf_free(s->list);
    xf_free(s);
}

/* Names are compared without case: {"Password": ...} is no less a password. */
bool xf_scrub_is_name(const struct xf_scrub *s, xray_str name)
{
    for (size_t i = 0; i < s->name_count; i++)
        if (s->names[i].len == name.len && name.len > 0 && strncasecmp(s->names[i].ptr, name.ptr, name.len) == 0)
            return true;
    return false;
}

bool xf_scrub_keeps_numbers(const struct xf_scrub *s)
{
    return s->name_count + s->pattern_count == 0 && s->value_limit >= sizeof(uint64_t) + 1;
}

/* A pattern that gives up may have matched: rather a text too few than a secret too many. */
static bool matches(const struct xf_scrub *s, xray_str text)
{
    for (size_t i = 0; i < s->pattern_count; i++)
        if (xf_regex_test(s->patterns[i], text, NULL) != 0)
            return true;
    return false;
}

xray_str xf_scrub_text(const struct xf_scrub *s, xray_str text)
{
    return text.len > 0 && matches(s, text) ? xray_s(XF_REDACTED_TEXT) : text;
}

/* ---- values ---- */

struct walk {
    struct xf_scrub *scrub;
    xray_buffer *out;
    bool changed;
    unsigned result;
};

static void put_redacted(struct walk *w, size_t len)
{
    /* No hash: one without a key lets a short secret be guessed, and XXH3 with one is no keyed hash of cryptography. */
    xf_missing_put(w->out, XF_REDACTED, len, (struct xf_hash128){0});
    w->changed = true;
}

static void put_text(struct walk *w, const xray_mp_item *item, const uint8_t *encoded, size_t encoded_len)
{
    const size_t limit = w->scrub->text_limit;

    if (matches(w->scrub, item->bytes)) {
        put_redacted(w, encoded_len);
    } else if (item->type == XRAY_MP_STR && item->bytes.len > limit) {
        xf_mp_str(w->out, item->bytes.ptr, xf_utf8_cut(item->bytes.ptr, item->bytes.len, limit));
        w->changed = true;
        w->result |= XF_SCRUB_CUT;
    } else {
        xf_buf_put(w->out, encoded, encoded_len);
    }
}

/* Copies the next value. Recursion: what was packed is at most XF_DEPTH_WRITE deep (spec 11). */
static void copy(struct walk *w, xray_mp *c)
{
    const uint8_t *start = c->at;
    xray_mp_item item;

    if (!xray_mp_next(c, &item))
        return;
    switch (item.type) {
    case XRAY_MP_STR:
    case XRAY_MP_BIN:
    case XRAY_MP_EXT:
        put_text(w, &item, start, (size_t)(c->at - start));
        return;
    case XRAY_MP_ARRAY:
        xf_buf_put(w->out, start, (size_t)(c->at - start));
        for (uint32_t i = 0; i < item.count && !c->bad; i++)
            copy(w, c);
        return;
    case XRAY_MP_MAP:
        xf_buf_put(w->out, start, (size_t)(c->at - start));
        for (uint32_t i = 0; i < item.count && !c->bad; i++) {
            xray_mp key = *c;
            xray_str name = {NULL, 0}, value;

            copy(w, c);
            if (!xf_mp_take_str(&key, &name) || !xf_scrub_is_name(w->scrub, name))
                copy(w, c);
            else if (xf_mp_take_value(c, &value))
                put_redacted(w, value.len);
        }
        return;
    case XRAY_MP_NIL:
    case XRAY_MP_BOOL:
    case XRAY_MP_INT:
    case XRAY_MP_UINT:
    case XRAY_MP_FLOAT:
        xf_buf_put(w->out, start, (size_t)(c->at - start));
        return;
    }
}

int xf_scrub_value(struct xf_scrub *s, xray_str name, xray_buffer *b, size_t start)
{
    struct walk w = {.scrub = s, .out = &s->scratch};
    xray_mp c = xray_mp_over(b->data + start, b->len - start);

    xf_buf_reset(&s->scratch);
    if (xf_scrub_is_name(s, name))
        put_redacted(&w, c.left);
    else if (s->name_count + s->pattern_count > 0 || c.left > s->text_limit)
        copy(&w, &c);
    if (w.changed && !s->scratch.failed) {
        b->len = start;
        xf_buf_put(b, s->scratch.data, s->scratch.len);
    }
    if (s->scratch.failed || b->failed) {
        xray_buffer_free(&s->scratch);
        return XRAY_ENOMEM;
    }
    if (b->len - start > s->value_limit) {
        const size_t len = b->len - start;
        const struct xf_hash128 h = xf_hash128(b->data + start, len, 0);

        b->len = start;
        xf_missing_put(b, XF_NOT_CAPTURED, len, h);
        w.result |= XF_SCRUB_CUT;
    }
    return b->failed ? XRAY_ENOMEM : (int)w.result;
}
