/* Which files a store has and which segments are in them: taking paths, walking
 * files, putting segments in order. What grows is looked at again by refresh. */
#include "store/catalog.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/mem.h"
#include "os/file.h"
#include "os/listing.h"
#include "os/spool.h"
#include "store/guess.h"
#include "store/indexuse.h"
#include "store/scope.h"
#include "store/segments.h"

#define SUFFIX ".xray"
#define PROBE_LEN ((size_t)64 * 1024) /* of standard input: a hello must show up in it */

/* ---- walking one file ---------------------------------------------------------- */

struct walker {
    struct xray_store *s;
    uint32_t file;
    bool news;    /* a segment or block was found */
    bool refused; /* the segment we are in is not read on: what follows is no damage */
};

static void complain(const struct walker *k, int64_t block, uint64_t pos, int status, const char *message)
{
    xf_problems_add(&k->s->problems, k->s->files[k->file].path, block, pos, status, message);
}

static int begin_segment(struct walker *k, const struct xf_walk_step *step, xray_error *err)
{
    struct xf_file *f = &k->s->files[k->file];
    struct xf_segment *seg;
    int r;

    f->tail = NULL;
    f->found = true;
    k->refused = step->refused;
    if (step->refused) {
        xray_error why;

        xf_fail(&why, XRAY_EUNSUPPORTED, step->from, "segment at byte %" PRIu64 " is not read: %s",
                step->from, step->why.message);
        complain(k, -1, step->from, XRAY_EUNSUPPORTED, why.message);
        return XRAY_OK;
    }
    if (!step->named)
        complain(k, -1, step->from, XRAY_ECORRUPT, "the hello is damaged; two blocks vouch for the segment");
    r = xf_segment_new(&seg, &step->hello, step->from, err);
    if (r < 0)
        return r;
    r = xf_segments_add(k->s, seg, k->file, err);
    if (r < 0) {
        xf_segment_free(seg);
        return r;
    }
    f->tail = seg;
    k->news = true;
    return XRAY_OK;
}

static int take_block(struct walker *k, const struct xf_walk_step *step, xray_error *err)
{
    struct xf_segment *seg = k->s->files[k->file].tail;
    xray_error why;
    int r;

    if (seg == NULL)
        return XRAY_OK;
    k->news = true;
    seg->sealed |= step->header.kind == XF_SEAL;
    seg->torn_bytes = 0;
    if (step->unchained) {
        xf_fail(&why, XRAY_ECORRUPT, step->from,
                "block %" PRIu64 " at byte %" PRIu64
                ": the block before it is not the one it was written after",
                step->header.ordinal, step->from);
        complain(k, (int64_t)step->header.ordinal, step->from, XRAY_ECORRUPT, why.message);
    }
    r = xf_segment_add(seg, &step->header, step->from, &why);
    if (r == XRAY_ENOMEM)
        return xf_fail_memory(err);
    if (r < 0)
        complain(k, (int64_t)step->header.ordinal, step->from, r, why.message);
    return XRAY_OK;
}

static void skip_gap(struct walker *k, const struct xf_walk_step *step, uint64_t ordinal)
{
    struct xf_segment *seg = k->s->files[k->file].tail;
    const uint64_t len = step->to - step->from;
    xray_error why;

    if (seg != NULL && step->torn) {
        seg->torn_bytes = len;
        return;
    }
    if (seg == NULL && k->refused)
        return;
    if (seg == NULL)
        xf_fail(&why, XRAY_ECORRUPT, step->from, "byte %" PRIu64 ": %s; %" PRIu64 " bytes skipped",
                step->from, step->why.message, len);
    else if (seg->sealed)
        xf_fail(&why, XRAY_ECORRUPT, step->from,
                "%" PRIu64 " bytes after the seal at byte %" PRIu64 " are skipped", len, step->from);
    else
        xf_fail(&why, XRAY_ECORRUPT, step->from,
                "block %" PRIu64 " at byte %" PRIu64 ": %s; %" PRIu64 " bytes skipped, %" PRIu64
                " blocks missing",
                ordinal, step->from, step->why.message, len, step->missing);
    complain(k, seg != NULL && !seg->sealed ? (int64_t)ordinal : -1, step->from, XRAY_ECORRUPT, why.message);
    if (seg != NULL) {
        seg->skipped_bytes += len;
        seg->damaged = true;
    }
}

static void refuse_rest(struct walker *k, const struct xf_walk_step *step, uint64_t ordinal)
{
    struct xf_file *f = &k->s->files[k->file];
    xray_error why;

    xf_fail(&why, XRAY_EUNSUPPORTED, step->from, "block %" PRIu64 " at byte %" PRIu64
            ": %s; the rest of the segment is not read", ordinal, step->from, step->why.message);
    complain(k, (int64_t)ordinal, step->from, XRAY_EUNSUPPORTED, why.message);
    f->tail = NULL;
    k->refused = true;
}

