/* xray_verify: files and directories through the checker (check.h; xrayfile.h, section 8). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/mem.h"
#include "os/file.h"
#include "os/listing.h"
#include "os/process.h"
#include "store/check.h"
#include "store/guess.h"

#define SUFFIX ".xray"

/* An index is a hint that may be wrong: what it says of a file is no answer here. */
static const xray_store_options plain = {.index = XRAY_INDEX_NEVER};

struct verify {
    const xray_verify_options *options;
    xray_verify_result *result;
    const char *path;
};

/* ---- what the checker tells --------------------------------------------------------------- */

static void tell(struct verify *v, enum xray_finding_kind kind, int64_t block, uint64_t pos, const char *message)
{
    const xray_finding f = {.kind = kind, .path = v->path, .block = block, .pos = pos, .message = message};

    v->result->damages += kind == XRAY_FINDING_DAMAGE;
    v->result->notes += kind == XRAY_FINDING_NOTE;
    v->result->newer += kind == XRAY_FINDING_NEWER;
    if (v->options->finding != NULL)
        v->options->finding(v->options->ctx, &f);
}

static void on_finding(void *ctx, enum xf_check_kind kind, int64_t block, uint64_t pos, const char *message)
{
    static const enum xray_finding_kind kinds[] = {
        [XF_CHECK_DAMAGE] = XRAY_FINDING_DAMAGE,
        [XF_CHECK_NOTE] = XRAY_FINDING_NOTE,
        [XF_CHECK_NEWER] = XRAY_FINDING_NEWER,
    };

    tell(ctx, kinds[kind], block, pos, message);
}

static enum xray_segment_state state_of(const struct xf_check *c)
{
    const struct xf_segment *seg = c->seg;

    if (c->refused)
        return XRAY_STATE_NEWER;
    if (c->sealed)
        return XRAY_STATE_SEALED;
    if (seg == NULL)
        return XRAY_STATE_UNSEALED;
    switch (xf_process_look(xf_segment_host(seg), xf_segment_boot(seg), seg->pid, seg->process_start)) {
    case XF_PROCESS_ALIVE: return XRAY_STATE_OPEN;
    case XF_PROCESS_DEAD: return XRAY_STATE_CRASHED;
    case XF_PROCESS_UNKNOWN: break;
    }
    return XRAY_STATE_UNSEALED;
}

static int on_end(void *ctx, struct xf_check *c)
{
    struct verify *v = ctx;
    xray_verified_segment seg = {
        .path = v->path,
        .pos = c->base,
        .len = c->end - c->base,
        .state = state_of(c),
        .blocks = c->blocks,
        .torn_bytes = c->torn_bytes,
        .run_rows = c->totals.runs,
        .step_rows = c->totals.steps,
        .candidates = c->totals.candidates,
        .damages = c->damages,
        .notes = c->notes,
        .content_checked = c->sealed && c->content_known && !c->holes && c->damages == 0,
    };

    if (c->seg != NULL)
        memcpy(seg.id, c->seg->id, 16);
    v->result->segments++;
    v->result->sealed += c->sealed;
    v->result->blocks += c->blocks;
    v->result->torn_bytes += c->torn_bytes;
    if (v->options->segment != NULL)
        v->options->segment(v->options->ctx, &seg);
    return XRAY_OK;
}

/* ---- one file --------------------------------------------------------------------------- */

/* The first bytes of a file that cannot be opened as a segment. */
struct start {
    uint8_t data[XF_GUESS_LEN];
    size_t len;
    uint64_t size;
};

static bool read_start(struct start *start, const char *path)
{
    int fd, r;

    if (xf_file_open(&fd, path, NULL) < 0)
        return false;
    r = xf_file_size(fd, &start->size, NULL);
    if (r >= 0)
        r = xf_file_read(fd, 0, start->data, sizeof start->data, &start->len, NULL);
    xf_file_close(fd);
    return r >= 0;
}

/* Whether it is the rest of a segment: empty, zeros, or a hello cut short or damaged. Anything else is no business of
 * ours. */
static bool is_rest(const struct start *start)
{
    for (size_t i = 0; i < start->len; i++)
        if (start->data[i] != 0)
            return xf_hello_looks_like(start->data, start->len) ||
                   memcmp(start->data, "\x28\xB5\x2F\xFD\x64", start->len < 5 ? start->len : 5) == 0;
    return true;
}

static void tell_empty(struct verify *v, uint64_t size)
{
    const xray_verified_segment seg = {.path = v->path, .state = XRAY_STATE_EMPTY, .torn_bytes = size};

    v->result->segments++;
    v->result->bytes += size;
    v->result->torn_bytes += size;
    if (v->options->segment != NULL)
        v->options->segment(v->options->ctx, &seg);
}

