/* fuzz_config - any bytes as an xray.config.yaml; and what `redact` says, applied to any value.
 *
 * The first byte says which: even, the rest is a file; odd, it is a list of names and patterns, a NUL, and a value (JSON,
 * or whatever text).
 *
 * Properties of a file: what is in force is taken again and means the same, and the same file means the same again; what is
 * wrong is told in lines that steer no terminal. Of a list: with a name and a pattern put before it, nothing of what they
 * forbid is in the file that a writer makes of the value, wherever the value stands. */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/settings.h"

static const char secret[] = "hunter2"; /* what the pattern is for */
static const char name[] = "\"secret\":";

/* ---- a file ---- */

static void check_warnings(const xray_config *c)
{
    const char *text;

    for (size_t i = 0; (text = xray_config_warning(c, i)) != NULL; i++)
        for (; *text != '\0'; text++)
            fuzz_require((unsigned char)*text >= 0x20 && *text != 0x7f, "a warning is one line of text");
}

static bool same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* What the file set, set from code. */
static void check_values(const xray_config *c, const xray_config *again)
{
    xray_config *code = xray_config_new();

    fuzz_require(code != NULL, "there is memory");
    for (int s = 0; s < XF_SETTINGS; s++) {
        const char *key = xf_setting_info((enum xf_setting)s)->name;
        const char *value = xray_config_get(c, key);

        fuzz_require(same(value, xray_config_get(again, key)) &&
                         same(xray_config_origin(c, key), xray_config_origin(again, key)),
                     "a file means the same when it is read again");
        if (value == NULL)
            continue;
        fuzz_require(xray_config_set(code, key, value, NULL) == XRAY_OK, "what is in force is a value of its key");
        fuzz_require(same(value, xray_config_get(code, key)), "what is in force is canonical");
    }
    xray_config_free(code);
}

static void check_file(const uint8_t *data, size_t len)
{
    xray_config *c = xray_config_new(), *again = xray_config_new();
    struct fuzz_file file;

    fuzz_require(c != NULL && again != NULL, "there is memory");
    fuzz_file_init(&file, data, len);
    fuzz_require(xray_config_load_file(c, file.path) == XRAY_OK && xray_config_load_file(again, file.path) == XRAY_OK,
                 "a file is read, whatever is in it");
    check_warnings(c);
    check_values(c, again);
    fuzz_file_done(&file);
    xray_config_free(c);
    xray_config_free(again);
}

/* ---- a list ---- */

static void record_events(xray_step step, xray_str text, xray_value value)
{
    const xray_reason reason = {.code = xray_s("late"), .rule = text, .params = text};
    const xray_attr evidence[] = {{xray_s("given"), value}, {xray_s("secret"), xray_text("kept from all")}, {text, value}};
    xray_candidate c = {.item = text, .verdict = XRAY_REJECT, .reasons = &reason, .reason_count = 1};
    xray_decision d = XRAY_DECISION_INIT;

    c.evidence = evidence;
    c.evidence_count = sizeof evidence / sizeof *evidence;
    xray_step_candidate(step, &c);
    c = (xray_candidate){.item = text, .verdict = XRAY_ACCEPT, .fields = XRAY_HAS_EVIDENCE, .evidence_value = value};
    xray_step_candidate(step, &c);
    xray_step_reject(step, text, text, evidence, 2);
    d.name = text;
    d.reason = text;
    xray_step_decide(step, &d);
    xray_step_note(step, text, value, XRAY_MISSING, XRAY_MISSING);
}

/* The value in every place that holds one, the text in every place that holds a text. */
static void record(xray_writer *w, xray_str text, xray_value value)
{
    const xray_run_options options = {.version = text, .ext_id = text, .project = text, .session = text, .user = text};
    const xray_run run = xray_run_begin(w, text, &options);
    const xray_step_options own = {.ext_id = text};
    xray_step step;

    xray_run_set(run, XRAY_INPUT, value);
    xray_run_set(run, XRAY_ERROR, value);
    xray_run_add(run, XRAY_TAGS, text, value);
    xray_run_add(run, XRAY_METADATA, xray_s("secret"), value);
    xray_run_add(run, XRAY_METADATA, text, value);
    step = xray_step_begin(run, text, text, &own);
    xray_step_set(step, XRAY_INPUT, value);
    xray_step_set(step, XRAY_OUTPUT, xray_textn(text.ptr, text.len));
    xray_step_set(step, XRAY_REASONING, value);
    xray_step_set(step, XRAY_FILTERS, value);
    xray_step_set(step, XRAY_PARAMS, value);
    xray_step_set(step, XRAY_MODEL, xray_textn(text.ptr, text.len));
    xray_step_set(step, XRAY_ERROR, xray_textn(text.ptr, text.len));
    record_events(step, text, value);
    xray_step_end(step, XRAY_FAILURE);
    xray_run_end(run, XRAY_SUCCESS);
}

static void check_lines(const xray_buffer *lines)
{
    static const char mark[] = "{\"$missing\":[\"redacted\"", none[] = "null";
    const char *at = (const char *)lines->data, *end = at + lines->len;

    fuzz_require(memmem(at, lines->len, secret, strlen(secret)) == NULL, "what a pattern forbids is not recorded");
    while ((at = memmem(at, (size_t)(end - at), name, strlen(name))) != NULL) {
        const bool key = at[-1] == '{' || at[-1] == ','; /* or part of a text, whose quotes are escaped */

        at += strlen(name);
        fuzz_require(!key || ((size_t)(end - at) > sizeof mark && (memcmp(at, mark, sizeof mark - 1) == 0 ||
                                                         memcmp(at, none, sizeof none - 1) == 0)),
                     "what a name forbids is not recorded");
    }
}

static void check_list(const uint8_t *data, size_t len)
{
    static const xray_fixed fixed = {.id = "fuzzed redaction", .time_ns = 1700000000000000000, .tick_ns = 1000};
    const uint8_t *nul = memchr(data, 0, len);
    const size_t list_len = nul != NULL ? (size_t)(nul - data) : len;
    const char *text = (const char *)data + list_len + (nul != NULL);
    const size_t text_len = len - list_len - (nul != NULL);
    char *list = malloc(list_len + 64);
    xray_writer_options options = {.fixed = &fixed, .level = 1, .redact = list};
    xray_writer *w = NULL;
    xray_buffer lines = {0};
    struct fuzz_file segment = {.fd = -1};

    fuzz_require(list != NULL, "there is memory");
    snprintf(list, list_len + 64, "secret, /%s/, %.*s", secret, (int)list_len, (const char *)data);
    if (xray_writer_open(&w, fuzz_directory(), &options, NULL) == XRAY_OK) {
        record(w, xray_strn(text, text_len), xray_jsonn(text, text_len));
        record(w, xray_strn(text, text_len), xray_textn(text, text_len));
        fuzz_require(xray_writer_close(w, -1, NULL) == XRAY_SEALED, "what was recorded is sealed");
        fuzz_take_segment(&segment);
        fuzz_require(fuzz_read_all(&segment, 0, &lines) == XRAY_OK, "what was recorded can be read");
        fuzz_file_done(&segment);
        check_lines(&lines);
    }
    xray_buffer_free(&lines);
    free(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static bool begun;

    if (!begun) { /* for ${...} */
        begun = true;
        setenv("FUZZED", "a value, ${FUZZED}", 1);
        unsetenv("UNSET");
    }
    if (len == 0 || len > 64u << 10)
        return 0;
    if (data[0] % 2 == 0)
        check_file(data + 1, len - 1);
    else
        check_list(data + 1, len - 1);
    return 0;
}
