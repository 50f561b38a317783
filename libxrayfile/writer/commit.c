/* From scopes to blocks: rows and events go into the builders, and full builders
 * go to disk in the order that keeps references pointing back (spec 4.6). */
#include "writer/back.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "base/mem.h"
#include "codec/mpread.h"
#include "codec/mpwrite.h"
#include "os/message.h"
#include "os/clock.h"
#include "os/out.h"
#include "os/self.h"

/* Raw sizes at which a builder is written. Larger blocks compress better, smaller ones cost a reader of one
 * value less. Payload of 245 interleaved conversations at level 6: 2.01 MB in blocks of 512 KiB, 1.77 MB of
 * 1 MiB, 1.59 MB of 2 MiB, 1.46 MB of 4 MiB. */
#define PAYLOAD_RAW (2u << 20)
#define CANDIDATES_RAW (1u << 20)
#define CANDIDATES_ROWS 65536u
#define SPINE_RAW (512u << 10)
/* Segments that are indexed when they are sealed: below, one is read whole as soon as its index; above, xray-index has the time. */
#define SEALED_LEAST (64u << 10)
#define SEALED_MOST (64u << 20)

void xf_back_report(struct xf_back *w, const char *what, const xray_error *err)
{
    atomic_store_explicit(&w->failing, err->status < 0 ? err->status : XRAY_EIO, memory_order_relaxed);
    if (w->log_failure)
        xf_message("xrayfile: %s: %s", what, err->message);
    w->log_failure = false;
}

int xf_back_fail(struct xf_back *w, const xray_error *err)
{
    if (w->status == XRAY_OK) {
        w->status = err->status < 0 ? err->status : XRAY_EIO;
        w->failure = *err;
    }
    w->stats.dropped += w->in_blocks;
    w->lost_in_blocks += w->in_blocks;
    w->in_blocks = 0;
    xf_back_report(w, "records are lost", &w->failure);
    return w->status;
}

int xf_back_fail_sync(struct xf_back *w, const xray_error *err)
{
    w->stats.sync_failures++;
    return xf_back_fail(w, err);
}

static int fail_status(struct xf_back *w, int status)
{
    xray_error err = {.status = status};

    xf_fail(&err, status, XF_NO_POS, "%s", status == XRAY_ENOMEM ? "out of memory" : "a record could not be encoded");
    return xf_back_fail(w, &err);
}

/* ---- blocks ---- */

static int write_block(struct xf_back *w, const struct xf_block_info *info)
{
    const size_t raw = w->out.body.len;
    xray_error err = {0};

    if (xf_segment_out_block(&w->out, info, w->patience, &err) < 0)
        return xf_back_fail(w, &err);
    w->stats.raw_bytes += raw;
    return XRAY_OK;
}

static int write_payload(struct xf_back *w)
{
    const struct xf_block_info info = {
        .kind = XF_PAYLOAD,
        .rows = w->payload.part_count,
        .rows2 = w->payload.value_count,
        .first = w->payload.first_part,
        .first2 = w->payload.first_value,
        .time_min = INT64_MAX,
        .time_max = INT64_MIN,
    };

    if (info.rows == 0 && info.rows2 == 0)
        return XRAY_OK;
    w->totals.parts += info.rows;
    w->totals.values += info.rows2;
    xf_buf_reset(&w->out.body);
    if (xf_payload_finish(&w->payload, &w->out.body) < 0)
        return fail_status(w, XRAY_ENOMEM);
    return write_block(w, &info);
}

/* Tells the spine whom the block that is now written has records of. */
static int add_details(struct xf_back *w)
{
    for (uint32_t i = 0; i < w->cands.owners.count; i++) {
        const uint8_t *run_id;
        int64_t step;

        xf_cands_owner(&w->cands, i, &run_id, &step);
        if (xf_spine_add_detail(&w->spine, run_id, step, w->out.ordinal) < 0)
            return fail_status(w, XRAY_ENOMEM);
    }
    return XRAY_OK;
}

