/* Spans: OTLP JSON in the spellings that occur (camel and snake case, ids in hexadecimal, with 0x or in
 * base64, `batches`, enums as numbers or names), console exporters, Phoenix. A trace is a run, every span a
 * step; the span without parent describes the run as well. What the span's attributes mean is for span.c. */
#include "import/shapes.h"
#include "import/span.h"

#include <math.h>

#include "import/times.h"

/* ---- ids ---- */

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c != '\0' ? strchr(digits, c == '-' ? '+' : c == '_' ? '/' : c) : NULL;

    return at != NULL ? (int)(at - digits) : -1;
}

/* 8 or 16 bytes; 0: it is no such thing. */
static size_t decode_base64(xray_str text, uint8_t out[18])
{
    uint32_t bits = 0;
    size_t count = 0;
    int have = 0;

    while (text.len > 0 && text.ptr[text.len - 1] == '=')
        text.len--;
    if (text.len != 11 && text.len != 22)
        return 0;
    for (size_t i = 0; i < text.len; i++) {
        const int d = base64_digit(text.ptr[i]);

        if (d < 0)
            return 0;
        bits = bits << 6 | (uint32_t)d;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[count++] = (uint8_t)(bits >> have);
        }
    }
    return count;
}

static bool is_hex(xray_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (strchr("0123456789abcdefABCDEF", text.ptr[i]) == NULL || text.ptr[i] == '\0')
            return false;
    return text.len > 0;
}

static bool is_zeros(xray_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != '0')
            return false;
    return true;
}

/* An id as small hexadecimal digits; all zeros is none; text that is no id stays as it is. */
static xray_str span_id(struct import *im, uint32_t node)
{
    static const char digits[] = "0123456789abcdef";
    xray_str text = import_has(im, node) ? import_text(im, node) : xray_strn(NULL, 0);
    uint8_t bytes[18];
    size_t count;
    char *out;

    if (text.len > 2 && text.ptr[0] == '0' && text.ptr[1] == 'x')
        text = xray_strn(text.ptr + 2, text.len - 2);
    if (text.len == 0)
        return xray_strn(NULL, 0);
    if (is_hex(text)) {
        if (is_zeros(text))
            return xray_strn(NULL, 0);
        out = arena_take(&im->arena, text.len);
        for (size_t i = 0; i < text.len; i++)
            out[i] = text.ptr[i] >= 'A' && text.ptr[i] <= 'F' ? (char)(text.ptr[i] - 'A' + 'a') : text.ptr[i];
        return xray_strn(out, text.len);
    }
    count = decode_base64(text, bytes);
    if (count == 0)
        return text;
    out = arena_take(&im->arena, count * 2);
    for (size_t i = 0; i < count; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    return is_zeros(xray_strn(out, count * 2)) ? xray_strn(NULL, 0) : xray_strn(out, count * 2);
}

/* Ids may stand in the span or in its context. */
static void read_ids(struct import *im, const struct fields *f, struct span *s)
{
    struct fields c;

    s->trace = span_id(im, f->value[T_RUN_ID]);
    s->id = span_id(im, f->value[T_ID]);
    s->parent = span_id(im, f->value[T_PARENT]);
    if (import_is_object(im, f->value[T_CONTEXT])) {
        fields_collect(&c, im->tape, f->value[T_CONTEXT], SET_CONTEXT);
        if (s->trace.len == 0)
            s->trace = span_id(im, c.value[T_RUN_ID]);
        if (s->id.len == 0)
            s->id = span_id(im, c.value[T_ID]);
        fields_done(&c);
    }
    if (s->parent.len == 0 && import_is_object(im, f->value[T_PARENT_CONTEXT])) {
        fields_collect(&c, im->tape, f->value[T_PARENT_CONTEXT], SET_CONTEXT);
        s->parent = span_id(im, c.value[T_ID]);
        fields_done(&c);
    }
}

/* ---- times ---- */

/* Nanoseconds as a number or text of any length, ISO 8601, or [seconds, nanoseconds]. Zero is none. */
int64_t span_time(struct import *im, uint32_t node, bool nanoseconds)
{
    int64_t v = 0, nano = 0;
    xray_str text;

    if (!import_has(im, node))
        return XRAY_MISSING;
    if (import_type(im, node) == JSON_ARRAY) {
        const uint32_t first = json_first(node), end = json_end(im->tape, node);

        if (first == end || json_at(im->tape, first)->next == end || !import_int(im, first, &v) ||
            !import_int(im, json_at(im->tape, first)->next, &nano) || v <= 0 || v > 9000000000)
            return XRAY_MISSING;
        return v * 1000000000 + nano;
    }
    text = import_text(im, node);
    if (integer_parse(text, &v))
        return v == 0 ? XRAY_MISSING : nanoseconds ? v : time_from_integer(v);
    if (import_type(im, node) == JSON_REAL) { /* 1.7e18 */
        double d;

        return import_double(im, node, &d) && d > 0 && d < 9e18
                   ? (nanoseconds ? llround(d) : time_from_number(d))
                   : XRAY_MISSING;
    }
    return time_parse(text);
}

static bool is_nano_key(struct import *im, uint32_t key)
{
    const xray_str text = json_text(im->tape, key);

    return text.len > 5 && (memcmp(text.ptr + text.len - 5, "Nano\"", 5) == 0 ||
                            memcmp(text.ptr + text.len - 5, "nano\"", 5) == 0);
}

/* ---- status ---- */

static bool ends_with(xray_str text, const char *tail)
{
    const size_t n = strlen(tail);

    if (text.len < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        const char c = text.ptr[text.len - n + i];

        if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != tail[i])
            return false;
    }
    return true;
}

