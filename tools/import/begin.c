/* See begin.h. */
#include "import/begin.h"

#include <stdio.h>
#include <sys/random.h>

#include "common/cli.h"
#include "common/out.h"
#include "common/text.h"

bool begin_parse_id(xray_str text, uint8_t out[16])
{
    size_t digits = 0;

    if (text.len != 32 && text.len != 36)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];
        int d;

        if (text.len == 36 && (i == 8 || i == 13 || i == 18 || i == 23)) {
            if (c != '-')
                return false;
            continue;
        }
        d = c >= '0' && c <= '9'   ? c - '0'
            : c >= 'a' && c <= 'f' ? c - 'a' + 10
            : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                   : -1;
        if (d < 0)
            return false;
        out[digits / 2] = (uint8_t)(digits % 2 == 0 ? d << 4 : out[digits / 2] | d);
        digits++;
    }
    return true;
}

xray_str begin_pipeline(const struct import *im)
{
    return xray_s(im->pipeline != NULL ? im->pipeline : im->stem);
}

/* The spellings of one id are one key; a run without id belongs to the value of the file it stands in. */
static xray_str run_key(struct import *im, const struct run_start *start, char key[64], uint8_t id[16])
{
    static const char digits[] = "0123456789abcdef";

    if (start->alone)
        return xray_strn(key, (size_t)snprintf(key, 64, "\1run %llu", (unsigned long long)im->counts.runs));
    if (start->id.len == 0)
        return xray_strn(key, (size_t)snprintf(key, 64, "\1%u:%llu", im->file_number,
                                               (unsigned long long)im->stream->serial));
    if (!begin_parse_id(start->id, id))
        return start->id;
    for (int i = 0; i < 32; i++)
        key[i] = digits[i % 2 == 0 ? id[i / 2] >> 4 : id[i / 2] & 15];
    return xray_strn(key, 32);
}

static void print_id(struct import *im, const struct open_run *run)
{
    struct text t = { 0 };
    uint8_t id[16];

    if (xray_run_id(run->handle, id) == XRAY_OK)
        for (int i = 0; i < 16; i++)
            text_printf(&t, "%02x", id[i]);
    else /* nothing is written, so there are no ids but those of the source */
        text_safe(&t, xray_strn(run->key, run->key[0] == '\1' ? 0 : run->key_len), SAFE_LINE);
    text_puts(&t, "\n");
    if (im->print_ids)
        out_text(&t);
    text_free(&t);
}

struct open_run *begin_run(struct import *im, const struct run_start *start)
{
    char space[64];
    uint8_t id[16];
    const xray_str key = run_key(im, start, space, id);
    struct open_run *run = runs_find(&im->runs, key);
    xray_run_options options = { .version = start->version,
                                 .parent_run = start->parent_run,
                                 .clock = XRAY_CLOCK_NONE };

    if (run != NULL)
        return run;
    run = runs_add(&im->runs, key, &options.resume);
    if (start->alone && getrandom(id, sizeof id, 0) != sizeof id)
        cli_die("no random numbers");
    if (start->alone || start->id_only)
        options.id = id;
    if (!start->id_only)
        options.ext_id = start->id;
    run->handle =
        xray_run_begin(im->writer, start->pipeline.len > 0 ? start->pipeline : begin_pipeline(im), &options);
    if (!options.resume) {
        im->counts.runs++;
        if (im->print_ids)
            print_id(im, run);
    }
    return run;
}

void begin_stretch(struct open_run *run, int64_t start_ns, int64_t end_ns)
{
    run->derive_times = !run->described;
    if (start_ns != XRAY_MISSING && (run->start_ns == XRAY_MISSING || start_ns < run->start_ns))
        run->start_ns = start_ns;
    if (end_ns != XRAY_MISSING && (run->end_ns == XRAY_MISSING || end_ns > run->end_ns))
        run->end_ns = end_ns;
}

void begin_finish(struct open_run *run)
{
    if (!run->derive_times || run->described)
        return;
    if (run->start_ns != XRAY_MISSING)
        xray_run_set_int(run->handle, XRAY_START, run->start_ns);
    if (run->end_ns != XRAY_MISSING)
        xray_run_set_int(run->handle, XRAY_END, run->end_ns);
}

static xray_step open_in_writer(struct import *im, struct open_run *run, const struct step_start *start)
{
    xray_step_options options = { .parent_number = start->parent_number, .clock = XRAY_CLOCK_NONE };
    const struct known_step *parent;

    if (!start->hidden_id)
        options.ext_id = start->id;
    if (start->parent.len > 0) {
        parent = runs_find_step(&im->runs, run, start->parent);
        if (parent != NULL)
            options.parent_number = parent->number;
        if (options.parent_number == 0)
            options.parent_ext = start->parent;
    }
    return xray_step_begin(run->handle, start->name, start->type, &options);
}

enum step_state begin_step(struct import *im, struct open_run *run, const struct step_start *start,
                           struct step_at_hand *out)
{
    struct known_step *known = start->id.len > 0 ? runs_find_step(&im->runs, run, start->id) : NULL;

    *out = (struct step_at_hand){ .scope = { .is_step = true }, .id = start->id };
    if (known != NULL) {
        out->scope.handle = known->handle;
        out->scope.again = true;
        out->number = known->number;
        out->events = known->events;
        return known->open ? STEP_AGAIN : STEP_ENDED;
    }
    out->scope.handle = open_in_writer(im, run, start);
    out->number = xray_step_number(out->scope.handle);
    im->counts.steps++;
    if (start->id.len > 0) {
        known = runs_add_step(&im->runs, run, start->id);
        known->handle = out->scope.handle;
        known->number = (uint32_t)out->number;
        known->open = true;
    }
    return STEP_NEW;
}

void end_step(struct import *im, struct open_run *run, const struct step_at_hand *step, xray_outcome outcome)
{
    struct known_step *known = step->id.len > 0 ? runs_find_step(&im->runs, run, step->id) : NULL;

    if (known != NULL)
        known->events = step->events;
    if (outcome == XRAY_RUNNING && known != NULL)
        return;
    xray_step_end(step->scope.handle, outcome);
    if (known != NULL) {
        known->handle = 0;
        known->open = false;
    }
}
