/* Lists among the attributes of a span: OpenInference flattens them to one attribute per
 * leaf, with a wrapper around each element ("llm.input_messages.0.message.role"). Here they
 * become lists again, without the wrappers. json-c holds the tree while it grows. */
#include "import/attrs.h"

#include <json.h>
#include <stdio.h>

#include "common/text.h"

#define INDEX_MAX 4096 /* beyond it an attribute stays as it is */
#define PATH_MAX_PARTS 16

/* Objects with only this key are wrappers of what is in them. */
static const char *const wrappers[] = { "message", "document", "tool_call", "message_content" };

static bool is_one_of(xray_str s, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (import_str_is(s, words[i]))
            return true;
    return false;
}

/* Lists that come as one attribute per leaf: "llm.input_messages.0.message.role". */
static const char *const lists[] = {
#define ATTR(name, how, target) LIST_##how(name)
#define TYPE(word, type)
#define LIST_STEP(name)
#define LIST_JSON(name)
#define LIST_RUN(name)
#define LIST_PARAM(name)
#define LIST_TYPE(name)
#define LIST_REASONS(name)
#define LIST_STATUS(name)
#define LIST_MIME(name)
#define LIST_TALK(name) name,
#define LIST_DOCS(name) name,
#define LIST_RERANK_IN(name) name,
#define LIST_RERANK_OUT(name) name,
#include "import/otlp_map.def"
#undef ATTR
#undef TYPE
};

#define LISTS (sizeof lists / sizeof lists[0])

/* The list that an attribute is a part of, or LISTS. */
static size_t list_of(xray_str key)
{
    for (size_t i = 0; i < LISTS; i++) {
        const size_t len = strlen(lists[i]);

        if (key.len > len + 1 && memcmp(key.ptr, lists[i], len) == 0 && key.ptr[len] == '.' &&
            key.ptr[len + 1] >= '0' && key.ptr[len + 1] <= '9')
            return i;
    }
    return LISTS;
}

static struct json_object *tree_of(const xray_value *v)
{
    char number[64];

    switch (v->kind) {
    case XRAY_VALUE_BOOL:
        return json_object_new_boolean(v->as.boolean);
    case XRAY_VALUE_INT:
        return json_object_new_int64(v->as.i);
    case XRAY_VALUE_UINT:
        return json_object_new_uint64(v->as.u);
    case XRAY_VALUE_DOUBLE:
        snprintf(number, sizeof number, "%.17g", v->as.d);
        return json_object_new_double_s(v->as.d, number);
    case XRAY_VALUE_TEXT:
        return json_object_new_string_len(v->as.bytes.ptr != NULL ? v->as.bytes.ptr : "",
                                          (int)v->as.bytes.len);
    case XRAY_VALUE_JSON:
        return json_tokener_parse(v->as.bytes.ptr); /* ends where the value does */
    case XRAY_VALUE_NIL:
    case XRAY_VALUE_BIN:
    case XRAY_VALUE_MSGPACK:
    case XRAY_VALUE_TREE:
        break;
    }
    return NULL;
}

/* "12" as 12; -1: no index. */
static int index_of(const char *part, size_t len)
{
    int v = 0;

    if (len == 0 || len > 4)
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (part[i] < '0' || part[i] > '9')
            return -1;
        v = v * 10 + (part[i] - '0');
    }
    return v < INDEX_MAX ? v : -1;
}

struct path {
    char *parts[PATH_MAX_PARTS];
    int count;
    char text[512];
};

static bool split_path(struct path *p, xray_str rest)
{
    if (rest.len >= sizeof p->text || memchr(rest.ptr, '\0', rest.len) != NULL)
        return false;
    memcpy(p->text, rest.ptr, rest.len);
    p->text[rest.len] = '\0';
    p->count = 0;
    for (char *part = p->text; part != NULL;) {
        char *dot = strchr(part, '.');

        if (p->count == PATH_MAX_PARTS)
            return false;
        p->parts[p->count++] = part;
        if (dot != NULL)
            *dot++ = '\0';
        part = dot;
    }
    return true;
}

/* The child of a container by name or index, made if it is not there. NULL: the attributes contradict each
 * other. */
static struct json_object *child_of(struct json_object *parent, const char *part, bool list)
{
    struct json_object *child = NULL;
    const int index = index_of(part, strlen(part));

    if (json_object_is_type(parent, json_type_array)) {
        if (index < 0)
            return NULL;
        child = json_object_array_get_idx(parent, (size_t)index);
    } else if (!json_object_is_type(parent, json_type_object)) {
        return NULL;
    } else {
        json_object_object_get_ex(parent, part, &child);
    }
    if (child != NULL)
        return child;
    child = list ? json_object_new_array() : json_object_new_object();
    if (json_object_is_type(parent, json_type_array))
        json_object_array_put_idx(parent, (size_t)index, child);
    else
        json_object_object_add(parent, part, child);
    return child;
}

