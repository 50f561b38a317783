/* The keys of the configuration (settings.h). */
#include "config/settings.h"

#include <strings.h>

enum kind { BOOL, TEXT, CHOICE, TIME, BYTES, SHARE, NUMBER };

struct word {
    const char *word, *canonical;
};

/* "true" and "false" are what `async_mode` has. */
static const struct word flush_words[] = {{"interval", "interval"}, {"run", "run"},   {"sync", "sync"},     {"step", "step"},
                                          {"true", "interval"},     {"false", "run"}, {NULL, NULL}};
static const struct word on_error_words[] = {{"silent", "silent"}, {"log", "log"},     {"raise", "raise"}, {"strict", "raise"},
                                             {"buffer", "silent"}, {"drop", "silent"}, {NULL, NULL}};
static const struct word detail_words[] = {{"full", "full"}, {"summary", "summary"}, {NULL, NULL}};

/* min and max: nanoseconds, bytes, billionths, or the number itself. */
static const struct setting {
    struct xf_setting_info info;
    enum kind kind;
    uint64_t min, max;
    const struct word *words;
} settings[XF_SETTINGS] = {
    [XF_ENABLED] = {{"enabled", "XRAY_ENABLED", "true", "true or false"}, BOOL},
    [XF_DIR] = {{"dir", "XRAY_DIR", ".xray", "a directory"}, TEXT},
    [XF_APP] = {{"app", "XRAY_APP", NULL, "a name"}, TEXT},
    [XF_PROJECT] = {{"project", "XRAY_PROJECT", NULL, "a name"}, TEXT},
    [XF_FLUSH] = {{"flush", "XRAY_FLUSH", "interval", "interval, run, step or sync"}, CHOICE, 0, 0, flush_words},
    [XF_FLUSH_INTERVAL] = {{"flush_interval", "XRAY_FLUSH_INTERVAL", "1", "seconds, 0.01 to 3600"}, TIME, 10000000,
                           3600000000000},
    [XF_MEMORY_LIMIT] = {{"memory_limit", "XRAY_MEMORY_LIMIT", "64MiB", "bytes, 1M to 64G"}, BYTES, 1 << 20,
                         UINT64_C(64) << 30},
    [XF_SEGMENT_SIZE] = {{"segment_size", "XRAY_SEGMENT_SIZE", "1GiB", "bytes, 64K to 1024G"}, BYTES, 64 << 10,
                         UINT64_C(1) << 40},
    [XF_SEGMENT_AGE] = {{"segment_age", "XRAY_SEGMENT_AGE", "0", "a time, 0 (never) to 365d"}, TIME, 0,
                        UINT64_C(365) * 86400 * 1000000000},
    [XF_COMPRESSION] = {{"compression", "XRAY_COMPRESSION", "6", "a zstd level, 1 to 19"}, NUMBER, 1, 19},
    [XF_CLOSE_TIMEOUT] = {{"close_timeout", "XRAY_CLOSE_TIMEOUT", "2", "seconds, 0 to 60"}, TIME, 0, 60000000000},
    [XF_ON_ERROR] = {{"on_error", "XRAY_ON_ERROR", "silent", "silent, log or raise"}, CHOICE, 0, 0,
                     on_error_words},
    [XF_STRICT] = {{"strict", "XRAY_STRICT", "false", "true or false"}, BOOL},
    [XF_SAMPLE_RATE] = {{"sample_rate", "XRAY_SAMPLE_RATE", "1", "a share, 0 to 1"}, SHARE, 0, 1000000000},
    [XF_SAMPLE_SEED] = {{"sample_seed", "XRAY_SAMPLE_SEED", "0", "a whole number"}, NUMBER, 0, UINT64_MAX},
    [XF_DETAIL] = {{"detail", "XRAY_DETAIL", "full", "full or summary"}, CHOICE, 0, 0, detail_words},
    [XF_REDACT] = {{"redact", "XRAY_REDACT", NULL, "names and /patterns/"}, TEXT},
    [XF_VALUE_LIMIT] = {{"value_limit", "XRAY_VALUE_LIMIT", "16MiB", "bytes, 1K to 16M"}, BYTES, 1 << 10, 16 << 20},
    [XF_TEXT_LIMIT] = {{"text_limit", "XRAY_TEXT_LIMIT", "16MiB", "bytes, 16 to 16M"}, BYTES, 16, 16 << 20},
    [XF_INDEX] = {{"index", "XRAY_INDEX", "true", "true or false"}, BOOL},
};

