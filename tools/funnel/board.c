/* See board.h. */
#include "funnel/board.h"

#include <math.h>
#include <stdlib.h>

#include "common/cli.h"
#include "common/runs.h"

/* What is kept of a run until all is read: where its candidates ended. */
struct board_run {
    struct step_place last, zero; /* the last step with a count out, the first where it is 0 */
    uint32_t zero_step;
    uint32_t pipeline : 28, ended : 1, has_last : 1, has_zero : 1, last_is_zero : 1;
};

static size_t pipeline_number(struct board *b, xray_str name)
{
    bool added;
    const size_t number = strmap_put(&b->pipeline_numbers, name, &added);

    if (added) {
        b->pipelines = memory_grow(b->pipelines, &b->pipeline_cap, number + 1, sizeof *b->pipelines);
        b->pipelines[number] = (struct board_pipeline){.running = 0};
        text_put(&b->pipelines[number].name, name.ptr, name.len);
        b->pipeline_count = number + 1;
    }
    return number;
}

static bool is_text(const struct text *t, xray_str text)
{
    return t->len == text.len && (text.len == 0 || memcmp(t->data, text.ptr, text.len) == 0);
}

static size_t find_step(struct board *b, size_t pipeline, xray_str name, xray_str type)
{
    bool added;

    /* Lengths in front: no name can look like another name and type. */
    const size_t head[] = {pipeline, name.len};

    text_reset(&b->key);
    text_put(&b->key, (const char *)head, sizeof head);
    text_put(&b->key, name.ptr, name.len);
    text_put(&b->key, type.ptr, type.len);

    const size_t number = strmap_put(&b->step_numbers, text_str(&b->key), &added);

    if (added) {
        struct board_pipeline *p = &b->pipelines[pipeline];

        b->steps = memory_grow(b->steps, &b->step_cap, number + 1, sizeof *b->steps);
        b->steps[number] = (struct board_step){.pipeline = pipeline};
        text_put(&b->steps[number].name, name.ptr, name.len);
        text_put(&b->steps[number].type, type.ptr, type.len);
        b->step_count = number + 1;
        p->steps = memory_grow(p->steps, &p->step_cap, p->step_count + 1, sizeof *p->steps);
        p->steps[p->step_count++] = number;
    }
    return number;
}

static bool is_step(const struct board_step *s, size_t pipeline, xray_str name, xray_str type)
{
    return s->pipeline == pipeline && is_text(&s->name, name) && is_text(&s->type, type);
}

/* Done for each step: runs of a pipeline go through the same steps, so the one that came next last time is tried first. */
static size_t step_number(struct board *b, size_t pipeline, xray_str name, xray_str type)
{
    size_t number = b->step_count > 0 ? b->steps[b->last_step].next : 0;

    if (b->step_count == 0 || !is_step(&b->steps[number], pipeline, name, type)) {
        number = find_step(b, pipeline, name, type);
        b->steps[b->last_step].next = number;
    }
    b->last_step = number;
    return number;
}

static struct board_line *find_line(struct board *b, size_t step, const struct group *group)
{
    const uint64_t key[] = {step, (uint64_t)group->bucket, group->values[0], group->values[1]};
    bool added;
    const size_t number = strmap_put(&b->line_numbers, xray_strn((const char *)key, sizeof key), &added);

    if (!added)
        return &b->lines[number];
    if (number == BOARD_MAX_LINES) {
        cli_error(NULL, "more than %d lines", BOARD_MAX_LINES);
        cli_hint("choose fewer steps with -p, -s or -W, a longer --bucket, or another --by");
        exit(EXIT_TROUBLE);
    }

    struct board_pipeline *p = &b->pipelines[b->steps[step].pipeline];

    b->lines = memory_grow(b->lines, &b->line_cap, number + 1, sizeof *b->lines);
    b->lines[number] =
        (struct board_line){.step = step, .group = *group, .sides = {TALLY_INIT, TALLY_INIT}};
    b->line_count = number + 1;
    p->lines = memory_grow(p->lines, &p->line_cap, p->line_count + 1, sizeof *p->lines);
    p->lines[p->line_count++] = number;
    return &b->lines[number];
}

