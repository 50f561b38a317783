/* What a model call used, in one call. */
#include "xrayfile.h"

int xray_step_usage(xray_step step, const xray_usage *u)
{
    const struct {
        xray_field field;
        xray_str text;
    } texts[] = {{XRAY_MODEL, u->model}, {XRAY_PROVIDER, u->provider}};
    const struct {
        xray_int_field field;
        int64_t n;
    } numbers[] = {{XRAY_TOKENS_IN, u->input},
                   {XRAY_TOKENS_OUT, u->output},
                   {XRAY_TOKENS_CACHE_READ, u->cache_read},
                   {XRAY_TOKENS_CACHE_WRITE, u->cache_write},
                   {XRAY_TOKENS_REASONING, u->reasoning},
                   {XRAY_TOKENS_TOTAL, u->total},
                   {XRAY_COST, u->cost}};
    int first = XRAY_OK;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].text.len > 0) {
            const int r = xray_step_set(step, texts[i].field, xray_textn(texts[i].text.ptr, texts[i].text.len));

            first = first < 0 ? first : r;
        }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].n != XRAY_MISSING) {
            const int r = xray_step_set_int(step, numbers[i].field, numbers[i].n);

            first = first < 0 ? first : r;
        }
    return first;
}
