/* JSON text and json-c trees to canonical MessagePack (json.h, spec 13).
 *
 *     text --scan--> (rewrite, rarely) --json-c--> tree --pack--> MessagePack
 *
 * The scan says where a text is wrong; json-c parses; packing turns the objects
 * of spec 13 back into what they stand for. An object that only looks like one
 * of them ({"$bin": 7}) is an ordinary map: applications have such data. */
#include "codec/json.h"

#include <json_object.h>
#include <json_object_iterator.h>
#include <json_tokener.h>
#include <math.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "codec/base64.h"
#include "codec/jsonscan.h"
#include "codec/jsontext.h"
#include "codec/mpread.h"
#include "codec/mpwrite.h"

#define MAX_TEXT ((size_t)1 << 30) /* json-c counts in int; values end at 64 MiB anyway (spec 11) */

struct pack {
    xray_buffer *out;
    xray_buffer scratch; /* decoded base64 */
    size_t members;      /* of all objects met */
    bool rewritten;      /* the tree comes from a text of xf_json_rewrite */
    uint64_t deep_pos;   /* position to report if it nests too deep */
    xray_error *err;
};

static int pack_value(struct pack *p, struct json_object *value, int depth);

static int check_depth(struct pack *p, int depth)
{
    if (depth < XF_DEPTH_WRITE)
        return XRAY_OK;
    return xf_fail(p->err, XRAY_ELIMIT, p->deep_pos, "JSON is nested deeper than %d levels", XF_DEPTH_WRITE);
}

/* ---- strings and numbers ------------------------------------------------------ */

/* Text of a rewritten tree: C0 80 stands for NUL. */
static void pack_rewritten(struct pack *p, const char *text, size_t len)
{
    xray_buffer *b = &p->scratch;

    xf_buf_reset(b);
    for (size_t i = 0; i < len; i++) {
        const bool nul = (uint8_t)text[i] == XF_JSON_NUL_1;

        xf_buf_put_u8(b, nul ? 0 : (uint8_t)text[i]);
        if (nul)
            i++;
    }
    if (b->failed)
        p->out->failed = true;
    else
        xf_mp_text(p->out, b->data, b->len);
}

static void pack_text(struct pack *p, const char *text, size_t len)
{
    if (p->rewritten && len > 0 && (uint8_t)text[0] == XF_JSON_NUMBER)
        xf_mp_ext(p->out, 4, text + 1, len - 1);
    else if (p->rewritten && memchr(text, XF_JSON_NUL_1, len) != NULL)
        pack_rewritten(p, text, len);
    else
        xf_mp_text(p->out, text, len);
}

static void pack_int(struct pack *p, struct json_object *value)
{
    const int64_t i = json_object_get_int64(value);

    /* json-c clamps what is above INT64_MAX here. */
    if (i == INT64_MAX)
        xf_mp_uint(p->out, json_object_get_uint64(value));
    else
        xf_mp_int(p->out, i);
}

static bool has_nonzero_digit(const char *number, size_t len)
{
    for (size_t i = 0; i < len && number[i] != 'e' && number[i] != 'E'; i++)
        if (number[i] >= '1' && number[i] <= '9')
            return true;
    return false;
}

/* json-c keeps the source text of a double, which tells 1e400 from infinity and 1e-400 from zero. */
static int pack_double(struct pack *p, struct json_object *value)
{
    const double d = json_object_get_double(value);

    if (isnan(d) || (isfinite(d) && d != 0)) {
        xf_mp_double(p->out, d);
        return XRAY_OK;
    }

    const char *text = json_object_to_json_string(value);

    if (text == NULL)
        return xf_fail_memory(p->err);

    const size_t len = strlen(text);
    const bool number = len > 0 && xf_json_number_len(text, len) == len;

    if (number && (isinf(d) || has_nonzero_digit(text, len)))
        xf_mp_ext(p->out, 4, text, len);
    else
        xf_mp_double(p->out, d);
    return XRAY_OK;
}