/* What is left at the end: a torn tail, or damage (spec 2.2). */
static void end_file(struct walker *k, const struct xf_walk_step *step)
{
    struct xf_segment *seg = k->s->files[k->file].tail;
    const uint64_t len = step->to - step->from;
    xray_error why;

    if (seg == NULL)
        return;
    seg->torn_bytes = seg->sealed ? 0 : len;
    if (len == 0 || step->torn)
        return;
    if (seg->sealed)
        xf_fail(&why, XRAY_ECORRUPT, step->from, "%" PRIu64 " bytes after the seal at byte %" PRIu64, len,
                step->from);
    else
        xf_fail(&why, XRAY_ECORRUPT, step->from,
                "%" PRIu64 " bytes behind the last whole block, at byte %" PRIu64 ", are more than one torn block", len,
                step->from);
    complain(k, -1, step->from, XRAY_ECORRUPT, why.message);
    seg->damaged |= !seg->sealed;
}

/* The walk goes on behind what the index of the segment that just began covers. */
static int use_index(struct walker *k, struct xf_walk *w, uint64_t size, xray_error *err)
{
    struct xf_file *f = &k->s->files[k->file];
    struct xf_place place;
    xray_error why = {0};
    int r;

    if (k->s->options.index == XRAY_INDEX_NEVER || f->walked || f->tail == NULL || f->tail->base != 0)
        return XRAY_OK;
    r = xf_index_attach(k->s, k->file, f->tail, w->place.pos, size, &place, &why);
    if (r > 0) {
        const struct xf_source source = w->source;
        const uint64_t bytes_read = w->bytes_read;

        xf_walk_done(w);
        xf_walk_init(w, &source, &place);
        w->bytes_read = bytes_read;
        return XRAY_OK;
    }
    if (r == 0 && k->s->options.index == XRAY_INDEX_REQUIRE)
        return xf_fail(err, XRAY_ENOTFOUND, XF_NO_POS, "%s: no index to be used: %s", f->path, why.message);
    return r < 0 ? xf_fail_memory(err) : XRAY_OK;
}

static int walk_steps(struct walker *k, struct xf_walk *w, xray_error *err)
{
    struct xf_walk_step step = {0};
    uint64_t ordinal;
    int r = XRAY_OK;

    do {
        ordinal = w->place.next_ordinal;
        r = xf_walk_next(w, &step, err);
        if (r < 0)
            break;
        switch (step.event) {
        case XF_WALK_SEGMENT:
            r = begin_segment(k, &step, err);
            if (r >= 0 && step.named)
                r = use_index(k, w, w->source.size, err);
            break;
        case XF_WALK_BLOCK:
            r = take_block(k, &step, err);
            break;
        case XF_WALK_GAP:
            skip_gap(k, &step, ordinal);
            break;
        case XF_WALK_REFUSED:
            refuse_rest(k, &step, ordinal);
            break;
        case XF_WALK_END:
            end_file(k, &step);
            break;
        }
    } while (r >= 0 && step.event != XF_WALK_END);
    return r;
}

/* Walks what is new in a file. Only memory stops the caller: a file that cannot be read is a problem. */
static int walk_file(struct walker *k, uint64_t size, xray_error *err)
{
    struct xf_file *f = &k->s->files[k->file];
    struct xf_file_reader reader = {k->s, k->file};
    const struct xf_source source = xf_file_source(&reader, size);
    struct xf_walk w;
    xray_error why;
    int r;

    xf_walk_init(&w, &source, &f->place);
    r = walk_steps(k, &w, &why);
    f->place = w.place;
    f->size = size;
    f->walked = true;
    k->s->stats.bytes_read += w.bytes_read;
    xf_walk_done(&w);
    if (r == XRAY_ENOMEM)
        return xf_fail_memory(err);
    if (r == XRAY_ENOTFOUND) /* an index that is required */
        return xf_fail(err, r, XF_NO_POS, "%s", why.message);
    if (r < 0)
        complain(k, -1, why.pos, r, why.message);
    return XRAY_OK;
}

/* The file's size now; a negative status is among the problems already. */
static int look_at_size(struct walker *k, uint64_t *size)
{
    struct xf_file *f = &k->s->files[k->file];
    xray_error why;
    int fd = f->fd;
    int r = XRAY_OK;

    if (fd < 0)
        r = xf_fdpool_get(&k->s->fds, k->file, f->path, f->listed, &fd, &why);
    if (r >= 0)
        r = xf_file_size(fd, size, &why);
    if (r >= 0 && *size > k->s->size_limit)
        *size = k->s->size_limit;
    /* Retention may delete a file that a listing has just named, or that was read before. */
    if (r < 0 && !(f->walked || (f->listed && why.sys_errno == ENOENT)))
        complain(k, -1, UINT64_MAX, r, why.message);
    return r;
}

