/* xray.config.yaml: the `sdk:` section of a YAML file, read as a stream of libyaml's events. Events are never
 * built into a tree, so aliases cannot multiply anything, and depth costs a counter. */
#include "config/config.h"

#include <stdio.h>
#include <yaml.h>

#include "base/buf.h"
#include "base/fail.h"
#include "os/env.h"

#define VALUE_MAX (16u << 10)
#define DEPTH_MAX 64

struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one; owned */
    xray_config *config;
    const char *path;
    size_t depth;
};

static void open_reader(struct reader *r, xray_config *c, const char *path, xray_str text)
{
    memset(r, 0, sizeof *r);
    r->config = c;
    r->path = path;
    if (yaml_parser_initialize(&r->parser) == 0)
        c->failed = true;
    else
        yaml_parser_set_input_string(&r->parser, (const unsigned char *)text.ptr, text.len);
}

static void close_reader(struct reader *r)
{
    yaml_event_delete(&r->event);
    yaml_parser_delete(&r->parser);
}

static void follow_depth(struct reader *r)
{
    if (r->event.type == YAML_MAPPING_START_EVENT || r->event.type == YAML_SEQUENCE_START_EVENT)
        r->depth++;
    else if (r->event.type == YAML_MAPPING_END_EVENT || r->event.type == YAML_SEQUENCE_END_EVENT)
        r->depth--;
}

/* The next event; NO_EVENT where the text is no YAML, goes too deep, or memory is out. */
static yaml_event_type_t next(struct reader *r)
{
    yaml_event_delete(&r->event);
    memset(&r->event, 0, sizeof r->event);
    if (r->config->failed || yaml_parser_parse(&r->parser, &r->event) == 0)
        return YAML_NO_EVENT;
    follow_depth(r);
    return r->depth > DEPTH_MAX ? YAML_NO_EVENT : r->event.type;
}

/* Goes through the whole text once before anything of it is used: a file counts as a whole or not at all. */
static bool well_formed(xray_config *c, const char *path, xray_str text)
{
    struct reader r;
    yaml_event_type_t type;

    open_reader(&r, c, path, text);
    if (c->failed)
        return false;
    do
        type = next(&r);
    while (type != YAML_NO_EVENT && type != YAML_STREAM_END_EVENT);
    if (type == YAML_NO_EVENT && r.parser.error == YAML_MEMORY_ERROR)
        c->failed = true;
    else if (type == YAML_NO_EVENT && r.depth > DEPTH_MAX)
        xf_config_warn(c, "%s:%zu: not read: nested deeper than %d", path, r.event.start_mark.line + 1, DEPTH_MAX);
    else if (type == YAML_NO_EVENT)
        xf_config_warn(c, "%s:%zu: not read: %s", path, r.parser.problem_mark.line + 1,
                       r.parser.problem != NULL ? r.parser.problem : "this is no YAML");
    close_reader(&r);
    return type == YAML_STREAM_END_EVENT;
}

/* Having begun a node: to its end. */
static void skip_node(struct reader *r)
{
    const size_t outside = r->depth - (r->event.type == YAML_MAPPING_START_EVENT ||
                                       r->event.type == YAML_SEQUENCE_START_EVENT);

    while (r->depth > outside && next(r) != YAML_NO_EVENT)
        ;
}

static bool is_scalar(const struct reader *r, const char *text)
{
    return r->event.type == YAML_SCALAR_EVENT && strcmp((const char *)r->event.data.scalar.value, text) == 0;
}

/* YAML's null, written plainly: as if the key were not there. */
static bool is_null(const struct reader *r)
{
    return r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (is_scalar(r, "") || is_scalar(r, "~") || is_scalar(r, "null"));
}

/* Where the current event stands, "PATH:LINE". Of a long path the end. */
static const char *place(const struct reader *r, char out[256])
{
    const size_t len = strlen(r->path), keep = len > 200 ? 200 : len;

    snprintf(out, 256, "%s%s:%zu", len > keep ? "..." : "", r->path + len - keep, r->event.start_mark.line + 1);
    return out;
}