static struct board_line *line_of(struct board *b, size_t step, const struct group *group)
{
    struct board_step *s = &b->steps[step];
    struct board_line *line = s->line > 0 ? &b->lines[s->line - 1] : NULL;

    if (line == NULL || line->group.bucket != group->bucket || line->group.values[0] != group->values[0] ||
        line->group.values[1] != group->values[1])
        line = find_line(b, step, group);
    s->line = (size_t)(line - b->lines) + 1;
    return line;
}

/* Steps come in the order in which they ended; what counts is the order in which they began. */
static void note_end_of_candidates(struct board *b, struct board_run *run, const xray_step_record *step, size_t number)
{
    if (step->candidates_out == XRAY_MISSING)
        return;

    const struct step_place place = step_place_of(&b->writers, step);

    if (!run->has_last || !step_place_before(&place, &run->last)) {
        run->has_last = true;
        run->last = place;
        run->last_is_zero = step->candidates_out == 0;
    }
    if (step->candidates_out == 0 && (!run->has_zero || step_place_before(&place, &run->zero))) {
        run->has_zero = true;
        run->zero = place;
        run->zero_step = (uint32_t)number;
    }
}

void board_take_run(void *ctx, const struct feed_run *run)
{
    struct board *b = ctx;
    const size_t pipeline = pipeline_number(b, run->record->pipeline);
    struct board_pipeline *p = &b->pipelines[pipeline];

    if (run->number >= b->run_count) {
        b->runs = memory_grow(b->runs, &b->run_cap, run->number + 1, sizeof *b->runs);
        memset(b->runs + b->run_count, 0, (run->number + 1 - b->run_count) * sizeof *b->runs);
        b->run_count = run->number + 1;
    }
    b->runs[run->number].ended = run->record->ended;
    b->runs[run->number].pipeline = pipeline & 0xfffffff;
    p->runs[run->side]++;
    p->abandoned += !run->record->ended && run->record->abandoned;
    p->running += !run->record->ended && !run->record->abandoned;
}

void board_take_step(void *ctx, const struct feed_run *run, const struct group *group, const xray_step_record *step)
{
    struct board *b = ctx;
    const size_t number = step_number(b, b->runs[run->number].pipeline, step->name, step->type);
    struct board_line *line = line_of(b, number, group);

    b->steps[number].steps++;
    b->steps[number].number_sum += (double)step->raw_number;
    tally_add(&line->sides[run->side], run->number, step, b->compares || b->rate == RATE_MEAN);
    note_end_of_candidates(b, &b->runs[run->number], step, number);
}

bool board_takes_sums(const struct board *b)
{
    return !b->compares && b->rate != RATE_MEAN;
}

void board_take_sum(void *ctx, const struct feed_run *run, const struct group *group, const xray_step_sum *sum)
{
    struct board *b = ctx;
    const size_t pipeline = b->runs[run->number].pipeline;
    const size_t number = step_number(b, pipeline, sum->name, sum->type);
    struct board_line *line = line_of(b, number, group);

    b->steps[number].steps += sum->steps;
    b->steps[number].number_sum += (double)sum->numbers;
    b->steps[number].emptied += sum->emptied;
    b->pipelines[pipeline].empty += sum->emptied;
    tally_add_sum(&line->sides[run->side], sum);
}

/* ---- finish ---- */

static int compare_texts(const struct text *a, const struct text *b)
{
    const size_t len = a->len < b->len ? a->len : b->len;
    const int order = len > 0 ? memcmp(a->data, b->data, len) : 0;

    return order != 0 ? order : a->len < b->len ? -1 : a->len > b->len;
}

static int compare_steps(const struct board *b, size_t i, size_t j)
{
    const struct board_step *s = &b->steps[i];
    const struct board_step *t = &b->steps[j];
    const double mean_s = s->number_sum / (double)s->steps;
    const double mean_t = t->number_sum / (double)t->steps;
    int order;

    if (b->order != ORDER_NAME && mean_s != mean_t)
        return mean_s < mean_t ? -1 : 1;
    /* Not by which was met first: an index meets them in another order than a scan. */
    order = compare_texts(&s->name, &t->name);
    return order != 0 ? order : compare_texts(&s->type, &t->type);
}

