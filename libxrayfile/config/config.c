/* A configuration in memory (config.h): values by rank, warnings, and the reading of files and environment. */
#include "config/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/mem.h"
#include "os/env.h"
#include "os/file.h"

#define FILE_NAME "xray.config.yaml"
#define FILE_MAX (64u << 10)
#define PATH_CAP 4096

static char *copy_text(xray_config *c, const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = xf_alloc(size);

    if (copy == NULL)
        c->failed = true;
    else
        memcpy(copy, text, size);
    return copy;
}

xray_config *xray_config_new(void)
{
    return xf_alloc(sizeof(xray_config));
}

static void clear(struct xf_setting_value *v)
{
    xf_free(v->text);
    xf_free(v->origin);
    v->text = v->origin = NULL;
}

void xray_config_free(xray_config *c)
{
    if (c == NULL)
        return;
    for (size_t r = 0; r < XF_RANKS; r++)
        for (size_t s = 0; s < XF_SETTINGS; s++)
            clear(&c->values[r][s]);
    for (size_t i = 0; i < c->warning_count; i++)
        xf_free(c->warnings[i]);
    xray_buffer_free(&c->ignored);
    xf_free(c);
}

xray_config *xf_config_copy(const xray_config *from)
{
    xray_config *c = xray_config_new();

    if (c == NULL)
        return NULL;
    for (size_t r = 0; r < XF_RANKS; r++)
        for (size_t s = 0; s < XF_SETTINGS; s++)
            if (from->values[r][s].text != NULL) {
                c->values[r][s].text = copy_text(c, from->values[r][s].text);
                c->values[r][s].origin = copy_text(c, from->values[r][s].origin);
            }
    for (; c->warning_count < from->warning_count && !c->failed; c->warning_count++)
        c->warnings[c->warning_count] = copy_text(c, from->warnings[c->warning_count]);
    xf_buf_put(&c->ignored, from->ignored.data, from->ignored.len);
    if (c->failed || c->ignored.failed) {
        xray_config_free(c);
        return NULL;
    }
    return c;
}

/* ---- warnings ---- */

void xf_config_warn(xray_config *c, const char *format, ...)
{
    char text[512];
    xray_error safe;
    va_list args;

    if (c->warning_count == XF_WARNINGS_MAX)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    xf_fail(&safe, XRAY_EMISUSE, XF_NO_POS, "%s", text); /* escapes what is foreign */
    c->warnings[c->warning_count] = copy_text(c, safe.message);
    c->warning_count += c->warnings[c->warning_count] != NULL;
}

void xf_config_ignore(xray_config *c, const char *key, const char *origin)
{
    xray_buffer *b = &c->ignored;

    if (b->len == 0)
        xf_buf_puts(b, "without effect, for there is no server and buffers grow by themselves, up to memory_limit:");
    else if (b->len > 2048) /* enough to know what to look for */
        return;
    else
        b->data[b->len - 1] = ',';
    if (strcmp(key, origin) == 0)
        xf_buf_printf(b, " %s", key);
    else
        xf_buf_printf(b, " %s (%s)", key, origin);
    xf_buf_put_u8(b, '\0');
    c->failed |= b->failed;
}

const char *xray_config_warning(const xray_config *c, size_t i)
{
    const bool ignored = c->ignored.len > 0 && !c->ignored.failed;

    if (ignored && i-- == 0)
        return (const char *)c->ignored.data;
    return i < c->warning_count ? c->warnings[i] : NULL;
}

/* ---- values ---- */

static const struct xf_setting_value *in_force(const xray_config *c, enum xf_setting s)
{
    for (size_t r = XF_RANKS; r-- > 0;)
        if (c->values[r][s].text != NULL)
            return &c->values[r][s];
    return NULL;
}

const char *xf_config_text(const xray_config *c, enum xf_setting s)
{
    const struct xf_setting_value *v = in_force(c, s);

    return v != NULL ? v->text : xf_setting_info(s)->fallback;
}

int xf_config_put(xray_config *c, enum xf_rank rank, enum xf_setting s, const char *key, const char *value,
                  const char *origin, xray_error *err)
{
    const char *canonical = xf_setting_check(s, value);
    struct xf_setting_value fresh;

    if (canonical == NULL)
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "%s: %s takes %s, not \"%.40s\"", origin, key,
                       xf_setting_info(s)->takes, value);
    fresh.text = copy_text(c, canonical);
    fresh.origin = copy_text(c, origin);
    if (fresh.text == NULL || fresh.origin == NULL) {
        clear(&fresh);
        return xf_fail_memory(err);
    }
    clear(&c->values[rank][s]);
    c->values[rank][s] = fresh;
    return XRAY_OK;
}

