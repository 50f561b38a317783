/* See hitprint.h. */
#include "grep/hitprint.h"

#include <inttypes.h>

#include "common/human.h"
#include "common/jsonline.h"
#include "common/out.h"
#include "common/runs.h"
#include "common/show.h"

enum {
    BEFORE_COLUMNS = 30, /* of text before a match */
    TEXT_COLUMNS = 100,  /* of the match and the text around it, where there is no terminal */
};

void hitprint_begin(struct hitprint *p, int64_t step, xray_str name)
{
    p->step = step;
    p->name = name;
    p->open = false;
    p->more = 0;
    p->line = (struct text){0};
}

static void print_heading(struct hitprint *p)
{
    struct text t = {0};

    if (*p->headed)
        return;
    *p->headed = true;
    show_run_heading(&t, p->store, p->run, p->id_digits);
    out_text(&t);
    text_free(&t);
}

/* ---- text ---- */

static void put_step(struct text *t, const struct hitprint *p)
{
    out_style(t, STYLE_ID);
    runs_put_id(t, p->run->id, p->id_digits);
    text_printf(t, "/%" PRId64, p->step);
    out_style(t, STYLE_NONE);
    text_puts(t, ":");
    text_safe(t, p->name, SAFE_LINE);
}

static void put_place(struct text *t, const struct hit *hit)
{
    text_puts(t, field_name(hit->field));
    if (hit->item.len > 0) {
        text_puts(t, "[");
        text_safe(t, hit->item, SAFE_LINE);
        text_puts(t, "]");
    }
    text_safe(t, hit->path, SAFE_LINE);
}

/* The end of the text before a match, cut on its left. */
static void put_before(struct text *t, xray_str before)
{
    struct text safe = {0};
    size_t begin = before.len > 4 * BEFORE_COLUMNS ? before.len - 4 * BEFORE_COLUMNS : 0;

    while (begin < before.len && ((unsigned char)before.ptr[begin] & 0xC0) == 0x80)
        begin++;
    text_safe(&safe, xray_strn(before.ptr + begin, before.len - begin), SAFE_LINE);

    size_t at = 0;

    while (at < safe.len && text_width(safe.data + at, safe.len - at) > BEFORE_COLUMNS) {
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

/* Foreign text cut to a number of columns; returns how many are left. */
static size_t put_limited(struct text *t, xray_str text, size_t columns)
{
    const size_t mark = t->len;
    const size_t most = text_char_floor(text.ptr, text.len, 4 * columns + 4);

    text_safe(t, xray_strn(text.ptr, most), SAFE_LINE);
    if (most < text.len)
        text_fill(t, ' ', columns + 1); /* so that the cut shows */
    text_cut(t, mark, columns);

    const size_t used = t->len > mark ? text_width(t->data + mark, t->len - mark) : 0;

    return columns > used ? columns - used : 0;
}

static void put_snippet(struct text *t, const struct hit *hit, size_t columns)
{
    const xray_str before = xray_strn(hit->text.ptr, hit->start);
    const xray_str match = xray_strn(hit->text.ptr + hit->start, hit->end - hit->start);
    const xray_str after = xray_strn(hit->text.ptr + hit->end, hit->text.len - hit->end);
    const size_t mark = t->len;

    put_before(t, before);

    const size_t used = t->len > mark ? text_width(t->data + mark, t->len - mark) : 0;

    out_style(t, STYLE_MATCH);
    const size_t left = put_limited(t, match, columns > used + 10 ? columns - used : 10);
    out_style(t, STYLE_NONE);
    if (after.len > 0 && left > 0)
        put_limited(t, after, left);
    else if (after.len > 0)
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
    print_heading(p);
    p->field = hit->field;
    put_step(&p->line, p);
    text_puts(&p->line, ": ");
    out_style(&p->line, STYLE_DIM);
    put_place(&p->line, hit);
    text_puts(&p->line, ":");
    out_style(&p->line, STYLE_NONE);
    text_puts(&p->line, " ");

    const size_t used = text_width(p->line.data, p->line.len);
    size_t columns = TEXT_COLUMNS;

    if (out_is_terminal())
        columns = out_columns() > used + 50 ? out_columns() - used - 10 : 40;
    put_snippet(&p->line, hit, columns);
}

/* ---- JSON ---- */

static void open_json(struct hitprint *p)
{
    struct text t = {0};

    text_puts(&t, "{\"v\":1,\"kind\":\"match\",\"run\":\"");
    runs_put_id(&t, p->run->id, 32);
    text_printf(&t, "\",\"step\":%" PRId64 ",\"name\":", p->step);
    json_string(&t, p->name);
    text_puts(&t, ",\"hits\":[");
    out_text(&t);
    text_free(&t);
}

static void visit_json(struct hitprint *p, const struct hit *hit)
{
    struct text t = {0};

    if (!p->open)
        open_json(p);
    else
        text_puts(&t, ",");
    text_printf(&t, "{\"field\":\"%s\"", field_name(hit->field));
    if (hit->item.len > 0) {
        text_puts(&t, ",\"item\":");
        json_string(&t, hit->item);
    }
    if (hit->path.len > 0) {
        text_puts(&t, ",\"path\":");
        json_string(&t, hit->path);
    }
    text_printf(&t, ",\"start\":%zu,\"end\":%zu,\"text\":", hit->start, hit->end);
    json_string(&t, xray_strn(hit->text.ptr + hit->start, hit->end - hit->start));
    text_puts(&t, "}");
    out_text(&t);
    text_free(&t);
}

/* ---- all ---- */

static void visit_only(const struct hit *hit)
{
    struct text t = {0};

    if (hit->end == hit->start)
        return;
    out_styled(&t, STYLE_MATCH, xray_strn(hit->text.ptr + hit->start, hit->end - hit->start));
    text_puts(&t, "\n");
    out_text(&t);
    text_free(&t);
}

bool hitprint_visit(void *ctx, const struct hit *hit)
{
    struct hitprint *p = ctx;

    switch (p->mode) {
    case HITPRINT_TEXT:
        visit_text(p, hit);
        break;
    case HITPRINT_JSON:
        visit_json(p, hit);
        break;
    case HITPRINT_ONLY:
        visit_only(hit);
        break;
    }
    p->open = true;
    return true;
}

bool hitprint_end(struct hitprint *p, bool even_without)
{
    const bool found = p->open;

    if (!found && even_without && p->mode == HITPRINT_TEXT) {
        print_heading(p);
        put_step(&p->line, p);
    }
    if (p->mode == HITPRINT_TEXT) {
        finish_line(p);
    } else if (p->mode == HITPRINT_JSON && (found || even_without)) {
        if (!found)
            open_json(p);
        out_put("]}\n", 3);
    }
    text_free(&p->line);
    return found;
}
