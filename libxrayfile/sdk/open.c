/* Opening a writer, also from a configuration. Here, above both, what reads is lent to what writes: the writer has the
 * segments that it seals indexed by the code that reads them. */
#include "base/fail.h"
#include "config/config.h"
#include "writer/front.h"

#define NS_PER_S 1000000000
#define NS_PER_MS 1000000

static enum xray_flush_when flush_of(const char *word)
{
    if (strcmp(word, "run") == 0)
        return XRAY_FLUSH_RUN;
    if (strcmp(word, "step") == 0)
        return XRAY_FLUSH_STEP;
    return strcmp(word, "sync") == 0 ? XRAY_FLUSH_SYNC : XRAY_FLUSH_INTERVAL;
}

static enum xray_on_error on_error_of(const char *word)
{
    if (strcmp(word, "log") == 0)
        return XRAY_ON_ERROR_LOG;
    return strcmp(word, "raise") == 0 ? XRAY_ON_ERROR_RAISE : XRAY_ON_ERROR_SILENT;
}

static void index_sealed(const char *path)
{
    (void)xray_index_build(path, NULL, NULL); /* a hint that is missing costs time, and nothing else */
}

int xray_writer_open(xray_writer **out, const char *dir, const xray_writer_options *options, xray_error *err)
{
    return xf_writer_open(out, dir, options, index_sealed, err);
}

int xray_writer_open_config(xray_writer **out, const xray_config *c, xray_error *err)
{
    xray_writer_options o = {0};

    if (out == NULL || c == NULL)
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "a writer is opened from a configuration");
    if (!xf_setting_bool(xf_config_text(c, XF_ENABLED))) {
        *out = NULL;
        return XRAY_OK;
    }
    o.app = xf_config_text(c, XF_APP);
    o.project = xf_config_text(c, XF_PROJECT);
    o.level = (int)xf_setting_number(xf_config_text(c, XF_COMPRESSION));
    o.segment_bytes = xf_setting_bytes(xf_config_text(c, XF_SEGMENT_SIZE));
    o.segment_age_s = (unsigned)((xf_setting_ns(xf_config_text(c, XF_SEGMENT_AGE)) + NS_PER_S - 1) / NS_PER_S);
    o.flush_interval_ms = (unsigned)(xf_setting_ns(xf_config_text(c, XF_FLUSH_INTERVAL)) / NS_PER_MS);
    o.memory_bytes = xf_setting_bytes(xf_config_text(c, XF_MEMORY_LIMIT));
    o.redact = xf_config_text(c, XF_REDACT);
    o.text_limit = xf_setting_bytes(xf_config_text(c, XF_TEXT_LIMIT));
    o.value_limit = xf_setting_bytes(xf_config_text(c, XF_VALUE_LIMIT));
    o.summary = strcmp(xf_config_text(c, XF_DETAIL), "summary") == 0;
    o.sample_rate = (double)xf_setting_billionths(xf_config_text(c, XF_SAMPLE_RATE)) / 1e9;
    if (o.sample_rate == 0)
        o.sample_rate = -1; /* none is kept */
    o.sample_seed = xf_setting_number(xf_config_text(c, XF_SAMPLE_SEED));
    o.on_error = on_error_of(xf_config_text(c, XF_ON_ERROR));
    o.index = xf_setting_bool(xf_config_text(c, XF_INDEX)) ? XRAY_INDEX_DEFAULT : XRAY_INDEX_LATER;
    o.flush = flush_of(xf_config_text(c, XF_FLUSH));
    return xray_writer_open(out, xf_config_text(c, XF_DIR), &o, err);
}
