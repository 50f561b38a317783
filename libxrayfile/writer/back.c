/* The back end as a whole: its slots, and what flush, sync and close come to. */
#include "writer/back.h"

#include "base/buf.h"
#include "base/mem.h"
#include "codec/mpwrite.h"
#include "os/clock.h"
#include "os/out.h"

#include <errno.h>

#define INDEX_MAX ((1u << 24) - 1)

static bool grow(struct xf_slots *s)
{
    const uint32_t cap = s->cap != 0 ? s->cap * 2 : 64;
    void **items = xf_resize_array(s->items, cap, sizeof *items);
    uint32_t *free_list;

    if (items == NULL)
        return false;
    s->items = items;
    free_list = xf_resize_array(s->free, cap, sizeof *free_list);
    if (free_list == NULL)
        return false;
    s->free = free_list;
    s->cap = cap;
    return true;
}

uint32_t xf_slot_take(struct xf_slots *s, size_t object_size)
{
    uint32_t index;

    if (s->free_count > 0) {
        index = s->free[--s->free_count];
    } else {
        void *object;

        if (s->count > INDEX_MAX || (s->count == s->cap && !grow(s)))
            return UINT32_MAX;
        object = xf_alloc(object_size);
        if (object == NULL)
            return UINT32_MAX;
        index = s->count++;
        s->items[index] = object;
    }
    ((struct xf_scope *)s->items[index])->open = true;
    return index;
}

void xf_slot_give(struct xf_slots *s, uint32_t index)
{
    ((struct xf_scope *)s->items[index])->open = false;
    s->free[s->free_count++] = index;
}

int xf_back_init(struct xf_back *b, const uint8_t writer_id[16], xray_error *err)
{
    uint64_t secret = 0;

    if (!b->origin->fixed)
        xf_random(&secret, sizeof secret);
    memcpy(b->writer_id, writer_id, 16);
    b->out.fd = -1;
    xf_payload_init(&b->payload, secret);
    xf_cands_init(&b->cands);
    xf_spine_init(&b->spine);
    return xf_commit_begin_segment(b, err);
}

void xf_back_done(struct xf_back *b)
{
    xf_sealed_free(b->sealed);
    xf_scrub_free(b->scrub);
    for (uint32_t i = 0; i < b->runs.count; i++) {
        xf_scope_done(&xf_run_at(b, i)->scope);
        xf_free(xf_run_at(b, i));
    }
    for (uint32_t i = 0; i < b->steps.count; i++) {
        struct xf_step_slot *step = xf_step_at(b, i);

        xf_scope_done(&step->scope);
        xf_reasons_done(&step->reasons);
        xf_free(step);
    }
    xf_free(b->runs.items);
    xf_free(b->runs.free);
    xf_free(b->steps.items);
    xf_free(b->steps.free);
    xf_payload_done(&b->payload);
    xf_cands_done(&b->cands);
    xf_spine_done(&b->spine);
    xf_segment_out_done(&b->out);
    xf_losses_done(&b->losses);
    xray_buffer_free(&b->scratch);
    xf_json_memo_done(&b->memo);
    xf_free(b->apply.reasons);
    xf_free(b->apply.attrs);
}

int xf_back_flush(struct xf_back *b)
{
    const int r = xf_commit_blocks(b, true);

    if (r < 0)
        return r;
    atomic_store_explicit(&b->failing, 0, memory_order_relaxed);
    return XRAY_FLUSHED;
}

/* After a failed sync nobody knows what is on disk, and asking again would say "yes" (see README,
 * guarantees): that is the end of the segment. */
int xf_back_sync(struct xf_back *b)
{
    xray_error err = {0};
    int r = xf_back_flush(b);

    if (r < 0)
        return r;
    if (xf_segment_out_sync(&b->out, &err) < 0 || (!b->dir_synced && xf_dir_sync(b->dir_fd, &err) < 0))
        return xf_back_fail_sync(b, &err);
    b->dir_synced = true;
    return XRAY_SYNCED;
}

/* A run or step whose first row went with the segment has not begun yet, and is not lost while it is open. */
static void begin_again(struct xf_back *b, struct xf_scope *s)
{
    if (!s->open || !s->begun || s->begun_at != b->spine_blocks || b->lost_in_blocks == 0)
        return;
    s->begun = false;
    s->dirty = true;
    b->lost_in_blocks--;
    b->stats.dropped--;
}

/* What stands in the builders refers to the segment that is gone, so it is gone too. */
int xf_back_recover(struct xf_back *b)
{
    const uint64_t secret = b->payload.secret, parts = b->payload.part_bytes, deduped = b->payload.deduped_bytes;
    xray_error err = {0};
    const bool full = b->failure.sys_errno == ENOSPC || b->failure.sys_errno == EDQUOT || b->failure.sys_errno == EFBIG;

    b->stats.stored_bytes += b->out.pos;
    xf_segment_out_close(&b->out);
    b->out.pos = 0;
    xf_payload_done(&b->payload);
    xf_cands_done(&b->cands);
    xf_spine_done(&b->spine);
    xf_payload_init(&b->payload, secret);
    b->payload.part_bytes = parts;
    b->payload.deduped_bytes = deduped;
    xf_cands_init(&b->cands);
    xf_spine_init(&b->spine);
    b->segment_number++;
    if (xf_commit_begin_segment(b, &err) < 0) {
        b->segment_number--;
        b->failure = err;
        return err.status;
    }
    b->status = XRAY_OK;
    for (uint32_t i = 0; i < b->runs.count; i++)
        begin_again(b, &xf_run_at(b, i)->scope);
    for (uint32_t i = 0; i < b->steps.count; i++)
        begin_again(b, &xf_step_at(b, i)->scope);
    if (b->lost_in_blocks > 0)
        xf_back_lose(b, xray_s(full ? "nospace" : b->failure.status == XRAY_ENOMEM ? "memory" : "io"), xray_s("record"), b->lost_in_blocks, XRAY_MISSING, XRAY_MISSING);
    b->lost_in_blocks = 0;
    return XRAY_OK;
}

int xf_back_close(struct xf_back *b)
{
    int r = xf_back_flush(b);

    if (r >= 0)
        r = xf_commit_seal(b);
    return r < 0 ? r : XRAY_SEALED;
}

int xf_back_lose(struct xf_back *b, xray_str cause, xray_str what, uint64_t count, int64_t from_ns, int64_t to_ns)
{
    if (xf_losses_add(&b->losses, cause, what, count, from_ns, to_ns) < 0) { /* later, without what it was */
        b->untold += count;
        return XRAY_ENOMEM;
    }
    b->totals.lost = xf_losses_sum(b->totals.lost, count);
    return b->status;
}

void xf_back_tell(struct xf_back *b)
{
    const uint64_t n = b->untold;

    b->untold = 0;
    if (n > 0)
        xf_back_lose(b, xray_s("memory"), xray_s("record"), n, XRAY_MISSING, XRAY_MISSING);
}
