/* See margin.h. */
#include "why/margin.h"

#include <math.h>

#include "common/human.h"
#include "common/jsonline.h"

enum { NUMBERS_MAX = 64, NAME_MAX_LEN = 120 };

/* The numbers of a map and of the maps in it, under dotted names. */
struct number {
    struct text name;
    double value;
};

struct numbers {
    struct number items[NUMBERS_MAX]; /* what is more is left out: nobody names so many limits */
    size_t count;
};

static void add(struct numbers *n, const char *prefix, xray_str name, double value)
{
    struct number *to;

    if (n->count == NUMBERS_MAX || !isfinite(value) || name.len > NAME_MAX_LEN)
        return;
    to = &n->items[n->count++];
    if (prefix[0] != '\0')
        text_printf(&to->name, "%s.", prefix);
    text_put(&to->name, name.ptr, name.len);
    to->value = value;
}

static void numbers_free(struct numbers *n)
{
    for (size_t i = 0; i < n->count; i++)
        text_free(&n->items[i].name);
}

static bool is_number(const xray_mp_item *item, double *value)
{
    if (item->type == XRAY_MP_INT)
        *value = (double)item->i;
    else if (item->type == XRAY_MP_FLOAT)
        *value = item->d;
    else
        return false;
    return true;
}

/* Two levels are enough: {"price": {"max": 100}}. */
static void add_map(struct numbers *n, const char *prefix, const uint8_t *data, size_t len, int depth)
{
    xray_mp mp = xray_mp_over(data, len);
    xray_mp_item item, key;
    double value;

    if (!xray_mp_next(&mp, &item) || item.type != XRAY_MP_MAP)
        return;
    for (uint32_t left = item.count; left > 0 && xray_mp_next(&mp, &key); left--) {
        const xray_mp member = mp;

        if (!xray_mp_skip(&mp))
            return;
        if (key.type != XRAY_MP_STR || key.bytes.len > NAME_MAX_LEN || memchr(key.bytes.ptr, 0, key.bytes.len) != NULL)
            continue;

        xray_mp peek = member;

        if (!xray_mp_next(&peek, &item))
            return;
        if (is_number(&item, &value)) {
            add(n, prefix, key.bytes, value);
        } else if (item.type == XRAY_MP_MAP && depth > 0) {
            struct text name = {0};

            if (prefix[0] != '\0')
                text_printf(&name, "%s.", prefix);
            text_put(&name, key.bytes.ptr, key.bytes.len);
            text_put(&name, "", 1);
            add_map(n, name.data, member.at, member.left, depth - 1);
            text_free(&name);
        }
    }
}

static void add_ref(struct numbers *n, const char *prefix, xray_store *store, xray_ref ref, int depth)
{
    xray_buffer value = {0};

    if (ref.data != NULL && xray_ref_resolve(store, ref, &value, NULL) == 0)
        add_map(n, prefix, value.data, value.len, depth);
    xray_buffer_free(&value);
}

/* Evidence as a list of names and values. */
static void add_evidence(struct numbers *n, xray_store *store, const xray_event_record *e)
{
    xray_buffer value = {0};

    if (e->fields & XRAY_HAS_SCORE)
        add(n, "", xray_s("score"), e->score);
    if (e->fields & XRAY_HAS_EVIDENCE)
        add_ref(n, "", store, e->evidence, 1);
    for (size_t i = 0; i < e->evidence_count; i++) {
        xray_mp_item item;
        double d;

        value.len = 0;
        if (e->evidence_keys[i].len > NAME_MAX_LEN ||
            xray_ref_resolve(store, e->evidence_values[i], &value, NULL) != 0)
            continue;

        xray_mp mp = xray_mp_over(value.data, value.len);

        if (xray_mp_next(&mp, &item) && is_number(&item, &d))
            add(n, "", e->evidence_keys[i], d);
    }
    xray_buffer_free(&value);
}

/* ---- names of limits ---- */

enum side { NO_LIMIT, UPPER, LOWER, EITHER };

struct limit_word {
    const char *word;
    enum side side;
};

