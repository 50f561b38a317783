/* Reading and decoding blocks of a store, through its cache. */
#include "store/store.h"

#include <inttypes.h>

#include "base/fail.h"
#include "format/references.h"
#include "os/file.h"

static int descriptor(const struct xf_file_reader *reader, int *fd, xray_error *err)
{
    struct xray_store *s = reader->store;
    const struct xf_file *f = &s->files[reader->file];

    *fd = f->fd;
    return f->fd >= 0 ? XRAY_OK : xf_fdpool_get(&s->fds, reader->file, f->path, f->listed, fd, err);
}

static int read_file(void *ctx, uint64_t pos, void *out, size_t n, size_t *got, xray_error *err)
{
    int fd;
    const int r = descriptor(ctx, &fd, err);

    return r < 0 ? r : xf_file_read(fd, pos, out, n, got, err);
}

/* Where the file cannot be opened, reading says so. */
static uint64_t next_data_of_file(void *ctx, uint64_t pos)
{
    int fd;

    return descriptor(ctx, &fd, NULL) < 0 ? pos : xf_file_next_data(fd, pos);
}

struct xf_source xf_file_source(struct xf_file_reader *ctx, uint64_t size)
{
    return (struct xf_source){.read = read_file, .next_data = next_data_of_file, .ctx = ctx, .size = size};
}

void xf_store_expect(struct xray_store *s, uint32_t file, uint64_t pos, size_t len)
{
    struct xf_file_reader reader = {s, file};
    int fd;

    if (descriptor(&reader, &fd, NULL) >= 0)
        xf_file_expect(fd, pos, len);
}

static bool has_rows(const struct xf_block *b, uint64_t rows, uint64_t rows2)
{
    return b->rows == rows && b->rows2 == rows2;
}

/* Decodes the body and compares what it holds with what the header says. */
static int decode(struct xf_cached *e, const struct xf_block *b, bool light, xray_error *err)
{
    const xray_str body = xray_strn((const char *)e->body.data, e->body.len);
    bool agrees = true;
    int r = XRAY_OK;

    switch (e->kind) {
    case XF_PAYLOAD:
        r = xf_payload_decode(&e->as.payload, body, &e->arena, err);
        agrees = r < 0 || has_rows(b, e->as.payload.part_count, e->as.payload.value_count);
        break;
    case XF_CANDIDATES:
        r = xf_cands_decode(&e->as.cands, body, &e->arena, err);
        agrees = r < 0 || has_rows(b, e->as.cands.cand_count,
                                   (uint64_t)e->as.cands.decisions.count + e->as.cands.notes.count);
        break;
    case XF_SPINE:
        r = xf_spine_decode(&e->as.spine, body, light, &e->arena, err);
        agrees = r < 0 || has_rows(b, e->as.spine.step_rows, e->as.spine.run_rows);
        break;
    case XF_LOSS:
        r = xf_loss_decode(&e->as.loss.rows, &e->as.loss.count, body, &e->arena, err);
        agrees = r < 0 || b->rows == e->as.loss.count;
        break;
    default: /* a seal: nothing to decode */
        break;
    }
    if (!agrees)
        return xf_fail(err, XRAY_ECORRUPT, XF_NO_POS,
                       "rows of the body are not those that its header counts");
    return r;
}

/* A block that cannot be read is a problem of the store, told once; only memory stops the caller. */
static int give_up(struct xray_store *s, uint32_t segment, struct xf_block *b, int status,
                   const char *message)
{
    const struct xf_part *part = &s->parts[segment];

    if (status != XRAY_EIO) { /* an I/O error may pass */
        b->bad = part->seg->damaged = true;
        part->seg->skipped_bytes += (uint64_t)XF_HEADER_LEN + b->stored_len;
    }
    xf_problems_add(&s->problems, s->files[part->file].path, (int64_t)b->ordinal, b->pos, status, message);
    return 0;
}

/* Numbers of parts and values that there are when the block is written (spec 4.6). */
static void find_limits(struct xf_load *l)
{
    const struct xf_segment *seg = l->seg;

    l->part_limit = l->value_limit = 0;
    if (l->header.kind == XF_PAYLOAD) { /* values may refer to the parts of their own block */
        l->part_limit = l->header.first + l->header.rows;
    } else {
        const int64_t last = xf_segment_payload_before(seg, l->entry->block);

        if (last >= 0) {
            l->part_limit = seg->blocks[last].first + seg->blocks[last].rows;
            l->value_limit = seg->blocks[last].first2 + seg->blocks[last].rows2;
        }
    }
}

