/* See survey.h: what was found out, for people and as one JSON object. */
#include <inttypes.h>

#include "common/human.h"
#include "common/jsonline.h"
#include "common/out.h"
#include "common/runs.h"
#include "info/survey.h"

/* ---- text ---- */

static void put_label(struct text *t, const char *label)
{
    const size_t mark = t->len;

    text_puts(t, label);
    text_pad(t, mark, 9);
}

static void put_count_of(struct text *t, uint64_t n, const char *what)
{
    human_count(t, (int64_t)n);
    text_printf(t, " %s%s", what, n == 1 ? "" : "s");
}

static void put_span(struct text *t, int64_t from_ns, int64_t to_ns)
{
    if (from_ns == XRAY_MISSING || to_ns == XRAY_MISSING) {
        text_puts(t, "no times");
        return;
    }
    human_time(t, from_ns, 0);
    text_puts(t, " to ");
    human_time(t, to_ns, 0);
    text_puts(t, " (");
    human_duration(t, to_ns - from_ns);
    text_puts(t, ")");
}

static void put_segments(struct text *t, const struct survey *s)
{
    put_label(t, "segments");
    human_count(t, (int64_t)s->segments);
    text_printf(t, ": %" PRIu64 " sealed, %" PRIu64 " open, %" PRIu64 " crashed; format version %" PRId64, s->sealed,
                s->segments - s->sealed - s->crashed, s->crashed, s->version_min);
    if (s->version_max != s->version_min)
        text_printf(t, " to %" PRId64, s->version_max);
    text_puts(t, "\n");
    put_label(t, "size");
    human_size(t, s->size);
    text_puts(t, " in ");
    put_count_of(t, s->blocks, "block");
    if (s->torn > 0) {
        text_puts(t, ", torn ");
        human_size(t, s->torn);
    }
    if (s->damaged > 0) {
        text_puts(t, ", damaged ");
        human_size(t, s->damaged);
    }
    text_puts(t, "\n");
    put_label(t, "span");
    put_span(t, s->time_min_ns, s->time_max_ns);
    text_puts(t, "\n");
}

static void put_rows(struct text *t, const struct survey *s)
{
    put_label(t, "rows");
    put_count_of(t, s->rows2[3], "run row");
    text_puts(t, ", ");
    put_count_of(t, s->rows[3], "step row");
    text_puts(t, ", ");
    put_count_of(t, s->rows[2], "candidate");
    text_puts(t, ", ");
    human_count(t, (int64_t)s->rows2[2]);
    text_puts(t, " decisions and notes\n");
    put_label(t, "payload");
    put_count_of(t, s->rows2[1], "value");
    text_puts(t, ", ");
    put_count_of(t, s->rows[1], "part");
    text_puts(t, " that values share\n");
    if (!s->has_values)
        return;

    const uint64_t referred = s->values_whole - s->values_stored;

    put_label(t, "dedupe");
    text_puts(t, "values of runs and steps take ");
    human_size(t, s->values_whole);
    text_puts(t, ", ");
    human_size(t, referred);
    text_puts(t, " of it in payload, which is ");
    human_size(t, s->raw[1]);
    if (referred > s->raw[1] && s->raw[1] > 0) /* payload holds values of candidates and decisions as well */
        text_printf(t, ": %.2f times less", (double)referred / (double)s->raw[1]);
    text_puts(t, "\n");
}

static void put_kinds(struct text *t, const struct survey *s)
{
    static const struct sheet_column columns[] = {
        {"kind", SHEET_WORD}, {"blocks", SHEET_COUNT}, {"stored", SHEET_SIZE}, {"raw", SHEET_SIZE}, {"ratio", SHEET_RATIO}};
    struct sheet sheet = {.columns = columns, .column_count = 5};

    for (int k = 0; k < SURVEY_KINDS; k++) {
        const int kind = (k + 1) % SURVEY_KINDS; /* unknown kinds last */

        if (s->block_count[kind] == 0)
            continue;
        sheet_add(&sheet);
        sheet_word(&sheet, 0, xray_s(survey_kind_name(kind)));
        sheet_number(&sheet, 1, s->block_count[kind]);
        sheet_number(&sheet, 2, s->stored[kind]);
        sheet_number(&sheet, 3, s->raw[kind]);
        sheet_ratio(&sheet, 4, (double)s->raw[kind] / (double)s->stored[kind]);
    }
    text_puts(t, "\n");
    out_text(t);
    text_reset(t);
    sheet_print(&sheet, SHEET_TEXT);
    sheet_free(&sheet);
    text_puts(t, "\n");
}