/* "#" stands for the name of the number that is limited. */
static const struct limit_word limit_words[] = {
    {"max_#", UPPER},       {"#_max", UPPER},    {"maximum_#", UPPER}, {"#_maximum", UPPER}, {"#.max", UPPER},
    {"max.#", UPPER},       {"#.lte", UPPER},    {"#.lt", UPPER},      {"#.le", UPPER},      {"#.maximum", UPPER},
    {"min_#", LOWER},       {"#_min", LOWER},    {"minimum_#", LOWER}, {"#_minimum", LOWER}, {"#.min", LOWER},
    {"min.#", LOWER},       {"#.gte", LOWER},    {"#.gt", LOWER},      {"#.ge", LOWER},      {"#.minimum", LOWER},
    {"#_limit", EITHER},    {"limit_#", EITHER}, {"#.limit", EITHER},  {"#_threshold", EITHER},
    {"threshold_#", EITHER}, {"#.threshold", EITHER}, {"#_cutoff", EITHER}, {"#.cutoff", EITHER},
};

/* Without the name: of the only other number. */
static const struct limit_word bare_words[] = {
    {"max", UPPER},    {"maximum", UPPER},    {"min", LOWER},   {"minimum", LOWER},
    {"limit", EITHER}, {"threshold", EITHER}, {"cutoff", EITHER},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool equals(const struct text *t, const char *s, size_t len)
{
    return t->len == len && memcmp(t->data, s, len) == 0;
}

/* Is `limit` the word, with the name in the place of "#"? */
static bool fits(const char *word, const struct text *name, const struct text *limit)
{
    const char *hash = strchr(word, '#');
    const size_t before = (size_t)(hash - word), after = strlen(hash + 1);

    return limit->len == before + name->len + after && memcmp(limit->data, word, before) == 0 &&
           memcmp(limit->data + before, name->data, name->len) == 0 &&
           memcmp(limit->data + before + name->len, hash + 1, after) == 0;
}

static enum side bare_side(const struct text *name)
{
    for (size_t i = 0; i < COUNT(bare_words); i++)
        if (equals(name, bare_words[i].word, strlen(bare_words[i].word)))
            return bare_words[i].side;
    return NO_LIMIT;
}

static enum side side_for(const struct text *name, const struct text *limit)
{
    for (size_t i = 0; i < COUNT(limit_words); i++)
        if (fits(limit_words[i].word, name, limit))
            return limit_words[i].side;
    return NO_LIMIT;
}

/* ---- search ---- */

struct search {
    const xray_event_record *e;
    struct margin *best;
    bool best_is_named;
};

/* Does a reason's code hold the name: too_few_reviews, price_too_high? */
static bool is_named(const xray_event_record *e, const struct text *name)
{
    for (size_t i = 0; i < e->reason_count; i++) {
        const xray_str code = e->reasons[i].code;

        if (name->len > 0 && code.len >= name->len && memmem(code.ptr, code.len, name->data, name->len) != NULL)
            return true;
    }
    return false;
}

static bool is_beyond(double value, double limit, enum side side)
{
    switch (side) {
    case NO_LIMIT:
        break;
    case UPPER:
        return value > limit;
    case LOWER:
        return value < limit;
    case EITHER:
        return value != limit;
    }
    return false;
}

static void consider(struct search *s, const struct number *value, const struct number *limit, const char *where,
                     enum side side)
{
    struct margin *best = s->best;
    const double share = fabs(value->value - limit->value) / fabs(limit->value);
    const bool named = is_named(s->e, &value->name);

    if (limit->value == 0 || !isfinite(share) || !is_beyond(value->value, limit->value, side))
        return;
    if (best->found && (named == s->best_is_named ? share <= best->share : s->best_is_named))
        return;
    s->best_is_named = named;
    best->found = best->computed = true;
    best->share = share;
    best->value = value->value;
    best->limit = limit->value;
    text_reset(&best->value_name);
    text_put(&best->value_name, value->name.data, value->name.len);
    text_reset(&best->limit_name);
    text_puts(&best->limit_name, where);
    text_put(&best->limit_name, limit->name.data, limit->name.len);
}

/* Limits of `limits` under names that say what they limit. */
static void search_named(struct search *s, const struct numbers *values, const struct numbers *limits, const char *where)
{
    for (size_t i = 0; i < values->count; i++)
        for (size_t k = 0; k < limits->count; k++)
            consider(s, &values->items[i], &limits->items[k], where,
                     side_for(&values->items[i].name, &limits->items[k].name));
}

/* {"price": 129, "limit": 100}: two numbers, one of which is the limit; or the record's score and the one limit of the step. */
static void search_bare(struct search *s, const struct numbers *values, const struct numbers *limits, const char *where)
{
    const struct number *limit = NULL, *value = NULL;
    size_t limit_count = 0, value_count = 0;

    for (size_t k = 0; k < limits->count; k++)
        if (bare_side(&limits->items[k].name) != NO_LIMIT) {
            limit = &limits->items[k];
            limit_count++;
        }
    for (size_t i = 0; i < values->count; i++)
        if (bare_side(&values->items[i].name) == NO_LIMIT) {
            value = &values->items[i];
            value_count++;
        }
    if ((s->e->fields & XRAY_HAS_SCORE) != 0) { /* it is the first one */
        value = &values->items[0];
        value_count = 1;
    }
    if (limit_count == 1 && value_count == 1)
        consider(s, value, limit, where, bare_side(&limit->name));
}

static void search(struct margin *m, xray_store *store, const xray_step_record *step, const xray_event_record *e)
{
    struct search s = {.e = e, .best = m};
    struct numbers evidence = {.count = 0}, filters = {.count = 0}, params = {.count = 0};

    add_evidence(&evidence, store, e);
    if (evidence.count > 0) {
        add_ref(&filters, "", store, step->filters, 1);
        add_ref(&params, "", store, step->params, 1);
        /* What the record itself says comes first: of two limits that are as far away it stays. */
        search_named(&s, &evidence, &evidence, "");
        search_bare(&s, &evidence, &evidence, "");
        search_named(&s, &evidence, &filters, "filters.");
        search_named(&s, &evidence, &params, "params.");
        if (!m->found)
            search_bare(&s, &evidence, &filters, "filters.");
        if (!m->found)
            search_bare(&s, &evidence, &params, "params.");
    }
    numbers_free(&evidence);
    numbers_free(&filters);
    numbers_free(&params);
}

void margin_find(struct margin *m, xray_store *store, const xray_step_record *step, const xray_event_record *e)
{
    m->found = m->computed = false;
    if (e->verdict != XRAY_REJECT)
        return;
    if ((e->fields & XRAY_HAS_SCORE) == 0 || (e->fields & XRAY_HAS_THRESHOLD) == 0) {
        search(m, store, step, e);
        return;
    }
    if (e->threshold == 0 || !isfinite(e->score) || !isfinite(e->threshold))
        return;
    m->found = true;
    m->share = fabs(e->threshold - e->score) / fabs(e->threshold);
    m->value = e->score;
    m->limit = e->threshold;
}

void margin_put(struct text *t, const struct margin *m)
{
    text_puts(t, "missed by ");
    human_rate(t, m->share);
    if (!m->computed)
        return;
    text_puts(t, " (computed: ");
    text_safe(t, text_str(&m->value_name), SAFE_LINE);
    text_printf(t, " %.6g, ", m->value);
    text_safe(t, text_str(&m->limit_name), SAFE_LINE);
    text_printf(t, " %.6g)", m->limit);
}

void margin_put_json(struct text *t, const struct margin *m)
{
    json_rate(t, "missed_by", m->share);
    if (!m->computed)
        return;
    text_puts(t, ",\"missed_from\":{\"field\":");
    json_string(t, text_str(&m->value_name));
    json_rate(t, "value", m->value);
    json_member(t, "limit_field", text_str(&m->limit_name));
    json_rate(t, "limit", m->limit);
    text_puts(t, "}");
}

void margin_free(struct margin *m)
{
    text_free(&m->value_name);
    text_free(&m->limit_name);
}
