/* See attrs.h. */
#include "import/attrs.h"

#include <stdlib.h>

#include "common/text.h"

static const struct mapping {
    const char *name;
    uint8_t how, target;
} mappings[] = {
#define ATTR(name, how, target) { name, HOW_##how, T_##target },
#define TYPE(word, type)
#include "import/otlp_map.def"
#undef ATTR
#undef TYPE
};

static const struct type_word {
    const char *word, *type;
} type_words[] = {
#define ATTR(name, how, target)
#define TYPE(word, type) { word, type },
#include "import/otlp_map.def"
#undef ATTR
#undef TYPE
};

#define MAPPINGS (sizeof mappings / sizeof mappings[0])

/* Keys that Phoenix turns from "llm.model_name" into {"llm":{"model_name":...}}. */
static const char *const nested[] = { "llm",      "input",     "output",    "openinference", "retrieval",
                                      "reranker", "embedding", "document",  "tool",          "session",
                                      "user",     "tag",       "exception", "gen_ai" };

void span_attrs_free(struct span_attrs *a)
{
    free(a->list);
    *a = (struct span_attrs){ 0 };
}

static bool is_one_of(xray_str s, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (import_str_is(s, words[i]))
            return true;
    return false;
}

/* ---- the table ---- */

static uint16_t by_name[MAPPINGS];

static int compare_names(const void *a, const void *b)
{
    return strcmp(mappings[*(const uint16_t *)a].name, mappings[*(const uint16_t *)b].name);
}

static int compare_key(xray_str key, const char *name)
{
    const size_t len = strlen(name);
    const int c = memcmp(key.ptr, name, key.len < len ? key.len : len);

    return c != 0 ? c : key.len < len ? -1 : key.len > len;
}

static void look_up(struct span_attr *a)
{
    static bool sorted;
    size_t low = 0, high = MAPPINGS;

    if (!sorted) {
        for (size_t i = 0; i < MAPPINGS; i++)
            by_name[i] = (uint16_t)i;
        qsort(by_name, MAPPINGS, sizeof by_name[0], compare_names);
        sorted = true;
    }
    while (low < high) {
        const size_t middle = (low + high) / 2;
        const int c = compare_key(a->key, mappings[by_name[middle]].name);

        if (c == 0) {
            a->how = mappings[by_name[middle]].how;
            a->target = mappings[by_name[middle]].target;
            a->rank = by_name[middle];
            return;
        }
        if (c < 0)
            high = middle;
        else
            low = middle + 1;
    }
}

xray_str span_attrs_type(struct import *im, xray_str word)
{
    char *small = arena_take(&im->arena, word.len + 1);

    for (size_t i = 0; i < word.len; i++)
        small[i] = word.ptr[i] >= 'A' && word.ptr[i] <= 'Z' ? (char)(word.ptr[i] - 'A' + 'a') : word.ptr[i];
    for (size_t i = 0; i < sizeof type_words / sizeof type_words[0]; i++)
        if (import_str_is(xray_strn(small, word.len), type_words[i].word))
            return xray_s(type_words[i].type);
    return xray_strn(small, word.len);
}

/* ---- AnyValue ---- */

enum any_kind { ANY_NONE, ANY_PLAIN, ANY_INT, ANY_DOUBLE, ANY_BYTES, ANY_ARRAY, ANY_MAP };

static enum any_kind any_kind(xray_str key)
{
    static const struct {
        const char *name;
        enum any_kind kind;
    } kinds[] = {
        { "stringValue", ANY_PLAIN },  { "string_value", ANY_PLAIN },  { "boolValue", ANY_PLAIN },
        { "bool_value", ANY_PLAIN },   { "intValue", ANY_INT },        { "int_value", ANY_INT },
        { "doubleValue", ANY_DOUBLE }, { "double_value", ANY_DOUBLE }, { "bytesValue", ANY_BYTES },
        { "bytes_value", ANY_BYTES },  { "arrayValue", ANY_ARRAY },    { "array_value", ANY_ARRAY },
        { "kvlistValue", ANY_MAP },    { "kvlist_value", ANY_MAP },
    };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (import_str_is(key, kinds[i].name))
            return kinds[i].kind;
    return ANY_NONE;
}

