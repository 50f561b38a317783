/* The keys of the configuration: their names, aliases, defaults and values (xrayfile.h, section 9).
 * Values are kept as texts; xf_setting_check lets only those in that the typed readers understand. */
#ifndef XF_CONFIG_SETTINGS_H
#define XF_CONFIG_SETTINGS_H

#include "xrayfile.h"

enum xf_setting {
    XF_ENABLED,
    XF_DIR,
    XF_APP,
    XF_PROJECT,
    XF_FLUSH,
    XF_FLUSH_INTERVAL,
    XF_MEMORY_LIMIT,
    XF_SEGMENT_SIZE,
    XF_SEGMENT_AGE,
    XF_COMPRESSION,
    XF_CLOSE_TIMEOUT,
    XF_ON_ERROR,
    XF_STRICT,
    XF_SAMPLE_RATE,
    XF_SAMPLE_SEED,
    XF_DETAIL,
    XF_REDACT,
    XF_VALUE_LIMIT,
    XF_TEXT_LIMIT,
    XF_INDEX,
    XF_SETTINGS,
};

struct xf_setting_info {
    const char *name;     /* as in a file and from code */
    const char *env;      /* variable */
    const char *fallback; /* the default, as text; NULL: none */
    const char *takes;    /* what values there are, for messages */
};

const struct xf_setting_info *xf_setting_info(enum xf_setting s);

/* The setting of a name or one of its aliases; XF_SETTINGS if there is none. */
enum xf_setting xf_setting_find(const char *name);
/* How many variables are looked at, and the i-th: its name and setting. Later ones win. */
size_t xf_setting_env_count(void);
const char *xf_setting_env(size_t i, enum xf_setting *s);

/* Names that meant something when there was a server, in a file and in the environment. */
bool xf_setting_is_of_server(const char *name);
const char *xf_setting_env_of_server(size_t i); /* NULL after the last */

/* The canonical text of a value, written where `value` was not the canonical one already
 * ("yes" -> "true", "strict" -> "raise"); NULL if the setting does not take it. */
const char *xf_setting_check(enum xf_setting s, const char *value);

/* Of checked texts. */
bool xf_setting_bool(const char *value);
int64_t xf_setting_ns(const char *value);       /* "5.0" seconds, "200ms", "1.5s", "10m", "1h", "7d" */
uint64_t xf_setting_bytes(const char *value);   /* "65536", "64K", "64KiB", "1M", "2GiB" */
int64_t xf_setting_billionths(const char *value); /* "0.01" -> 10,000,000 */
uint64_t xf_setting_number(const char *value);

#endif
