/* A store: opening, refreshing, what it knows of its segments (xrayfile.h, section 4). */
#include "store/store.h"

#include "base/buf.h"
#include "base/fail.h"
#include "base/mem.h"
#include "os/clock.h"
#include "os/file.h"
#include "store/catalog.h"
#include "store/facts.h"
#include "store/scope.h"


bool xf_store_grow(void **array, uint32_t count, uint32_t *cap, size_t size)
{
    const uint32_t wanted = *cap < 16 ? 16 : *cap > UINT32_MAX / 2 ? UINT32_MAX : *cap * 2;
    void *p;

    if (count < *cap)
        return true;
    if (wanted <= *cap)
        return false;
    p = xf_resize_array(*array, wanted, size);
    if (p == NULL)
        return false;
    *array = p;
    *cap = wanted;
    return true;
}

static xray_store *new_store(const xray_store_options *options)
{
    xray_store *s = xf_alloc(sizeof *s);

    if (s == NULL)
        return NULL;
    if (options != NULL)
        s->options = *options;
    if (s->options.max_raw == 0 || s->options.max_raw > XF_BLOCK_MAX)
        s->options.max_raw = XF_BLOCK_MAX;
    s->cache.limit = s->options.cache_bytes > 0 ? s->options.cache_bytes : XF_CACHE_BYTES;
    xf_random(&s->seed, sizeof s->seed);
    s->z = xf_zframe_new();
    if (s->z == NULL) {
        xray_store_close(s);
        return NULL;
    }
    return s;
}

static int open_store(xray_store **out, const char *const *paths, size_t path_count, uint64_t size_limit,
                      const xray_store_options *options, xray_error *err)
{
    xray_store *s = new_store(options);
    int r;

    if (s == NULL)
        return xf_fail_memory(err);
    s->size_limit = size_limit;
    r = xf_catalog_open(s, paths, path_count, err);
    if (r < 0) {
        xray_store_close(s);
        return r;
    }
    *out = s;
    return XRAY_OK;
}

int xray_store_open(xray_store **out, const char *const *paths, size_t path_count,
                    const xray_store_options *options, xray_error *err)
{
    if (out == NULL || (paths == NULL && path_count > 0))
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS,
                       "xray_store_open needs a place for the store, and paths");
    return open_store(out, paths, path_count, UINT64_MAX, options, err);
}

int xf_store_open_prefix(xray_store **out, const char *path, uint64_t size_limit,
                         const xray_store_options *options, xray_error *err)
{
    return open_store(out, &path, 1, size_limit, options, err);
}

int xray_store_refresh(xray_store *s, xray_error *err)
{
    const bool widened = xf_scope_widen(s);
    const int r = xf_catalog_refresh(s, err);

    if (r > 0 || widened) {
        xf_run_list_free(s->runs);
        s->runs = NULL;
    }
    return r;
}

void xray_store_close(xray_store *s)
{
    if (s == NULL)
        return;
    xf_pool_free(s->pool);
    for (size_t i = 0; i < XF_THREADS_MAX; i++)
        xf_zframe_free(s->worker_z[i]);
    xf_run_list_free(s->runs);
    xf_facts_free(s->facts);
    xf_scope_free(s->scope);
    xf_cache_done(&s->cache);
    for (uint32_t i = 0; i < s->part_count; i++)
        xf_segment_free(s->parts[i].seg);
    for (uint32_t i = 0; i < s->file_count; i++)
        xf_file_close(s->files[i].fd);
    xf_fdpool_done(&s->fds);
    xf_zframe_free(s->z);
    xf_problems_done(&s->problems);
    xf_dict_done(&s->bad_values);
    xf_dict_done(&s->writers);
    xray_buffer_free(&s->load.stored);
    xray_buffer_free(&s->stored);
    xray_buffer_free(&s->value);
    xray_buffer_free(&s->section);
    xray_buffer_free(&s->bound.front);
    xray_buffer_free(&s->items);
    xf_arena_done(&s->text);
    xf_free(s->directories);
    xf_free(s->order);
    xf_free(s->parts);
    xf_free(s->files);
    xf_free(s);
}

/* ---- segments ---------------------------------------------------------------------- */

size_t xray_store_segment_count(const xray_store *s)
{
    return s->part_count;
}

static void widen(xray_segment_info *info, int64_t from, int64_t to)
{
    if (info->time_min_ns == XRAY_MISSING || from < info->time_min_ns)
        info->time_min_ns = from;
    if (info->time_max_ns == XRAY_MISSING || to > info->time_max_ns)
        info->time_max_ns = to;
}

static void add_blocks(const struct xf_segment *seg, xray_segment_info *info)
{
    for (uint32_t i = 0; i < seg->block_count; i++) {
        const struct xf_block *b = &seg->blocks[i];
        const int kind = b->kind <= XF_SEAL ? b->kind : 0;

        info->raw_bytes[kind] += b->raw_len;
        info->stored_bytes[kind] += (uint64_t)XF_HEADER_LEN + b->stored_len;
        info->block_count[kind]++;
        info->rows[kind] += b->rows;
        info->rows2[kind] += b->rows2;
        if (b->time_min <= b->time_max) /* else the block holds no time (spec 4.1) */
            widen(info, b->time_min, b->time_max);
    }
}

int xray_store_segment(const xray_store *s, size_t i, xray_segment_info *out)
{
    const struct xf_segment *seg;
    const struct xf_file *f;

    if (i >= s->part_count)
        return XRAY_ENOTFOUND;
    seg = s->parts[i].seg;
    f = &s->files[s->parts[i].file];
    *out = (xray_segment_info){
        .path = f->path,
        .created_ns = seg->created_ns,
        .size = (f->tail == seg && f->size > seg->base ? f->size : seg->end) - seg->base,
        .valid_len = seg->end - seg->base,
        .torn_bytes = seg->torn_bytes,
        .skipped_bytes = seg->skipped_bytes,
        .sealed = seg->sealed,
        .writer_dead = seg->writer_dead,
        .lost = seg->lost,
        .blocks = seg->block_count,
        .version = seg->version,
        .time_min_ns = XRAY_MISSING,
        .time_max_ns = XRAY_MISSING,
        .app = xf_segment_app(seg),
        .host = xf_segment_host(seg),
        .boot = xf_segment_boot(seg),
        .pid = seg->pid,
        .indexed = seg->index != NULL,
    };
    memcpy(out->id, seg->id, 16);
    memcpy(out->writer_id, seg->writer_id, 16);
    add_blocks(seg, out);
    return XRAY_OK;
}

/* ---- problems and counts ---------------------------------------------------------------- */

size_t xray_store_problem_count(const xray_store *s)
{
    return s->problems.count;
}

int xray_store_problem(const xray_store *s, size_t i, xray_problem *out)
{
    if (i >= s->problems.count)
        return XRAY_ENOTFOUND;
    *out = s->problems.list[i];
    return XRAY_OK;
}

void xray_store_get_stats(const xray_store *s, xray_read_stats *out)
{
    *out = s->stats;
    out->bytes_read += out->index_bytes;
    out->blocks_total = out->bytes_total = out->segments_skipped = 0;
    for (uint32_t i = 0; i < s->part_count; i++)
        out->blocks_total += s->parts[i].seg->block_count;
    for (uint32_t i = 0; i < s->file_count; i++) {
        out->bytes_total += s->files[i].size;
        out->segments_skipped += s->files[i].skipped;
    }
}
