/* See groups.h. */
#include "stat/groups.h"

#include <stdlib.h>
#include <sys/random.h>

/* ---- room ---- */

void groups_limit(struct groups *g, size_t runs)
{
    /* What a run of the list takes (xrayfile.h), and the least that is worth having. */
    enum { RUN_BYTES = 150, LEAST = 36 << 20 };

    const size_t list = runs < GROUPS_ROOM / RUN_BYTES ? runs * RUN_BYTES : GROUPS_ROOM;
    const size_t room = GROUPS_ROOM - list > LEAST ? GROUPS_ROOM - list : LEAST;

    g->bytes_max = room / 2;
    g->values_max = room / 6;
    g->numbers_max = room / 3;
}

/* ---- values ---- */

/* A hash of our own, seeded at random: whoever wrote the file chose the keys. */
static uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 31;
}

static void seed_groups(struct groups *g)
{
    while (g->seed == 0) {
        if (getrandom(&g->seed, sizeof g->seed, 0) != sizeof g->seed)
            g->seed = (uint64_t)(uintptr_t)g | 1;
    }
}

/* The number of the value in g->cell. Values that print alike are one: 1 and "1". */
static bool number_of_cell(struct groups *g, uint32_t *number)
{
    bool added;

    if (g->value_count == 0) {
        g->values = memory_grow(g->values, &g->value_cap, 1, sizeof *g->values);
        g->values[g->value_count++] = (struct group_value){0};
    }
    *number = 0;
    if (g->cell.kind == CELL_MISSING)
        return true;
    text_reset(&g->key);
    cell_put_plain(&g->key, &g->cell);
    if (g->value_bytes > g->values_max || g->key.len > g->values_max / 4)
        return false;

    const size_t found = strmap_put(&g->numbers, text_str(&g->key), &added) + 1;

    if (added) {
        struct group_value value = {.kind = g->cell.kind};

        g->values = memory_grow(g->values, &g->value_cap, found + 1, sizeof *g->values);
        text_put(&value.plain, g->key.data, g->key.len);
        if (value.kind != CELL_TEXT)
            cell_put_json(&value.json, &g->cell);
        g->values[found] = value;
        g->value_count = found + 1;
        g->value_bytes += 3 * g->key.len + 200; /* here, in the map, and what they take beside */
    }
    *number = (uint32_t)found;
    return true;
}

bool groups_values(struct groups *g, const struct record *record, uint32_t values[GROUPS_MAX_FIELDS])
{
    for (size_t i = 0; i < GROUPS_MAX_FIELDS; i++)
        values[i] = 0;
    for (size_t i = 0; i < g->field_count; i++) {
        field_get(&g->fields[i], record, &g->cell);
        if (!number_of_cell(g, &values[i]))
            return false;
    }
    return true;
}

uint32_t groups_text(struct groups *g, xray_str text)
{
    uint32_t number = 0;

    cell_set_text(&g->cell, text);
    return number_of_cell(g, &number) ? number : 0;
}

const struct group_value *groups_value(const struct groups *g, uint32_t number)
{
    return &g->values[number];
}

/* ---- groups ---- */

static uint64_t hash_key(const struct groups *g, int64_t slice, const uint32_t *values)
{
    uint64_t h = mix(g->seed, (uint64_t)slice);

    for (size_t i = 0; i < GROUPS_MAX_FIELDS; i++)
        h = mix(h, values[i]);
    return h;
}

static size_t find_slot(const struct groups *g, int64_t slice, const uint32_t *values)
{
    size_t at = (size_t)hash_key(g, slice, values) & (g->slot_count - 1);

    for (; g->slots[at] != 0; at = (at + 1) & (g->slot_count - 1)) {
        const struct group *group = &g->groups[g->slots[at] - 1];

        if (group->slice == slice && memcmp(group->values, values, sizeof group->values) == 0)
            break;
    }
    return at;
}

static void grow_slots(struct groups *g)
{
    seed_groups(g);
    g->slot_count = g->slot_count == 0 ? 1024 : g->slot_count * 2;
    free(g->slots);
    g->slots = memory_new(g->slot_count, sizeof *g->slots);
    for (size_t i = 0; i < g->count; i++) {
        if (!g->groups[i].other)
            g->slots[find_slot(g, g->groups[i].slice, g->groups[i].values)] = (uint32_t)(i + 1);
    }
}

static struct group *add_group(struct groups *g, int64_t slice)
{
    g->groups = memory_grow(g->groups, &g->cap, g->count + 1, sizeof *g->groups);
    g->groups[g->count] = (struct group){.slice = slice, .first = XRAY_MISSING, .last = XRAY_MISSING};
    return &g->groups[g->count++];
}

static struct group *other_group(struct groups *g)
{
    g->overflowed = true;
    if (g->other == 0) {
        add_group(g, XRAY_MISSING)->other = true;
        g->other = g->count;
    }
    return &g->groups[g->other - 1];
}

struct group *groups_get(struct groups *g, int64_t slice, const uint32_t *values)
{
    if (values == NULL)
        return other_group(g);
    if (g->count >= g->slot_count / 2)
        grow_slots(g);

    const size_t slot = find_slot(g, slice, values);

    if (g->slots[slot] != 0)
        return &g->groups[g->slots[slot] - 1];
    if (g->count >= GROUPS_MAX || g->count >= g->bytes_max / sizeof *g->groups)
        return other_group(g);

