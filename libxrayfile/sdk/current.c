/* What a thread is doing: the stack of its runs and steps (xrayfile.h, section 9). */
#include "xrayfile.h"

#include "sdk/default.h"

/* Deeper frames are counted, not kept: what is begun in there belongs to the deepest that is. */
#define FRAMES 64

struct frame {
    xray_run run;
    xray_step step;
};

static _Thread_local struct {
    unsigned depth;
    struct frame frames[FRAMES];
} here;

static const struct frame *current(void)
{
    const unsigned depth = here.depth < FRAMES ? here.depth : FRAMES;

    return depth > 0 ? &here.frames[depth - 1] : NULL;
}

xray_run xray_current_run(void)
{
    const struct frame *f = current();

    return f != NULL ? f->run : 0;
}

xray_step xray_current_step(void)
{
    const struct frame *f = current();

    return f != NULL ? f->step : 0;
}

int xray_attach(xray_run run, xray_step step)
{
    const unsigned mark = here.depth++;

    if (mark < FRAMES)
        here.frames[mark] = (struct frame){.run = run, .step = step};
    return (int)mark;
}

int xray_detach(int mark)
{
    if (mark < 0 || (unsigned)mark >= here.depth)
        return XRAY_EMISUSE;
    here.depth = (unsigned)mark;
    return XRAY_OK;
}

/* ---- scopes ---- */

static void enter(xray_scope *s)
{
    s->outcome = XRAY_ENDED;
    s->mark = xray_attach(s->run, s->step);
}

xray_scope xray_run_enter(xray_writer *w, xray_str pipeline, const xray_run_options *options)
{
    xray_scope s = {.run = xray_run_begin(w, pipeline, options), .ends_run = true};

    if (s.run == 0)
        s.status = XRAY_ECLOSED;
    enter(&s);
    return s;
}

/* A step outside of any run: a run of its own, named as the step. */
static void enter_implicit(xray_scope *s, xray_str name)
{
    if (xf_default_is_strict()) {
        s->status = XRAY_EMISUSE;
        return;
    }
    s->run = xray_run_begin(xray_default(), name, NULL);
    s->ends_run = true;
    xray_run_set_int(s->run, XRAY_FLAGS, XRAY_FLAG_IMPLICIT);
}

xray_scope xray_step_enter(xray_str name, xray_str type, const xray_step_options *options)
{
    const struct frame *f = current();
    xray_scope s = {.run = f != NULL ? f->run : 0};

    if (f != NULL && f->step != 0) {
        s.step = xray_step_begin_in(f->step, name, type, options);
    } else {
        if (f == NULL)
            enter_implicit(&s, name);
        s.step = xray_step_begin(s.run, name, type, options);
    }
    if (s.step == 0 && s.status == XRAY_OK)
        s.status = XRAY_ECLOSED;
    enter(&s);
    return s;
}

/* Only the thread that entered has the frame; elsewhere there is nothing to restore. */
static void restore(const xray_scope *s)
{
    const unsigned mark = (unsigned)s->mark;

    if (mark >= here.depth)
        return;
    if (mark >= FRAMES || (here.frames[mark].run == s->run && here.frames[mark].step == s->step))
        here.depth = mark;
}

int xray_scope_leave(xray_scope *s)
{
    int r = s->status, end;

    if (s->left)
        return XRAY_ECLOSED;
    s->left = true;
    restore(s);
    if (s->step != 0) {
        end = xray_step_end(s->step, s->outcome);
        r = r < 0 ? r : end;
    }
    if (s->ends_run && s->run != 0) {
        end = xray_run_end(s->run, s->outcome);
        r = r < 0 ? r : end;
    }
    return r;
}