/* The kind of an AnyValue and the node of what is in it. */
static enum any_kind open_any(struct import *im, uint32_t node, uint32_t *inner)
{
    *inner = node;
    if (import_type(im, node) != JSON_OBJECT)
        return ANY_NONE;
    if (json_first(node) == json_end(im->tape, node))
        return ANY_PLAIN; /* {}: a value without value */
    for (uint32_t key = json_first(node); key != json_end(im->tape, node);
         key = json_at(im->tape, key + 1)->next) {
        const enum any_kind kind = any_kind(import_text(im, key));

        *inner = key + 1;
        if (kind != ANY_NONE)
            return kind;
    }
    *inner = node;
    return ANY_NONE;
}

static void put_json_any(struct import *im, struct text *out, uint32_t node);

static void put_json_text(struct import *im, struct text *out, uint32_t node)
{
    const xray_str raw = json_text(im->tape, node);

    text_put(out, raw.ptr, raw.len);
}

/* The elements of {"values":[...]}, or of an array without that wrapper. */
static uint32_t values_of(struct import *im, uint32_t node)
{
    return import_type(im, node) == JSON_ARRAY ? node : fields_find(im->tape, node, "values");
}

static void put_json_array(struct import *im, struct text *out, uint32_t node)
{
    const uint32_t values = values_of(im, node);
    const char *separator = "";

    text_puts(out, "[");
    if (values != 0 && import_type(im, values) == JSON_ARRAY)
        for (uint32_t i = json_first(values); i != json_end(im->tape, values);
             i = json_at(im->tape, i)->next) {
            text_puts(out, separator);
            put_json_any(im, out, i);
            separator = ",";
        }
    text_puts(out, "]");
}

/* As {"$map":[[key,value],...]}: keys may come twice. */
static void put_json_map(struct import *im, struct text *out, uint32_t node)
{
    const uint32_t values = values_of(im, node);
    const char *separator = "";

    text_puts(out, "{\"$map\":[");
    if (values != 0 && import_type(im, values) == JSON_ARRAY)
        for (uint32_t i = json_first(values); i != json_end(im->tape, values);
             i = json_at(im->tape, i)->next) {
            const uint32_t key = fields_find(im->tape, i, "key"), value = fields_find(im->tape, i, "value");

            if (key == 0)
                continue;
            text_puts(out, separator);
            text_puts(out, "[");
            put_json_text(im, out, key);
            text_puts(out, ",");
            if (value != 0)
                put_json_any(im, out, value);
            else
                text_puts(out, "null");
            text_puts(out, "]");
            separator = ",";
        }
    text_puts(out, "]}");
}

/* Depth is bounded by the tape's. */
static void put_json_any(struct import *im, struct text *out, uint32_t node)
{
    uint32_t inner;

    switch (open_any(im, node, &inner)) {
    case ANY_NONE:
        put_json_text(im, out, node);
        return;
    case ANY_PLAIN:
        if (inner == node)
            text_puts(out, "null");
        else
            put_json_text(im, out, inner);
        return;
    case ANY_INT:
    case ANY_DOUBLE: {
        const xray_str number = import_text(im, inner);
        struct json_tape check = { 0 };

        /* Integers stand in texts; so do NaN and Infinity. */
        if (number.len > 0 && json_tape_read(&check, number.ptr, number.len, true) == JSON_DONE &&
            check.end == number.len && check.nodes[0].type >= JSON_INT &&
            check.nodes[0].type <= JSON_NONFINITE)
            text_put(out, number.ptr, number.len);
        else
            put_json_text(im, out, inner);
        json_tape_free(&check);
        return;
    }
    case ANY_BYTES:
        text_puts(out, "{\"$bin\":");
        put_json_text(im, out, inner);
        text_puts(out, "}");
        return;
    case ANY_ARRAY:
        put_json_array(im, out, inner);
        return;
    case ANY_MAP:
        put_json_map(im, out, inner);
        return;
    }
}

