/* See fields.h: recorded values, and members of them. */
#include <stdlib.h>

#include "common/fields.h"
#include "common/fieldtable.h"
#include "common/jsonline.h"

static bool key_is(const xray_mp_item *key, const struct text *name)
{
    return key->type == XRAY_MP_STR && key->bytes.len == name->len &&
           memcmp(key->bytes.ptr, name->data, name->len) == 0;
}

/* Moves the cursor, which is behind the map's header, to the member's value. */
static bool find_member(xray_mp *at, uint32_t count, const struct text *name)
{
    for (uint32_t i = 0; i < count; i++) {
        xray_mp_item key;
        xray_mp peek = *at;

        if (!xray_mp_next(&peek, &key) || !xray_mp_skip(at))
            return false;
        if (key_is(&key, name))
            return true;
        if (!xray_mp_skip(at))
            return false;
    }
    return false;
}

/* Where the path from `step` on leads; false if to nothing. A key with dots that stands as a whole in the map
 * is found by the dotted name too. Recursion is bounded by the length of the path. */
static bool follow(const struct named_field *f, size_t step, xray_mp *at)
{
    xray_mp inside = *at;
    xray_mp_item item;
    struct text name = {0};
    bool found = false;

    if (step == f->path_count)
        return true;
    if (!xray_mp_next(&inside, &item))
        return false;
    if (f->path[step].name.len == 0) {
        const long i = f->path[step].index < 0 ? (long)item.count + f->path[step].index : f->path[step].index;

        if (item.type != XRAY_MP_ARRAY || i < 0 || i >= (long)item.count)
            return false;
        for (long k = 0; k < i; k++) {
            if (!xray_mp_skip(&inside))
                return false;
        }
        *at = inside;
        return follow(f, step + 1, at);
    }
    if (item.type != XRAY_MP_MAP)
        return false;
    for (size_t k = step; !found && k < f->path_count && f->path[k].name.len > 0; k++) {
        xray_mp member = inside;

        text_puts(&name, k > step ? "." : "");
        text_put(&name, f->path[k].name.data, f->path[k].name.len);
        if (find_member(&member, item.count, &name) && follow(f, k + 1, &member)) {
            *at = member;
            found = true;
        }
    }
    text_free(&name);
    return found;
}

/* An error's text: itself, or the message of a map. */
static void find_message(xray_mp *at)
{
    static const char message[] = "message";
    const struct text name = {.data = (char *)message, .len = sizeof message - 1};
    xray_mp inside = *at;
    xray_mp_item item;

    if (xray_mp_next(&inside, &item) && item.type == XRAY_MP_MAP && find_member(&inside, item.count, &name))
        *at = inside;
}

static void set_value(struct cell *c, xray_mp at)
{
    const uint8_t *begin = at.at;
    xray_mp peek = at;
    xray_mp_item item;
    xray_buffer json = {0};

    if (!xray_mp_next(&peek, &item) || item.type == XRAY_MP_NIL || !xray_mp_skip(&at))
        return;
    if (item.type == XRAY_MP_STR) {
        c->kind = CELL_TEXT;
        text_put(&c->text, item.bytes.ptr, item.bytes.len);
    } else if (xray_msgpack_json(begin, (size_t)(at.at - begin), &json, NULL) == 0) {
        c->kind = CELL_JSON;
        text_put(&c->json, (const char *)json.data, json.len);
        text_put(&c->text, (const char *)json.data, json.len);
    }
    xray_buffer_free(&json);
}

void field_get_value(const struct named_field *f, xray_store *store, xray_ref ref, struct cell *c)
{
    xray_buffer value = {0};

    cell_clear(c);
    if (ref.data == NULL || store == NULL || xray_ref_resolve(store, ref, &value, NULL) < 0)
        return;

    xray_mp at = xray_mp_over(value.data, value.len);

    if (f->entry->id == F_ERROR && f->path_count == 0)
        find_message(&at);
    if (follow(f, 0, &at))
        set_value(c, at);
    xray_buffer_free(&value);
}

void field_get_size(xray_store *store, xray_ref ref, struct cell *c)
{
    xray_buffer value = {0};

    cell_clear(c);
    if (ref.data != NULL && store != NULL && xray_ref_resolve(store, ref, &value, NULL) >= 0)
        cell_set_int(c, CELL_INT, (int64_t)value.len);
    xray_buffer_free(&value);
}

/* Evidence in a list: each of its keys is a member. */
void field_get_evidence(const struct named_field *f, const struct record *r, struct cell *c)
{
    const xray_event_record *e = r->event;

    if ((e->fields & XRAY_HAS_EVIDENCE) != 0) {
        field_get_value(f, r->store, e->evidence, c);
        return;
    }

    struct named_field rest = *f;
    struct text all = {0};

    cell_clear(c);
    for (size_t i = 0; i < e->evidence_count; i++) {
        if (f->path_count > 0 &&
            !(e->evidence_keys[i].len == f->path[0].name.len &&
              memcmp(e->evidence_keys[i].ptr, f->path[0].name.data, e->evidence_keys[i].len) == 0))
            continue;
        rest.path_count = f->path_count > 0 ? f->path_count - 1 : 0;
        memmove(rest.path, f->path + (f->path_count > 0), rest.path_count * sizeof rest.path[0]);
        field_get_value(&rest, r->store, e->evidence_values[i], c);
        if (f->path_count > 0)
            return;
        text_puts(&all, all.len == 0 ? "{" : ",");
        json_string(&all, e->evidence_keys[i]);
        text_puts(&all, ":");
        cell_put_json(&all, c);
    }
    cell_clear(c);
    if (all.len > 0) {
        text_puts(&all, "}");
        c->kind = CELL_JSON;
        text_put(&c->json, all.data, all.len);
        text_put(&c->text, all.data, all.len);
    }
    text_free(&all);
}
