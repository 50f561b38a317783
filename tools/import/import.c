/* See import.h: streams, faults, values. Fields of runs and steps are placed by scope.c. */
#include "import/import.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cli.h"
#include "common/text.h"
#include "import/shapes.h"
#include "import/times.h"

/* ---- from documents to a store ---- */

static void finish_run(struct open_run *run)
{
    own_finish(run);
    begin_finish(run);
}

void import_begin(struct import *im)
{
    runs_init(&im->runs);
    im->runs.finish = finish_run;
}

void import_stream(struct import *im, int fd, size_t max_value)
{
    struct json_stream stream;
    enum json_stream_result r = JSON_STREAM_END;

    json_stream_open(&stream, fd, max_value);
    im->stream = &stream;
    while (!im->stop && (r = json_stream_next(&stream)) != JSON_STREAM_END && r != JSON_STREAM_ERROR) {
        if (r == JSON_STREAM_VALUE)
            shape_document(im);
        else
            import_fault_at(im, stream.fault_line, stream.fault_column, "%s", stream.fault);
    }
    if (r == JSON_STREAM_ERROR)
        cli_error(im->file, "%s", strerror(stream.sys_errno));
    json_stream_close(&stream);
}

void import_finish(struct import *im)
{
    runs_done(&im->runs);
}

void import_done(struct import *im)
{
    arena_free(&im->arena);
    xray_buffer_free(&im->packed);
    json_map_free(&im->attrs);
}

/* ---- faults ---- */

static void say_fault(struct import *im, uint64_t line, uint64_t column, const char *format, va_list args)
{
    struct text foreign = { 0 };
    struct text t = { 0 };
    char what[512];

    vsnprintf(what, sizeof what, format, args);
    text_printf(&foreign, "%s:%llu:%llu: %s", im->file, (unsigned long long)line, (unsigned long long)column,
                what);
    text_safe(&t, text_str(&foreign), SAFE_LINE);
    text_puts(&t, "\n");
    fwrite(t.data, 1, t.len, stderr);
    text_free(&t);
    text_free(&foreign);
    im->counts.skipped++;
    im->stop = im->stop || im->strict;
    cli_skipped();
}

void import_fault_at(struct import *im, uint64_t line, uint64_t column, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say_fault(im, line, column, format, args);
    va_end(args);
}

/* JSON in a string has no lines of its own: then the place is that of the document. */
static size_t offset_of(const struct import *im, uint32_t node)
{
    return im->tape == &im->stream->tape ? json_at(im->tape, node)->off : 0;
}

void import_fault(struct import *im, uint32_t node, const char *format, ...)
{
    uint64_t line, column;
    va_list args;

    json_stream_place(im->stream, offset_of(im, node), &line, &column);
    va_start(args, format);
    say_fault(im, line, column, format, args);
    va_end(args);
}

/* ---- text that lives as long as the document ---- */

struct arena_block {
    struct arena_block *next;
    size_t used, cap;
    char data[];
};

#define BLOCK_LEN ((size_t)64 << 10)

char *arena_take(struct arena *a, size_t len)
{
    struct arena_block *b = a->blocks;

    if (b == NULL || b->cap - b->used < len) {
        const size_t cap = len > BLOCK_LEN ? len : BLOCK_LEN;

        b = memory_new(1, sizeof *b + cap);
        b->cap = cap;
        b->next = a->blocks;
        a->blocks = b;
    }
    b->used += len;
    return b->data + b->used - len;
}

/* Keeps the first block, if it is an ordinary one. */
void arena_reset(struct arena *a)
{
    while (a->blocks != NULL && (a->blocks->next != NULL || a->blocks->cap > BLOCK_LEN)) {
        struct arena_block *b = a->blocks;

        a->blocks = b->next;
        free(b);
    }
    if (a->blocks != NULL)
        a->blocks->used = 0;
}

void arena_free(struct arena *a)
{
    while (a->blocks != NULL) {
        struct arena_block *b = a->blocks;

        a->blocks = b->next;
        free(b);
    }
}

/* ---- values ---- */

