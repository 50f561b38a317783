/* See history.h. */
#include "why/history.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/human.h"
#include "common/jsonline.h"
#include "common/out.h"

/* A version that ends in more ways tells nothing; stores with more versions than this name each run anew. */
enum { FATES_MAX = 8, VERSIONS_MAX = 10000 };

struct history_step {
    struct text name;
    int64_t number; /* the least one it had */
    uint64_t verdicts[VERDICTS];
};

struct fate {
    bool left;        /* rejected there; else: the last step that let it pass */
    struct text step; /* empty: the run itself */
    struct text code; /* if it left */
    uint64_t runs;
};

struct history_version {
    struct text pipeline, version;
    int64_t first_ns; /* the earliest start of its runs */
    uint64_t runs;
    struct fate *fates; /* FATES_MAX of them */
    size_t fate_count;
};

static bool is_text(const struct text *t, xray_str other)
{
    return t->len == other.len && (other.len == 0 || memcmp(t->data, other.ptr, other.len) == 0);
}

static xray_str name_of(const struct visit *visit, const xray_trace *trace)
{
    const xray_step_record *step = visits_step(visit, trace);

    return step != NULL ? step->name : xray_strn(NULL, 0);
}

/* ---- counting ---- */

static void count_verdict(struct history *h, const struct visit *visit, const xray_trace *trace)
{
    bool added = false;
    const xray_str name = name_of(visit, trace);
    const size_t at = strmap_put(&h->step_map, name, &added);

    if (added) {
        h->steps = memory_grow(h->steps, &h->step_cap, at + 1, sizeof *h->steps);
        h->steps[at] = (struct history_step){.number = visit->step};
        text_put(&h->steps[at].name, name.ptr, name.len);
    }
    if (visit->step < h->steps[at].number)
        h->steps[at].number = visit->step;
    h->steps[at].verdicts[visit->verdict]++;
    h->verdicts[visit->verdict]++;
}

static struct history_version *version_of(struct history *h, const xray_run_record *run)
{
    struct text key = {0};
    bool added = false;
    size_t at;

    text_put(&key, run->pipeline.ptr, run->pipeline.len);
    text_put(&key, "", 1);
    text_put(&key, run->version.ptr, run->version.len);
    if (h->version_map.count >= VERSIONS_MAX) {
        h->too_many = true;
        text_free(&key);
        return NULL;
    }
    at = strmap_put(&h->version_map, text_str(&key), &added);
    text_free(&key);
    if (added) {
        h->versions = memory_grow(h->versions, &h->version_cap, at + 1, sizeof *h->versions);
        h->versions[at] = (struct history_version){
            .first_ns = run->start_ns, .fates = memory_new(FATES_MAX, sizeof(struct fate))};
        text_put(&h->versions[at].pipeline, run->pipeline.ptr, run->pipeline.len);
        text_put(&h->versions[at].version, run->version.ptr, run->version.len);
    }
    return &h->versions[at];
}

static void count_fate(struct history_version *version, bool left, xray_str step, xray_str code)
{
    size_t i = 0;

    while (i < version->fate_count && !(version->fates[i].left == left && is_text(&version->fates[i].step, step) &&
                                        is_text(&version->fates[i].code, code)))
        i++;
    if (i == FATES_MAX)
        return;
    if (i == version->fate_count) {
        version->fates[i].left = left;
        text_put(&version->fates[i].step, step.ptr, step.len);
        text_put(&version->fates[i].code, code.ptr, code.len);
        version->fate_count++;
    }
    version->fates[i].runs++;
}

void history_add(struct history *h, const struct visits *v, size_t i, const xray_trace *trace)
{
    const xray_run_record *run = xray_trace_run(trace);
    const struct visit *survived, *left;
    struct history_version *version = version_of(h, run);

    h->runs++;
    for (size_t k = v->runs[i].at; k < v->runs[i].end; k++)
        count_verdict(h, &v->items[k], trace);
    if (version == NULL)
        return;
    version->runs++;
    if (run->start_ns != XRAY_MISSING && (version->first_ns == XRAY_MISSING || run->start_ns < version->first_ns))
        version->first_ns = run->start_ns;
    visits_fate(v, i, &survived, &left);
    if (left != NULL)
        count_fate(version, true, name_of(left, trace), visits_code(v, left));
    else if (survived != NULL)
        count_fate(version, false, name_of(survived, trace), xray_strn(NULL, 0));
}