int xf_load_begin(struct xf_load *l, struct xray_store *s, uint32_t segment, uint32_t block, xray_error *err)
{
    const struct xf_part *part = &s->parts[segment];
    struct xf_file_reader reader = {s, part->file};
    const struct xf_source source = xf_file_source(&reader, 0);

    l->entry = l->spare != NULL ? l->spare : xf_cached_new(segment, block, part->seg->blocks[block].raw_len);
    if (l->entry == NULL)
        return xf_fail_memory(err);
    if (l->spare != NULL)
        xf_cached_renew(l->entry, segment, block);
    l->spare = NULL;
    l->seg = part->seg;
    l->header = part->seg->blocks[block];
    l->entry->kind = l->header.kind;
    l->light = l->unpacked = l->decoded = false;
    l->why = (xray_error){0};
    find_limits(l);
    l->status = xf_segment_fetch(&l->header, &source, s->options.max_raw, &l->stored, &l->why);
    return XRAY_OK;
}

bool xf_load_unpack(struct xf_load *l, struct xf_zframe *z)
{
    struct xf_cached *e = l->entry;

    if (l->status < 0 || l->unpacked)
        return l->status >= 0;
    l->status = xf_segment_unpack(l->seg, &l->header, z, &l->stored, &e->body, &l->why);
    if (l->status < 0)
        return false;
    l->unpacked = true;
    return true;
}

/* Of a spine only the columns of values: what else stands there looks like references by chance, in almost every block. */
static void bound_columns(struct xf_cached *e, const struct xf_slice *columns, int count)
{
    for (int k = 0; k < count; k++)
        if (columns[k].off != 0)
            xf_references_bound(e->body.data + columns[k].off, columns[k].len, e->part_limit, e->value_limit);
}

void xf_block_bound(struct xf_cached *e)
{
    if (!e->bounded)
        bound_columns(e, e->as.spine.step_values, XF_STEP_COLUMNS);
    e->bounded = true;
}

static void bound_spine(const struct xf_load *l)
{
    struct xf_cached *e = l->entry;

    e->part_limit = l->part_limit;
    e->value_limit = l->value_limit;
    bound_columns(e, e->as.spine.run_values, XF_RUN_COLUMNS);
    if (!l->light)
        xf_block_bound(e);
}

bool xf_load_decode(struct xf_load *l)
{
    const struct xf_block *b = &l->header;
    xray_error *why = &l->why;

    if (l->status < 0 || l->decoded)
        return l->status >= 0;
    /* Here and not when it is unpacked: who finds nothing in the bytes has no references to follow. */
    if (b->kind == XF_PAYLOAD || b->kind == XF_CANDIDATES)
        xf_references_bound(l->entry->body.data, l->entry->body.len, l->part_limit, l->value_limit);
    l->status = decode(l->entry, b, l->light, why);
    l->decoded = l->status >= 0;
    if (l->decoded && l->entry->kind == XF_SPINE)
        bound_spine(l);
    if (l->status < 0 && l->status != XRAY_ENOMEM)
        xf_fail(why, l->status, b->pos, "block %" PRIu64 " at byte %" PRIu64 ": %s; %" PRIu64 " bytes skipped",
                b->ordinal, b->pos, why->message, (uint64_t)XF_HEADER_LEN + b->stored_len);
    return l->decoded;
}

int xf_load_report(struct xf_load *l, struct xray_store *s, xray_error *err)
{
    struct xf_block *b = &s->parts[l->entry->segment].seg->blocks[l->entry->block];

    if (l->status == XRAY_ENOMEM)
        return xf_fail_memory(err);
    return l->status < 0 ? give_up(s, l->entry->segment, b, l->status, l->why.message) : 1;
}