int xray_config_set(xray_config *c, const char *key, const char *value, xray_error *err)
{
    const enum xf_setting s = key != NULL ? xf_setting_find(key) : XF_SETTINGS;

    if (key == NULL)
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "a configuration is set by key");
    if (s == XF_SETTINGS && xf_setting_is_of_server(key)) {
        xf_config_ignore(c, key, "code");
        return c->failed ? xf_fail_memory(err) : XRAY_OK;
    }
    if (s == XF_SETTINGS)
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "the configuration has no key \"%.60s\"", key);
    if (value == NULL) {
        clear(&c->values[XF_RANK_CODE][s]);
        return XRAY_OK;
    }
    return xf_config_put(c, XF_RANK_CODE, s, key, value, "code", err);
}

const char *xray_config_get(const xray_config *c, const char *key)
{
    const enum xf_setting s = xf_setting_find(key);

    return s != XF_SETTINGS ? xf_config_text(c, s) : NULL;
}

const char *xray_config_origin(const xray_config *c, const char *key)
{
    const enum xf_setting s = xf_setting_find(key);
    const struct xf_setting_value *v = s != XF_SETTINGS ? in_force(c, s) : NULL;

    if (v != NULL)
        return v->origin;
    return s != XF_SETTINGS && xf_setting_info(s)->fallback != NULL ? "default" : NULL;
}

/* ---- environment ---- */

int xray_config_load_env(xray_config *c)
{
    const char *name;

    for (size_t i = 0; i < xf_setting_env_count(); i++) {
        enum xf_setting s;
        const char *value = xf_env_get(xf_setting_env(i, &s));
        xray_error err;

        name = xf_setting_env(i, &s);
        if (value == NULL || *value == '\0') /* empty counts as unset, as shells make it easy */
            continue;
        if (xf_config_put(c, XF_RANK_ENV, s, xf_setting_info(s)->name, value, name, &err) == XRAY_EMISUSE)
            xf_config_warn(c, "%s", err.message);
    }
    for (size_t i = 0; (name = xf_setting_env_of_server(i)) != NULL; i++)
        if (xf_env_get(name) != NULL)
            xf_config_ignore(c, name, name);
    return c->failed ? XRAY_ENOMEM : XRAY_OK;
}

/* ---- files ---- */

static void read_file(xray_config *c, int fd, const char *path)
{
    char *text = xf_alloc(FILE_MAX + 1);
    xray_error err;
    size_t len;

    if (text == NULL)
        c->failed = true;
    else if (xf_file_read(fd, 0, text, FILE_MAX + 1, &len, &err) < 0)
        xf_config_warn(c, "%s: %s", path, err.message);
    else if (len > FILE_MAX)
        xf_config_warn(c, "%s: not read, for it is larger than %u bytes", path, FILE_MAX);
    else
        xf_config_yaml(c, path, xray_strn(text, len));
    xf_free(text);
}

/* `found`: nobody named the file, it was met on the way up. */
static int load_file(xray_config *c, const char *path, bool found)
{
    xray_error err;
    int fd;
    int r = xf_file_open(&fd, path, &err);

    if (r == XRAY_EIO && (err.sys_errno == ENOENT || err.sys_errno == ENOTDIR))
        return XRAY_ENOTFOUND;
    if (r < 0) {
        xf_config_warn(c, "%s", err.message);
    } else {
        if (found && !xf_file_is_ours(fd))
            xf_config_warn(c, "%s: not read, for others can write it; XRAY_CONFIG=%s reads it all the same", path, path);
        else
            read_file(c, fd, path);
        xf_file_close(fd);
    }
    return c->failed ? XRAY_ENOMEM : XRAY_OK;
}

int xray_config_load_file(xray_config *c, const char *path)
{
    return load_file(c, path, false);
}

/* From `start` up to the root; the first hit ends it, whatever is in it. */
static int walk_up(xray_config *c, const char *start)
{
    char path[PATH_CAP + sizeof FILE_NAME + 1];
    size_t len;

    if (start == NULL ? !xf_env_cwd(path, PATH_CAP) : strlen(start) >= PATH_CAP)
        return XRAY_OK;
    if (start != NULL)
        memcpy(path, start, strlen(start) + 1);
    len = strlen(path);
    for (;;) {
        int r;

        while (len > 0 && path[len - 1] == '/')
            len--;
        memcpy(path + len, "/" FILE_NAME, sizeof "/" FILE_NAME);
        r = load_file(c, path, true);
        if (r != XRAY_ENOTFOUND)
            return r;
        if (len == 0)
            return XRAY_OK;
        while (len > 0 && path[len - 1] != '/')
            len--;
    }
}

int xray_config_load(xray_config *c, const char *start)
{
    const char *named = xf_env_get("XRAY_CONFIG");
    int r;

    if (named == NULL)
        r = walk_up(c, start);
    else if (*named == '\0')
        r = XRAY_OK;
    else
        r = load_file(c, named, false);
    if (r == XRAY_ENOTFOUND) {
        xf_config_warn(c, "XRAY_CONFIG: there is no file %s", named);
        r = XRAY_OK;
    }
    return r < 0 ? r : xray_config_load_env(c);
}
