/* See search.h. */
#include "grep/search.h"

#include <stdlib.h>

#include "common/cli.h"
#include "common/input.h"
#include "common/leaves.h"

static const char *const names[FIELD_COUNT] = {
    [FIELD_INPUT] = "input",     [FIELD_OUTPUT] = "output",     [FIELD_REASONING] = "reasoning",
    [FIELD_ERROR] = "error",     [FIELD_METADATA] = "metadata", [FIELD_TAGS] = "tags",
    [FIELD_FILTERS] = "filters", [FIELD_PARAMS] = "params",     [FIELD_SAMPLING] = "sampling",
    [FIELD_ATTRS] = "attrs",     [FIELD_NAME] = "name",         [FIELD_TYPE] = "type",
    [FIELD_MODEL] = "model",     [FIELD_PROVIDER] = "provider", [FIELD_ID] = "id",
    [FIELD_REASON] = "reason",   [FIELD_CAND] = "cand",         [FIELD_DECISION] = "decision",
    [FIELD_NOTE] = "note",       [FIELD_RUN] = "run",
};

enum { EVENT_FIELDS = 1 << FIELD_REASON | 1 << FIELD_CAND | 1 << FIELD_DECISION | 1 << FIELD_NOTE };

const char *field_name(enum field field)
{
    return names[field];
}

/* The names of the query language mean the same here: step.output, cand.text, run.text. */
static xray_str plain_name(xray_str name)
{
    if (name.len > 5 && memcmp(name.ptr, "step.", 5) == 0)
        return xray_strn(name.ptr + 5, name.len - 5);
    if (name.len > 5 && memcmp(name.ptr + name.len - 5, ".text", 5) == 0)
        return xray_strn(name.ptr, name.len - 5);
    return name;
}

unsigned fields_parse(const char *list)
{
    unsigned fields = 0;

    while (*list != '\0') {
        const size_t len = strcspn(list, ",");
        const xray_str name = plain_name(xray_strn(list, len));
        size_t i = 0;

        while (i < FIELD_COUNT && (strlen(names[i]) != name.len || memcmp(names[i], name.ptr, name.len) != 0))
            i++;
        if (i == FIELD_COUNT)
            cli_usage(
                "--in: there is no field '%.*s'; fields are input output reasoning error metadata tags "
                "filters params sampling attrs name type model provider id reason cand decision note run",
                (int)(len < 100 ? len : 100), list);
        fields |= 1u << i;
        list += len;
        list += *list == ',';
    }
    if (fields == 0)
        cli_usage("--in needs the name of a field");
    return fields;
}

/* ---- what a record consists of ---- */

/* The values of a step, of a run, by field. */
struct value_field {
    enum field field;
    const char *path; /* of a run: the name of the value */
    xray_ref ref;
};

enum { STEP_VALUES = 10, RUN_VALUES = 6, STEP_NAMES = 5, RUN_NAMES = 4 };

static void step_values(const xray_step_record *r, struct value_field out[STEP_VALUES])
{
    const struct value_field values[STEP_VALUES] = {
        {FIELD_INPUT, "", r->input},         {FIELD_OUTPUT, "", r->output},
        {FIELD_REASONING, "", r->reasoning}, {FIELD_ERROR, "", r->error},
        {FIELD_METADATA, "", r->metadata},   {FIELD_TAGS, "", r->tags},
        {FIELD_FILTERS, "", r->filters},     {FIELD_PARAMS, "", r->params},
        {FIELD_SAMPLING, "", r->sampling},   {FIELD_ATTRS, "", r->attrs},
    };

    memcpy(out, values, sizeof values);
}

static void run_values(const xray_run_record *r, struct value_field out[RUN_VALUES])
{
    const struct value_field values[RUN_VALUES] = {
        {FIELD_RUN, ".input", r->input},       {FIELD_RUN, ".output", r->output},
        {FIELD_RUN, ".error", r->error},       {FIELD_RUN, ".tags", r->tags},
        {FIELD_RUN, ".metadata", r->metadata}, {FIELD_RUN, ".attrs", r->attrs},
    };

    memcpy(out, values, sizeof values);
}