static bool put_path(struct json_object *root, const struct path *p, const xray_value *v)
{
    struct json_object *at = root;
    const char *last = p->parts[p->count - 1];
    int index;

    for (int i = 0; i + 1 < p->count; i++) {
        at = child_of(at, p->parts[i], index_of(p->parts[i + 1], strlen(p->parts[i + 1])) >= 0);
        if (at == NULL)
            return false;
    }
    index = index_of(last, strlen(last));
    if (json_object_is_type(at, json_type_array))
        return index >= 0 && json_object_array_put_idx(at, (size_t)index, tree_of(v)) == 0;
    return json_object_is_type(at, json_type_object) && json_object_object_add(at, last, tree_of(v)) == 0;
}

static void put_unwrapped(struct text *out, const struct json_tape *t, uint32_t node)
{
    const struct json_node *n = json_at(t, node);
    const bool object = n->type == JSON_OBJECT;
    const char *separator = "";

    if (n->type < JSON_ARRAY) {
        text_put(out, t->text + n->off, n->len);
        return;
    }
    if (object && json_first(node) != json_end(t, node) &&
        json_at(t, json_first(node) + 1)->next == json_end(t, node)) {
        const xray_str key = json_text(t, json_first(node));

        if (is_one_of(xray_strn(key.ptr + 1, key.len - 2), wrappers, sizeof wrappers / sizeof wrappers[0]) &&
            json_at(t, json_first(node) + 1)->type == JSON_OBJECT) {
            put_unwrapped(out, t, json_first(node) + 1);
            return;
        }
    }
    text_puts(out, object ? "{" : "[");
    for (uint32_t i = json_first(node); i != json_end(t, node); i = json_at(t, i)->next) {
        text_puts(out, separator);
        if (object) {
            text_put(out, t->text + t->nodes[i].off, t->nodes[i].len);
            text_puts(out, ":");
            i++;
        }
        put_unwrapped(out, t, i);
        separator = ",";
    }
    text_puts(out, object ? "}" : "]");
}

/* Takes the wrappers off a list in JSON text. */
static xray_value unwrap(struct import *im, const char *json, size_t len)
{
    struct json_tape t = { 0 };
    struct text out = { 0 };
    xray_value v = xray_jsonn(json, len);

    if (json_tape_read(&t, json, len, true) == JSON_DONE) {
        put_unwrapped(&out, &t, 0);
        v = import_keep_json(im, &out);
    }
    json_tape_free(&t);
    return v;
}

/* Puts the attributes of one list together; they leave `a`, the list comes in. */
static void join_list(struct import *im, struct span_attrs *a, size_t list)
{
    struct json_object *root = json_object_new_array();
    const size_t skip = strlen(lists[list]) + 1;
    size_t kept = 0, len;
    const char *json;

    for (size_t i = 0; i < a->count; i++) {
        const xray_str key = a->list[i].key;
        struct path p;

        if (list_of(key) != list || !split_path(&p, xray_strn(key.ptr + skip, key.len - skip)) ||
            index_of(p.parts[0], strlen(p.parts[0])) < 0 || !put_path(root, &p, &a->list[i].value))
            a->list[kept++] = a->list[i];
    }
    a->count = kept;
    json = json_object_to_json_string_length(root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE,
                                             &len);
    if (json_object_array_length(root) > 0)
        attrs_append(a, xray_s(lists[list]), 0, unwrap(im, json, len), true);
    json_object_put(root);
}

void relist_join(struct import *im, struct span_attrs *a)
{
    bool seen[LISTS] = { false };

    for (size_t i = 0; i < a->count; i++) {
        const size_t list = list_of(a->list[i].key);

        if (list < LISTS)
            seen[list] = true;
    }
    for (size_t list = 0; list < LISTS; list++)
        if (seen[list])
            join_list(im, a, list);
    for (size_t i = 0; i < a->count; i++) { /* lists that were not flattened, as Phoenix has them */
        struct span_attr *one = &a->list[i];

        if (one->node != 0 && one->value.kind == XRAY_VALUE_JSON && one->value.as.bytes.ptr[0] == '[' &&
            (one->how == HOW_TALK || one->how == HOW_DOCS || one->how == HOW_RERANK_IN ||
             one->how == HOW_RERANK_OUT))
            one->value = unwrap(im, one->value.as.bytes.ptr, one->value.as.bytes.len);
    }
}