/* Appends what stands between ${ and }: a variable's value, or what follows ":-". False: there is neither. */
static bool put_variable(xray_buffer *out, const char *inside, size_t len)
{
    char name[128];
    size_t n = 0;
    const char *value;

    while (n < len && inside[n] != ':')
        n++;
    if (n == 0 || n >= sizeof name)
        return false;
    memcpy(name, inside, n);
    name[n] = '\0';
    value = xf_env_get(name);
    if (value != NULL && *value != '\0') {
        xf_buf_puts(out, value);
        return true;
    }
    if (n + 1 < len && inside[n + 1] == '-')
        xf_buf_put(out, inside + n + 2, len - n - 2);
    return n + 1 < len && inside[n + 1] == '-';
}

/* Appends `text` with its variables replaced. False: *bad is the ${...} that could not be. */
static bool expand(xray_buffer *out, const char *text, xray_str *bad)
{
    for (;;) {
        const char *begin = strstr(text, "${");
        const char *end = begin != NULL ? strchr(begin, '}') : NULL;

        if (end == NULL) {
            xf_buf_puts(out, text);
            return true;
        }
        xf_buf_put(out, text, (size_t)(begin - text));
        if (!put_variable(out, begin + 2, (size_t)(end - begin) - 2)) {
            *bad = xray_strn(begin, (size_t)(end - begin) + 1);
            return false;
        }
        text = end + 1;
    }
}

/* Appends the current scalar, ready for use; false, with a warning, if it cannot be taken. */
static bool put_scalar(struct reader *r, const char *key, xray_buffer *out)
{
    const char *text = (const char *)r->event.data.scalar.value;
    char where[256];
    xray_str bad;

    if (strlen(text) != r->event.data.scalar.length) {
        xf_config_warn(r->config, "%s: %s has a NUL in it", place(r, where), key);
        return false;
    }
    if (!expand(out, text, &bad)) {
        xf_config_warn(r->config, "%s: %s left as it was: %.*s is not set", place(r, where), key,
                       (int)(bad.len < 80 ? bad.len : 80), bad.ptr);
        return false;
    }
    if (out->len > VALUE_MAX) {
        xf_config_warn(r->config, "%s: %s is longer than %u bytes", place(r, where), key, VALUE_MAX);
        return false;
    }
    return true;
}

/* A list for `redact`, joined by commas. */
static bool put_list(struct reader *r, const char *key, xray_buffer *out)
{
    char where[256];
    bool good = true;

    while (next(r) != YAML_SEQUENCE_END_EVENT && r->event.type != YAML_NO_EVENT) {
        if (r->event.type != YAML_SCALAR_EVENT) {
            xf_config_warn(r->config, "%s: an entry of %s that is no scalar", place(r, where), key);
            skip_node(r);
            good = false;
        } else {
            if (out->len > 0)
                xf_buf_put_u8(out, ',');
            good &= put_scalar(r, key, out);
        }
    }
    return good;
}

/* A relative directory counts from where the file is. */
static void put_directory_of(const char *path, xray_buffer *out)
{
    const char *slash = strrchr(path, '/');

    if (slash != NULL)
        xf_buf_put(out, path, (size_t)(slash - path) + 1);
}

static void set(struct reader *r, enum xf_setting s, const char *key, const char *where, xray_buffer *text)
{
    xray_buffer full = {0};
    xray_error err;

    if (s == XF_DIR && text->len > 0 && text->data[0] != '/')
        put_directory_of(r->path, &full);
    xf_buf_put(&full, text->data, text->len);
    xf_buf_put_u8(&full, '\0');
    if (full.failed)
        r->config->failed = true;
    else if (xf_config_put(r->config, XF_RANK_FILE, s, key, (const char *)full.data, where, &err) == XRAY_EMISUSE)
        xf_config_warn(r->config, "%s", err.message);
    xray_buffer_free(&full);
}