static xray_value value_of_any(struct import *im, uint32_t node, uint32_t *place)
{
    struct text t = { 0 };
    const enum any_kind kind = open_any(im, node, place);
    int64_t i;
    double d;

    if (kind == ANY_PLAIN && *place == node)
        return xray_nil();
    if (kind == ANY_INT && import_int(im, *place, &i))
        return xray_int(i);
    if (kind == ANY_DOUBLE && import_double(im, *place, &d))
        return xray_double(d);
    if (kind == ANY_NONE || kind == ANY_PLAIN)
        return import_value(im, *place);
    put_json_any(im, &t, node);
    return import_keep_json(im, &t);
}

/* ---- the list ---- */

void attrs_append(struct span_attrs *a, xray_str key, uint32_t node, xray_value value, bool map)
{
    struct span_attr *one;

    a->list = memory_grow(a->list, &a->cap, a->count + 1, sizeof *a->list);
    one = &a->list[a->count++];
    *one = (struct span_attr){ .key = key, .value = value, .node = node, .rank = UINT16_MAX };
    if (map)
        look_up(one);
}

static void add_pairs(struct import *im, struct span_attrs *a, uint32_t array, bool map)
{
    for (uint32_t i = json_first(array); i != json_end(im->tape, array); i = json_at(im->tape, i)->next) {
        const uint32_t key = fields_find(im->tape, i, "key"), value = fields_find(im->tape, i, "value");
        uint32_t place = value;

        if (key == 0 || import_type(im, key) != JSON_STRING)
            import_fault(im, i, "an attribute without a key");
        else if (value == 0)
            attrs_append(a, import_text(im, key), key, xray_nil(), map);
        else {
            const xray_value v = value_of_any(im, value, &place);

            attrs_append(a, import_text(im, key), place, v, map);
        }
    }
}

static void add_members(struct import *im, struct span_attrs *a, uint32_t object, xray_str prefix, int depth,
                        bool map)
{
    for (uint32_t key = json_first(object); key != json_end(im->tape, object);
         key = json_at(im->tape, key + 1)->next) {
        xray_str name = import_text(im, key);

        if (prefix.len > 0) {
            char *full = arena_take(&im->arena, prefix.len + 1 + name.len);

            memcpy(full, prefix.ptr, prefix.len);
            full[prefix.len] = '.';
            memcpy(full + prefix.len + 1, name.ptr, name.len);
            name = xray_strn(full, prefix.len + 1 + name.len);
        }
        if (import_type(im, key + 1) == JSON_OBJECT && depth > 0 &&
            (prefix.len > 0 || is_one_of(name, nested, sizeof nested / sizeof nested[0])))
            add_members(im, a, key + 1, name, depth - 1, map);
        else
            attrs_append(a, name, key + 1, import_value(im, key + 1), map);
    }
}

/* ---- all of it ---- */

void span_attrs_read(struct import *im, struct span_attrs *a, uint32_t node, bool map)
{
    a->count = 0;
    if (!import_has(im, node))
        return;
    if (import_type(im, node) == JSON_ARRAY)
        add_pairs(im, a, node, map);
    else if (import_type(im, node) == JSON_OBJECT)
        add_members(im, a, node, xray_strn(NULL, 0), map ? 8 : 0, map);
    if (map)
        relist_join(im, a);
}

const struct span_attr *span_attrs_find(const struct span_attrs *a, const char *key)
{
    for (size_t i = 0; i < a->count; i++)
        if (import_str_is(a->list[i].key, key))
            return &a->list[i];
    return NULL;
}

void span_attrs_put(const struct span_attrs *a, struct json_map *out)
{
    for (size_t i = 0; i < a->count; i++)
        json_map_add(out, a->list[i].key, a->list[i].value);
}