static int visit_file(struct xray_store *s, uint32_t file, bool *news, xray_error *err)
{
    struct walker k = {.s = s, .file = file};
    struct xf_file *f = &s->files[file];
    const bool first = !f->walked;
    uint64_t size;
    int r;

    if (f->skipped || look_at_size(&k, &size) < 0 || (f->walked && size == f->size))
        return XRAY_OK;
    if (size < f->place.pos) {
        complain(&k, -1, size, XRAY_ETRUNCATED, "the file has become shorter than it was");
        f->size = size;
        return XRAY_OK;
    }
    r = walk_file(&k, size, err);
    if (r >= 0 && first && !s->files[file].found)
        xf_guess_complain(s, file);
    *news |= k.news;
    return r;
}

/* ---- taking paths ----------------------------------------------------------------- */

static int add_file(struct xray_store *s, const struct xf_file *file, xray_error *err)
{
    void *files = s->files;
    const char *copy = xf_arena_copy(&s->text, file->path, strlen(file->path) + 1);
    const bool room = xf_store_grow(&files, s->file_count, &s->file_cap, sizeof *s->files);

    s->files = files;
    if (copy == NULL || !room)
        return xf_fail_memory(err);
    s->files[s->file_count] = *file;
    s->files[s->file_count++].path = copy;
    return XRAY_OK;
}

struct found {
    const char *path;
    uint64_t inode;
};

struct names { /* what a listing finds */
    struct xf_arena text;
    struct found *list;
    uint32_t count, cap;
    const char *directory;
};

static int keep_name(void *ctx, const char *name, uint64_t inode)
{
    struct names *n = ctx;
    void *list = n->list;
    const size_t dir_len = strlen(n->directory), len = strlen(name);
    const bool slash = dir_len > 0 && n->directory[dir_len - 1] == '/';
    const bool room = xf_store_grow(&list, n->count, &n->cap, sizeof *n->list);
    char *path = xf_arena_alloc(&n->text, dir_len + len + 2);

    n->list = list;
    if (!room || path == NULL)
        return XRAY_ENOMEM;
    if (n->count >= XF_SEGMENTS_MAX)
        return XRAY_ELIMIT;
    memcpy(path, n->directory, dir_len);
    if (!slash)
        path[dir_len] = '/';
    memcpy(path + dir_len + !slash, name, len);
    n->list[n->count++] = (struct found){path, inode};
    return XRAY_OK;
}

static int compare_names(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    return strcmp(x->path, y->path);
}

/* The paths that the store has, sorted: the list is the caller's to free. */
static int known_paths(const struct xray_store *s, struct found **out, xray_error *err)
{
    struct found *list = xf_alloc_array(s->file_count, sizeof *list);

    if (list == NULL)
        return xf_fail_memory(err);
    for (uint32_t i = 0; i < s->file_count; i++)
        list[i].path = s->files[i].path;
    qsort(list, s->file_count, sizeof *list, compare_names);
    *out = list;
    return XRAY_OK;
}

static int add_new_names(struct xray_store *s, struct names *n, xray_error *err)
{
    const uint32_t known_count = s->file_count;
    struct found *known = NULL;
    int r = known_paths(s, &known, err);

    if (r < 0)
        return r;
    qsort(n->list, n->count, sizeof *n->list, compare_names);
    for (uint32_t i = 0; i < n->count && r >= 0; i++)
        if (bsearch(&n->list[i], known, known_count, sizeof *known, compare_names) == NULL)
            r = add_file(s, &(struct xf_file){.path = n->list[i].path, .listed = true, .fd = -1, .inode = n->list[i].inode},
                         err);
    xf_free(known);
    return r;
}

/* Adds the segment files of a directory that the store does not have yet. */
static int add_directory(struct xray_store *s, const char *directory, xray_error *err)
{
    struct names n = {.directory = directory};
    xray_error why = {0};
    int r = xf_listing_visit(directory, SUFFIX, keep_name, &n, &why);

    if (r == XRAY_ENOMEM)
        r = xf_fail_memory(err);
    else if (r == XRAY_ELIMIT)
        r = xf_fail(err, r, XF_NO_POS, "%s has more than %u segments", directory, XF_SEGMENTS_MAX);
    else if (r < 0 && err != NULL)
        *err = why;
    if (r >= 0 && n.count > 0)
        r = add_new_names(s, &n, err);
    xf_free(n.list);
    xf_arena_done(&n.text);
    return r;
}