/* Other names, as the settings of earlier SDKs had them. */
static const struct alias {
    const char *name, *env;
    enum xf_setting setting;
} aliases[] = {
    {"log_file_path", "XRAY_LOG_FILE_PATH", XF_DIR},
    {"fallback_mode", "XRAY_FALLBACK_MODE", XF_ON_ERROR},
    {"offline_mode", "XRAY_OFFLINE_MODE", XF_ON_ERROR},
    {"async_mode", "XRAY_ASYNC_MODE", XF_FLUSH},
    {"default_detail", "XRAY_DEFAULT_DETAIL", XF_DETAIL},
    {"sample", "XRAY_SAMPLE", XF_SAMPLE_RATE},
};
#define ALIASES (sizeof aliases / sizeof *aliases)

static const char *const of_server[] = {"api_url", "base_url",      "url",          "api_key", "timeout", "max_retries",
                                        "retries", "retry_backoff", "database_url", "debug",   "host",    "port",    "buffer_size"};

static const char *const env_of_server[] = {"XRAY_API_URL",     "XRAY_BASE_URL",      "XRAY_API_KEY", "XRAY_TIMEOUT",
                                            "XRAY_MAX_RETRIES", "XRAY_RETRY_BACKOFF", "XRAY_BUFFER_SIZE", NULL};

const struct xf_setting_info *xf_setting_info(enum xf_setting s)
{
    return &settings[s].info;
}

enum xf_setting xf_setting_find(const char *name)
{
    for (unsigned i = 0; i < XF_SETTINGS; i++)
        if (strcmp(settings[i].info.name, name) == 0)
            return (enum xf_setting)i;
    for (size_t i = 0; i < ALIASES; i++)
        if (strcmp(aliases[i].name, name) == 0)
            return aliases[i].setting;
    return XF_SETTINGS;
}

size_t xf_setting_env_count(void)
{
    return ALIASES + XF_SETTINGS;
}

const char *xf_setting_env(size_t i, enum xf_setting *s)
{
    if (i < ALIASES) {
        *s = aliases[i].setting;
        return aliases[i].env;
    }
    *s = (enum xf_setting)(i - ALIASES);
    return settings[*s].info.env;
}

bool xf_setting_is_of_server(const char *name)
{
    for (size_t i = 0; i < sizeof of_server / sizeof *of_server; i++)
        if (strcmp(of_server[i], name) == 0)
            return true;
    return false;
}

const char *xf_setting_env_of_server(size_t i)
{
    return env_of_server[i];
}

/* ---- values ---- */

static const char *check_bool(const char *value)
{
    static const char *const words[2][4] = {{"false", "no", "off", "0"}, {"true", "yes", "on", "1"}};

    for (size_t truth = 0; truth < 2; truth++)
        for (size_t i = 0; i < 4; i++)
            if (strcasecmp(words[truth][i], value) == 0)
                return words[truth][0];
    return NULL;
}

static const char *check_choice(const struct word *words, const char *value)
{
    for (; words->word != NULL; words++)
        if (strcasecmp(words->word, value) == 0)
            return words->canonical;
    return NULL;
}

