/* Configuration: precedence, where the file is looked for, what it may hold, what hostile files do. */
#include "config/config.h"
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const variables[] = {"XRAY_CONFIG", "XRAY_DIR", "XRAY_LOG_FILE_PATH", "XRAY_FALLBACK_MODE",
                                        "XRAY_ON_ERROR", "XRAY_API_URL", "XRAY_TIMEOUT", "XRAY_FLUSH_INTERVAL",
                                        "XRAY_ASYNC_MODE", "XRAY_ENABLED", "XRAY_SAMPLE_RATE", "CONFIG_TEST"};

static xray_config *fresh(void)
{
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    return xray_config_new();
}

/* A file of that text; its path is static. */
static const char *file_of(const char *directory, const char *text)
{
    static char path[600];
    FILE *f;

    mkdir(directory, 0700);
    snprintf(path, sizeof path, "%s/xray.config.yaml", directory);
    f = fopen(path, "w");
    if (f == NULL)
        abort();
    fputs(text, f);
    fclose(f);
    return path;
}

/* A configuration from that text alone. */
static xray_config *of_text(const char *text)
{
    xray_config *c = fresh();

    xf_config_yaml(c, "f.yaml", xray_s(text));
    return c;
}

static void check_only_warning(const xray_config *c, const char *part)
{
    const char *first = xray_config_warning(c, 0);

    check_context("warning %s, looked for %s", first != NULL ? first : "(none)", part);
    CHECK(first != NULL && strstr(first, part) != NULL);
    CHECK(first == NULL || xray_config_warning(c, 1) == NULL);
    check_context(NULL);
}

static void test_defaults(void)
{
    xray_config *c = fresh();

    CHECK_STR(xray_config_get(c, "enabled"), "true");
    CHECK_STR(xray_config_get(c, "dir"), ".xray");
    CHECK_STR(xray_config_origin(c, "dir"), "default");
    CHECK(xray_config_get(c, "redact") == NULL && xray_config_origin(c, "redact") == NULL);
    CHECK(xray_config_get(c, "no_such_key") == NULL);
    for (unsigned s = 0; s < XF_SETTINGS; s++) { /* each default is a value that its key takes */
        const struct xf_setting_info *info = xf_setting_info((enum xf_setting)s);

        check_context("%s", info->name);
        CHECK(info->fallback == NULL || xf_setting_check((enum xf_setting)s, info->fallback) != NULL);
        CHECK_EQ(xf_setting_find(info->name), s);
    }
    xray_config_free(c);
}

/* Each rank alone and over those below it, set in either order. */
static void test_precedence(void)
{
    for (unsigned set = 0; set < 8; set++)
        for (int backwards = 0; backwards < 2; backwards++) {
            xray_config *c = fresh();
            const char *want = (set & 4) != 0 ? "log" : (set & 2) != 0 ? "raise" : "silent";
            const char *origin = (set & 4) != 0   ? "code"
                                 : (set & 2) != 0 ? "XRAY_ON_ERROR"
                                 : (set & 1) != 0 ? "f.yaml:2"
                                                  : "default";

            check_context("set %u backwards %d", set, backwards);
            for (unsigned i = 0; i < 3; i++) {
                const unsigned bit = 1u << (backwards != 0 ? 2 - i : i);

                if ((set & bit) == 0)
                    continue;
                if (bit == 1) {
                    xf_config_yaml(c, "f.yaml", xray_s("sdk:\n  on_error: silent\n"));
                } else if (bit == 2) {
                    setenv("XRAY_ON_ERROR", "raise", 1);
                    CHECK_EQ(xray_config_load_env(c), 0);
                } else {
                    CHECK_EQ(xray_config_set(c, "on_error", "log", NULL), 0);
                }
            }
            CHECK_STR(xray_config_get(c, "on_error"), want);
            CHECK_STR(xray_config_origin(c, "on_error"), origin);
            if ((set & 4) != 0) { /* taking it back shows what was below */
                CHECK_EQ(xray_config_set(c, "on_error", NULL, NULL), 0);
                CHECK_STR(xray_config_get(c, "on_error"), (set & 2) != 0 ? "raise" : "silent");
            }
            CHECK(xray_config_warning(c, 0) == NULL);
            xray_config_free(c);
        }
}

