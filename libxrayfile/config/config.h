/* A configuration in memory (xrayfile.h, section 9). */
#ifndef XF_CONFIG_CONFIG_H
#define XF_CONFIG_CONFIG_H

#include "config/settings.h"

/* Who set a value; the higher wins. */
enum xf_rank { XF_RANK_DEFAULT, XF_RANK_FILE, XF_RANK_ENV, XF_RANK_CODE, XF_RANKS };

#define XF_WARNINGS_MAX 64

struct xf_setting_value {
    char *text, *origin; /* owned; NULL: not set by this rank */
};

struct xray_config {
    struct xf_setting_value values[XF_RANKS][XF_SETTINGS]; /* none of rank DEFAULT */
    char *warnings[XF_WARNINGS_MAX];
    size_t warning_count;
    xray_buffer ignored; /* the warning about keys of a server, NUL-terminated, or empty */
    bool failed;         /* memory ran out */
};

/* The value in force, or NULL. */
const char *xf_config_text(const xray_config *c, enum xf_setting s);

/* Sets a value of a rank. `key` and `origin` are as the user wrote them, for messages: a value that is not
 * taken leaves the old one and *err says why (XRAY_EMISUSE). */
int xf_config_put(xray_config *c, enum xf_rank rank, enum xf_setting s, const char *key, const char *value, const char *origin,
                  xray_error *err);

void xf_config_warn(xray_config *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds to the one warning about keys of a server. */
void xf_config_ignore(xray_config *c, const char *key, const char *origin);

/* NULL: memory is out. */
xray_config *xf_config_copy(const xray_config *c);

/* ---- yaml.c ---- */

/* Puts what the `sdk:` section of `text` has into the configuration. Everything odd becomes a warning. */
void xf_config_yaml(xray_config *c, const char *path, xray_str text);

#endif
