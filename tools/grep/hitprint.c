/* See hitprint.h. */
#include "grep/hitprint.h"

#include <inttypes.h>

#include "common/human.h"
#include "common/jsonline.h"
#include "common/out.h"
#include "common/runs.h"
#include "common/show.h"
#include "grep/hitrow.h"
#include "grep/summary.h"

enum {
    BEFORE_COLUMNS = 30, /* of text before a match, at most */
    TEXT_COLUMNS = 100,  /* of the match and the text around it */
};

/* ---- rows ---- */

static void put_row(struct hitprint *p, const struct hit *hit)
{
    const struct hitrow own = {.hit = hit, .matches = p->matches, .columns = p->columns};
    const struct record record = {
        .store = p->search->store,
        .trace = p->trace,
        .run = p->run,
        .step = p->step,
        .event = p->event,
        .own = &own,
    };

    rows_put(p->rows, &record);
}

/* ---- text ---- */

/* Tags that stand elsewhere are left out: a heading costs no payload. (Ext types 1 and 2 refer to it;
 * spec 6.3.) */
static bool is_in_place(xray_ref ref)
{
    xray_mp cursor = xray_mp_over(ref.data, ref.len);
    xray_mp_item item;

    while (cursor.left > 0 && xray_mp_next(&cursor, &item)) {
        if (item.type == XRAY_MP_EXT && (item.ext_type == 1 || item.ext_type == 2))
            return false;
    }
    return true;
}

static void print_heading(struct hitprint *p)
{
    xray_run_record run = *p->run;

    if (p->headed || p->mode != HITPRINT_TEXT)
        return;
    p->headed = true;
    if (run.tags.data != NULL && !is_in_place(run.tags))
        run.tags = (xray_ref){0};
    text_reset(&p->line);
    show_run_heading(&p->line, p->search->store, &run, p->id_digits);
    out_text(&p->line);
    text_reset(&p->line);
}

static int64_t step_number(const struct hitprint *p)
{
    return p->step != NULL ? p->step->number : 0;
}

/* The heading and, before a step that does not follow the one before, "--". */
static void begin_text(struct hitprint *p)
{
    print_heading(p);
    if (p->gaps && p->last >= 0 && step_number(p) > p->last + 1)
        out_put("--\n", 3);
    p->last = step_number(p);
}

/* RUN/STEP:name: or, of context, RUN/STEP-name: */
static void put_step(struct hitprint *p)
{
    struct text *t = &p->line;

    out_style(t, p->matches ? STYLE_ID : STYLE_DIM);
    runs_put_id(t, p->run->id, p->id_digits);
    text_printf(t, "/%" PRId64, step_number(p));
    out_style(t, STYLE_NONE);
    text_puts(t, p->matches ? ":" : "-");
    text_safe(t, p->step != NULL ? p->step->name : p->run->pipeline, SAFE_LINE);
    text_puts(t, ": ");
}

static void put_place(struct text *t, enum field field, xray_str item, xray_str path)
{
    out_style(t, STYLE_DIM);
    text_puts(t, field_name(field));
    if (item.len > 0) {
        text_puts(t, "[");
        text_safe(t, item, SAFE_LINE);
        text_puts(t, "]");
    }
    text_safe(t, path, SAFE_LINE);
    text_puts(t, ":");
    out_style(t, STYLE_NONE);
    text_puts(t, " ");
}

static xray_str matched(const struct hit *hit)
{
    return xray_strn(hit->text.ptr + hit->start, hit->end - hit->start);
}

/* The end of the text before a match, cut on its left. */
static void put_before(struct text *t, xray_str before, size_t columns)
{
    struct text safe = {0};
    size_t begin = before.len > 4 * columns ? before.len - 4 * columns : 0;

    while (begin < before.len && ((unsigned char)before.ptr[begin] & 0xC0) == 0x80)
        begin++;
    text_safe(&safe, xray_strn(before.ptr + begin, before.len - begin), SAFE_LINE);

    size_t at = 0;

    while (at < safe.len && text_width(safe.data + at, safe.len - at) > columns) {
        at++;
        while (at < safe.len && ((unsigned char)safe.data[at] & 0xC0) == 0x80)
            at++;
    }
    if (begin > 0 || at > 0)
        text_puts(t, "…");
    if (at < safe.len)
        text_put(t, safe.data + at, safe.len - at);
    text_free(&safe);
}

/* Foreign text cut to a number of columns; returns how many are left. *cut tells whether it was. */
static size_t put_limited(struct text *t, xray_str text, size_t columns, bool *cut)
{
    const size_t mark = t->len;
    const size_t most = text_char_floor(text.ptr, text.len, 4 * columns + 4);

    text_safe(t, xray_strn(text.ptr, most), SAFE_LINE);
    if (most < text.len)
        text_fill(t, ' ', columns + 1); /* so that the cut shows */
    *cut = text_cut(t, mark, columns) > 0;

    const size_t used = t->len > mark ? text_width(t->data + mark, t->len - mark) : 0;

    return columns > used ? columns - used : 0;
}