static void test_environment(void)
{
    xray_config *c = fresh();

    setenv("XRAY_LOG_FILE_PATH", "old", 1);
    setenv("XRAY_FALLBACK_MODE", "LOG", 1);
    setenv("XRAY_ASYNC_MODE", "false", 1);
    setenv("XRAY_API_URL", "http://localhost:8000", 1);
    setenv("XRAY_TIMEOUT", "5", 1);
    setenv("XRAY_ENABLED", "", 1); /* as good as not set */
    CHECK_EQ(xray_config_load_env(c), 0);
    CHECK_STR(xray_config_get(c, "dir"), "old");
    CHECK_STR(xray_config_origin(c, "dir"), "XRAY_LOG_FILE_PATH");
    CHECK_STR(xray_config_get(c, "fallback_mode"), "log");
    CHECK_STR(xray_config_get(c, "flush"), "run");
    CHECK_STR(xray_config_get(c, "enabled"), "true");
    check_only_warning(c, "by themselves, up to memory_limit: XRAY_API_URL, XRAY_TIMEOUT");
    setenv("XRAY_DIR", "new", 1); /* the name of today wins over that of then */
    CHECK_EQ(xray_config_load_env(c), 0);
    CHECK_STR(xray_config_get(c, "dir"), "new");
    xray_config_free(c);

    c = fresh();
    setenv("XRAY_SAMPLE_RATE", "1.5", 1);
    CHECK_EQ(xray_config_load_env(c), 0);
    check_only_warning(c, "XRAY_SAMPLE_RATE: sample_rate takes a share, 0 to 1, not \"1.5\"");
    CHECK_STR(xray_config_get(c, "sample_rate"), "1");
    xray_config_free(c);
}