/* ---- order ---- */

static int compare_steps(const void *a, const void *b)
{
    const struct history_step *const *x = a, *const *y = b;

    if ((*x)->number != (*y)->number)
        return (*x)->number > (*y)->number ? 1 : -1;
    return *x > *y ? 1 : -1; /* as first seen */
}

static struct history_step **sorted_steps(const struct history *h)
{
    struct history_step **list = memory_new(h->step_map.count + 1, sizeof *list);

    for (size_t i = 0; i < h->step_map.count; i++)
        list[i] = &h->steps[i];
    qsort(list, h->step_map.count, sizeof *list, compare_steps);
    return list;
}

static int compare_texts(const struct text *a, const struct text *b)
{
    const size_t len = a->len < b->len ? a->len : b->len;
    const int order = len > 0 ? memcmp(a->data, b->data, len) : 0;

    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

static int compare_versions(const void *a, const void *b)
{
    const struct history_version *const *x = a, *const *y = b;
    const int order = compare_texts(&(*x)->pipeline, &(*y)->pipeline);

    if (order != 0)
        return order;
    if ((*x)->first_ns != (*y)->first_ns)
        return (*x)->first_ns > (*y)->first_ns ? 1 : -1;
    return compare_texts(&(*x)->version, &(*y)->version);
}

static struct history_version **sorted_versions(const struct history *h)
{
    struct history_version **list = memory_new(h->version_map.count + 1, sizeof *list);

    for (size_t i = 0; i < h->version_map.count; i++)
        list[i] = &h->versions[i];
    qsort(list, h->version_map.count, sizeof *list, compare_versions);
    return list;
}

/* That of most runs; the first seen of several. NULL: there is none. */
static const struct fate *main_fate(const struct history_version *version)
{
    const struct fate *most = NULL;

    for (size_t i = 0; i < version->fate_count; i++)
        if (most == NULL || version->fates[i].runs > most->runs)
            most = &version->fates[i];
    return most;
}

static bool same_fate(const struct fate *a, const struct fate *b)
{
    return a->left == b->left && compare_texts(&a->step, &b->step) == 0 && compare_texts(&a->code, &b->code) == 0;
}

/* Calls put for the last change of each pipeline. */
static void visit_changes(const struct history *h,
                          void (*put)(void *ctx, const struct history_version *before, const struct history_version *since),
                          void *ctx)
{
    struct history_version **list = sorted_versions(h);

    for (size_t at = 0, end; at < h->version_map.count && !h->too_many; at = end) {
        size_t change = 0;

        for (end = at + 1; end < h->version_map.count && compare_texts(&list[end]->pipeline, &list[at]->pipeline) == 0; end++) {
            const struct fate *before = main_fate(list[end - 1]), *now = main_fate(list[end]);

            if (before != NULL && now != NULL && !same_fate(before, now))
                change = end;
        }
        if (change > 0)
            put(ctx, list[change - 1], list[change]);
    }
    free(list);
}

/* ---- text ---- */

void history_put_steps(struct text *t, const struct history *h)
{
    struct history_step **list = sorted_steps(h);
    size_t width = 0;

    for (size_t i = 0; i < h->step_map.count; i++) {
        struct text name = {0};

        text_safe(&name, text_str(&list[i]->name), SAFE_LINE);
        if (name.len > 0 && text_width(name.data, name.len) > width)
            width = text_width(name.data, name.len);
        text_free(&name);
    }
    for (size_t i = 0; i < h->step_map.count; i++) {
        int any = 0;

        text_puts(t, "  ");

        const size_t mark = t->len;

        if (list[i]->number == 0 && list[i]->name.len == 0)
            text_puts(t, "-"); /* the run itself */
        out_styled(t, STYLE_BOLD, text_str(&list[i]->name));
        text_pad(t, mark, width);
        for (int v = XRAY_ACCEPT; v < VERDICTS; v++)
            if (list[i]->verdicts[v] > 0)
                text_printf(t, "%s%s %" PRIu64, any++ > 0 ? ", " : "  ", xray_verdict_name(v), list[i]->verdicts[v]);
        text_puts(t, "\n");
    }
    free(list);
}

static void put_version(struct text *t, const struct text *version)
{
    if (version->len == 0)
        text_puts(t, "of runs without a version");
    else
        text_puts(t, "version ");
    text_safe(t, text_str(version), SAFE_LINE);
}

static void put_fate(struct text *t, const struct history_version *version)
{
    const struct fate *fate = main_fate(version);

    text_puts(t, fate->left ? "left at " : "survived ");
    if (fate->step.len == 0)
        text_puts(t, "the run");
    out_styled(t, STYLE_BOLD, text_str(&fate->step));
    if (fate->code.len > 0) {
        text_puts(t, ": ");
        out_styled(t, STYLE_BAD, text_str(&fate->code));
    }
    text_printf(t, " in %" PRIu64 " of %" PRIu64 " run%s", fate->runs, version->runs, version->runs == 1 ? "" : "s");
}

static void put_change(void *ctx, const struct history_version *before, const struct history_version *since)
{
    struct text *t = ctx;

    text_puts(t, "  ");
    text_safe(t, text_str(&since->pipeline), SAFE_LINE);
    text_puts(t, " since ");
    put_version(t, &since->version);
    if (since->first_ns != XRAY_MISSING) {
        text_puts(t, " (");
        human_time(t, since->first_ns, 0);
        text_puts(t, ")");
    }
    text_puts(t, ": ");
    put_fate(t, since);
    text_puts(t, "; before, ");
    put_version(t, &before->version);
    text_puts(t, ": ");
    put_fate(t, before);
    text_puts(t, "\n");
}

void history_put_changes(struct text *t, const struct history *h)
{
    visit_changes(h, put_change, t);
}

/* ---- JSON ---- */

static void json_verdicts(struct text *t, const uint64_t *verdicts)
{
    for (int v = XRAY_ACCEPT; v < VERDICTS; v++)
        text_printf(t, ",\"%s\":%" PRIu64, xray_verdict_name(v), verdicts[v]);
}

static void json_fate(struct text *t, const struct history_version *version)
{
    const struct fate *fate = main_fate(version);

    json_member(t, "version", text_str(&version->version));
    text_printf(t, ",\"runs\":%" PRIu64 ",\"fate\":\"%s\"", version->runs, fate->left ? "left" : "survived");
    json_member(t, "step", text_str(&fate->step));
    json_member(t, "reason", text_str(&fate->code));
    text_printf(t, ",\"in\":%" PRIu64, fate->runs);
}

struct json_list {
    struct text *t;
    size_t count;
};

static void json_change(void *ctx, const struct history_version *before, const struct history_version *since)
{
    struct json_list *list = ctx;

    text_puts(list->t, list->count++ == 0 ? ",\"changes\":[" : ",");
    text_puts(list->t, "{\"pipeline\":");
    json_string(list->t, text_str(&since->pipeline));
    json_fate(list->t, since);
    if (since->first_ns != XRAY_MISSING)
        text_printf(list->t, ",\"since\":\"%" PRId64 "\"", since->first_ns);
    text_puts(list->t, ",\"before\":{\"pipeline\":");
    json_string(list->t, text_str(&before->pipeline));
    json_fate(list->t, before);
    text_puts(list->t, "}}");
}

void history_put_json(struct text *t, const struct history *h)
{
    struct history_step **list = sorted_steps(h);
    struct json_list changes = {.t = t};

    json_verdicts(t, h->verdicts);
    text_puts(t, ",\"steps\":[");
    for (size_t i = 0; i < h->step_map.count; i++) {
        text_puts(t, i > 0 ? ",{\"name\":" : "{\"name\":");
        json_string(t, text_str(&list[i]->name));
        json_verdicts(t, list[i]->verdicts);
        text_puts(t, "}");
    }
    text_puts(t, "]");
    free(list);
    visit_changes(h, json_change, &changes);
    if (changes.count > 0)
        text_puts(t, "]");
}

void history_free(struct history *h)
{
    for (size_t i = 0; i < h->step_map.count; i++)
        text_free(&h->steps[i].name);
    for (size_t i = 0; i < h->version_map.count; i++) {
        struct history_version *version = &h->versions[i];

        for (size_t k = 0; k < version->fate_count; k++) {
            text_free(&version->fates[k].step);
            text_free(&version->fates[k].code);
        }
        free(version->fates);
        text_free(&version->pipeline);
        text_free(&version->version);
    }
    free(h->steps);
    free(h->versions);
    strmap_free(&h->step_map);
    strmap_free(&h->version_map);
}
