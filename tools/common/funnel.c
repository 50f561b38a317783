/* See funnel.h. */
#include "common/funnel.h"

#include <stdlib.h>

/* What is kept of a run until all is read: where its candidates ended. */
struct funnel_run {
    bool ended;
    bool has_last, has_zero;
    struct step_place last, zero; /* the last step with a count out, the first where it is 0 */
    int64_t last_out;
    size_t pipeline;
    size_t zero_step; /* number of the funnel step */
};

static void runset_add(struct runset *s, size_t number)
{
    const size_t word = number / 64;

    if (s->len == 0)
        s->base = word;
    if (word < s->base) {
        /* Rare: numbers come nearly in order. */
        const size_t more = s->base - word;

        s->words = memory_grow(s->words, &s->cap, s->len + more, sizeof *s->words);
        memmove(s->words + more, s->words, s->len * sizeof *s->words);
        memset(s->words, 0, more * sizeof *s->words);
        s->len += more;
        s->base = word;
    }

    const size_t at = word - s->base;

    if (at >= s->len) {
        s->words = memory_grow(s->words, &s->cap, at + 1, sizeof *s->words);
        memset(s->words + s->len, 0, (at + 1 - s->len) * sizeof *s->words);
        s->len = at + 1;
    }

    const uint64_t bit = UINT64_C(1) << number % 64;

    s->count += (s->words[at] & bit) == 0;
    s->words[at] |= bit;
}

/* A sum that stays at the end of the range instead of leaving it. */
static void add_to(int64_t *sum, int64_t n)
{
    if (n == XRAY_MISSING)
        return;
    if (*sum == XRAY_MISSING)
        *sum = n;
    else if (__builtin_add_overflow(*sum, n, sum))
        *sum = n > 0 ? INT64_MAX : INT64_MIN + 1;
}

static size_t pipeline_number(struct funnel *f, xray_str name)
{
    bool added;
    const size_t number = strmap_put(&f->pipeline_numbers, name, &added);

    if (added) {
        f->pipelines = memory_grow(f->pipelines, &f->pipeline_cap, number + 1, sizeof *f->pipelines);
        f->pipelines[number] = (struct funnel_pipeline){.runs = 0};
        text_put(&f->pipelines[number].name, name.ptr, name.len);
        f->pipeline_count = number + 1;
    }
    return number;
}

static struct funnel_run *run_of(struct funnel *f, const uint8_t id[16], size_t *number)
{
    bool added;

    *number = idmap_put(&f->run_numbers, id, &added);
    if (added) {
        f->runs = memory_grow(f->runs, &f->run_cap, *number + 1, sizeof *f->runs);
        f->runs[*number] = (struct funnel_run){.ended = false};
        f->run_count = *number + 1;
    }
    return &f->runs[*number];
}

static size_t step_number(struct funnel *f, size_t pipeline, const xray_step_record *step)
{
    bool added;

    /* Lengths in front: no name can look like another name and type. */
    text_reset(&f->key);
    text_printf(&f->key, "%zu %zu ", pipeline, step->name.len);
    text_put(&f->key, step->name.ptr, step->name.len);
    text_put(&f->key, step->type.ptr, step->type.len);

    const size_t number = strmap_put(&f->step_numbers, text_str(&f->key), &added);

    if (added) {
        struct funnel_pipeline *p = &f->pipelines[pipeline];

        f->steps = memory_grow(f->steps, &f->step_cap, number + 1, sizeof *f->steps);
        f->steps[number] =
            (struct funnel_step){.in = XRAY_MISSING, .out = XRAY_MISSING, .cost = XRAY_MISSING};
        text_put(&f->steps[number].name, step->name.ptr, step->name.len);
        text_put(&f->steps[number].type, step->type.ptr, step->type.len);
        f->step_count = number + 1;
        p->steps = memory_grow(p->steps, &p->step_cap, p->step_count + 1, sizeof *p->steps);
        p->steps[p->step_count++] = number;
    }
    return number;
}

static void add_reason(struct funnel_step *s, const xray_reason_count *reason)
{
    bool added;
    const size_t number = strmap_put(&s->reason_numbers, reason->code, &added);

    if (added) {
        s->reasons = memory_grow(s->reasons, &s->reason_cap, number + 1, sizeof *s->reasons);
        s->reasons[number] = (struct funnel_reason){.count = 0};
        text_put(&s->reasons[number].code, reason->code.ptr, reason->code.len);
        s->reason_count = number + 1;
    }
    s->reasons[number].count += reason->count;
    s->rejected += reason->count;
}

static void add_counts(struct funnel_step *s, size_t run, const xray_step_record *step)
{
    const bool has_in = step->candidates_in != XRAY_MISSING;
    const bool has_out = step->candidates_out != XRAY_MISSING;

    add_to(&s->in, step->candidates_in);
    add_to(&s->out, step->candidates_out);
    if (has_in)
        runset_add(&s->in_runs, run);
    if (has_out)
        runset_add(&s->out_runs, run);
    if (has_in && has_out) {
        s->both = true;
        add_to(&s->both_in, step->candidates_in);
        add_to(&s->both_out, step->candidates_out);
    }
}

