/* The numbers of a step that an index keeps ranges of (format-spec/index-file.md, 3.4). */
#ifndef XF_STORE_MEASURE_H
#define XF_STORE_MEASURE_H

#include "format/zone.h"
#include "store/indexer.h"

static inline int64_t xf_measure_plus(int64_t a, int64_t b)
{
    int64_t sum;

    if (a == XRAY_MISSING || b == XRAY_MISSING)
        return XRAY_MISSING;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum; /* the last code is open upwards */
}

/* The integer, or XRAY_MISSING. XF_SN_RATE is none, and sizes are not in the record. */
static inline int64_t xf_measure_int(const xray_step_record *r, enum xf_summary_number which)
{
    switch (which) {
    case XF_SN_DURATION:
        return r->duration_ns;
    case XF_SN_COST:
        return r->cost;
    case XF_SN_IN:
        return r->candidates_in;
    case XF_SN_OUT:
        return r->candidates_out;
    case XF_SN_REJECTED:
        return r->candidates_in == XRAY_MISSING || r->candidates_out == XRAY_MISSING ||
                       r->candidates_out < 0 || r->candidates_in < 0
                   ? XRAY_MISSING
                   : r->candidates_in - r->candidates_out;
    case XF_SN_TOKENS_IN:
        return r->tokens_in;
    case XF_SN_TOKENS_OUT:
        return r->tokens_out;
    case XF_SN_TOKENS_TOTAL:
        return r->tokens_total != XRAY_MISSING ? r->tokens_total : xf_measure_plus(r->tokens_in, r->tokens_out);
    case XF_SN_RATE:
    case XF_SN_INPUT_SIZE:
    case XF_SN_OUTPUT_SIZE:
    case XF_SUMMARY_NUMBERS:
        break;
    }
    return XRAY_MISSING;
}

/* Counts that are below zero make no sense, but stand in files: nothing is said of such a run. */
static inline bool xf_measure_is_odd(const xray_step_record *r)
{
    return (r->candidates_in != XRAY_MISSING && r->candidates_in < 0) ||
           (r->candidates_out != XRAY_MISSING && r->candidates_out < 0) ||
           xf_measure_plus(r->tokens_in, r->tokens_out) == INT64_MAX ||
           (r->tokens_in != XRAY_MISSING && r->tokens_in < 0) ||
           (r->tokens_out != XRAY_MISSING && r->tokens_out < 0);
}

static inline uint8_t xf_measure_zone(const xray_step_record *r, enum xf_summary_number which)
{
    int64_t v;

    if (which == XF_SN_RATE) {
        if (r->candidates_in == XRAY_MISSING || r->candidates_out == XRAY_MISSING)
            return XF_ZONE_NONE;
        if (r->candidates_in == 0)
            return xf_zone_of_rate(0);
        return xf_zone_of_rate((double)(r->candidates_in - r->candidates_out) / (double)r->candidates_in);
    }
    v = xf_measure_int(r, which);
    return v == XRAY_MISSING ? XF_ZONE_NONE : xf_zone_of_int(v);
}

#endif