struct name_field {
    enum field field;
    const char *path;
    xray_str text;
};

static void step_names(const xray_step_record *r, struct name_field out[STEP_NAMES])
{
    out[0] = (struct name_field){FIELD_NAME, "", r->name};
    out[1] = (struct name_field){FIELD_TYPE, "", r->type};
    out[2] = (struct name_field){FIELD_MODEL, "", r->model};
    out[3] = (struct name_field){FIELD_PROVIDER, "", r->provider};
    out[4] = (struct name_field){FIELD_ID, "", r->ext_id};
}

static void run_names(const xray_run_record *r, struct name_field out[RUN_NAMES])
{
    out[0] = (struct name_field){FIELD_RUN, ".id", r->ext_id};
    out[1] = (struct name_field){FIELD_RUN, ".session", r->session};
    out[2] = (struct name_field){FIELD_RUN, ".user", r->user};
    out[3] = (struct name_field){FIELD_RUN, ".project", r->project};
}

static bool wants(const struct search *s, enum field field)
{
    return (s->fields >> field & 1) != 0;
}

/* ---- begin ---- */

/* What one thread needs. */
struct seeker {
    struct search *search;
    struct matcher *matcher;
    bool found;
};

static int visit_part(void *ctx, const uint8_t *data, size_t len)
{
    struct seeker *s = ctx;

    if (s->search->stop_early && s->found)
        return -1;
    if (!matcher_value(s->matcher, data, len))
        return 0;
    s->found = true;
    return 1;
}

static size_t find_needle(void *ctx, const uint8_t *data, size_t len)
{
    const struct seeker *s = ctx;

    return matcher_find_needle(s->matcher, data, len);
}

static bool test_text(void *ctx, xray_str text)
{
    const struct seeker *s = ctx;

    return matcher_text(s->matcher, text);
}

static bool has_events(xray_store *store)
{
    enum { CANDIDATES = 2 }; /* kind of block, spec 4.5 */

    for (size_t i = 0; i < xray_store_segment_count(store); i++) {
        xray_segment_info info;

        if (xray_store_segment(store, i, &info) == 0 && info.block_count[CANDIDATES] > 0)
            return true;
    }
    return false;
}

void search_begin(struct search *s)
{
    s->events = (s->fields & EVENT_FIELDS) != 0 && has_events(s->store);
}

/* The first seeker uses the matcher itself. */
static void make_seekers(struct search *s)
{
    s->seeker_count = xray_store_threads(s->store);
    s->seekers = memory_new(s->seeker_count, sizeof *s->seekers);
    s->contexts = memory_new(s->seeker_count, sizeof *s->contexts);
    for (size_t i = 0; i < s->seeker_count; i++) {
        s->seekers[i].search = s;
        s->seekers[i].matcher = i == 0 ? s->matcher : matcher_share(s->matcher);
        s->contexts[i] = &s->seekers[i];
    }
}

static void forget_hits(struct search *s)
{
    xray_hits_free(s->hits);
    s->hits = NULL;
    for (size_t i = 1; i < s->seeker_count; i++)
        matcher_unshare(s->matcher, s->seekers[i].matcher);
    free(s->seekers);
    free(s->contexts);
    s->seekers = NULL;
    s->contexts = NULL;
    s->seeker_count = 0;
}

void search_done(struct search *s)
{
    forget_hits(s);
    xray_buffer_free(&s->value);
}

