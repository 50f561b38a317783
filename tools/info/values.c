/* See values.h. */
#include "info/values.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/cli.h"
#include "common/fieldtable.h"
#include "common/input.h"
#include "common/runs.h"
#include "common/strmap.h"

/* Bounds what a field that is different everywhere can take. */
enum { VALUES_MAX = 100000 };

struct values {
    xray_store *store;
    struct named_field field;
    struct strmap map;
    struct sheet sheet;
    struct cell cell;
    struct text plain;
    uint64_t others; /* records whose value is none of those kept */
    bool *summed;    /* by run: its steps were counted from sums; NULL: none were */
    size_t run_count, summed_count;
};

static void count_text(struct values *v, xray_str text, uint64_t count)
{
    bool added = false;
    size_t at;

    if (v->map.count >= VALUES_MAX) {
        /* Whether it is a new one cannot be asked without adding it. */
        v->others += count;
        return;
    }
    at = strmap_put(&v->map, text, &added);
    if (added) {
        sheet_add(&v->sheet);
        sheet_word(&v->sheet, 0, text);
        sheet_number(&v->sheet, 1, 0);
    }
    v->sheet.rows[at][1].n += count;
}

static void count_record(struct values *v, const struct record *r)
{
    field_get(&v->field, r, &v->cell);
    if (v->cell.kind == CELL_MISSING)
        return;
    text_reset(&v->plain);
    cell_put_plain(&v->plain, &v->cell);
    count_text(v, text_str(&v->plain), 1);
}

static void forget(struct values *v)
{
    strmap_free(&v->map);
    sheet_free(&v->sheet);
    v->sheet.rows = NULL;
    v->sheet.count = v->sheet.cap = 0;
    v->others = 0;
    free(v->summed);
    v->summed = NULL;
    v->summed_count = 0;
}

/* ---- the list of runs ---- */

static bool count_runs(struct values *v)
{
    size_t count;

    if (!runs_count(v->store, &count))
        return false;
    for (size_t i = 0; i < count; i++) {
        xray_run_record run;
        const struct record record = {.store = v->store, .run = &run};

        runs_record(v->store, i, &run);
        count_record(v, &record);
    }
    return true;
}

/* ---- sums ---- */

static bool is_summed(const struct values *v)
{
    return v->field.owner == FIELD_OF_STEP && (v->field.entry->id == F_NAME || v->field.entry->id == F_TYPE);
}

static bool choose(void *ctx, const size_t *runs, size_t count)
{
    struct values *v = ctx;

    for (size_t i = 0; i < count; i++)
        v->summed[runs[i]] = true;
    v->summed_count += count;
    return true;
}

static int take(void *ctx, const size_t *runs, size_t count, const xray_step_sum *sum)
{
    struct values *v = ctx;
    const xray_str text = v->field.entry->id == F_NAME ? sum->name : sum->type;

    (void)runs;
    (void)count;
    if (text.len > 0)
        count_text(v, text, sum->steps);
    return 0;
}

static bool count_sums(struct values *v)
{
    static const xray_sum_visitor visitor = {choose, take};
    xray_error err = {0};
    int r = xray_store_run_count(v->store, &v->run_count, &err);

    if (r >= 0) {
        v->summed = memory_new(v->run_count + 1, sizeof *v->summed);
        r = xray_store_sums(v->store, &visitor, v, &err);
    }
    if (r < 0)
        input_failed(&err);
    if (v->others > 0) /* which ones are kept depends on the order: that of the scan counts */
        forget(v);
    return r >= 0;
}

/* ---- the spine ---- */

/* The blocks with steps of the runs that are left. */
static int narrow(const struct values *v, xray_scan *scan, xray_error *err)
{
    size_t *runs, count = 0;
    int r;

    if (v->summed == NULL || v->summed_count == 0)
        return 0;
    runs = memory_new(v->run_count - v->summed_count + 1, sizeof *runs);
    for (size_t i = 0; i < v->run_count; i++)
        if (!v->summed[i])
            runs[count++] = i;
    r = xray_scan_only(scan, runs, count, err);
    free(runs);
    return r;
}

static bool was_summed(const struct values *v, const xray_step_record *step)
{
    size_t run;

    return v->summed != NULL && step != NULL && xray_store_run_index(v->store, step->run_id, &run, NULL) == 1 &&
           v->summed[run];
}

static bool count_spine(struct values *v)
{
    const bool of_run = v->field.owner == FIELD_OF_RUN;
    xray_scan *scan = NULL;
    xray_scan_record rec;
    xray_error err = {0};
    int r;

    if (v->summed != NULL && v->summed_count == v->run_count)
        return true;
    r = xray_scan_open(&scan, v->store, of_run ? XRAY_SCAN_RUN : XRAY_SCAN_STEP, &err);
    if (r >= 0)
        r = narrow(v, scan, &err);
    while (r >= 0 && (r = xray_scan_next(scan, &rec, &err)) == 1) {
        const struct record record = {.store = v->store, .run = of_run ? rec.run : NULL, .step = of_run ? NULL : rec.step};

        if (!was_summed(v, record.step))
            count_record(v, &record);
    }
    xray_scan_close(scan);
    if (r < 0)
        input_failed(&err);
    return r >= 0;
}

/* ---- all ---- */

bool values_print(xray_store *store, const char *name, enum sheet_format format)
{
    static const struct sheet_column columns[] = {{"value", SHEET_WORD}, {"count", SHEET_COUNT}};
    struct values v = {.store = store, .sheet = {.kind = "value", .columns = columns, .column_count = 2}};
    bool ok;

    field_parse(&v.field, "--values", xray_s(name), FIELD_OF_RUN | FIELD_OF_STEP, NULL);
    if (v.field.owner == FIELD_OF_RUN && field_needs(&v.field) == 0)
        ok = count_runs(&v);
    else
        ok = (!is_summed(&v) || count_sums(&v)) && count_spine(&v);
    sheet_sort(&v.sheet, 1);
    ok = ok && v.sheet.count > 0;
    if (v.sheet.count > 0)
        sheet_print(&v.sheet, format);
    if (v.others > 0)
        cli_say(NULL, "--values keeps %d distinct values: %" PRIu64 " records after these are not counted", VALUES_MAX,
                v.others);
    forget(&v);
    field_free(&v.field);
    cell_free(&v.cell);
    text_free(&v.plain);
    return ok;
}