/* ---- the objects of spec 13 ----------------------------------------------------- */

static xray_str string_of(struct json_object *value)
{
    if (!json_object_is_type(value, json_type_string))
        return xray_strn(NULL, 0);
    return xray_strn(json_object_get_string(value), (size_t)json_object_get_string_len(value));
}

static bool is_text(xray_str s, const char *text)
{
    return s.ptr != NULL && s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0;
}

/* Decodes a base64 string into scratch. */
static bool decode_base64(struct pack *p, struct json_object *value)
{
    const xray_str text = string_of(value);

    xf_buf_reset(&p->scratch);
    return text.ptr != NULL && xf_base64_decode(text.ptr, text.len, &p->scratch);
}

static struct json_object *element(struct json_object *array, size_t count, size_t i)
{
    if (!json_object_is_type(array, json_type_array) || json_object_array_length(array) != count)
        return NULL;
    return json_object_array_get_idx(array, i);
}

static bool pack_bin(struct pack *p, struct json_object *value)
{
    if (!decode_base64(p, value))
        return false;
    xf_mp_bin(p->out, p->scratch.data, p->scratch.len);
    return true;
}

static bool pack_bstr(struct pack *p, struct json_object *value)
{
    if (!decode_base64(p, value))
        return false;
    xf_mp_text(p->out, p->scratch.data, p->scratch.len);
    return true;
}

/* [type, base64]. Our own types are quoted, as everywhere (spec 6.3, ext 5). */
static bool pack_ext(struct pack *p, struct json_object *value)
{
    struct json_object *type = element(value, 2, 0);

    if (!json_object_is_type(type, json_type_int))
        return false;

    const int64_t t = json_object_get_int64(type);

    if (t < INT8_MIN || t > INT8_MAX)
        return false;
    if (!decode_base64(p, element(value, 2, 1)))
        return false;
    if (t >= 0 && t <= 31)
        xf_mp_ext_quoted(p->out, (int8_t)t, p->scratch.data, p->scratch.len);
    else
        xf_mp_ext(p->out, (int8_t)t, p->scratch.data, p->scratch.len);
    return true;
}

static bool pack_nonfinite(struct pack *p, struct json_object *value)
{
    const xray_str name = string_of(value);

    if (is_text(name, "nan"))
        xf_mp_double(p->out, (double)NAN);
    else if (is_text(name, "inf"))
        xf_mp_double(p->out, (double)INFINITY);
    else if (is_text(name, "-inf"))
        xf_mp_double(p->out, -(double)INFINITY);
    else
        return false;
    return true;
}

static bool decode_hash(xray_str hex, uint8_t out[16])
{
    if (hex.len != 32)
        return false;
    for (size_t i = 0; i < 32; i++) {
        const char c = hex.ptr[i];
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

        if (digit < 0)
            return false;
        out[i / 2] = (uint8_t)(i % 2 == 0 ? digit << 4 : out[i / 2] | digit);
    }
    return true;
}

/* [state, length, hash] */
static bool pack_missing(struct pack *p, struct json_object *value)
{
    static const char *const states[] = {"not captured", "redacted", "lost"};
    const xray_str state = string_of(element(value, 3, 0));
    struct json_object *length = element(value, 3, 1);
    uint8_t data[25] = {0};

    for (uint8_t i = 0; i < 3; i++)
        if (is_text(state, states[i]))
            data[0] = (uint8_t)(i + 1);
    if (data[0] == 0 || !json_object_is_type(length, json_type_int) || json_object_get_int64(length) < 0)
        return false;
    xf_put_be64(data + 1, json_object_get_uint64(length));
    if (!decode_hash(string_of(element(value, 3, 2)), data + 9))
        return false;
    xf_mp_ext(p->out, 3, data, sizeof data);
    return true;
}