/* Steps come in the order in which they ended; what counts is the order in which they began. */
static void note_end_of_candidates(struct funnel_run *run, const xray_step_record *step, size_t funnel_step)
{
    const struct step_place place = step_place_of(step);

    if (step->candidates_out == XRAY_MISSING)
        return;
    if (!run->has_last || !step_place_before(&place, &run->last)) {
        run->has_last = true;
        run->last = place;
        run->last_out = step->candidates_out;
    }
    if (step->candidates_out == 0 && (!run->has_zero || step_place_before(&place, &run->zero))) {
        run->has_zero = true;
        run->zero = place;
        run->zero_step = funnel_step;
    }
}

void funnel_add_run(struct funnel *f, const xray_run_record *record)
{
    if (f->pattern != NULL && !name_matches(f->pattern, record->pipeline))
        return;

    size_t number;
    struct funnel_run *run = run_of(f, record->id, &number);
    const size_t pipeline = pipeline_number(f, record->pipeline);
    struct funnel_pipeline *p = &f->pipelines[pipeline];

    run->ended = record->ended;
    run->pipeline = pipeline;
    p->runs++;
    p->abandoned += !record->ended && record->abandoned;
    p->running += !record->ended && !record->abandoned;
}

void funnel_add_step(struct funnel *f, const xray_step_record *step)
{
    if (f->pattern != NULL && !name_matches(f->pattern, step->pipeline))
        return;

    size_t run_number;
    struct funnel_run *run = run_of(f, step->run_id, &run_number);
    const size_t number = step_number(f, pipeline_number(f, step->pipeline), step);
    struct funnel_step *s = &f->steps[number];

    s->steps++;
    s->number_sum += (double)step->raw_number;
    runset_add(&s->runs, run_number);
    add_counts(s, run_number, step);
    if (step->duration_ns != XRAY_MISSING)
        quantiles_add(&s->durations, step->duration_ns);
    add_to(&s->cost, step->cost);
    for (size_t i = 0; i < step->reason_count; i++)
        add_reason(s, &step->reasons[i]);
    note_end_of_candidates(run, step, number);
}

/* ---- finish ---- */

static const struct funnel *sorted_funnel; /* qsort has no context argument in C11 */

static int compare_steps(const void *a, const void *b)
{
    const size_t i = *(const size_t *)a;
    const size_t j = *(const size_t *)b;
    const struct funnel_step *s = &sorted_funnel->steps[i];
    const struct funnel_step *t = &sorted_funnel->steps[j];
    const double mean_s = s->number_sum / (double)s->steps;
    const double mean_t = t->number_sum / (double)t->steps;

    if (mean_s != mean_t)
        return mean_s < mean_t ? -1 : 1;
    return i < j ? -1 : i > j;
}

static int compare_reasons(const void *a, const void *b)
{
    const struct funnel_reason *r = a;
    const struct funnel_reason *s = b;
    const size_t len = r->code.len < s->code.len ? r->code.len : s->code.len;
    const int order = len > 0 ? memcmp(r->code.data, s->code.data, len) : 0;

    if (r->count != s->count)
        return r->count > s->count ? -1 : 1;
    return order != 0 ? order : r->code.len < s->code.len ? -1 : r->code.len > s->code.len;
}

void funnel_finish(struct funnel *f)
{
    for (size_t i = 0; i < f->run_count; i++) {
        const struct funnel_run *run = &f->runs[i];

        if (!run->ended || !run->has_last || run->last_out != 0)
            continue;
        f->pipelines[run->pipeline].empty++;
        if (run->has_zero)
            f->steps[run->zero_step].emptied++;
    }
    sorted_funnel = f;
    for (size_t i = 0; i < f->pipeline_count; i++) {
        if (f->pipelines[i].step_count > 0)
            qsort(f->pipelines[i].steps, f->pipelines[i].step_count, sizeof(size_t), compare_steps);
    }
    for (size_t i = 0; i < f->step_count; i++) {
        if (f->steps[i].reason_count > 0)
            qsort(f->steps[i].reasons, f->steps[i].reason_count, sizeof *f->steps[i].reasons,
                  compare_reasons);
    }
}

static void free_step(struct funnel_step *s)
{
    for (size_t i = 0; i < s->reason_count; i++)
        text_free(&s->reasons[i].code);
    free(s->reasons);
    strmap_free(&s->reason_numbers);
    quantiles_free(&s->durations);
    free(s->runs.words);
    free(s->in_runs.words);
    free(s->out_runs.words);
    text_free(&s->name);
    text_free(&s->type);
}

void funnel_free(struct funnel *f)
{
    for (size_t i = 0; i < f->step_count; i++)
        free_step(&f->steps[i]);
    for (size_t i = 0; i < f->pipeline_count; i++) {
        text_free(&f->pipelines[i].name);
        free(f->pipelines[i].steps);
    }
    free(f->steps);
    free(f->pipelines);
    free(f->runs);
    idmap_free(&f->run_numbers);
    strmap_free(&f->step_numbers);
    strmap_free(&f->pipeline_numbers);
    text_free(&f->key);
}
