/* See survey.h: the numbers. print.c prints them. */
#include "info/survey.h"

#include <stdlib.h>
#include <string.h>

#include "common/input.h"

const char *survey_kind_name(int kind)
{
    static const char *const names[SURVEY_KINDS] = {"unknown", "payload", "candidates", "spine", "loss", "seal"};

    return names[kind];
}

static void widen(int64_t *least, int64_t *greatest, int64_t from, int64_t to)
{
    if (from != XRAY_MISSING && (*least == XRAY_MISSING || from < *least))
        *least = from;
    if (to != XRAY_MISSING && (*greatest == XRAY_MISSING || to > *greatest))
        *greatest = to;
}

static void add_origin(struct survey *s, const xray_segment_info *info)
{
    struct origin *origin = NULL;

    for (size_t i = s->origin_count; i-- > 0 && origin == NULL;) /* segments of a process stand together */
        if (memcmp(s->origins[i].id, info->writer_id, 16) == 0)
            origin = &s->origins[i];
    if (origin == NULL) {
        if (s->origin_count == s->origin_cap)
            s->origins = memory_grow(s->origins, &s->origin_cap, s->origin_count + 1, sizeof *s->origins);
        origin = &s->origins[s->origin_count++];
        *origin = (struct origin){.info = *info};
        memcpy(origin->id, info->writer_id, 16);
    }
    origin->segments++;
    origin->size += info->size;
    origin->crashed += !info->sealed && info->writer_dead;
    origin->open += !info->sealed && !info->writer_dead;
}

static void add_segment(struct survey *s, const xray_segment_info *info)
{
    s->segments++;
    s->sealed += info->sealed;
    s->crashed += !info->sealed && info->writer_dead;
    s->size += info->size;
    s->torn += info->torn_bytes;
    s->damaged += info->skipped_bytes;
    s->blocks += info->blocks;
    s->lost += info->lost;
    for (int k = 0; k < SURVEY_KINDS; k++) {
        s->raw[k] += info->raw_bytes[k];
        s->stored[k] += info->stored_bytes[k];
        s->block_count[k] += info->block_count[k];
        s->rows[k] += info->rows[k];
        s->rows2[k] += info->rows2[k];
    }
    widen(&s->time_min_ns, &s->time_max_ns, info->time_min_ns, info->time_max_ns);
    if (s->segments == 1 || info->version < s->version_min)
        s->version_min = info->version;
    if (s->segments == 1 || info->version > s->version_max)
        s->version_max = info->version;
    add_origin(s, info);
}

static void add_index(struct survey *s, const char *path)
{
    xray_index_info info;
    const int r = xray_index_look(path, &info, NULL);

    if (r == XRAY_ENOTFOUND)
        return;
    if (r < 0) {
        s->unusable++;
        return;
    }
    s->indexed += info.covered == info.segment_size;
    s->behind += info.covered != info.segment_size;
    s->index_size += info.size;
    s->index_covered += info.segment_size;
    for (int i = 1; i < SURVEY_SECTIONS; i++)
        s->index_sections[i] += info.section_size[i];
}

static bool is_text(const struct text *t, xray_str other)
{
    return t->len == other.len && (other.len == 0 || memcmp(t->data, other.ptr, other.len) == 0);
}

static void add_loss(struct survey *s, const xray_loss_record *rec)
{
    struct loss *loss = NULL;

    for (size_t i = 0; i < s->loss_count && loss == NULL; i++)
        if (is_text(&s->losses[i].cause, rec->cause) && is_text(&s->losses[i].what, rec->what))
            loss = &s->losses[i];
    if (loss == NULL) {
        if (s->loss_count == s->loss_cap)
            s->losses = memory_grow(s->losses, &s->loss_cap, s->loss_count + 1, sizeof *s->losses);
        loss = &s->losses[s->loss_count++];
        *loss = (struct loss){.from_ns = XRAY_MISSING, .to_ns = XRAY_MISSING};
        text_put(&loss->cause, rec->cause.ptr, rec->cause.len);
        text_put(&loss->what, rec->what.ptr, rec->what.len);
    }
    loss->count += rec->count;
    widen(&loss->from_ns, &loss->to_ns, rec->from_ns, rec->to_ns);
}

static bool take_losses(struct survey *s, xray_store *store)
{
    xray_scan *scan = NULL;
    xray_scan_record rec;
    xray_error err = {0};
    int r;

    if (s->block_count[4] == 0)
        return true;
    r = xray_scan_open(&scan, store, XRAY_SCAN_LOSS, &err);
    while (r >= 0 && (r = xray_scan_next(scan, &rec, &err)) == 1)
        add_loss(s, rec.loss);
    xray_scan_close(scan);
    if (r < 0)
        input_failed(&err);
    return r >= 0;
}