static bool may_hold_segment(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (xf_hello_looks_like(data + i, len - i) || (len - i >= 4 && memcmp(data + i, "XRB1", 4) == 0))
            return true;
    return false;
}

static int add_standard_input(struct xray_store *s, xray_error *err)
{
    int fd;
    int r = xf_spool(0, PROBE_LEN, may_hold_segment, &fd, err);

    if (r < 0)
        return r;
    r = add_file(s, &(struct xf_file){.path = "-", .fd = fd}, err);
    if (r < 0)
        xf_file_close(fd);
    return r;
}

static int add_path(struct xray_store *s, const char *path, uint32_t *named, xray_error *err)
{
    enum xf_path_kind kind;
    const char *copy;
    int r;

    if (strcmp(path, "-") == 0) {
        ++*named;
        return add_standard_input(s, err);
    }
    r = xf_path_look(path, &kind, err);
    if (r < 0)
        return r;
    if (kind == XF_PATH_NONE)
        return xf_fail(err, XRAY_ENOTFOUND, XF_NO_POS, "%s is not there", path);
    if (kind != XF_PATH_DIRECTORY) {
        ++*named;
        return add_file(s, &(struct xf_file){.path = path, .fd = -1}, err);
    }
    copy = xf_arena_copy(&s->text, path, strlen(path) + 1);
    if (copy == NULL)
        return xf_fail_memory(err);
    s->directories[s->directory_count++] = copy;
    return add_directory(s, copy, err);
}

/* ---- opening and refreshing ---------------------------------------------------------- */

static int visit_all(struct xray_store *s, bool *news, xray_error *err)
{
    const uint32_t first_new = s->part_count;
    int r = XRAY_OK;

    for (uint32_t i = 0; i < s->file_count && r >= 0; i++)
        r = visit_file(s, i, news, err);
    return r < 0 ? r : xf_segments_settle(s, first_new, err);
}

/* All that the question can be about, or all (scope.h). */
static int visit_wanted(struct xray_store *s, bool *news, xray_error *err)
{
    const xray_store_scope *wanted = s->options.scope;
    int r = wanted != NULL ? xf_scope_begin(s, wanted, err) : XRAY_OK;

    if (r >= 0)
        r = visit_all(s, news, err);
    if (r >= 0 && s->scope != NULL && (r = xf_scope_settle(s, err)) > 0)
        r = visit_all(s, news, err);
    if (r >= 0 && s->scope != NULL && (r = xf_scope_check(s, wanted, err)) > 0)
        r = visit_all(s, news, err);
    s->options.scope = NULL; /* the caller's */
    return r;
}

/* Nothing readable in files that were named: say why of the first that explains it. */
static int explain_nothing(const struct xray_store *s, xray_error *err)
{
    const xray_problem *p = &s->problems.list[0];

    for (size_t i = 0; i < s->problems.count; i++)
        if (s->problems.list[i].status == XRAY_EUNSUPPORTED)
            p = &s->problems.list[i];
    if (s->problems.count == 0)
        return xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "none of the files is an xray segment");
    return xf_fail(err, p->status == XRAY_EUNSUPPORTED || p->status == XRAY_EIO ? p->status : XRAY_ECORRUPT,
                   p->pos, "%s: %s", p->path, p->message);
}

static bool any_refused(const struct xray_store *s)
{
    for (size_t i = 0; i < s->problems.count; i++)
        if (s->problems.list[i].status == XRAY_EUNSUPPORTED)
            return true;
    return false;
}

int xf_catalog_open(struct xray_store *s, const char *const *paths, size_t count, xray_error *err)
{
    uint32_t named = 0;
    bool news = false;
    int r = XRAY_OK;

    s->directories = xf_alloc_array(count, sizeof *s->directories);
    if (s->directories == NULL)
        return xf_fail_memory(err);
    for (size_t i = 0; i < count && r >= 0; i++)
        r = add_path(s, paths[i], &named, err);
    if (r >= 0)
        r = visit_wanted(s, &news, err);
    if (r >= 0 && s->part_count == 0 && (named > 0 || any_refused(s)))
        return explain_nothing(s, err);
    return r < 0 ? r : news;
}

int xf_catalog_refresh(struct xray_store *s, xray_error *err)
{
    bool news = false;
    int r = XRAY_OK;

    for (size_t i = 0; i < s->directory_count && r >= 0; i++)
        r = add_directory(s, s->directories[i], err);
    if (r >= 0)
        r = visit_all(s, &news, err);
    return r < 0 ? r : news;
}