xray_str import_text(struct import *im, uint32_t node)
{
    const struct json_node *n = json_at(im->tape, node);
    const xray_str raw = json_text(im->tape, node);
    char *plain;

    if (n->type != JSON_STRING)
        return raw;
    if (!n->escaped)
        return xray_strn(raw.ptr + 1, raw.len - 2);
    plain = arena_take(&im->arena, raw.len);
    return xray_strn(plain, json_unescape(plain, raw.ptr, raw.len));
}

xray_str import_text_of(struct import *im, uint32_t node)
{
    return import_has(im, node) ? import_text(im, node) : xray_strn(NULL, 0);
}

xray_str import_string(struct import *im, uint32_t node)
{
    return node != 0 && import_type(im, node) == JSON_STRING ? import_text(im, node) : xray_strn(NULL, 0);
}

/* Integers of 64 bits as such; others, and -0, as the library reads them. */
static xray_value integer_value(xray_str text)
{
    const bool negative = text.ptr[0] == '-';
    uint64_t v = 0;

    for (size_t i = negative; i < text.len; i++) {
        const unsigned d = (unsigned)(text.ptr[i] - '0');

        if (v > (UINT64_MAX - d) / 10)
            return xray_jsonn(text.ptr, text.len);
        v = v * 10 + d;
    }
    if (!negative)
        return v <= INT64_MAX ? xray_int((int64_t)v) : xray_uint(v);
    if (v == 0 || v > (uint64_t)INT64_MAX)
        return xray_jsonn(text.ptr, text.len);
    return xray_int(-(int64_t)v);
}