/* What --order=rate goes by; what has none comes last. */
static double rank_of(const struct board *b, const struct board_line *line)
{
    double drop;

    if (b->compares)
        return line->interval.kind == INTERVAL_NONE ? -1 : fabs(line->interval.difference);
    return tally_drop(&line->sides[0], b->rate, &drop) ? drop : -INFINITY;
}

static int order_steps(const void *x, const void *y, void *ctx)
{
    return compare_steps(ctx, *(const size_t *)x, *(const size_t *)y);
}

static int order_lines(const void *x, const void *y, void *ctx)
{
    const struct board *b = ctx;
    const struct board_line *s = &b->lines[*(const size_t *)x];
    const struct board_line *t = &b->lines[*(const size_t *)y];
    int order = 0;

    if (b->order == ORDER_RATE) {
        const double rank_s = rank_of(b, s);
        const double rank_t = rank_of(b, t);

        order = rank_s > rank_t ? -1 : rank_s < rank_t;
    }
    if (order == 0)
        order = compare_steps(b, s->step, t->step);
    return order != 0 ? order : group_compare(b->grouping, &s->group, &t->group);
}

/* A run that ended with nothing lost its last candidate where nothing was left first. */
static void place_empty_runs(struct board *b)
{
    for (size_t i = 0; i < b->run_count; i++) {
        const struct board_run *run = &b->runs[i];

        if (!run->ended || !run->has_last || !run->last_is_zero)
            continue;
        b->pipelines[run->pipeline].empty++;
        if (run->has_zero)
            b->steps[run->zero_step].emptied++;
    }
}

static void finish_line(struct board *b, struct board_line *line)
{
    tally_finish(&line->sides[0]);
    if (!b->compares)
        return;
    tally_finish(&line->sides[1]);
    for (int side = 0; side < 2; side++)
        line->rates[side] = tally_rate(&line->sides[side], b->rate);
    line->interval = interval_between(&line->rates[0], &line->rates[1]);
}

static void hide_lines(struct board *b, struct board_pipeline *p)
{
    size_t kept = 0;

    for (size_t i = 0; i < p->line_count; i++) {
        const struct board_line *line = &b->lines[p->lines[i]];

        if (line->sides[0].runs.count + line->sides[1].runs.count >= b->min_runs)
            p->lines[kept++] = p->lines[i];
    }
    p->hidden = p->line_count - kept;
    p->line_count = kept;
}

void board_finish(struct board *b)
{
    place_empty_runs(b);
    for (size_t i = 0; i < b->line_count; i++)
        finish_line(b, &b->lines[i]);
    for (size_t i = 0; i < b->pipeline_count; i++) {
        struct board_pipeline *p = &b->pipelines[i];

        hide_lines(b, p);
        if (p->step_count > 0)
            qsort_r(p->steps, p->step_count, sizeof *p->steps, order_steps, b);
        if (p->line_count > 0)
            qsort_r(p->lines, p->line_count, sizeof *p->lines, order_lines, b);
    }
}

void board_free(struct board *b)
{
    for (size_t i = 0; i < b->line_count; i++) {
        tally_free(&b->lines[i].sides[0]);
        tally_free(&b->lines[i].sides[1]);
    }
    for (size_t i = 0; i < b->step_count; i++) {
        text_free(&b->steps[i].name);
        text_free(&b->steps[i].type);
    }
    for (size_t i = 0; i < b->pipeline_count; i++) {
        text_free(&b->pipelines[i].name);
        free(b->pipelines[i].steps);
        free(b->pipelines[i].lines);
    }
    free(b->lines);
    free(b->steps);
    free(b->pipelines);
    free(b->runs);
    idmap_free(&b->writers);
    strmap_free(&b->line_numbers);
    strmap_free(&b->step_numbers);
    strmap_free(&b->pipeline_numbers);
    text_free(&b->key);
}
