/* See evidence.h. */
#include "info/evidence.h"

#include <stdlib.h>

#include "common/input.h"
#include "common/runs.h"
#include "common/strmap.h"

/* Bounds what keys that are different everywhere can take. */
enum { KEYS_MAX = 100000 };

enum column { VERDICT, REASON, RULE, SCORE, THRESHOLD, MARGIN, RANK_IN, RANK_OUT, WEIGHT, BY, PROVENANCE, TIME, EVIDENCE, COLUMNS };

static const struct {
    const char *name, *type;
} columns[COLUMNS] = {
    [VERDICT] = {"verdict", "text"},   [REASON] = {"reason", "text"},         [RULE] = {"rule", "text"},
    [SCORE] = {"score", "number"},     [THRESHOLD] = {"threshold", "number"}, [MARGIN] = {"margin", "number"},
    [RANK_IN] = {"rank_in", "int"},    [RANK_OUT] = {"rank_out", "int"},      [WEIGHT] = {"weight", "number"},
    [BY] = {"by", "text"},             [PROVENANCE] = {"provenance", "text"}, [TIME] = {"time", "time"},
    [EVIDENCE] = {"evidence", "value"},
};

struct key { /* of evidence */
    struct text name;
    const char *type; /* of the last value */
    uint64_t count;
};

struct counts {
    uint64_t columns[COLUMNS];
    struct strmap map;
    struct key *keys;
    size_t key_cap;
    xray_buffer scratch;
};

static const char *type_of(const uint8_t *data, size_t len)
{
    xray_mp mp = xray_mp_over(data, len);
    xray_mp_item item;

    if (!xray_mp_next(&mp, &item))
        return "value";
    switch (item.type) {
    case XRAY_MP_STR:
        return "text";
    case XRAY_MP_INT:
    case XRAY_MP_UINT:
        return "int";
    case XRAY_MP_FLOAT:
        return "number";
    case XRAY_MP_BOOL:
        return "bool";
    case XRAY_MP_NIL:
    case XRAY_MP_BIN:
    case XRAY_MP_EXT:
    case XRAY_MP_ARRAY:
    case XRAY_MP_MAP:
        break;
    }
    return "value";
}

static void count_key(struct counts *c, xray_str name, const char *type)
{
    bool added = false;
    size_t at;

    if (c->map.count >= KEYS_MAX)
        return;
    at = strmap_put(&c->map, name, &added);
    if (added) {
        c->keys = memory_grow(c->keys, &c->key_cap, at + 1, sizeof *c->keys);
        c->keys[at] = (struct key){.count = 0};
        text_put(&c->keys[at].name, name.ptr, name.len);
    }
    c->keys[at].type = type;
    c->keys[at].count++;
}

/* Evidence that is not a list of keys and values but one value. */
static void count_map(struct counts *c, xray_store *store, xray_ref evidence)
{
    xray_mp_item item, key;

    c->scratch.len = 0;
    if (evidence.data == NULL || xray_ref_resolve(store, evidence, &c->scratch, NULL) < 0)
        return;

    xray_mp mp = xray_mp_over(c->scratch.data, c->scratch.len);

    if (!xray_mp_next(&mp, &item) || item.type != XRAY_MP_MAP)
        return;
    for (uint32_t left = item.count; left > 0 && xray_mp_next(&mp, &key); left--) {
        if (key.type == XRAY_MP_STR)
            count_key(c, key.bytes, type_of(mp.at, mp.left));
        if (!xray_mp_skip(&mp))
            return;
    }
}

static void count_candidate(struct counts *c, xray_store *store, const xray_event_record *e)
{
    const unsigned both = XRAY_HAS_SCORE | XRAY_HAS_THRESHOLD;
    bool rule = false;

    for (size_t i = 0; i < e->reason_count; i++)
        rule = rule || e->reasons[i].rule.len > 0;
    c->columns[VERDICT]++;
    c->columns[REASON] += e->reason_count > 0;
    c->columns[RULE] += rule;
    c->columns[SCORE] += (e->fields & XRAY_HAS_SCORE) != 0;
    c->columns[THRESHOLD] += (e->fields & XRAY_HAS_THRESHOLD) != 0;
    c->columns[MARGIN] += (e->fields & both) == both;
    c->columns[RANK_IN] += (e->fields & XRAY_HAS_RANK_IN) != 0;
    c->columns[RANK_OUT] += (e->fields & XRAY_HAS_RANK_OUT) != 0;
    c->columns[WEIGHT] += (e->fields & XRAY_HAS_WEIGHT) != 0;
    c->columns[BY] += e->by != XRAY_BY_UNSAID;
    c->columns[PROVENANCE] += e->provenance != XRAY_PROV_UNSAID;
    c->columns[TIME] += e->time_ns != XRAY_MISSING;
    c->columns[EVIDENCE] += e->evidence_count > 0 || (e->fields & XRAY_HAS_EVIDENCE) != 0;
    for (size_t i = 0; i < e->evidence_count; i++)
        count_key(c, e->evidence_keys[i], type_of(e->evidence_values[i].data, e->evidence_values[i].len));
    if (e->fields & XRAY_HAS_EVIDENCE)
        count_map(c, store, e->evidence);
}

/* Of the run itself (number 0) and of its steps. 0 or a status. */
static int count_run(struct counts *c, xray_store *store, size_t run, xray_error *err)
{
    xray_trace *trace = NULL;
    size_t count;
    int r = xray_trace_open(&trace, store, run, err);

    if (r < 0)
        return r;
    xray_trace_steps(trace, &count);
    for (size_t i = 0; i <= count && r >= 0; i++) {
        xray_events *events = NULL;
        xray_event_record e;

        r = xray_events_open(&events, trace, (int64_t)i, XRAY_EVENT_CANDIDATE, err);
        while (r >= 0 && (r = xray_events_next(events, &e, err)) == 1)
            count_candidate(c, store, &e);
        xray_events_close(events);
    }
    xray_trace_close(trace);
    return r;
}

static void put_row(struct sheet *sheet, xray_str name, const char *type, uint64_t count)
{
    sheet_add(sheet);
    sheet_word(sheet, 0, xray_s("cand"));
    sheet_word(sheet, 1, name);
    sheet_word(sheet, 2, xray_s(type));
    sheet_number(sheet, 3, count);
}

static void put_rows(const struct counts *c, struct sheet *sheet)
{
    struct text name = {0};

    for (int i = 0; i < COLUMNS; i++)
        if (c->columns[i] > 0)
            put_row(sheet, xray_s(columns[i].name), columns[i].type, c->columns[i]);
    for (size_t i = 0; i < c->map.count; i++) {
        text_reset(&name);
        text_puts(&name, "evidence.");
        text_put(&name, c->keys[i].name.data, c->keys[i].name.len);
        put_row(sheet, text_str(&name), c->keys[i].type, c->keys[i].count);
    }
    text_free(&name);
}

bool evidence_fields(xray_store *store, struct sheet *sheet)
{
    struct counts c = {.key_cap = 0};
    xray_error err = {0};
    size_t count = 0;
    int r = 0;
    bool ok = runs_count(store, &count);

    for (size_t i = 0; i < count && ok && r >= 0; i++)
        r = count_run(&c, store, i, &err);
    if (r < 0)
        input_failed(&err);
    put_rows(&c, sheet);
    for (size_t i = 0; i < c.map.count; i++)
        text_free(&c.keys[i].name);
    free(c.keys);
    strmap_free(&c.map);
    xray_buffer_free(&c.scratch);
    return ok && r >= 0;
}