    struct group *group = add_group(g, slice);

    memcpy(group->values, values, sizeof group->values);
    g->slots[slot] = (uint32_t)g->count;
    return group;
}

int groups_compare(const struct groups *g, const struct group *a, const struct group *b)
{
    if (a->other != b->other)
        return a->other ? 1 : -1;
    if (a->slice != b->slice)
        return a->slice < b->slice ? -1 : 1;
    for (size_t i = 0; i < g->field_count; i++) {
        const struct text *x = &g->values[a->values[i]].plain;
        const struct text *y = &g->values[b->values[i]].plain;
        const size_t len = x->len < y->len ? x->len : y->len;
        const int order = len > 0 ? memcmp(x->data, y->data, len) : 0;

        if (order != 0)
            return order;
        if (x->len != y->len)
            return x->len < y->len ? -1 : 1;
    }
    return 0;
}

/* ---- percentiles ---- */

/* Rounds the groups that take more room than buckets do. */
static void round_large(struct groups *g)
{
    g->number_bytes = 0;
    for (size_t i = 0; i < g->count; i++) {
        struct quantiles *q = &g->groups[i].quantiles;

        if (quantiles_shrinks(q))
            quantiles_round(q);
        g->number_bytes += quantiles_bytes(q);
    }
}

void groups_number(struct groups *g, struct group *group, int64_t number)
{
    struct quantiles *q = &group->quantiles;
    const bool grows = quantiles_exact(q) && q->count == q->cap;

    if (grows && g->number_bytes >= g->numbers_max && !g->lost_numbers) {
        round_large(g);
        g->lost_numbers = g->number_bytes >= g->numbers_max;
    }
    /* A group without room keeps what it has, and shows no percentile: its count tells that some are missing. */
    if (g->lost_numbers && quantiles_exact(q) && (q->count < group->of_count - 1 || q->count == q->cap))
        return;

    const size_t before = quantiles_bytes(q);

    quantiles_add(q, number);
    g->number_bytes += quantiles_bytes(q) - before;
    g->rounded = g->rounded || !quantiles_exact(q);
}

/* ---- distinct keys ---- */

static size_t find_fingerprint(const struct groups *g, uint64_t print)
{
    size_t at = (size_t)(print >> 3) & (g->distinct_cap - 1);

    while (g->distinct[at] != 0 && g->distinct[at] != print)
        at = (at + 1) & (g->distinct_cap - 1);
    return at;
}

static void grow_distinct(struct groups *g)
{
    const size_t old_cap = g->distinct_cap;
    uint64_t *old = g->distinct;

    g->distinct_cap = old_cap == 0 ? 4096 : old_cap * 2;
    g->distinct = memory_new(g->distinct_cap, sizeof *g->distinct);
    for (size_t i = 0; i < old_cap; i++) {
        if (old[i] != 0)
            g->distinct[find_fingerprint(g, old[i])] = old[i];
    }
    free(old);
}

/* Keys are known by 64 bits of a seeded hash: that any two of 2 million are taken for one has a chance of 10^-7. */
bool groups_is_new(struct groups *g, const struct group *group, char kind, const void *key, size_t len)
{
    const unsigned char *bytes = key;
    uint64_t print;
    size_t at;

    seed_groups(g);
    print = mix(mix(g->seed, (uint64_t)(group - g->groups)), (uint64_t)(unsigned char)kind << 56 ^ len);
    for (size_t i = 0; i < len; i += 8) {
        uint64_t word = 0;

        memcpy(&word, bytes + i, len - i < 8 ? len - i : 8);
        print = mix(print, word);
    }
    print = mix(print, print >> 17) | 1;
    if (g->distinct_count >= g->distinct_cap / 2)
        grow_distinct(g);
    at = find_fingerprint(g, print);
    if (g->distinct[at] != 0)
        return false;
    if (g->distinct_count >= GROUPS_DISTINCT) {
        g->lost_distinct = true;
        return false;
    }
    g->distinct[at] = print;
    g->distinct_count++;
    return true;
}

/* ---- sums ---- */

void wide_add(struct wide_sum *s, int64_t n)
{
    if (n == XRAY_MISSING)
        return;
    s->has = true;
    s->sum += n; /* 2^63 at most, 2^64 times at most: stays in 128 bits */
}

void wide_put(struct text *t, wide n)
{
    unsigned __int128 rest = n < 0 ? -(unsigned __int128)n : (unsigned __int128)n;
    char digits[48];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    } while (rest > 0);
    if (n < 0)
        digits[--at] = '-';
    text_put(t, &digits[at], sizeof digits - at);
}

void groups_free(struct groups *g)
{
    for (size_t i = 0; i < g->field_count; i++)
        field_free(&g->fields[i]);
    for (size_t i = 0; i < g->value_count; i++) {
        text_free(&g->values[i].plain);
        text_free(&g->values[i].json);
    }
    for (size_t i = 0; i < g->count; i++)
        quantiles_free(&g->groups[i].quantiles);
    free(g->groups);
    free(g->values);
    free(g->slots);
    free(g->distinct);
    strmap_free(&g->numbers);
    cell_free(&g->cell);
    text_free(&g->key);
    *g = (struct groups){0};
}