/* The value of a key we know, whose node is the current event. */
static void take_value(struct reader *r, enum xf_setting s, const char *key)
{
    xray_buffer text = {0};
    char where[256];
    bool good = false;

    place(r, where);
    if (r->event.type == YAML_SCALAR_EVENT && is_null(r)) {
        return;
    } else if (r->event.type == YAML_SCALAR_EVENT) {
        good = put_scalar(r, key, &text);
    } else if (r->event.type == YAML_SEQUENCE_START_EVENT && s == XF_REDACT) {
        good = put_list(r, key, &text);
    } else {
        xf_config_warn(r->config, "%s: %s takes %s, not %s", where, key, xf_setting_info(s)->takes,
                       r->event.type == YAML_ALIAS_EVENT ? "an alias" : "a map or list");
        skip_node(r);
    }
    if (!good && s == XF_REDACT) { /* rather nothing to read than something that should not be there */
        xf_config_warn(r->config, "%s: every text is redacted until %s can be read", where, key);
        xf_buf_reset(&text);
        xf_buf_puts(&text, "/^/");
        good = true;
    }
    if (good)
        set(r, s, key, where, &text);
    xray_buffer_free(&text);
}

/* One pair of the section; the key is the current event. */
static void take_pair(struct reader *r)
{
    char key[64] = "", where[256];
    enum xf_setting s = XF_SETTINGS;
    bool of_server = false;

    place(r, where);
    if (r->event.type == YAML_SCALAR_EVENT) {
        snprintf(key, sizeof key, "%s", (const char *)r->event.data.scalar.value);
        s = xf_setting_find(key);
        of_server = xf_setting_is_of_server(key);
    } else {
        skip_node(r);
    }
    next(r);
    if (s != XF_SETTINGS) {
        take_value(r, s, key);
        return;
    }
    if (of_server)
        xf_config_ignore(r->config, key, where);
    else
        xf_config_warn(r->config, "%s: the configuration has no key \"%s\"", where, key);
    skip_node(r);
}

static void take_section(struct reader *r)
{
    char where[256];

    if (r->event.type == YAML_SCALAR_EVENT && is_null(r))
        return;
    if (r->event.type != YAML_MAPPING_START_EVENT) {
        xf_config_warn(r->config, "%s: sdk has to be a map of keys", place(r, where));
        skip_node(r);
        return;
    }
    while (next(r) != YAML_MAPPING_END_EVENT && r->event.type != YAML_NO_EVENT)
        take_pair(r);
}

/* The pairs at the top. Sections that are not ours are nobody's business; one of our keys out of place is. */
static void take_top(struct reader *r)
{
    char where[256];

    while (next(r) != YAML_MAPPING_END_EVENT && r->event.type != YAML_NO_EVENT) {
        const bool ours = is_scalar(r, "sdk");

        if (r->event.type == YAML_SCALAR_EVENT &&
            xf_setting_find((const char *)r->event.data.scalar.value) != XF_SETTINGS)
            xf_config_warn(r->config, "%s: %.60s has to stand below sdk:", place(r, where),
                           (const char *)r->event.data.scalar.value);
        skip_node(r); /* a key may be anything */
        next(r);
        if (ours)
            take_section(r);
        else
            skip_node(r);
    }
}

void xf_config_yaml(xray_config *c, const char *path, xray_str text)
{
    struct reader r;
    char where[256];

    if (!well_formed(c, path, text))
        return;
    open_reader(&r, c, path, text);
    if (c->failed)
        return;
    next(&r); /* the stream's begin */
    if (next(&r) == YAML_DOCUMENT_START_EVENT) {
        if (next(&r) == YAML_MAPPING_START_EVENT)
            take_top(&r);
        else if (r.event.type != YAML_SCALAR_EVENT || !is_null(&r))
            xf_config_warn(c, "%s: a map with the section sdk: is expected", place(&r, where));
    }
    close_reader(&r);
}