/* How many columns the text before a match gets: the match goes first. */
static size_t before_columns(size_t columns, size_t match_len)
{
    const size_t room = columns > match_len + 2 ? columns - match_len - 2 : 0;
    const size_t most = columns / 3 < BEFORE_COLUMNS ? columns / 3 : BEFORE_COLUMNS;

    return room < most ? room : most;
}

/* The match and the text around it, as far as there is room. */
static void put_snippet(struct text *t, const struct hit *hit, size_t columns)
{
    const xray_str before = xray_strn(hit->text.ptr, hit->start);
    const xray_str after = xray_strn(hit->text.ptr + hit->end, hit->text.len - hit->end);
    const size_t mark = t->len;
    bool cut;

    if (columns == 0) {
        text_safe(t, before, SAFE_LINE);
        out_styled(t, STYLE_MATCH, matched(hit));
        text_safe(t, after, SAFE_LINE);
        return;
    }
    put_before(t, before, before_columns(columns, hit->end - hit->start));

    const size_t used = t->len > mark ? text_width(t->data + mark, t->len - mark) : 0;

    out_style(t, STYLE_MATCH);
    const size_t left = put_limited(t, matched(hit), columns > used ? columns - used : 1, &cut);
    out_style(t, STYLE_NONE);
    if (cut || after.len == 0)
        return;
    if (left > 0)
        put_limited(t, after, left, &cut);
    else
        text_puts(t, "…");
}

static void finish_line(struct hitprint *p)
{
    if (p->line.len == 0)
        return;
    if (p->more > 0) {
        out_style(&p->line, STYLE_DIM);
        text_puts(&p->line, " (+");
        human_count(&p->line, (int64_t)p->more);
        text_puts(&p->line, " more)");
        out_style(&p->line, STYLE_NONE);
    }
    text_puts(&p->line, "\n");
    out_text(&p->line);
    text_reset(&p->line);
    p->more = 0;
}

static void visit_text(struct hitprint *p, const struct hit *hit)
{
    if (p->line.len > 0 && p->field == hit->field) {
        p->more++;
        return;
    }
    finish_line(p);
    if (!p->open)
        begin_text(p);
    p->field = hit->field;
    put_step(p);
    put_place(&p->line, hit->field, hit->item, hit->path);
    put_snippet(&p->line, hit, p->columns);
}

static void visit_only(struct hitprint *p, const struct hit *hit)
{
    const size_t mark = p->line.len;
    bool cut;

    if (hit->end == hit->start)
        return;
    out_style(&p->line, STYLE_MATCH);
    if (p->columns > 0)
        put_limited(&p->line, matched(hit), p->columns, &cut);
    else
        text_safe(&p->line, matched(hit), SAFE_LINE);
    out_style(&p->line, STYLE_NONE);
    text_puts(&p->line, "\n");
    out_put(p->line.data + mark, p->line.len - mark);
    p->line.len = mark;
}

/* ---- JSON ---- */

static void open_json(struct hitprint *p, const char *kind)
{
    struct text *t = &p->line;

    text_reset(t);
    text_printf(t, "{\"v\":1,\"kind\":\"%s\",\"run\":", kind);
    summary_run_json(t, p->run);
}

static void open_step_json(struct hitprint *p)
{
    open_json(p, p->matches ? "match" : "context");
    text_puts(&p->line, ",\"step\":");
    summary_step_json(&p->line, p->step);
    if (p->event != NULL) {
        text_puts(&p->line, ",\"cand\":");
        summary_candidate_json(&p->line, p->event);
    }
}

static void close_json(struct hitprint *p)
{
    text_puts(&p->line, "}");
    rows_put_json(p->rows, p->line.data, p->line.len);
    text_reset(&p->line);
}

static void visit_json(struct hitprint *p, const struct hit *hit)
{
    struct text *t = &p->line;
    struct text cut = {0};

    if (!p->open) {
        open_step_json(p);
        text_puts(t, ",\"hits\":[");
    } else {
        text_puts(t, ",");
    }
    text_printf(t, "{\"field\":\"%s\"", field_name(hit->field));
    json_member(t, "item", hit->item);
    json_member(t, "path", hit->path);
    text_printf(t, ",\"start\":%zu,\"end\":%zu,\"text\":", hit->start, hit->end);

    const bool truncated = hitrow_put_text(&cut, hit, p->columns);

    json_string(t, xray_strn(cut.len > 0 ? cut.data : "", cut.len));
    text_puts(t, truncated ? ",\"truncated\":true}" : "}");
    text_free(&cut);
}

/* ---- one record ---- */

