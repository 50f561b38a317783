/* See fields.h. One hash table for all names; a member costs one look-up. */
#include "import/fields.h"

#include "common/text.h"

struct field_name {
    const char *key;
    uint8_t set;
    uint8_t target;
    uint8_t rank; /* its place among the names of its set: the lower one wins */
};

static const struct field_name names[] = {
#define FIELD(set, key, target) { key, SET_##set, T_##target, 0 },
#define STATUS(word, outcome)
#include "import/fields.def"
#undef FIELD
#undef STATUS
};

static const struct status_word {
    const char *word;
    int outcome;
} status_words[] = {
#define FIELD(set, key, target)
#define STATUS(word, outcome) { word, XRAY_##outcome },
#include "import/fields.def"
#undef FIELD
#undef STATUS
};

#define NAME_COUNT (sizeof names / sizeof names[0])
#define SLOTS 1024u

_Static_assert(NAME_COUNT < SLOTS / 2, "the table of names is too full");

static struct {
    bool ready;
    uint16_t slot[SLOTS]; /* index + 1 into names */
    uint8_t rank[NAME_COUNT];
    uint8_t len[NAME_COUNT];
} table;

static uint32_t hash_name(enum field_set set, const char *key, size_t len)
{
    uint32_t h = 2166136261u ^ (uint32_t)set;

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)key[i]) * 16777619u;
    return (h ^ h >> 15) % SLOTS;
}

static void build_table(void)
{
    uint8_t rank = 0;

    for (size_t i = 0; i < NAME_COUNT; i++) {
        uint32_t h;

        rank = i > 0 && names[i - 1].set == names[i].set ? (uint8_t)(rank + 1) : 0;
        table.rank[i] = rank;
        table.len[i] = (uint8_t)strlen(names[i].key);
        h = hash_name(names[i].set, names[i].key, table.len[i]);
        while (table.slot[h] != 0)
            h = (h + 1) % SLOTS;
        table.slot[h] = (uint16_t)(i + 1);
    }
    table.ready = true;
}

/* Index + 1 into names, or 0. */
static size_t find_name(enum field_set set, xray_str key)
{
    uint32_t h;

    if (!table.ready)
        build_table();
    if (key.len > 40)
        return 0;
    h = hash_name(set, key.ptr, key.len);
    for (; table.slot[h] != 0; h = (h + 1) % SLOTS) {
        const size_t i = table.slot[h] - 1u;

        if (names[i].set == set && table.len[i] == key.len && memcmp(names[i].key, key.ptr, key.len) == 0)
            return i + 1;
    }
    return 0;
}

int fields_target(enum field_set set, xray_str key)
{
    const size_t i = find_name(set, key);

    return i == 0 ? -1 : names[i - 1].target;
}

/* Members without a target, of all objects being read: a stack. */
static struct {
    uint32_t *keys;
    size_t count, cap;
} extras;

static void add_extra(uint32_t key)
{
    extras.keys = memory_grow(extras.keys, &extras.cap, extras.count + 1, sizeof *extras.keys);
    extras.keys[extras.count++] = key;
}

void fields_collect(struct fields *f, const struct json_tape *tape, uint32_t object, enum field_set set)
{
    const uint32_t end = json_end(tape, object);

    memset(f, 0, sizeof *f);
    f->mark = extras.count;
    for (uint32_t key = json_first(object); key != end; key = json_at(tape, key + 1)->next) {
        const xray_str text = json_text(tape, key);
        const size_t i = find_name(set, xray_strn(text.ptr + 1, text.len - 2));
        uint8_t target, rank;

        if (i == 0) {
            add_extra(key);
            continue;
        }
        target = names[i - 1].target;
        rank = table.rank[i - 1];
        /* Of two keys for one field one stays as it is; null says nothing. */
        if (f->value[target] != 0 && (rank >= f->rank[target] || json_at(tape, key + 1)->type == JSON_NULL)) {
            add_extra(key);
            continue;
        }
        if (f->value[target] != 0)
            add_extra(f->key[target]);
        f->value[target] = key + 1;
        f->key[target] = key;
        f->rank[target] = rank;
    }
    f->extra_count = extras.count - f->mark;
}

uint32_t fields_extra(const struct fields *f, size_t i)
{
    return extras.keys[f->mark + i];
}

void fields_done(struct fields *f)
{
    extras.count = f->mark;
    f->extra_count = 0;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same_word(xray_str text, const char *word)
{
    if (text.len != strlen(word))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (lower(text.ptr[i]) != word[i])
            return false;
    return true;
}

int fields_outcome(xray_str text)
{
    for (size_t i = 0; i < sizeof status_words / sizeof status_words[0]; i++)
        if (same_word(text, status_words[i].word))
            return status_words[i].outcome;
    return xray_outcome_parse(text);
}

bool fields_is(const struct json_tape *tape, uint32_t node, const char *text)
{
    const struct json_node *n = json_at(tape, node);

    return n->type == JSON_STRING && n->len == strlen(text) + 2 &&
           memcmp(tape->text + n->off + 1, text, n->len - 2) == 0;
}

uint32_t fields_find(const struct json_tape *tape, uint32_t object, const char *key)
{
    const uint32_t end = json_end(tape, object);

    if (json_at(tape, object)->type != JSON_OBJECT)
        return 0;
    for (uint32_t i = json_first(object); i != end; i = json_at(tape, i + 1)->next)
        if (fields_is(tape, i, key))
            return i + 1;
    return 0;
}