static void put_losses(struct text *t, const struct survey *s)
{
    uint64_t total = 0;

    for (size_t i = 0; i < s->loss_count; i++)
        total += s->losses[i].count;
    put_label(t, "lost");
    if (total == 0)
        text_puts(t, "nothing");
    else
        put_count_of(t, total, "record");
    text_puts(t, "\n");
    for (size_t i = 0; i < s->loss_count; i++) {
        const struct loss *loss = &s->losses[i];

        text_puts(t, "  ");
        human_count(t, (int64_t)loss->count);
        text_puts(t, " ");
        text_safe(t, text_str(&loss->what), SAFE_LINE);
        text_puts(t, ": ");
        out_styled(t, STYLE_BAD, text_str(&loss->cause));
        text_puts(t, ", ");
        put_span(t, loss->from_ns, loss->to_ns);
        text_puts(t, "\n");
    }
}

static const char *origin_state(const struct origin *o)
{
    return o->crashed > 0 ? "dead, not sealed" : o->open > 0 ? "open" : "done";
}

static void put_origins(struct text *t, const struct survey *s)
{
    enum { SHOWN = 20 };

    put_label(t, "writers");
    human_count(t, (int64_t)s->origin_count);
    text_puts(t, "\n");
    for (size_t i = 0; i < s->origin_count && i < SHOWN; i++) {
        const struct origin *o = &s->origins[i];

        text_puts(t, "  ");
        out_styled(t, STYLE_BOLD, o->info.app.len > 0 ? o->info.app : xray_s("-"));
        if (o->info.pid != XRAY_MISSING)
            text_printf(t, "  pid %" PRId64, o->info.pid);
        text_puts(t, "  on ");
        text_safe(t, o->info.host.len > 0 ? o->info.host : xray_s("-"), SAFE_LINE);
        text_puts(t, "  ");
        put_count_of(t, o->segments, "segment");
        text_puts(t, "  ");
        human_size(t, o->size);
        text_printf(t, "  %s\n", origin_state(o));
    }
    if (s->origin_count > SHOWN)
        text_printf(t, "  and %zu more (-j lists all)\n", s->origin_count - SHOWN);
}

static void put_index(struct text *t, const struct survey *s)
{
    put_label(t, "index");
    if (s->indexed + s->behind + s->unusable == 0) {
        text_puts(t, "none (xray-index build makes one)\n");
        return;
    }
    text_printf(t, "%" PRIu64 " of ", s->indexed + s->behind);
    put_count_of(t, s->segments, "segment");
    if (s->behind > 0)
        text_printf(t, ", %" PRIu64 " cover only the beginning", s->behind);
    if (s->unusable > 0)
        text_printf(t, ", %" PRIu64 " cannot be used", s->unusable);
    if (s->index_covered > 0) {
        text_puts(t, "; ");
        human_size(t, s->index_size);
        text_printf(t, ", %.2f %% of them", 100.0 * (double)s->index_size / (double)s->index_covered);
    }
    text_puts(t, "\n");
}

void survey_print(const struct survey *s)
{
    struct text t = {0};

    put_segments(&t, s);
    put_rows(&t, s);
    put_kinds(&t, s);
    put_losses(&t, s);
    put_origins(&t, s);
    put_index(&t, s);
    out_text(&t);
    text_free(&t);
}

/* ---- JSON ---- */

static void json_number(struct text *t, const char *name, uint64_t n)
{
    text_printf(t, ",\"%s\":%" PRIu64, name, n);
}

/* Nanoseconds as text, as in the lines of xray-cat -j. */
static void json_ns(struct text *t, const char *name, int64_t ns)
{
    if (ns != XRAY_MISSING)
        text_printf(t, ",\"%s\":\"%" PRId64 "\"", name, ns);
}