/* A file without a segment: empty, damaged, of a newer version, or none of ours (false). */
static bool tell_rest(struct verify *v, const char *path, bool listed, int status, const char *message)
{
    const size_t prefix = strlen(path); /* messages begin with the path, which findings have apart */
    const bool named = strncmp(message, path, prefix) == 0 && strncmp(message + prefix, ": ", 2) == 0;
    struct start start = {.len = 0};

    if (status != XRAY_EUNSUPPORTED && (status != XRAY_ECORRUPT || !read_start(&start, path)))
        return false;
    if (status == XRAY_ECORRUPT && listed && xf_is_empty_segment(start.data, start.len, start.size))
        tell_empty(v, start.size);
    else if (status == XRAY_EUNSUPPORTED || is_rest(&start))
        tell(v, status == XRAY_EUNSUPPORTED ? XRAY_FINDING_NEWER : XRAY_FINDING_DAMAGE, -1, 0,
             message + (named ? prefix + 2 : 0));
    else
        return false;
    v->result->files++;
    return true;
}

/* The index beside it, made again and compared. Readers pass over an index they cannot trust, but believe one that is
 * well made and wrong. */
static int verify_index(struct verify *v, const char *path, xray_error *err)
{
    xray_error why = {0};
    char text[256];
    const int r = xray_index_check(path, &why);

    if (r == XRAY_ENOMEM)
        return xf_fail_memory(err);
    if (r != XRAY_ECORRUPT)
        return XRAY_OK;
    snprintf(text, sizeof text, "index: %.150s; the segment is not touched, \"xray-index drop\" removes the index",
             why.message);
    tell(v, XRAY_FINDING_DAMAGE, -1, UINT64_MAX, text);
    return XRAY_OK;
}

/* listed: found in a directory, not named by a person. */
static int verify_file(struct verify *v, const char *path, bool listed, xray_error *err)
{
    const uint64_t damages = v->result->damages;
    const struct xf_check_sink sink = {.ctx = v, .finding = on_finding, .end = on_end};
    xray_store *s = NULL;
    xray_error why = {0};
    int r = xray_store_open(&s, &path, 1, &plain, &why);

    v->path = path;
    if (r >= 0) {
        v->result->files++;
        v->result->bytes += s->files[0].size;
        r = xf_check_file(s, 0, v->options->depth == XRAY_DEEP, &sink, err);
        xray_store_close(s);
        if (r >= 0 && v->options->depth == XRAY_DEEP && strcmp(path, "-") != 0 && v->result->damages == damages)
            r = verify_index(v, path, err);
        return r;
    }
    if (tell_rest(v, path, listed, r, why.message))
        return XRAY_OK;
    if (err != NULL)
        *err = why;
    return r;
}

/* ---- a directory -------------------------------------------------------------------------- */

struct names {
    struct xf_arena text;
    const char *directory;
    const char **list;
    uint32_t count, cap;
};

static int keep_name(void *ctx, const char *name, uint64_t number)
{
    struct names *n = ctx;
    const size_t len = strlen(n->directory) + strlen(name) + 2;
    char *path = xf_arena_alloc(&n->text, len);
    void *list = n->list;
    const bool room = xf_store_grow(&list, n->count, &n->cap, sizeof *n->list);

    (void)number;
    n->list = list;
    if (path == NULL || !room)
        return XRAY_ENOMEM;
    if (n->count >= XF_SEGMENTS_MAX)
        return XRAY_ELIMIT;
    snprintf(path, len, "%s/%s", n->directory, name);
    n->list[n->count++] = path;
    return XRAY_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int verify_names(struct verify *v, const struct names *n, xray_error *err)
{
    int r = XRAY_OK;

    qsort(n->list, n->count, sizeof *n->list, compare_names);
    for (uint32_t i = 0; i < n->count && r >= 0; i++) {
        xray_error why = {0};

        r = verify_file(v, n->list[i], true, &why);
        if (r == XRAY_ENOMEM)
            return xf_fail_memory(err);
        if (r == XRAY_EIO && why.sys_errno == ENOENT)
            r = XRAY_OK; /* retention ran beside us */
        if (r < 0) {
            tell(v, XRAY_FINDING_DAMAGE, -1, UINT64_MAX, why.message);
            v->result->files++;
            r = XRAY_OK;
        }
    }
    return r;
}

static int verify_directory(struct verify *v, const char *path, xray_error *err)
{
    struct names n = {.directory = path};
    xray_error why = {0};
    int r = xf_listing_visit(path, SUFFIX, keep_name, &n, &why);

    if (r == XRAY_ENOMEM)
        r = xf_fail_memory(err);
    else if (r < 0)
        r = xf_fail(err, r, XF_NO_POS, "%s: %s", path, r == XRAY_ELIMIT ? "too many segments" : why.message);
    else if (n.count > 0)
        r = verify_names(v, &n, err);
    xf_free(n.list);
    xf_arena_done(&n.text);
    return r;
}

int xray_verify(const char *path, const xray_verify_options *options, xray_verify_result *result, xray_error *err)
{
    static const xray_verify_options defaults = {0};
    struct verify v = {.options = options != NULL ? options : &defaults, .result = result};
    enum xf_path_kind kind = XF_PATH_FILE;
    int r = XRAY_OK;

    if (path == NULL || result == NULL)
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "xray_verify needs a path and a place for the result");
    if (strcmp(path, "-") != 0)
        r = xf_path_look(path, &kind, err);
    if (r < 0)
        return r;
    return kind == XF_PATH_DIRECTORY ? verify_directory(&v, path, err) : verify_file(&v, path, false, err);
}