int search_all_payload(struct search *s, bool first_only, xray_error *err)
{
    const unsigned no_payload = 1u << FIELD_NAME | 1u << FIELD_TYPE | 1u << FIELD_MODEL |
                                1u << FIELD_PROVIDER | 1u << FIELD_ID | 1u << FIELD_REASON;
    xray_visitor visitor = {
        .visit = visit_part,
        .find = matcher_has_needle(s->matcher) ? find_needle : NULL,
        .text = test_text,
        .events = s->events,
        .not_hex = matcher_not_hex(s->matcher),
    };
    int r;

    forget_hits(s);
    if ((s->fields & ~no_payload) == 0)
        return 0;
    make_seekers(s);
    visitor.needles = matcher_needles(s->matcher, &visitor.needle_count);
    visitor.contexts = s->contexts;
    visitor.context_count = s->seeker_count;
    s->stop_early = first_only;
    r = xray_hits_build(&s->hits, s->store, &visitor, err);
    s->stop_early = false;
    return r;
}

bool search_runs(struct search *s, uint8_t *out, size_t count)
{
    const unsigned asked = FIELDS_ALL & ~(1u << FIELD_CAND | 1u << FIELD_DECISION | 1u << FIELD_NOTE);
    xray_error err = {0};

    if (s->hits == NULL || xray_hits_runs(s->hits, s->store, out, &err) < 0)
        return false;
    for (size_t i = 0; (s->fields & asked) != asked && i < count; i++)
        out[i] = out[i] == XRAY_HITS_SURE ? XRAY_HITS_POSSIBLE : out[i];
    return true;
}

bool search_may_have_events(const struct search *s, const uint8_t run_id[16])
{
    return s->events && (s->hits == NULL || xray_hits_test_run_events(s->hits, run_id));
}

bool search_may_have_step_events(const struct search *s, xray_trace *trace, int64_t step_number)
{
    int64_t raw = XRAY_MISSING;
    size_t count;

    if (s->events && s->hits != NULL && step_number > 0)
        raw = xray_trace_steps(trace, &count)[step_number - 1].raw_number;
    return s->events &&
           (s->hits == NULL || xray_hits_test_events(s->hits, xray_trace_run(trace)->id, raw));
}

/* ---- does it match? ---- */

/* Resolves a value into s->value and searches it. */
static bool resolve_and_match(struct search *s, xray_ref ref)
{
    xray_error err = {0};

    s->value.len = 0;
    s->value.failed = false;
    if (xray_ref_resolve(s->store, ref, &s->value, &err) < 0) {
        input_value_failed(&err);
        return false;
    }
    return matcher_value(s->matcher, s->value.data, s->value.len);
}

/* A map merged from several rows is not of any one segment, and xray_hits_test also tells of what a later
 * row has overruled: it is searched as it reads now. */
static bool value_matches(struct search *s, xray_ref ref)
{
    if (ref.data == NULL)
        return false;
    if (s->hits == NULL)
        return resolve_and_match(s, ref);
    if (!xray_hits_test(s->hits, ref))
        return false;
    return ref.segment < xray_store_segment_count(s->store) || resolve_and_match(s, ref);
}

static bool name_matches_pattern(struct search *s, const struct name_field *name)
{
    return wants(s, name->field) && name->text.len > 0 && matcher_text(s->matcher, name->text);
}

bool search_step(struct search *s, const xray_step_record *step)
{
    struct value_field values[STEP_VALUES];
    struct name_field name_fields[STEP_NAMES];

    step_names(step, name_fields);
    for (size_t i = 0; i < STEP_NAMES; i++) {
        if (name_matches_pattern(s, &name_fields[i]))
            return true;
    }
    for (size_t i = 0; wants(s, FIELD_REASON) && i < step->reason_count; i++) {
        if (matcher_text(s->matcher, step->reasons[i].code))
            return true;
    }
    step_values(step, values);
    for (size_t i = 0; i < STEP_VALUES; i++) {
        if (wants(s, values[i].field) && value_matches(s, values[i].ref))
            return true;
    }
    return false;
}