bool survey_take(struct survey *s, xray_store *store)
{
    const size_t count = xray_store_segment_count(store);
    const char *before = NULL;

    s->time_min_ns = s->time_max_ns = XRAY_MISSING;
    for (size_t i = 0; i < count; i++) {
        xray_segment_info info;

        if (xray_store_segment(store, i, &info) != 0)
            continue;
        add_segment(s, &info);
        if (info.path != before && strcmp(info.path, "-") != 0)
            add_index(s, info.path);
        before = info.path;
    }
    return take_losses(s, store);
}

/* ---- values ---- */

static void add_value(struct survey *s, xray_store *store, xray_ref ref, xray_buffer *scratch)
{
    scratch->len = 0;
    if (ref.data == NULL || xray_ref_resolve(store, ref, scratch, NULL) < 0)
        return;
    s->values_whole += scratch->len;
    s->values_stored += ref.len < scratch->len ? ref.len : scratch->len;
}

bool survey_take_values(struct survey *s, xray_store *store)
{
    xray_buffer scratch = {0};
    xray_scan *scan = NULL;
    xray_scan_record rec;
    xray_error err = {0};
    int r = xray_scan_open(&scan, store, XRAY_SCAN_RUN | XRAY_SCAN_STEP, &err);

    s->has_values = true;
    while (r >= 0 && (r = xray_scan_next(scan, &rec, &err)) == 1) {
        const xray_run_record *run = rec.run;
        const xray_step_record *step = rec.step;

        if (rec.kind == XRAY_SCAN_RUN) {
            const xray_ref refs[] = {run->error, run->tags, run->metadata, run->input, run->output, run->attrs};

            for (size_t i = 0; i < sizeof refs / sizeof refs[0]; i++)
                add_value(s, store, refs[i], &scratch);
        } else {
            const xray_ref refs[] = {step->error,  step->input,    step->output, step->reasoning, step->filters,
                                     step->params, step->sampling, step->tags,   step->metadata,  step->attrs};

            for (size_t i = 0; i < sizeof refs / sizeof refs[0]; i++)
                add_value(s, store, refs[i], &scratch);
        }
    }
    xray_scan_close(scan);
    xray_buffer_free(&scratch);
    if (r < 0)
        input_failed(&err);
    return r >= 0;
}

void survey_free(struct survey *s)
{
    for (size_t i = 0; i < s->loss_count; i++) {
        text_free(&s->losses[i].cause);
        text_free(&s->losses[i].what);
    }
    free(s->losses);
    free(s->origins);
}

void survey_print_sizes(xray_store *store, enum sheet_format format)
{
    static const struct sheet_column columns[] = {
        {"segment", SHEET_WORD}, {"bytes", SHEET_SIZE},  {"payload", SHEET_SIZE}, {"candidates", SHEET_SIZE},
        {"spine", SHEET_SIZE},   {"loss", SHEET_SIZE},   {"seal", SHEET_SIZE},    {"other", SHEET_SIZE},
        {"raw", SHEET_SIZE},     {"ratio", SHEET_RATIO}, {"index", SHEET_SIZE},
    };
    struct sheet sheet = {.kind = "du", .columns = columns, .column_count = 11};
    const char *before = NULL;

    for (size_t i = 0; i < xray_store_segment_count(store); i++) {
        xray_segment_info info;
        xray_index_info index;
        uint64_t raw = 0, stored = 0;

        if (xray_store_segment(store, i, &info) != 0)
            continue;
        sheet_add(&sheet);
        sheet_word(&sheet, 0, xray_s(info.path));
        sheet_number(&sheet, 1, info.size);
        for (int k = 1; k < SURVEY_KINDS; k++) {
            sheet_number(&sheet, 1 + k, info.stored_bytes[k]);
            stored += info.stored_bytes[k];
            raw += info.raw_bytes[k];
        }
        /* the hello, unknown kinds, what is torn or damaged */
        sheet_number(&sheet, 7, info.size > stored ? info.size - stored : 0);
        sheet_number(&sheet, 8, raw);
        sheet_ratio(&sheet, 9, info.size > 0 ? (double)raw / (double)info.size : 0);
        if (info.path != before && strcmp(info.path, "-") != 0 && xray_index_look(info.path, &index, NULL) == 0)
            sheet_number(&sheet, 10, index.size);
        before = info.path;
    }
    sheet_sort(&sheet, 1);
    sheet_print(&sheet, format);
    sheet_free(&sheet);
}