/* [[key, value], ...]: checked as a whole before anything is packed. */
static bool is_pairs(struct json_object *value)
{
    if (!json_object_is_type(value, json_type_array))
        return false;
    for (size_t i = 0; i < json_object_array_length(value); i++) {
        struct json_object *pair = json_object_array_get_idx(value, i);

        if (!json_object_is_type(pair, json_type_array) || json_object_array_length(pair) != 2)
            return false;
    }
    return true;
}

static int pack_pairs(struct pack *p, struct json_object *pairs, int depth)
{
    const size_t count = json_object_array_length(pairs);
    int status = check_depth(p, depth);

    if (status != XRAY_OK)
        return status;
    xf_mp_map(p->out, count);
    for (size_t i = 0; i < count && status == XRAY_OK; i++) {
        struct json_object *pair = json_object_array_get_idx(pairs, i);

        status = pack_value(p, json_object_array_get_idx(pair, 0), depth + 1);
        if (status == XRAY_OK)
            status = pack_value(p, json_object_array_get_idx(pair, 1), depth + 1);
    }
    return status;
}

/* The object {key: value}, if it is one of spec 13 but $map. False: it is not. */
static bool pack_special(struct pack *p, const char *key, struct json_object *value)
{
    if (strcmp(key, "$bin") == 0)
        return pack_bin(p, value);
    if (strcmp(key, "$bstr") == 0)
        return pack_bstr(p, value);
    if (strcmp(key, "$ext") == 0)
        return pack_ext(p, value);
    if (strcmp(key, "$f") == 0)
        return pack_nonfinite(p, value);
    return strcmp(key, "$missing") == 0 && pack_missing(p, value);
}

/* ---- containers ------------------------------------------------------------------ */

static int pack_array(struct pack *p, struct json_object *array, int depth)
{
    const size_t count = json_object_array_length(array);
    int status = check_depth(p, depth);

    if (status != XRAY_OK)
        return status;
    xf_mp_array(p->out, count);
    for (size_t i = 0; i < count && status == XRAY_OK; i++)
        status = pack_value(p, json_object_array_get_idx(array, i), depth + 1);
    return status;
}

static int pack_object(struct pack *p, struct json_object *object, int depth)
{
    const size_t count = (size_t)json_object_object_length(object);
    struct json_object_iterator it = json_object_iter_begin(object);
    const struct json_object_iterator end = json_object_iter_end(object);
    int status;

    p->members += count;
    if (count == 1 && json_object_iter_peek_name(&it)[0] == '$') {
        const char *key = json_object_iter_peek_name(&it);
        struct json_object *value = json_object_iter_peek_value(&it);

        if (pack_special(p, key, value))
            return p->scratch.failed ? xf_fail_memory(p->err) : XRAY_OK;
        if (strcmp(key, "$map") == 0 && is_pairs(value))
            return pack_pairs(p, value, depth);
    }
    status = check_depth(p, depth);
    if (status != XRAY_OK)
        return status;
    xf_mp_map(p->out, count);
    for (; !json_object_iter_equal(&it, &end) && status == XRAY_OK; json_object_iter_next(&it)) {
        const char *key = json_object_iter_peek_name(&it);

        pack_text(p, key, strlen(key));
        status = pack_value(p, json_object_iter_peek_value(&it), depth + 1);
    }
    return status;
}

/* `depth`: containers open around it. Recursion ends at XF_DEPTH_WRITE. */
static int pack_value(struct pack *p, struct json_object *value, int depth)
{
    switch (json_object_get_type(value)) {
    case json_type_null:
        xf_mp_nil(p->out);
        return XRAY_OK;
    case json_type_boolean:
        xf_mp_bool(p->out, json_object_get_boolean(value) != 0);
        return XRAY_OK;
    case json_type_int:
        pack_int(p, value);
        return XRAY_OK;
    case json_type_double:
        return pack_double(p, value);
    case json_type_string:
        pack_text(p, json_object_get_string(value), (size_t)json_object_get_string_len(value));
        return XRAY_OK;
    case json_type_array:
        return pack_array(p, value, depth);
    case json_type_object:
        return pack_object(p, value, depth);
    }
    return xf_fail(p->err, XRAY_EMISUSE, XF_NO_POS, "a json-c object of an unknown type");
}