bool search_run(struct search *s, const xray_run_record *run)
{
    struct value_field values[RUN_VALUES];
    struct name_field name_fields[RUN_NAMES];

    if (!wants(s, FIELD_RUN))
        return false;
    run_names(run, name_fields);
    for (size_t i = 0; i < RUN_NAMES; i++) {
        if (name_matches_pattern(s, &name_fields[i]))
            return true;
    }
    run_values(run, values);
    for (size_t i = 0; i < RUN_VALUES; i++) {
        if (value_matches(s, values[i].ref))
            return true;
    }
    return false;
}

/* ---- where does it match? ---- */

/* The place in which leaves are looked at, and who wants the hits. */
struct target {
    struct search *search;
    enum field field;
    xray_str item;
    struct text path; /* a prefix, then the leaf's own */
    size_t prefix_len;
    hit_visit visit;
    void *ctx;
    bool going;
};

static void report_text(struct target *t, xray_str path, xray_str text)
{
    size_t from = 0;
    size_t start, end;

    while (t->going && matcher_find(t->search->matcher, text, from, &start, &end)) {
        const struct hit hit = {
            .field = t->field,
            .item = t->item,
            .path = path,
            .text = text,
            .start = start,
            .end = end,
        };

        t->going = t->visit(t->ctx, &hit);
        if (end == start)
            return; /* an empty match is everywhere: once is enough */
        from = end;
    }
}

static bool visit_leaf(void *ctx, xray_str path, xray_str text)
{
    struct target *t = ctx;

    t->path.len = t->prefix_len;
    text_put(&t->path, path.ptr, path.len);
    report_text(t, text_str(&t->path), text);
    return t->going;
}

static void report_value(struct target *t, const char *prefix, xray_ref ref)
{
    struct search *s = t->search;
    xray_buffer value = {0};
    xray_error err = {0};

    if (!t->going || ref.data == NULL || (s->hits != NULL && !xray_hits_test(s->hits, ref)))
        return;
    text_reset(&t->path);
    text_puts(&t->path, prefix);
    t->prefix_len = t->path.len;
    if (xray_ref_resolve(s->store, ref, &value, &err) < 0)
        input_value_failed(&err);
    else if (matcher_value(s->matcher, value.data, value.len)) /* cheaper than a walk that makes paths */
        leaves_walk(value.data, value.len, matcher_numbers(s->matcher), visit_leaf, t);
    xray_buffer_free(&value);
}

static void report_name(struct target *t, const struct name_field *name)
{
    if (!t->going || name->text.len == 0 || !wants(t->search, name->field))
        return;
    t->field = name->field;
    report_text(t, xray_s(name->path), name->text);
}

/* A candidate's reasons belong to it where candidates are asked for. */
static void report_candidate(struct target *t, const xray_event_record *e)
{
    const bool whole = wants(t->search, FIELD_CAND);

    if (!whole && !wants(t->search, FIELD_REASON))
        return;
    t->item = e->item;
    t->field = whole ? FIELD_CAND : FIELD_REASON;
    if (whole)
        report_text(t, xray_s(""), e->item);
    for (size_t i = 0; t->going && i < e->reason_count; i++) {
        report_text(t, xray_s(".reason"), e->reasons[i].code);
        if (t->going && e->reasons[i].rule.len > 0)
            report_text(t, xray_s(".rule"), e->reasons[i].rule);
    }
    if (!whole)
        return;
    for (size_t i = 0; t->going && i < e->evidence_count; i++) {
        struct text prefix = {0};

        report_text(t, xray_s(".evidence"), e->evidence_keys[i]);
        text_puts(&prefix, ".evidence.");
        text_put(&prefix, e->evidence_keys[i].ptr, e->evidence_keys[i].len);
        text_put(&prefix, "", 1);
        report_value(t, prefix.data, e->evidence_values[i]);
        text_free(&prefix);
    }
    report_value(t, ".evidence", e->evidence);
}