static int write_candidates(struct xf_back *w)
{
    struct xf_cands_build *b = &w->cands;
    const struct xf_block_info info = {
        .kind = XF_CANDIDATES,
        .rows = b->rows,
        .rows2 = b->decisions.rows + b->notes.rows,
        .first = b->first,
        .first2 = b->first2,
        .time_min = b->time_min,
        .time_max = b->time_max,
    };
    int r;

    if (xf_cands_empty(b))
        return XRAY_OK;
    w->totals.candidates += b->rows;
    w->totals.decisions += b->decisions.rows;
    w->totals.notes += b->notes.rows;
    r = write_payload(w);
    if (r == XRAY_OK)
        r = add_details(w);
    if (r < 0)
        return r;
    xf_buf_reset(&w->out.body);
    if (xf_cands_finish(b, &w->out.body) < 0)
        return fail_status(w, XRAY_ENOMEM);
    return write_block(w, &info);
}

static int write_spine(struct xf_back *w)
{
    struct xf_spine_build *b = &w->spine;
    struct xf_block_info info;
    int r = write_payload(w);

    if (r == XRAY_OK)
        r = write_candidates(w);
    if (r < 0 || xf_spine_empty(b))
        return r;
    info = (struct xf_block_info){
        .kind = XF_SPINE,
        .rows = b->step_rows.rows,
        .rows2 = b->run_rows.rows,
        .first = b->first,
        .first2 = b->first2,
        .time_min = b->time_min,
        .time_max = b->time_max,
    };
    w->totals.steps += info.rows;
    w->totals.runs += info.rows2;
    xf_buf_reset(&w->out.body);
    if (xf_spine_finish(b, &w->out.body) < 0)
        return fail_status(w, XRAY_ENOMEM);
    r = write_block(w, &info);
    if (r < 0)
        return r;
    w->spine_blocks++;
    w->stats.written += w->in_blocks;
    w->in_blocks = 0;
    return XRAY_OK;
}

static int write_losses(struct xf_back *w)
{
    const struct xf_block_info info = {
        .kind = XF_LOSS, .rows = w->losses.count, .first = w->loss_first, .time_min = INT64_MAX, .time_max = INT64_MIN};

    if (w->losses.count == 0)
        return XRAY_OK;
    xf_buf_reset(&w->out.body);
    xf_losses_encode(&w->losses, &w->out.body);
    w->loss_first += w->losses.count;
    xf_losses_reset(&w->losses);
    return write_block(w, &info);
}

/* ---- rows ---- */

static void put_present_int(struct xf_row *row, unsigned column, int64_t v)
{
    if (v != XRAY_MISSING)
        xf_row_put_int(row, column, v);
}

/* Columns of time: start in the first row of a segment or when set anew; duration
 * and end with the last row. `end` is written only where start + dur does not say it (spec 7.3). */
static void put_times(struct xf_scope *s, unsigned start, unsigned dur, unsigned end, bool ended, int64_t end_mono)
{
    int64_t duration = s->dur_ns, finish = s->end_ns;

    put_present_int(&s->row, start, s->start_ns);
    if (ended && s->clock == XRAY_CLOCK_NOW && duration == XRAY_MISSING && finish == XRAY_MISSING &&
        end_mono != XRAY_MISSING)
        duration = end_mono - s->start_mono;
    if (duration == XRAY_MISSING && finish != XRAY_MISSING && s->start_ns != XRAY_MISSING && finish >= s->start_ns &&
        !(s->start_ns < 0 && finish > INT64_MAX + s->start_ns))
        duration = finish - s->start_ns;
    put_present_int(&s->row, dur, duration);
    if (finish == XRAY_MISSING || (duration != XRAY_MISSING && s->start_ns != XRAY_MISSING &&
                                   (uint64_t)s->start_ns + (uint64_t)duration == (uint64_t)finish))
        return;
    put_present_int(&s->row, end, finish);
}