/* 2, "STATUS_CODE_ERROR", "StatusCode.ERROR", "ERROR". */
static int status_code(struct import *im, uint32_t node)
{
    int64_t v;

    if (!import_has(im, node))
        return 0;
    if (import_type(im, node) == JSON_INT && import_int(im, node, &v))
        return v == 1 || v == 2 ? (int)v : 0;
    if (import_type(im, node) != JSON_STRING)
        return 0;
    return ends_with(import_text(im, node), "error") ? 2 : ends_with(import_text(im, node), "ok") ? 1 : 0;
}

static void read_status(struct import *im, const struct fields *f, struct span *s)
{
    struct fields inner;

    s->code = status_code(im, f->value[T_STATUS_CODE]);
    s->message = f->value[T_STATUS_MESSAGE];
    if (import_is_object(im, f->value[T_STATUS])) {
        fields_collect(&inner, im->tape, f->value[T_STATUS], SET_STATUS);
        s->code = status_code(im, inner.value[T_STATUS_CODE]);
        s->message = inner.value[T_STATUS_MESSAGE];
        fields_done(&inner);
    } else if (import_has(im, f->value[T_STATUS])) {
        s->code = status_code(im, f->value[T_STATUS]);
    }
    if (s->message != 0 &&
        (import_type(im, s->message) != JSON_STRING || json_at(im->tape, s->message)->len == 2))
        s->message = 0;
}

/* ---- one span ---- */

static void read_span(struct import *im, uint32_t node, const struct span_level *level)
{
    struct span s = { .node = node, .resource = level->resource, .scope = level->scope };

    fields_collect(&s.fields, im->tape, node, SET_SPAN);
    if (import_is_object(im, s.fields.value[T_RESOURCE]))
        s.resource = s.fields.value[T_RESOURCE];
    read_ids(im, &s.fields, &s);
    s.start_ns = span_time(im, s.fields.value[T_START], is_nano_key(im, s.fields.key[T_START]));
    s.end_ns = span_time(im, s.fields.value[T_END], is_nano_key(im, s.fields.key[T_END]));
    read_status(im, &s.fields, &s);
    span_put(im, &s);
    fields_done(&s.fields);
}

void otlp_span(struct import *im, uint32_t node)
{
    static const struct span_level none;

    read_span(im, node, &none);
}

/* ---- documents ---- */

static bool is_span(struct import *im, uint32_t node)
{
    static const char *const marks[] = { "spanId", "span_id", "context", "spanContext" };

    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (fields_find(im->tape, node, marks[i]) != 0)
            return true;
    return false;
}

static void read_level(struct import *im, uint32_t node, struct span_level level, int depth)
{
    struct fields f;

    fields_collect(&f, im->tape, node, SET_LEVEL);
    if (import_is_object(im, f.value[T_RESOURCE]))
        level.resource = f.value[T_RESOURCE];
    if (import_is_object(im, f.value[T_SCOPE]))
        level.scope = f.value[T_SCOPE];
    if (f.value[T_STEPS] != 0 && import_type(im, f.value[T_STEPS]) == JSON_ARRAY) {
        const uint32_t list = f.value[T_STEPS];

        for (uint32_t i = json_first(list); i != json_end(im->tape, list) && !im->stop;
             i = json_at(im->tape, i)->next) {
            if (!import_is_object(im, i))
                import_fault(im, i, "a span, or a list of them, must be an object");
            else if (is_span(im, i) || depth == 0)
                read_span(im, i, &level);
            else
                read_level(im, i, level, depth - 1);
        }
    }
    fields_done(&f);
}

/* Log records and metrics are not ours, but counted. */
static void count_other(struct import *im, uint32_t node)
{
    static const char *const lists[] = { "logRecords", "log_records", "metrics" };
    const uint32_t end = json_end(im->tape, node);

    for (uint32_t i = node; i + 1 < end; i++)
        for (size_t k = 0; k < sizeof lists / sizeof lists[0]; k++)
            if (fields_is(im->tape, i, lists[k]) && import_type(im, i + 1) == JSON_ARRAY)
                for (uint32_t e = json_first(i + 1); e != json_end(im->tape, i + 1);
                     e = json_at(im->tape, e)->next)
                    im->counts.other++;
}

void otlp_document(struct import *im, uint32_t node)
{
    static const struct span_level none;
    static const char *const other[] = { "resourceLogs",    "resource_logs",    "scopeLogs",
                                         "resourceMetrics", "resource_metrics", "scopeMetrics" };

    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
        if (fields_find(im->tape, node, other[i]) != 0)
            count_other(im, fields_find(im->tape, node, other[i]));
    read_level(im, node, none, 3);
}