static void test_values(void)
{
    static const struct {
        const char *key, *value, *kept; /* NULL: refused */
    } cases[] = {
        {"enabled", "Yes", "true"},     {"enabled", "0", "false"},        {"enabled", "maybe", NULL},
        {"flush", "STEP", "step"}, {"flush", "steps", NULL},
        {"flush_interval", "5.0", "5.0"}, {"flush_interval", "250ms", "250ms"}, {"flush_interval", "0", NULL},
        {"flush_interval", "-1", NULL}, {"flush_interval", "1e3", NULL},  {"flush_interval", "2 h", NULL},
        {"flush_interval", ".", NULL},  {"flush_interval", "99999999999999999999", NULL},
        {"memory_limit", "1000", NULL}, {"memory_limit", "2GiB", "2GiB"},    {"compression", "20", NULL},
        {"sample_rate", "1%", "1%"},    {"sample_rate", "0,5", NULL},     {"sample_rate", "nan", NULL},
        {"default_detail", "summary", "summary"}, {"offline_mode", "strict", "raise"}, {"offline_mode", "buffer", "silent"},
        {"sample_seed", "18446744073709551615", "18446744073709551615"}, {"sample_seed", "18446744073709551616", NULL},
        {"dir", "", NULL},              {"redact", "", ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        xray_config *c = fresh();
        xray_error err = {0};

        check_context("%s = %s", cases[i].key, cases[i].value);
        CHECK_STATUS(xray_config_set(c, cases[i].key, cases[i].value, &err),
                     cases[i].kept != NULL ? XRAY_OK : XRAY_EMISUSE, &err);
        if (cases[i].kept != NULL)
            CHECK_STR(xray_config_get(c, cases[i].key), cases[i].kept);
        else
            CHECK_STR(xray_config_origin(c, cases[i].key), "default");
        xray_config_free(c);
    }
    CHECK_EQ(xf_setting_ns("5.0"), 5000000000);
    CHECK_EQ(xf_setting_ns("250ms"), 250000000);
    CHECK_EQ(xf_setting_ns("1.5h"), 5400000000000);
    CHECK_EQ(xf_setting_bytes("64KiB"), 65536);
    CHECK_EQ(xf_setting_bytes("0.5M"), 524288);
    CHECK_EQ(xf_setting_billionths("0.01"), 10000000);
    CHECK_EQ(xf_setting_billionths("2.5%"), 25000000);
    CHECK_EQ(xf_setting_billionths("0.00000000149"), 1);
}

static void test_code(void)
{
    xray_config *c = fresh();
    xray_error err = {0};

    CHECK_STATUS(xray_config_set(c, "flsh", "run", &err), XRAY_EMISUSE, &err);
    CHECK(strstr(err.message, "no key \"flsh\"") != NULL);
    CHECK_EQ(xray_config_set(c, "api_key", "secret", &err), XRAY_OK);
    check_only_warning(c, "api_key (code)");
    CHECK(strstr(xray_config_warning(c, 0), "secret") == NULL);
    xray_config_free(c);
    xray_config_free(NULL);
}

static void test_file(void)
{
    xray_config *c = fresh();

    setenv("CONFIG_TEST", "fromenv", 1);
    xf_config_yaml(c, "/app/xray.config.yaml",
                   xray_s("# comment\n"
                          "sdk:\n"
                          "  base_url: http://localhost:8000\n"
                          "  api_key: ${XRAY_NO_SUCH_KEY}\n" /* ignored, so not even missed */
                          "  buffer_size: 1000\n"
                          "  flush_interval: 5.0\n"
                          "  default_detail: summary\n"
                          "  dir: traces/${CONFIG_TEST}-${CONFIG_NONE:-none}\n"
                          "  app: \"a ${ b\"\n"
                          "  enabled: ~\n"
                          "  redact: [password, '/sk-[a-z]{3,}/', \"api_key\"]\n"
                          "api:\n"
                          "  database_url: postgresql+asyncpg://localhost:5432/xray\n"
                          "  debug: [false, {a: b}]\n"));
    CHECK_STR(xray_config_get(c, "flush_interval"), "5.0");
    CHECK_STR(xray_config_origin(c, "flush_interval"), "/app/xray.config.yaml:6");
    CHECK_STR(xray_config_get(c, "detail"), "summary");
    CHECK_STR(xray_config_get(c, "dir"), "/app/traces/fromenv-none");
    CHECK_STR(xray_config_get(c, "app"), "a ${ b");
    CHECK_STR(xray_config_get(c, "enabled"), "true");
    CHECK_STR(xray_config_origin(c, "enabled"), "default");
    CHECK_STR(xray_config_get(c, "redact"), "password,/sk-[a-z]{3,}/,api_key");
    check_only_warning(c, "by themselves, up to memory_limit: base_url (/app/xray.config.yaml:3), api_key (/app/xray.config.yaml:4), buffer_size (/app/xray.config.yaml:5)");
    xray_config_free(c);
}

/* What is wrong in a file is said with its line, and costs only itself. */
static void test_bad_files(void)
{
    static const struct {
        const char *text, *warning;
        bool level_read; /* compression: 9 has been taken */
    } cases[] = {
        {"sdk:\n  flush_interval: soon\n  compression: 9\n", "f.yaml:2: flush_interval takes seconds", true},
        {"sdk:\n  colour: red\n  compression: 9\n", "f.yaml:2: the configuration has no key \"colour\"", true},
        {"sdk:\n  dir: [a, b]\n  compression: 9\n", "f.yaml:2: dir takes a directory, not a map or list", true},
        {"sdk:\n  dir: {a: {b: [c]}}\n  compression: 9\n", "not a map or list", true},
        {"sdk:\n  dir: ${CONFIG_NONE}\n  compression: 9\n", "${CONFIG_NONE} is not set", true},
        {"sdk:\n  dir: \"a\\0b\"\n  compression: 9\n", "dir has a NUL in it", true},
        {"sdk:\n  app: &a x\n  dir: *a\n  compression: 9\n", "f.yaml:3: dir takes a directory, not an alias", true},
        {"sdk:\n  ? [a, b]\n  : c\n  compression: 9\n", "no key \"\"", true},
        {"compression: 9\n", "f.yaml:1: compression has to stand below sdk:", false},
        {"sdk: yes\n", "sdk has to be a map", false},
        {"- sdk\n", "f.yaml:1: a map with the section sdk:", false},
        {"sdk:\n  compression: 9\n  dir: \"x\n", "f.yaml:4: not read: ", false},
        {"sdk:\n  compression: 9\n\tdir: x\n", "f.yaml:3: not read: ", false},
        {"sdk:\n  compression: 9\n  dir: \x80\n", "not read: ", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        xray_config *c = of_text(cases[i].text);

        check_only_warning(c, cases[i].warning);
        check_context("%s", cases[i].text);
        CHECK_STR(xray_config_get(c, "compression"), cases[i].level_read ? "9" : "6");
        CHECK_STR(xray_config_get(c, "dir"), ".xray");
        xray_config_free(c);
    }
}

/* A list of secrets that cannot be read must not mean that there are none. */
static void test_redact_fails_closed(void)
{
    xray_config *c = of_text("sdk:\n  redact: [a, [b]]\n");

    CHECK_STR(xray_config_get(c, "redact"), "/^/");
    CHECK(xray_config_warning(c, 0) != NULL);
    xray_config_free(c);
    c = of_text("sdk:\n  redact: ${CONFIG_NONE}\n");
    CHECK_STR(xray_config_get(c, "redact"), "/^/");
    xray_config_free(c);
}

static void test_empty_files(void)
{
    static const char *const texts[] = {"", "\n", "# nothing\n", "---\n", "~\n", "sdk:\n", "sdk: {}\n", "other: 1\n", "--- {}\n--- {sdk: 1}\n"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        xray_config *c = of_text(texts[i]);

        check_context("%s", texts[i]);
        CHECK(xray_config_warning(c, 0) == NULL);
        xray_config_free(c);
    }
}

static void test_hostile_files(void)
{
    static char deep[60001];
    char text[2000], *end = text;
    xray_config *c;

    memset(deep, '[', sizeof deep - 1);
    c = of_text(deep);
    check_only_warning(c, "not read: ");
    xray_config_free(c);

    end += sprintf(end, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"); /* 10^20 if it were expanded */
    for (int i = 1; i < 20; i++)
        end += sprintf(end, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1, i - 1, i - 1,
                       i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    sprintf(end, "sdk:\n  redact: *a19\n");
    c = of_text(text);
    CHECK_STR(xray_config_get(c, "redact"), "/^/");
    xray_config_free(c);

    c = of_text("sdk:\n  \"\\e[31m\": x\n"); /* what it shows is safe for a terminal */
    check_only_warning(c, "\\x1b[31m");
    xray_config_free(c);

    end = text + sprintf(text, "sdk:\n");
    for (int i = 0; i < 200; i++)
        end += sprintf(end, "  k%d: 1\n", i);
    c = of_text(text);
    CHECK(xray_config_warning(c, XF_WARNINGS_MAX - 1) != NULL && xray_config_warning(c, XF_WARNINGS_MAX) == NULL);
    xray_config_free(c);
}

static void test_walk_up(void)
{
    char top[300], middle[320], bottom[340];
    xray_config *c = fresh();

    snprintf(top, sizeof top, "%s/top", check_dir());
    snprintf(middle, sizeof middle, "%s/middle", top);
    snprintf(bottom, sizeof bottom, "%s/bottom/", middle);
    file_of(top, "sdk: {app: top, compression: 3}\n");
    mkdir(middle, 0700);
    mkdir(bottom, 0700);
    CHECK_EQ(xray_config_load(c, bottom), 0);
    CHECK_STR(xray_config_get(c, "app"), "top");
    xray_config_free(c);

    c = fresh();
    file_of(middle, "sdk: {app: middle, dir: traces}\n"); /* the nearest one, and it alone */
    CHECK_EQ(xray_config_load(c, bottom), 0);
    CHECK_STR(xray_config_get(c, "app"), "middle");
    CHECK_STR(xray_config_get(c, "compression"), "6");
    CHECK_EQ(strncmp(xray_config_get(c, "dir"), middle, strlen(middle)), 0);
    xray_config_free(c);

    c = fresh();
    CHECK_EQ(chdir(bottom), 0); /* from where the process is */
    CHECK_EQ(xray_config_load(c, NULL), 0);
    CHECK_STR(xray_config_get(c, "app"), "middle");
    CHECK_EQ(chdir("/"), 0);
    xray_config_free(c);

    c = fresh();
    setenv("XRAY_CONFIG", "", 1); /* no file at all */
    CHECK_EQ(xray_config_load(c, bottom), 0);
    CHECK(xray_config_get(c, "app") == NULL);
    setenv("XRAY_CONFIG", "/no/such/file", 1);
    CHECK_EQ(xray_config_load(c, bottom), 0);
    check_only_warning(c, "XRAY_CONFIG: there is no file /no/such/file");
    xray_config_free(c);
}

/* Files that somebody put in our way. */
static void test_not_ours(void)
{
    char dir[300];
    const char *path;
    xray_config *c = fresh();

    snprintf(dir, sizeof dir, "%s/shared", check_dir());
    path = file_of(dir, "sdk: {app: planted}\n");
    chmod(path, 0666);
    CHECK_EQ(xray_config_load(c, dir), 0);
    CHECK(xray_config_get(c, "app") == NULL);
    check_only_warning(c, "not read, for others can write it");
    xray_config_free(c);

    c = fresh();
    setenv("XRAY_CONFIG", path, 1); /* named on purpose */
    CHECK_EQ(xray_config_load(c, dir), 0);
    CHECK_STR(xray_config_get(c, "app"), "planted");
    xray_config_free(c);

    c = fresh();
    unlink(path);
    mkdir(path, 0700);
    CHECK_EQ(xray_config_load(c, dir), 0);
    check_only_warning(c, "is a directory");
    rmdir(path);
    CHECK_EQ(mkfifo(path, 0600), 0); /* must not wait for a writer */
    CHECK_EQ(xray_config_load_file(c, path), 0);
    CHECK(strstr(xray_config_warning(c, 1), "a device or pipe") != NULL);
    unlink(path);
    CHECK_EQ(xray_config_load_file(c, path), XRAY_ENOTFOUND);
    CHECK_EQ(truncate(file_of(dir, ""), 70000), 0);
    CHECK_EQ(xray_config_load_file(c, path), 0);
    CHECK(strstr(xray_config_warning(c, 2), "larger than 65536") != NULL);
    xray_config_free(c);
}

static void test_copy(void)
{
    xray_config *c = of_text("sdk: {app: x, timeout: 3, nonsense: 4}\n"), *copy = xf_config_copy(c);

    xray_config_free(c);
    CHECK_STR(xray_config_get(copy, "app"), "x");
    CHECK_STR(xray_config_origin(copy, "app"), "f.yaml:1");
    CHECK(strstr(xray_config_warning(copy, 0), "timeout") != NULL);
    CHECK(strstr(xray_config_warning(copy, 1), "nonsense") != NULL);
    xray_config_free(copy);
}

CHECK_MAIN(test_defaults, test_precedence, test_environment, test_values, test_code, test_file, test_bad_files,
           test_redact_fails_closed, test_empty_files, test_hostile_files, test_walk_up, test_not_ours, test_copy)