/* ---- entries ------------------------------------------------------------------------ */

/* Packs and, if that fails, leaves *out as it was. */
static int pack_tree(struct pack *p, struct json_object *tree)
{
    const size_t before = p->out->len;
    const bool failed_before = p->out->failed;
    int status = pack_value(p, tree, 0);

    if (status == XRAY_OK && p->out->failed)
        status = xf_fail_memory(p->err);
    if (status != XRAY_OK) {
        p->out->len = before;
        p->out->failed = failed_before;
    }
    xray_buffer_free(&p->scratch);
    return status;
}

int xf_json_tree_pack(struct json_object *tree, xray_buffer *out, xray_error *err)
{
    struct pack p = {.out = out, .err = err, .deep_pos = XF_NO_POS};

    return pack_tree(&p, tree);
}

/* Hands a text that has passed the scan to json-c. `null` gives a NULL tree. */
static int parse(const char *text, size_t len, bool nonfinite, struct json_object **tree, xray_error *err)
{
    struct json_tokener *tok = json_tokener_new_ex(XF_JSON_DEPTH + 2);

    if (tok == NULL)
        return xf_fail_memory(err);
    json_tokener_set_flags(tok, nonfinite ? 0 : JSON_TOKENER_STRICT);
    *tree = json_tokener_parse_ex(tok, text, (int)len);

    /* A number at the very end could go on; the NUL says that it does not. */
    if (json_tokener_get_error(tok) == json_tokener_continue)
        *tree = json_tokener_parse_ex(tok, "", 1);

    const enum json_tokener_error e = json_tokener_get_error(tok);
    const size_t end = json_tokener_get_parse_end(tok);

    json_tokener_free(tok);
    if (e == json_tokener_success)
        return XRAY_OK;
    json_object_put(*tree);
    return xf_fail(err, XRAY_ESYNTAX, end, "json-c refuses the text: %s", json_tokener_error_desc(e));
}

static int parse_and_pack(struct pack *p, const char *text, size_t len, bool nonfinite)
{
    struct json_object *tree = NULL;
    int status = parse(text, len, nonfinite, &tree, p->err);

    if (status != XRAY_OK)
        return status;
    status = pack_tree(p, tree);
    json_object_put(tree);
    return status;
}

int xf_json_pack(const char *text, size_t len, bool lax, xray_buffer *out, xray_error *err)
{
    const size_t before = out->len;
    struct xf_json_facts facts;
    int status;

    if (len > MAX_TEXT)
        return xf_fail(err, XRAY_ELIMIT, XF_NO_POS, "JSON text of %zu bytes is too long", len);
    status = xf_json_scan(text, len, lax, &facts, err);
    if (status != XRAY_OK)
        return status;

    struct pack p = {.out = out, .err = err, .rewritten = facts.rewrite, .deep_pos = facts.deep_pos};

    if (facts.rewrite) {
        xray_buffer copy = {0};

        xf_json_rewrite(text, len, &copy);
        status = copy.failed ? xf_fail_memory(err)
                             : parse_and_pack(&p, (const char *)copy.data, copy.len, facts.nonfinite);
        xray_buffer_free(&copy);
    } else {
        status = parse_and_pack(&p, text, len, facts.nonfinite);
    }

    /* json-c keeps the last of duplicate keys, so the tree has fewer members than the text. */
    if (status == XRAY_OK && p.members != facts.members) {
        status = xf_json_find_duplicate(text, len, err);
        if (status == XRAY_OK)
            status = xf_fail(err, XRAY_ESYNTAX, XF_NO_POS, "a key stands twice in one object");
        out->len = before;
    }
    return status;
}