xray_value import_value(struct import *im, uint32_t node)
{
    const xray_str raw = json_text(im->tape, node);
    xray_str text;
    double d;

    switch (import_type(im, node)) {
    case JSON_NULL:
        return xray_nil();
    case JSON_BOOL:
        return xray_bool(raw.ptr[0] == 't');
    case JSON_INT:
        return integer_value(raw);
    case JSON_REAL:
        return double_parse_fast(raw, &d) ? xray_double(d) : xray_jsonn(raw.ptr, raw.len);
    case JSON_NONFINITE:
        return xray_double(raw.ptr[0] == 'N'   ? (double)NAN
                           : raw.ptr[0] == '-' ? -(double)INFINITY
                                               : (double)INFINITY);
    case JSON_STRING:
        text = import_text(im, node);
        return xray_textn(text.ptr, text.len);
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return xray_jsonn(raw.ptr, raw.len);
}

bool import_double(struct import *im, uint32_t node, double *out)
{
    const enum node_type type = import_type(im, node);
    const xray_str text = type == JSON_OBJECT ? xray_strn(NULL, 0) : import_text(im, node);
    char copy[340], *end;

    if (type == JSON_NONFINITE) {
        *out = import_value(im, node).as.d;
        return true;
    }
    if (type == JSON_OBJECT) { /* {"$f":"nan"} */
        const uint32_t f = fields_find(im->tape, node, "$f");

        if (f == 0)
            return false;
        *out = fields_is(im->tape, f, "inf")    ? (double)INFINITY
               : fields_is(im->tape, f, "-inf") ? -(double)INFINITY
                                                : (double)NAN;
        return true;
    }
    if ((type != JSON_INT && type != JSON_REAL && type != JSON_STRING) || text.len == 0)
        return false;
    if (double_parse_fast(text, out))
        return text.ptr[text.len - 1] != '-';
    if (text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *out = strtod(copy, &end);
    return *end == '\0';
}

bool import_int(struct import *im, uint32_t node, int64_t *out)
{
    const enum node_type type = import_type(im, node);
    double d;

    if (type == JSON_INT || type == JSON_STRING)
        return integer_parse(import_text(im, node), out);
    if (type != JSON_REAL || !import_double(im, node, &d) || d != floor(d) || fabs(d) > 9e15)
        return false;
    *out = (int64_t)d;
    return true;
}

/* ---- packing ---- */

/* Writes JSON again with every object that has a key twice as {"$map":[[key,value],...]}, which the
 * library takes. Depth is bounded by the tape's. */
static void put_tolerant(struct text *out, const struct json_tape *tape, uint32_t node);

static bool has_twins(const struct json_tape *tape, uint32_t object)
{
    const uint32_t end = json_end(tape, object);

    for (uint32_t a = json_first(object); a != end; a = json_at(tape, a + 1)->next)
        for (uint32_t b = json_at(tape, a + 1)->next; b != end; b = json_at(tape, b + 1)->next) {
            const xray_str x = json_text(tape, a), y = json_text(tape, b);

            if (json_at(tape, a)->escaped || json_at(tape, b)->escaped ||
                (x.len == y.len && memcmp(x.ptr, y.ptr, x.len) == 0))
                return true;
        }
    return false;
}

static void put_object(struct text *out, const struct json_tape *tape, uint32_t object)
{
    const uint32_t end = json_end(tape, object);
    const bool twins = has_twins(tape, object);
    const char *separator = "";

    text_puts(out, twins ? "{\"$map\":[" : "{");
    for (uint32_t key = json_first(object); key != end; key = json_at(tape, key + 1)->next) {
        const xray_str text = json_text(tape, key);

        text_puts(out, separator);
        text_puts(out, twins ? "[" : "");
        text_put(out, text.ptr, text.len);
        text_puts(out, twins ? "," : ":");
        put_tolerant(out, tape, key + 1);
        text_puts(out, twins ? "]" : "");
        separator = ",";
    }
    text_puts(out, twins ? "]}" : "}");
}

static void put_tolerant(struct text *out, const struct json_tape *tape, uint32_t node)
{
    const xray_str raw = json_text(tape, node);
    const char *separator = "";

    if (json_at(tape, node)->type == JSON_OBJECT) {
        put_object(out, tape, node);
    } else if (json_at(tape, node)->type == JSON_ARRAY) {
        text_puts(out, "[");
        for (uint32_t i = json_first(node); i != json_end(tape, node); i = json_at(tape, i)->next) {
            text_puts(out, separator);
            put_tolerant(out, tape, i);
            separator = ",";
        }
        text_puts(out, "]");
    } else {
        text_put(out, raw.ptr, raw.len);
    }
}

xray_value import_keep_json(struct import *im, struct text *t)
{
    const size_t len = t->len;
    char *copy = arena_take(&im->arena, len + 1);

    memcpy(copy, t->data, len);
    copy[len] = '\0';
    text_free(t);
    return xray_jsonn(copy, len);
}

/* The library's word on a value: its position counts where the value stands in the document as it is. */
static void refused(struct import *im, uint32_t node, const xray_value *value, const xray_error *err)
{
    const struct json_tape *doc = &im->stream->tape;
    const uintptr_t text = value->kind == XRAY_VALUE_JSON ? (uintptr_t)value->as.bytes.ptr : 0;
    const uintptr_t begin = (uintptr_t)doc->text;
    const bool inside = text >= begin && text < begin + doc->end && err->pos < value->as.bytes.len;
    uint64_t line, column;

    json_stream_place(im->stream, inside ? text - begin + err->pos : offset_of(im, node), &line, &column);
    import_fault_at(im, line, column, "%s; this value is left out", err->message);
}

/* The text is well formed, so what the library refuses may be a key that comes twice: says it in the way it
 * takes. */
static bool make_tolerant(struct import *im, xray_value *value)
{
    struct json_tape tape = { 0 };
    struct text t = { 0 };
    const bool ok = value->kind == XRAY_VALUE_JSON &&
                    json_tape_read(&tape, value->as.bytes.ptr, value->as.bytes.len, true) == JSON_DONE;

    if (ok) {
        put_tolerant(&t, &tape, 0);
        *value = import_keep_json(im, &t);
    }
    json_tape_free(&tape);
    return ok;
}

static int try_pack(struct import *im, xray_value *value, xray_buffer *out, xray_error *err)
{
    int r = xray_value_pack(*value, true, out, err);

    if (r == XRAY_ESYNTAX && make_tolerant(im, value))
        r = xray_value_pack(*value, true, out, err);
    if (r == XRAY_ENOMEM)
        cli_die("out of memory");
    return r;
}

bool import_settle(struct import *im, int status, uint32_t node, xray_value *value)
{
    xray_error err = { 0 };

    if (status != XRAY_ESYNTAX && status != XRAY_ELIMIT && (status != XRAY_ECLOSED || im->writer != NULL))
        return false;
    im->packed.len = 0;
    if (try_pack(im, value, &im->packed, &err) == XRAY_OK)
        return status == XRAY_ESYNTAX;
    refused(im, node, value, &err);
    return false;
}

bool import_pack(struct import *im, uint32_t node, xray_value value, xray_buffer *out)
{
    xray_error err = { 0 };

    if (try_pack(im, &value, out, &err) == XRAY_OK)
        return true;
    refused(im, node, &value, &err);
    return false;
}

/* ---- maps ---- */

static void put_string(struct text *t, xray_str s)
{
    size_t from = 0;

    text_puts(t, "\"");
    for (size_t i = 0; i < s.len; i++) {
        const unsigned char c = (unsigned char)s.ptr[i];

        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        text_put(t, s.ptr + from, i - from);
        text_printf(t, "\\u%04x", c);
        from = i + 1;
    }
    if (s.len > from)
        text_put(t, s.ptr + from, s.len - from);
    text_puts(t, "\"");
}

/* With a point or an exponent, so that it stays a double. */
static void put_double(struct text *t, double d)
{
    char digits[40];

    if (!isfinite(d)) {
        text_puts(t, isnan(d) ? "{\"$f\":\"nan\"}" : d > 0 ? "{\"$f\":\"inf\"}" : "{\"$f\":\"-inf\"}");
        return;
    }
    snprintf(digits, sizeof digits, "%.17g", d);
    text_puts(t, digits);
    if (strpbrk(digits, ".e") == NULL)
        text_puts(t, ".0");
}

static void put_value(struct text *t, const xray_value *v)
{
    switch (v->kind) {
    case XRAY_VALUE_BOOL:
        text_puts(t, v->as.boolean ? "true" : "false");
        return;
    case XRAY_VALUE_INT:
        text_printf(t, "%lld", (long long)v->as.i);
        return;
    case XRAY_VALUE_UINT:
        text_printf(t, "%llu", (unsigned long long)v->as.u);
        return;
    case XRAY_VALUE_DOUBLE:
        put_double(t, v->as.d);
        return;
    case XRAY_VALUE_TEXT:
        put_string(t, v->as.bytes);
        return;
    case XRAY_VALUE_JSON:
        text_put(t, v->as.bytes.ptr, v->as.bytes.len);
        return;
    case XRAY_VALUE_NIL:
    case XRAY_VALUE_BIN: /* no foreign value becomes one of these */
    case XRAY_VALUE_MSGPACK:
    case XRAY_VALUE_TREE:
        break;
    }
    text_puts(t, "null");
}

void json_map_add(struct json_map *m, xray_str key, xray_value value)
{
    if (m->count == 0) {
        m->pairs = key.len > 0 && key.ptr[0] == '$';
        text_reset(&m->text);
        text_puts(&m->text, m->pairs ? "{\"$map\":[" : "{");
    } else {
        text_puts(&m->text, ",");
    }
    text_puts(&m->text, m->pairs ? "[" : "");
    put_string(&m->text, key);
    text_puts(&m->text, m->pairs ? "," : ":");
    put_value(&m->text, &value);
    text_puts(&m->text, m->pairs ? "]" : "");
    m->count++;
}

xray_value json_map_value(struct json_map *m)
{
    const size_t len = m->text.len;

    if (m->count == 0)
        return xray_json("{}");
    text_puts(&m->text, m->pairs ? "]}" : "}");
    m->text.len = len; /* more may be added */
    return xray_jsonn(m->text.data, len + (m->pairs ? 2 : 1));
}

void json_map_reset(struct json_map *m)
{
    text_reset(&m->text);
    m->count = 0;
}

void json_map_free(struct json_map *m)
{
    text_free(&m->text);
    m->count = 0;
}

bool import_inner(struct json_tape *tape, xray_str text)
{
    while (text.len > 0 && json_is_white(text.ptr[0]))
        text = xray_strn(text.ptr + 1, text.len - 1);
    while (text.len > 0 && json_is_white(text.ptr[text.len - 1]))
        text.len--;
    return text.len > 1 && (text.ptr[0] == '{' || text.ptr[0] == '[') &&
           json_tape_read(tape, text.ptr, text.len, true) == JSON_DONE && tape->end == text.len;
}