/* A decimal number in billionths, whatever the locale; *rest is what follows it. At most 9 decimals count. */
static bool parse_decimal(const char *text, uint64_t *out, const char **rest)
{
    uint64_t whole = 0, part = 0;
    size_t digits = 0, decimals = 0;

    for (; *text >= '0' && *text <= '9'; text++, digits++) {
        whole = whole * 10 + (uint64_t)(*text - '0');
        if (whole > UINT64_MAX / 1000000000 / 10)
            return false;
    }
    if (*text == '.')
        for (text++; *text >= '0' && *text <= '9'; text++, digits++)
            if (decimals < 9) {
                part = part * 10 + (uint64_t)(*text - '0');
                decimals++;
            }
    for (; decimals < 9; decimals++)
        part *= 10;
    *out = whole * 1000000000 + part;
    *rest = text;
    return digits > 0;
}

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit times[] = {{"", 1000000000},    {"s", 1000000000},     {"ms", 1000000},
                                    {"m", 60000000000}, {"h", 3600000000000}, {"d", 86400000000000}};
static const struct unit sizes[] = {{"", 1},           {"B", 1},           {"K", 1 << 10},    {"KB", 1 << 10},
                                    {"KiB", 1 << 10}, {"M", 1 << 20},     {"MB", 1 << 20},   {"MiB", 1 << 20},
                                    {"G", 1 << 30},   {"GB", 1 << 30},    {"GiB", 1 << 30}};
static const struct unit shares[] = {{"", 1000000000}, {"%", 10000000}};

static bool parse_measure(const char *text, const struct unit *units, size_t count, uint64_t *out)
{
    uint64_t billionths;
    const char *unit;

    if (!parse_decimal(text, &billionths, &unit))
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(units[i].name, unit) == 0) {
            /* In two parts, so that it stays exact; factors are at most 2^47. */
            const uint64_t whole = billionths / 1000000000, part = billionths % 1000000000;

            if (whole > UINT64_MAX / 2 / units[i].factor)
                return false;
            *out = whole * units[i].factor + (uint64_t)((double)part * (double)units[i].factor / 1e9 + 0.5);
            return true;
        }
    return false;
}

static bool parse_number(const char *text, uint64_t *out)
{
    uint64_t n = 0;

    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        const uint64_t digit = (uint64_t)(unsigned char)*text - '0';

        if (digit > 9 || n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return true;
}

#define PARSE(units, value, out) parse_measure(value, units, sizeof(units) / sizeof *(units), out)

static bool measure(enum kind kind, const char *value, uint64_t *out)
{
    switch (kind) {
    case TIME:
        return PARSE(times, value, out);
    case BYTES:
        return PARSE(sizes, value, out);
    case SHARE:
        return PARSE(shares, value, out);
    case NUMBER:
        return parse_number(value, out);
    case BOOL:
    case TEXT:
    case CHOICE:
        break;
    }
    return false;
}

const char *xf_setting_check(enum xf_setting s, const char *value)
{
    const struct setting *set = &settings[s];
    uint64_t n;

    switch (set->kind) {
    case BOOL:
        return check_bool(value);
    case CHOICE:
        return check_choice(set->words, value);
    case TEXT:
        return *value != '\0' || s == XF_REDACT ? value : NULL;
    case TIME:
    case BYTES:
    case SHARE:
    case NUMBER:
        break;
    }
    return measure(set->kind, value, &n) && n >= set->min && n <= set->max ? value : NULL;
}

bool xf_setting_bool(const char *value)
{
    return value[0] == 't';
}

static uint64_t value_of(enum kind kind, const char *value)
{
    uint64_t n = 0;

    measure(kind, value, &n);
    return n;
}

int64_t xf_setting_ns(const char *value)
{
    return (int64_t)value_of(TIME, value);
}

uint64_t xf_setting_bytes(const char *value)
{
    return value_of(BYTES, value);
}

int64_t xf_setting_billionths(const char *value)
{
    return (int64_t)value_of(SHARE, value);
}

uint64_t xf_setting_number(const char *value)
{
    return value_of(NUMBER, value);
}