/* State bits, flags and, where this segment has not named the scope yet, its identity. */
static void finish_row(struct xf_back *w, struct xf_scope *s, unsigned state, unsigned flags, bool ended)
{
    xf_row_put_int(&s->row, state, (s->begun ? 0 : XF_STATE_BEGIN) | (ended ? XF_STATE_END : 0));
    if (s->flags != 0)
        xf_row_put_int(&s->row, flags, s->flags);
    if (s->segment == w->segment_number + 1)
        return;
    for (unsigned c = 0; c < XF_ROW_COLUMNS; c++)
        if (xf_row_has(&s->ident, c) && !xf_row_has(&s->row, c))
            xf_row_put_bytes(&s->row, c, xf_row_get(&s->ident, c));
}

static void row_written(struct xf_back *w, struct xf_scope *s)
{
    if (!s->begun) {
        w->in_blocks++;
        s->begun_at = w->spine_blocks;
    }
    s->begun = true;
    s->dirty = false;
    s->segment = w->segment_number + 1;
    xf_row_reset(&s->row);
}

static struct xf_run_ref run_ref(const struct xf_run_slot *run)
{
    return (struct xf_run_ref){
        .id = run->id,
        .pipeline = xray_strn(run->pipeline, run->pipeline_len),
        .version = xray_strn(run->version, run->version_len),
    };
}

int xf_commit_events(struct xf_back *w, struct xf_scope *s, const uint8_t run_id[16], int64_t step)
{
    const struct xf_owner owner = {.writer_id = w->writer_id, .run_id = run_id, .step = step};
    xray_mp c = xray_mp_over(s->events.data, s->events.len);
    int r = XRAY_OK;

    if (w->status < 0)
        return w->status;
    if (s->cand_count > 0)
        r = xf_cands_add_batch(&w->cands, &w->payload, &w->out.content, &owner, s->start_ns, &s->cands, s->cand_count);
    for (uint32_t i = 0; r >= 0 && i < s->event_count; i++) {
        uint32_t members;
        int64_t table;
        xray_str record;

        xf_mp_take_array(&c, &members);
        xf_mp_take_int(&c, &table);
        xf_mp_take_value(&c, &record);
        r = xf_cands_add_event(&w->cands, &w->payload, &w->out.content, &owner, (enum xf_table)table, record);
    }
    if (r < 0)
        return fail_status(w, r);
    w->in_blocks += (uint64_t)s->cand_count + s->event_count;
    w->gathered -= s->cands.len + s->events.len;
    s->cand_count = s->event_count = 0;
    xf_buf_reset(&s->cands);
    xf_buf_reset(&s->events);
    if (w->cands.size >= CANDIDATES_RAW || w->cands.rows >= CANDIDATES_ROWS)
        return write_candidates(w);
    return xf_payload_size(&w->payload) >= PAYLOAD_RAW ? write_payload(w) : XRAY_OK;
}

/* A run whose steps stand in the spine gets a row there too, so a reader of the block knows its begin. */
static int begin_rows_of_runs(struct xf_back *w)
{
    for (uint32_t i = 0; i < w->runs.count; i++) {
        struct xf_run_slot *run = xf_run_at(w, i);

        if (!run->scope.open || !run->has_step_rows)
            continue;
        run->has_step_rows = false;
        if (run->scope.segment != w->segment_number + 1) {
            const int r = xf_commit_run(w, run, false, XRAY_MISSING);

            if (r < 0)
                return r;
        }
    }
    return XRAY_OK;
}

/* After each row: writes what is full, and begins a new segment when this one is. */
static int write_full(struct xf_back *w)
{
    int r = XRAY_OK;

    if (w->spine.size >= SPINE_RAW || w->out.pos >= w->segment_bytes) {
        r = begin_rows_of_runs(w);
        if (r == XRAY_OK)
            r = write_spine(w);
    } else if (xf_payload_size(&w->payload) >= PAYLOAD_RAW) {
        r = write_payload(w);
    }
    return r < 0 || w->out.pos < w->segment_bytes ? r : xf_commit_rotate(w);
}