static void json_kinds(struct text *t, const struct survey *s)
{
    text_puts(t, ",\"kinds\":{");
    for (int k = 0, any = 0; k < SURVEY_KINDS; k++) {
        if (s->block_count[k] == 0)
            continue;
        text_printf(t, "%s\"%s\":{\"blocks\":%" PRIu64 ",\"stored\":%" PRIu64 ",\"raw\":%" PRIu64 ",\"rows\":%" PRIu64
                       ",\"rows2\":%" PRIu64 "}",
                    any++ > 0 ? "," : "", survey_kind_name(k), s->block_count[k], s->stored[k], s->raw[k], s->rows[k],
                    s->rows2[k]);
    }
    text_puts(t, "}");
}

static void json_losses(struct text *t, const struct survey *s)
{
    text_puts(t, ",\"losses\":[");
    for (size_t i = 0; i < s->loss_count; i++) {
        text_printf(t, "%s{\"count\":%" PRIu64, i > 0 ? "," : "", s->losses[i].count);
        json_member(t, "what", text_str(&s->losses[i].what));
        json_member(t, "cause", text_str(&s->losses[i].cause));
        json_ns(t, "from", s->losses[i].from_ns);
        json_ns(t, "to", s->losses[i].to_ns);
        text_puts(t, "}");
    }
    text_puts(t, "]");
}

static void json_origins(struct text *t, const struct survey *s)
{
    text_puts(t, ",\"writers\":[");
    for (size_t i = 0; i < s->origin_count; i++) {
        const struct origin *o = &s->origins[i];

        text_puts(t, i > 0 ? ",{\"writer\":\"" : "{\"writer\":\"");
        runs_put_id(t, o->id, 32);
        text_puts(t, "\"");
        json_member(t, "app", o->info.app);
        json_member(t, "host", o->info.host);
        json_member(t, "boot", o->info.boot);
        if (o->info.pid != XRAY_MISSING)
            text_printf(t, ",\"pid\":%" PRId64, o->info.pid);
        json_number(t, "segments", o->segments);
        json_number(t, "bytes", o->size);
        json_member(t, "state", xray_s(o->crashed > 0 ? "crashed" : o->open > 0 ? "open" : "sealed"));
        text_puts(t, "}");
    }
    text_puts(t, "]");
}

static void json_index(struct text *t, const struct survey *s)
{
    static const char *const names[SURVEY_SECTIONS] = {"", "blocks", "runs", "items", "steps", "sums", "grams"};

    text_printf(t, ",\"index\":{\"whole\":%" PRIu64, s->indexed);
    json_number(t, "behind", s->behind);
    json_number(t, "unusable", s->unusable);
    json_number(t, "bytes", s->index_size);
    json_number(t, "segment_bytes", s->index_covered);
    for (int i = 1; i < SURVEY_SECTIONS; i++)
        json_number(t, names[i], s->index_sections[i]);
    text_puts(t, "}");
}

void survey_print_json(const struct survey *s)
{
    struct text t = {0};

    text_printf(&t, "{\"kind\":\"info\",\"segments\":%" PRIu64, s->segments);
    json_number(&t, "sealed", s->sealed);
    json_number(&t, "open", s->segments - s->sealed - s->crashed);
    json_number(&t, "crashed", s->crashed);
    text_printf(&t, ",\"version_min\":%" PRId64 ",\"version_max\":%" PRId64, s->version_min, s->version_max);
    json_number(&t, "bytes", s->size);
    json_number(&t, "torn", s->torn);
    json_number(&t, "damaged", s->damaged);
    json_number(&t, "blocks", s->blocks);
    json_number(&t, "lost", s->lost);
    json_ns(&t, "from", s->time_min_ns);
    json_ns(&t, "to", s->time_max_ns);
    json_kinds(&t, s);
    if (s->has_values) {
        text_printf(&t, ",\"dedupe\":{\"whole\":%" PRIu64, s->values_whole);
        json_number(&t, "referred", s->values_whole - s->values_stored);
        json_number(&t, "payload", s->raw[1]);
        text_puts(&t, "}");
    }
    json_losses(&t, s);
    json_origins(&t, s);
    json_index(&t, s);
    text_puts(&t, "}\n");
    out_text(&t);
    text_free(&t);
}