static bool visit(void *ctx, const struct hit *hit)
{
    struct hitprint *p = ctx;

    switch (p->mode) {
    case HITPRINT_TEXT:
        visit_text(p, hit);
        break;
    case HITPRINT_ONLY:
        visit_only(p, hit);
        break;
    case HITPRINT_JSON:
        visit_json(p, hit);
        break;
    case HITPRINT_ROWS:
        put_row(p, hit);
        break;
    }
    p->open = true;
    return true;
}

static void begin_record(struct hitprint *p, const xray_step_record *step, const xray_event_record *event,
                         bool matches)
{
    p->step = step;
    p->event = event;
    p->matches = matches;
    p->open = false;
    p->more = 0;
    text_reset(&p->line);
}

/* A record in which no text is shown: context, or what an expression alone has found. */
static void print_whole(struct hitprint *p)
{
    switch (p->mode) {
    case HITPRINT_TEXT:
        begin_text(p);
        put_step(p);
        if (p->event != NULL) {
            put_place(&p->line, FIELD_CAND, p->event->item, xray_s(""));
            summary_candidate(&p->line, p->event);
        } else if (p->step != NULL) {
            summary_step(&p->line, p->step);
        }
        finish_line(p);
        break;
    case HITPRINT_ONLY:
        break;
    case HITPRINT_JSON:
        open_step_json(p);
        close_json(p);
        break;
    case HITPRINT_ROWS:
        put_row(p, NULL);
        break;
    }
}

static void end_record(struct hitprint *p)
{
    if (!p->open) {
        print_whole(p);
    } else if (p->mode == HITPRINT_TEXT) {
        finish_line(p);
    } else if (p->mode == HITPRINT_JSON) {
        text_puts(&p->line, "]");
        close_json(p);
    }
}

/* ---- all ---- */

void hitprint_begin(struct hitprint *p, struct settings *settings, struct search *search)
{
    *p = (struct hitprint){
        .search = search,
        .rows = &settings->rows,
        .columns = settings->max_columns,
        .gaps = settings_has_context(settings),
    };
    if (rows_has_fields(p->rows))
        p->mode = HITPRINT_ROWS;
    else if (p->rows->format != ROWS_TEXT)
        p->mode = HITPRINT_JSON;
    else
        p->mode = settings->output == OUTPUT_ONLY ? HITPRINT_ONLY : HITPRINT_TEXT;
    if (p->mode == HITPRINT_TEXT && !settings->has_max_columns)
        p->columns = TEXT_COLUMNS;
}

void hitprint_end(struct hitprint *p)
{
    rows_end(p->rows);
    text_free(&p->line);
}

void hitprint_run(struct hitprint *p, xray_trace *trace, const xray_run_record *run)
{
    p->trace = trace;
    p->run = run;
    p->headed = false;
    p->last = -1;
}

void hitprint_run_hit(struct hitprint *p)
{
    begin_record(p, NULL, NULL, true);
    switch (p->mode) {
    case HITPRINT_TEXT:
        print_heading(p);
        break;
    case HITPRINT_ONLY:
        break;
    case HITPRINT_JSON:
        open_json(p, "run");
        close_json(p);
        break;
    case HITPRINT_ROWS:
        put_row(p, NULL);
        break;
    }
}

void hitprint_step(struct hitprint *p, const xray_step_record *step, bool matches, bool text)
{
    begin_record(p, step, NULL, matches);
    if (text)
        search_step_hits(p->search, p->trace, step, visit, p);
    end_record(p);
}

void hitprint_run_text(struct hitprint *p)
{
    begin_record(p, NULL, NULL, true);
    search_run_hits(p->search, p->trace, p->run, visit, p);
    end_record(p);
}

void hitprint_candidate(struct hitprint *p, const xray_step_record *step, const xray_event_record *event,
                        bool text)
{
    begin_record(p, step, event, true);
    if (text)
        search_event_hits(p->search, event, visit, p);
    end_record(p);
}

void hitprint_summary(struct hitprint *p, uint64_t matches, uint64_t runs, bool complete)
{
    xray_read_stats stats;

    if (p->mode != HITPRINT_JSON)
        return;
    xray_store_get_stats(p->search->store, &stats);
    text_reset(&p->line);
    text_printf(&p->line,
                "{\"v\":1,\"kind\":\"summary\",\"matches\":%" PRIu64 ",\"runs\":%" PRIu64 ",\"complete\":%s",
                matches, runs, complete ? "true" : "false");
    text_printf(&p->line,
                ",\"blocks_read\":%" PRIu64 ",\"blocks_total\":%" PRIu64 ",\"bytes_read\":%" PRIu64
                ",\"bytes_total\":%" PRIu64,
                stats.blocks_read, stats.blocks_total, stats.bytes_read, stats.bytes_total);
    close_json(p);
}