int xf_commit_rotate(struct xf_back *w)
{
    xray_error err = {0};
    int r = xf_commit_seal(w);

    if (r < 0)
        return r;
    w->segment_number++;
    r = xf_commit_begin_segment(w, &err);
    return r < 0 ? xf_back_fail(w, &err) : r;
}

static int add_row(struct xf_back *w, enum xf_table table, struct xf_run_slot *run, struct xf_scope *s)
{
    const struct xf_run_ref ref = run_ref(run);
    const int r = xf_spine_add_row(&w->spine, &w->payload, &w->out.content, table, w->writer_id, &ref, &s->row);

    if (r < 0)
        return fail_status(w, r);
    row_written(w, s);
    return XRAY_OK;
}

int xf_commit_run(struct xf_back *w, struct xf_run_slot *run, bool ended, int64_t end_mono)
{
    struct xf_scope *s = &run->scope;
    int r = xf_commit_events(w, s, run->id, XRAY_MISSING);

    if (r < 0)
        return r;
    xf_row_put_int(&s->row, XF_RUN_SEQ, (int64_t)run->seq);
    put_times(s, XF_RUN_START, XF_RUN_DUR, XF_RUN_END, ended, end_mono);
    finish_row(w, s, XF_RUN_STATE, XF_RUN_FLAGS, ended);
    return add_row(w, XF_TABLE_RUNS, run, s);
}

/* Exact counts (spec 7.4, in out reasons): what the application set, or what the events say. */
static void put_counts(struct xf_step_slot *step)
{
    struct xf_row *row = &step->scope.row;
    const bool counted = step->counted_in > 0;
    size_t start;

    if (!step->counts_changed)
        return;
    step->counts_changed = false;
    put_present_int(row, XF_STEP_IN, step->given_in != XRAY_MISSING ? step->given_in
                                     : counted                      ? step->counted_in
                                                                    : XRAY_MISSING);
    put_present_int(row, XF_STEP_OUT, step->given_out != XRAY_MISSING ? step->given_out
                                      : counted                       ? step->counted_out
                                                                      : XRAY_MISSING);
    if (step->not_kept > 0)
        xf_row_put_int(row, XF_STEP_KEPT, step->scope.cand_total);
    if (step->reasons.count == 0)
        return;
    start = xf_row_begin(row);
    xf_mp_array(&row->bytes, (size_t)step->reasons.count * 2);
    for (uint32_t i = 0; i < step->reasons.count; i++) {
        const xray_str code = xf_reasons_code(&step->reasons, i);

        xf_mp_str(&row->bytes, code.ptr, code.len);
        xf_mp_int(&row->bytes, step->reasons.slots[i].count);
    }
    xf_row_end(row, XF_STEP_REASONS, start);
}

int xf_commit_step(struct xf_back *w, struct xf_step_slot *step, bool ended, int64_t end_mono)
{
    struct xf_run_slot *run = step->run;
    struct xf_scope *s = &step->scope;
    int r = xf_commit_events(w, s, run->id, step->number);

    if (r < 0)
        return r;
    xf_row_put_int(&s->row, XF_STEP_STEP, step->number);
    put_counts(step);
    put_times(s, XF_STEP_START, XF_STEP_DUR, XF_STEP_END, ended, end_mono);
    finish_row(w, s, XF_STEP_STATE, XF_STEP_FLAGS, ended);
    r = add_row(w, XF_TABLE_STEPS, run, s);
    run->has_step_rows = true;
    return r < 0 ? r : write_full(w);
}

/* ---- all of it ---- */