int xf_load_finish(struct xf_load *l, struct xray_store *s, xray_error *err)
{
    const struct xf_block *b = &l->header;

    s->stats.bytes_read += (uint64_t)XF_HEADER_LEN + b->stored_len;
    if (l->unpacked) {
        s->stats.blocks_read++;
        s->stats.raw_bytes += b->raw_len;
        s->stats.kind_read[b->kind <= XF_SEAL ? b->kind : 0]++;
    }
    return xf_load_report(l, s, err);
}

void xf_load_drop(struct xf_load *l)
{
    xf_cached_free(l->entry);
    l->entry = NULL;
}

int xf_load_keep(struct xf_load *l, struct xray_store *s, struct xf_cached **out, xray_error *err)
{
    if (!xf_cache_add(&s->cache, l->entry))
        return xf_fail_memory(err);
    *out = l->entry;
    l->entry = NULL;
    return 1;
}

/* An entry that was light for those before is completed for those who want all of it. */
static int take_cached(struct xray_store *s, struct xf_cached *e, bool light, struct xf_cached **out, xray_error *err)
{
    if (!light && e->kind == XF_SPINE) {
        xf_block_bound(e);
        if (xf_spine_complete(&e->as.spine, &e->arena, err) < 0) {
            xf_cache_release(&s->cache, e);
            return XRAY_ENOMEM;
        }
    }
    *out = e;
    return 1;
}

int xf_block_load(struct xray_store *s, uint32_t segment, uint32_t block, struct xf_cached **out,
                  xray_error *err)
{
    return xf_block_load_part(s, segment, block, false, out, err);
}

int xf_block_load_part(struct xray_store *s, uint32_t segment, uint32_t block, bool light, struct xf_cached **out,
                       xray_error *err)
{
    struct xf_cached *e = xf_cache_find(&s->cache, segment, block);
    struct xf_load *l = &s->load;
    int r;

    if (e != NULL)
        return take_cached(s, e, light, out, err);
    if (s->parts[segment].seg->blocks[block].bad)
        return 0;
    r = xf_load_begin(l, s, segment, block, err);
    if (r < 0)
        return r;
    l->light = light;
    if (xf_load_unpack(l, s->z))
        xf_load_decode(l);
    r = xf_load_finish(l, s, err);
    if (r > 0)
        r = xf_load_keep(l, s, out, err);
    xf_load_drop(l);
    return r;
}

void xf_block_release(struct xray_store *s, struct xf_cached *e)
{
    xf_cache_release(&s->cache, e);
}

/* Rows sorted by the run that stands in `column`; stable, by counting. */
static bool sort_by_run(struct xf_cached *e, const union xf_cell *column, uint32_t rows,
                        struct xf_by_run *out)
{
    const uint32_t runs = e->as.spine.run_count;
    uint32_t *start = xf_arena_alloc(&e->arena, ((size_t)runs + 2) * sizeof *start);
    uint32_t *order = xf_arena_alloc(&e->arena, ((size_t)rows + 1) * sizeof *order);

    if (start == NULL || order == NULL)
        return false;
    for (uint32_t i = 0; i < rows; i++)
        start[column[i].i + 2]++;
    for (uint32_t r = 2; r <= runs; r++)
        start[r] += start[r - 1];
    /* start[r + 1] is now where run r begins, and is moved to its end while filling. */
    for (uint32_t i = 0; i < rows; i++)
        order[start[column[i].i + 1]++] = i;
    out->start = start;
    out->order = order;
    return true;
}

int xf_block_index_runs(struct xf_cached *e, xray_error *err)
{
    const struct xf_spine *s = &e->as.spine;

    if (e->by_run)
        return XRAY_OK;
    if (!sort_by_run(e, s->runs[XF_RUN_RUN], s->run_rows, &e->runs))
        return xf_fail_memory(err);
    e->by_run = true;
    return XRAY_OK;
}

int xf_block_index_rows(struct xf_cached *e, xray_error *err)
{
    const struct xf_spine *s = &e->as.spine;
    const int r = xf_block_index_runs(e, err);

    if (r < 0 || e->rows_by_run)
        return r;
    if (!sort_by_run(e, s->steps[XF_STEP_RUN], s->step_rows, &e->steps) ||
        !sort_by_run(e, s->details[XF_DETAIL_RUN], s->detail_rows, &e->details))
        return xf_fail_memory(err);
    e->rows_by_run = true;
    return XRAY_OK;
}
