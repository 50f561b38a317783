/* See choice.h. The body of a decision is that of the trace file specification, 8.6; all of it is optional. */
#include "why/choice.h"

#include "common/input.h"

static bool is_named(const xray_mp_item *key, const char *name)
{
    return key->type == XRAY_MP_STR && key->bytes.len == strlen(name) &&
           memcmp(key->bytes.ptr, name, key->bytes.len) == 0;
}

static bool is_text(const struct text *t, xray_str other)
{
    return t->len == other.len && (other.len == 0 || memcmp(t->data, other.ptr, other.len) == 0);
}

static bool take_number(const xray_mp_item *item, double *out)
{
    if (item->type == XRAY_MP_FLOAT)
        *out = item->d;
    else if (item->type == XRAY_MP_INT)
        *out = (double)item->i;
    else
        return false;
    return true;
}

static void set_text(struct text *t, const xray_mp_item *item)
{
    text_reset(t);
    if (item->type == XRAY_MP_STR)
        text_put(t, item->bytes.ptr, item->bytes.len);
}

static void take_selected(struct choice *c, xray_mp elements, uint32_t count)
{
    for (uint32_t i = 0; i < count && c->selected_count < CHOICE_MAX; i++) {
        xray_mp peek = elements;
        xray_mp_item item;

        if (!xray_mp_next(&peek, &item) || !xray_mp_skip(&elements))
            return;
        if (item.type == XRAY_MP_STR)
            set_text(&c->selected[c->selected_count++], &item);
    }
}

static void take_alternative(struct choice *c, xray_mp members, uint32_t count)
{
    struct alternative *a = &c->alternatives[c->alternative_count];
    xray_mp_item key, item;

    for (uint32_t i = 0; i < count && xray_mp_next(&members, &key); i++) {
        xray_mp peek = members;

        if (!xray_mp_next(&peek, &item) || !xray_mp_skip(&members))
            break;
        if (is_named(&key, "id"))
            set_text(&a->id, &item);
        else if (is_named(&key, "why_not"))
            set_text(&a->why_not, &item);
        else if (is_named(&key, "score"))
            a->has_score = take_number(&item, &a->score);
    }
    if (a->id.len > 0)
        c->alternative_count++;
    else
        a->has_score = false;
}

static void take_alternatives(struct choice *c, xray_mp elements, uint32_t count)
{
    for (uint32_t i = 0; i < count && c->alternative_count < CHOICE_MAX; i++) {
        xray_mp members = elements;
        xray_mp_item item;

        if (!xray_mp_next(&members, &item) || !xray_mp_skip(&elements))
            return;
        if (item.type == XRAY_MP_MAP)
            take_alternative(c, members, item.count);
    }
}

static void take_body(struct choice *c, const xray_buffer *body)
{
    xray_mp mp = xray_mp_over(body->data, body->len);
    xray_mp_item key, item;

    if (!xray_mp_next(&mp, &item) || item.type != XRAY_MP_MAP)
        return;
    for (uint32_t left = item.count; left > 0 && xray_mp_next(&mp, &key); left--) {
        xray_mp member = mp;

        if (!xray_mp_next(&member, &item) || !xray_mp_skip(&mp))
            return;
        if (is_named(&key, "selected") && item.type == XRAY_MP_ARRAY)
            take_selected(c, member, item.count);
        else if (is_named(&key, "alternatives") && item.type == XRAY_MP_ARRAY)
            take_alternatives(c, member, item.count);
        else if (is_named(&key, "reason"))
            set_text(&c->reason, &item);
        else if (is_named(&key, "score"))
            c->has_score = take_number(&item, &c->score);
    }
}

bool choice_read(struct choice *c, xray_store *store, xray_trace *trace, int64_t step)
{
    xray_events *events = NULL;
    xray_event_record e;
    xray_buffer body = {0};
    xray_error err = {0};
    int r = xray_events_open(&events, trace, step, XRAY_EVENT_DECISION, &err);

    while (r >= 0 && (r = xray_events_next(events, &e, &err)) == 1) {
        c->decisions++;
        text_reset(&c->name);
        text_put(&c->name, e.name.ptr, e.name.len);
        body.len = 0;
        if (e.body.data != NULL && xray_ref_resolve(store, e.body, &body, NULL) == 0)
            take_body(c, &body);
    }
    xray_events_close(events);
    xray_buffer_free(&body);
    if (r < 0)
        input_failed(&err);
    return r >= 0;
}

const struct text *choice_selected(const struct choice *c, xray_str id)
{
    for (size_t i = 0; i < c->selected_count; i++)
        if (is_text(&c->selected[i], id))
            return &c->selected[i];
    return NULL;
}

const struct alternative *choice_alternative(const struct choice *c, xray_str id)
{
    for (size_t i = 0; i < c->alternative_count; i++)
        if (is_text(&c->alternatives[i].id, id))
            return &c->alternatives[i];
    return NULL;
}

void choice_free(struct choice *c)
{
    text_free(&c->name);
    text_free(&c->reason);
    for (size_t i = 0; i < CHOICE_MAX; i++) { /* one that was begun and not counted, too */
        text_free(&c->selected[i]);
        text_free(&c->alternatives[i].id);
        text_free(&c->alternatives[i].why_not);
    }
    *c = (struct choice){0};
}