static bool needs_row(const struct xf_back *w, const struct xf_scope *s)
{
    return s->open && (!s->begun || s->dirty || s->cand_count > 0 || s->event_count > 0) && w->status == 0;
}

/* Runs first: a step's row can then never be without its run's. */
static int commit_open(struct xf_back *w)
{
    int r = XRAY_OK;

    for (uint32_t i = 0; r >= 0 && i < w->runs.count; i++)
        if (needs_row(w, &xf_run_at(w, i)->scope))
            r = xf_commit_run(w, xf_run_at(w, i), false, XRAY_MISSING);
    for (uint32_t i = 0; r >= 0 && i < w->steps.count; i++)
        if (needs_row(w, &xf_step_at(w, i)->scope))
            r = xf_commit_step(w, xf_step_at(w, i), false, XRAY_MISSING);
    return r;
}

int xf_commit_blocks(struct xf_back *w, bool open_too)
{
    int r = w->status;

    if (r == XRAY_OK)
        r = open_too ? commit_open(w) : begin_rows_of_runs(w);
    if (r == XRAY_OK)
        r = write_spine(w);
    if (r == XRAY_OK)
        r = write_losses(w);
    return r;
}

static void segment_id(struct xf_back *w, uint8_t out[16])
{
    if (w->origin->fixed && w->segment_number == 0)
        memcpy(out, w->origin->options.id, 16);
    else
        xf_origin_new_id(w->origin, out);
}

int xf_commit_begin_segment(struct xf_back *w, xray_error *err)
{
    char host[256] = "", boot[64] = "";
    struct xf_hello hello = {
        .version = XRAY_FORMAT_VERSION,
        .min_reader = XRAY_FORMAT_VERSION,
        .n = (int64_t)w->segment_number,
        .pid = XRAY_MISSING,
        .process_start = XRAY_MISSING,
        .app = xray_s(w->app),
        .clock_mono = w->origin->fixed ? XRAY_MISSING : xf_clock_mono(),
        .clock_real = xf_origin_now(w->origin),
    };
    int r;

    /* The clock may have been set back, but this segment comes after the last one (spec 7.2). */
    if (w->segment_number > 0 && hello.clock_real < w->segment_clock)
        hello.clock_real = w->segment_clock;
    w->segment_clock = hello.clock_real;
    segment_id(w, hello.id);
    memcpy(hello.writer_id, w->writer_id, 16);
    if (!w->origin->fixed && !w->no_host) {
        xf_self_host(host, sizeof host);
        xf_self_boot(boot);
        hello.host = xray_s(host);
        hello.boot = xray_s(boot);
        hello.pid = xf_self_pid();
        hello.process_start = xf_self_start();
    }
    r = xf_segment_out_create(&w->out, w->dir_fd, &hello, w->level, err);
    if (r < 0)
        return r;
    w->totals = (struct xf_seal_totals){0};
    w->loss_first = 0;
    w->dir_synced = false;
    xf_payload_new_segment(&w->payload);
    xf_cands_new_segment(&w->cands);
    xf_spine_new_segment(&w->spine);
    w->stats.segments++;
    w->segment_mono = xf_clock_mono();
    return XRAY_OK;
}

int xf_commit_seal(struct xf_back *w)
{
    xray_error err = {0};
    int r = xf_commit_blocks(w, false);

    if (r < 0)
        return r;
    w->stats.stored_bytes += w->out.pos;
    if (xf_segment_out_seal(&w->out, &w->totals, w->patience, &err) < 0)
        return xf_back_fail(w, &err);
    if (xf_segment_out_sync(&w->out, &err) < 0 || xf_dir_sync(w->dir_fd, &err) < 0)
        return xf_back_fail_sync(w, &err);
    if (w->sealed != NULL && w->out.pos >= SEALED_LEAST && w->out.pos <= SEALED_MOST)
        xf_sealed_add(w->sealed, w->out.name);
    xf_segment_out_close(&w->out);
    return XRAY_OK;
}
