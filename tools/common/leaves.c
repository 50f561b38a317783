/* See leaves.h. */
#include "common/leaves.h"

#include <inttypes.h>

enum {
    MAX_DEPTH = 64, /* spec 11; deeper ones end the walk */
    EXT_NUMBER = 4, /* spec 6.3 */
    EXT_NOT_UTF8 = 6,
};

bool leaf_text(const xray_mp_item *item, bool numbers, struct text *scratch, xray_str *text)
{
    xray_buffer number = {0};

    switch (item->type) {
    case XRAY_MP_STR:
        *text = item->bytes;
        return true;
    case XRAY_MP_EXT:
        *text = item->bytes;
        return item->ext_type == EXT_NOT_UTF8 || (item->ext_type == EXT_NUMBER && numbers);
    case XRAY_MP_INT:
    case XRAY_MP_UINT:
    case XRAY_MP_FLOAT:
        if (!numbers)
            return false;
        text_reset(scratch);
        if (item->type == XRAY_MP_INT) {
            text_printf(scratch, "%" PRId64, item->i);
        } else if (item->type == XRAY_MP_UINT) {
            text_printf(scratch, "%" PRIu64, item->u);
        } else {
            if (xray_json_double(item->d, &number) == 0)
                text_put(scratch, (const char *)number.data, number.len);
            xray_buffer_free(&number);
        }
        *text = text_str(scratch);
        return true;
    case XRAY_MP_NIL:
    case XRAY_MP_BOOL:
    case XRAY_MP_BIN:
    case XRAY_MP_ARRAY:
    case XRAY_MP_MAP:
        break;
    }
    return false;
}

/* An open array or map. */
struct level {
    bool map;
    bool at_key;
    uint32_t left; /* items to come: elements, or keys and members */
    uint32_t index;
    size_t path_len; /* of the container itself */
};

struct walk {
    struct level levels[MAX_DEPTH];
    size_t depth;
    struct text path;
};

/* Makes the path that of the item to come, but for a key that is not read yet. */
static void put_position(struct walk *w)
{
    if (w->depth == 0)
        return;

    const struct level *l = &w->levels[w->depth - 1];

    if (l->map && !l->at_key)
        return; /* the key has put it */
    w->path.len = l->path_len;
    if (!l->map)
        text_printf(&w->path, "[%" PRIu32 "]", l->index);
}

static void put_key(struct walk *w, const xray_mp_item *item)
{
    text_puts(&w->path, ".");
    if (item->type == XRAY_MP_STR)
        text_put(&w->path, item->bytes.ptr, item->bytes.len);
    else if (item->type == XRAY_MP_INT)
        text_printf(&w->path, "%" PRId64, item->i);
    else
        text_puts(&w->path, "?");
}

/* Counts an item off its container, and closes those that are complete. */
static void finish_item(struct walk *w)
{
    while (w->depth > 0) {
        struct level *l = &w->levels[w->depth - 1];

        l->at_key = !l->at_key;
        l->index++;
        if (--l->left > 0)
            return;
        w->path.len = l->path_len;
        w->depth--;
    }
}

/* False if it is too deep. */
static bool enter(struct walk *w, const xray_mp_item *item)
{
    if (item->count == 0) {
        finish_item(w);
        return true;
    }
    if (w->depth == MAX_DEPTH || item->count > UINT32_MAX / 2)
        return false;
    w->levels[w->depth++] = (struct level){
        .map = item->type == XRAY_MP_MAP,
        .at_key = true,
        .left = item->type == XRAY_MP_MAP ? 2 * item->count : item->count,
        .path_len = w->path.len,
    };
    return true;
}

void leaves_walk(const uint8_t *data, size_t len, bool numbers, leaf_visit visit, void *ctx)
{
    xray_mp cursor = xray_mp_over(data, len);
    struct walk w = {.depth = 0};
    struct text scratch = {0};
    xray_mp_item item;
    xray_str text;
    bool going = true;

    while (going && xray_mp_next(&cursor, &item)) {
        put_position(&w);
        if (w.depth > 0 && w.levels[w.depth - 1].map && w.levels[w.depth - 1].at_key)
            put_key(&w, &item);
        if (item.type == XRAY_MP_ARRAY || item.type == XRAY_MP_MAP) {
            going = enter(&w, &item);
            continue;
        }
        if (leaf_text(&item, numbers, &scratch, &text))
            going = visit(ctx, text_str(&w.path), text);
        finish_item(&w);
    }
    text_free(&scratch);
    text_free(&w.path);
}