static void report_event(struct target *t, const xray_event_record *e)
{
    switch (e->kind) {
    case XRAY_EVENT_CANDIDATE:
        report_candidate(t, e);
        break;
    case XRAY_EVENT_DECISION:
    case XRAY_EVENT_NOTE:
        t->field = e->kind == XRAY_EVENT_DECISION ? FIELD_DECISION : FIELD_NOTE;
        t->item = e->name;
        if (e->name.len > 0)
            report_text(t, xray_s(""), e->name);
        report_value(t, "", e->body);
        break;
    }
    t->item = xray_s(NULL);
}

static void report_events(struct target *t, xray_trace *trace, int64_t step_number)
{
    struct search *s = t->search;
    const unsigned kinds = (wants(s, FIELD_CAND) || wants(s, FIELD_REASON) ? XRAY_EVENT_CANDIDATE : 0u) |
                           (wants(s, FIELD_DECISION) ? XRAY_EVENT_DECISION : 0u) |
                           (wants(s, FIELD_NOTE) ? XRAY_EVENT_NOTE : 0u);
    xray_events *events = NULL;
    xray_event_record event;
    xray_error err = {0};

    if (!t->going || kinds == 0 || !search_may_have_step_events(s, trace, step_number))
        return;

    int r = xray_events_open(&events, trace, step_number, kinds, &err);

    while (r >= 0 && t->going && (r = xray_events_next(events, &event, &err)) == 1)
        report_event(t, &event);
    if (r < 0)
        input_failed(&err);
    xray_events_close(events);
}

static bool stop_at_first(void *ctx, const struct hit *hit)
{
    (void)hit;
    *(bool *)ctx = true;
    return false;
}

bool search_events(struct search *s, xray_trace *trace, int64_t step_number)
{
    bool found = false;
    struct target t = {.search = s, .visit = stop_at_first, .ctx = &found, .going = true};

    report_events(&t, trace, step_number);
    text_free(&t.path);
    return found;
}

bool search_event(struct search *s, const xray_event_record *event)
{
    bool found = false;
    struct target t = {.search = s, .visit = stop_at_first, .ctx = &found, .going = true};

    report_event(&t, event);
    text_free(&t.path);
    return found;
}

void search_event_hits(struct search *s, const xray_event_record *event, hit_visit visit, void *ctx)
{
    struct target t = {.search = s, .visit = visit, .ctx = ctx, .going = true};

    report_event(&t, event);
    text_free(&t.path);
}

void search_step_hits(struct search *s, xray_trace *trace, const xray_step_record *step, hit_visit visit,
                      void *ctx)
{
    struct target t = {.search = s, .visit = visit, .ctx = ctx, .going = true};
    struct value_field values[STEP_VALUES];
    struct name_field name_fields[STEP_NAMES];

    step_values(step, values);
    for (size_t i = 0; i < STEP_VALUES; i++) {
        t.field = values[i].field;
        if (wants(s, t.field))
            report_value(&t, values[i].path, values[i].ref);
    }
    step_names(step, name_fields);
    for (size_t i = 0; i < STEP_NAMES; i++)
        report_name(&t, &name_fields[i]);
    t.field = FIELD_REASON;
    for (size_t i = 0; wants(s, FIELD_REASON) && t.going && i < step->reason_count; i++)
        report_text(&t, xray_s(""), step->reasons[i].code);
    report_events(&t, trace, step->number);
    text_free(&t.path);
}

void search_run_hits(struct search *s, xray_trace *trace, const xray_run_record *run, hit_visit visit,
                     void *ctx)
{
    struct target t = {.search = s, .visit = visit, .ctx = ctx, .going = true};
    struct value_field values[RUN_VALUES];
    struct name_field name_fields[RUN_NAMES];

    if (wants(s, FIELD_RUN)) {
        run_names(run, name_fields);
        for (size_t i = 0; i < RUN_NAMES; i++)
            report_name(&t, &name_fields[i]);
        run_values(run, values);
        for (size_t i = 0; i < RUN_VALUES; i++) {
            t.field = FIELD_RUN;
            report_value(&t, values[i].path, values[i].ref);
        }
    }
    report_events(&t, trace, 0);
    text_free(&t.path);
}
