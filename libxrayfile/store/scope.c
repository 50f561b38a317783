/* Opening only the segments that matter (scope.h). */
#include "store/scope.h"

#include <stdlib.h>

#include "base/fail.h"
#include "base/mem.h"
#include "os/listing.h"
#include "store/catalogue.h"
#include "store/runs.h"

/* catalogue.md, 1.4 */
enum { UNLISTED_FREE = 16, UNLISTED_PART = 8 };

struct xf_narrowing {
    struct xf_catalogue *catalogue;
    uint32_t *file_of; /* by row; UINT32_MAX: not there, or of another size */
    uint32_t matched;
    uint32_t digits;
    bool *by_name; /* of the ids asked for: only one run has it as its ext_id, and only that was looked for */
};

void xf_scope_free(struct xf_narrowing *n)
{
    if (n == NULL)
        return;
    xf_catalogue_free(n->catalogue);
    xf_free(n->file_of);
    xf_free(n->by_name);
    xf_free(n);
}

bool xf_scope_widen(struct xray_store *s)
{
    bool any = false;

    for (uint32_t i = 0; i < s->file_count; i++) {
        any = any || s->files[i].skipped;
        s->files[i].skipped = false;
        s->files[i].row = 0;
    }
    xf_scope_free(s->scope);
    s->scope = NULL;
    return any;
}

uint32_t xf_scope_digits(const struct xray_store *s)
{
    return s->scope != NULL ? s->scope->digits : 0;
}

/* ---- which files are listed --------------------------------------------------------------------- */

/* The name in the directory; NULL: the file was named by a person. */
static const char *listed_name(const struct xf_file *f)
{
    const char *slash = strrchr(f->path, '/');

    return f->listed && slash != NULL ? slash + 1 : NULL;
}

/* catalogue.md, 1.5 */
static bool is_same_file(const struct xf_narrowing *n, const struct xf_file *f, const char *name,
                         const struct xf_catalogue_row *row)
{
    uint64_t size;

    if (row->sealed && f->inode == row->inode)
        return true;
    return xf_listing_size(n->catalogue->directory_fd, name, &size) && size == row->size;
}

/* Files of a directory stand in the order of their names, as rows do: both are gone through once. */
static int match_files(struct xf_narrowing *n, struct xray_store *s, xray_error *err)
{
    const struct xf_catalogue_table *t = &n->catalogue->table;
    uint32_t row = 0;

    n->file_of = xf_alloc_array(t->count, sizeof *n->file_of);
    if (n->file_of == NULL)
        return xf_fail_memory(err);
    memset(n->file_of, 0xff, t->count * sizeof *n->file_of);
    for (uint32_t i = 0; i < s->file_count; i++) {
        struct xf_file *f = &s->files[i];
        const char *name = listed_name(f);
        int order = -1;

        for (; name != NULL && row < t->count; row++) {
            order = strcmp(t->rows[row].name.ptr, name);
            if (order >= 0)
                break;
        }
        if (name == NULL || row == t->count || order != 0 || !is_same_file(n, f, name, &t->rows[row]))
            continue;
        n->file_of[row] = i;
        n->matched++;
        f->row = row + 1;
        f->size = t->rows[row].size;
        f->skipped = true;
    }
    return XRAY_OK;
}

/* ---- which of them are wanted ------------------------------------------------------------------- */

/* Takes the mark of the row's file back. */
static bool want(struct xf_narrowing *n, struct xray_store *s, uint32_t row)
{
    const uint32_t file = row < n->catalogue->table.count ? n->file_of[row] : UINT32_MAX;
    const bool news = file != UINT32_MAX && s->files[file].skipped;

    if (news)
        s->files[file].skipped = false;
    return news;
}

static bool want_key(struct xf_narrowing *n, struct xray_store *s, struct xf_catalogue_key *key)
{
    uint32_t row;
    bool news = false;

    while (xf_catalogue_next_segment(key, &row))
        news |= want(n, s, row);
    return news;
}

/* Of a key and the one asked for: do they begin alike, as far as both go? `half`: only the upper half of the last byte counts. */
static bool begin_alike(const struct xf_catalogue_key *key, const struct xf_catalogue_key *asked, bool half)
{
    const size_t whole = asked->len - half;
    const size_t least = key->len < whole ? key->len : whole;

    return memcmp(key->bytes, asked->bytes, least) == 0 &&
           (!half || key->len <= whole || (key->bytes[whole] ^ asked->bytes[whole]) < 16);
}

/* Wants the segments of all keys that begin as `asked` does; if `alone`, of the very key and no other, should one run have
 * it: *found says so. 1, 0, XRAY_ENOMEM. */
static int want_alike(struct xf_narrowing *n, struct xray_store *s, const struct xf_catalogue_key *asked, bool half, bool alone,
                      bool *found)
{
    struct xf_catalogue_key key;

    for (uint32_t page = xf_catalogue_page_of(n->catalogue, asked); page < n->catalogue->head.pages; page++) {
        struct xf_varints keys;
        const int r = xf_catalogue_open_page(n->catalogue, s, page, &keys);

        if (r <= 0)
            return r;
        key.len = 0;
        while (xf_catalogue_key_take(&keys, &key)) {
            if (begin_alike(&key, asked, half)) {
                *found = alone && key.len == asked->len && key.runs == 1;
                want_key(n, s, &key);
                if (*found)
                    return 1;
            } else if (xf_catalogue_compare(key.bytes, key.len, asked->bytes, asked->len) > 0) {
                return 1;
            }
        }
        if (keys.bad)
            return 0;
    }
    return 1;
}

/* Of an id as xray_store_find_run takes it. */
static int want_id(struct xf_narrowing *n, struct xray_store *s, xray_str id, bool *by_name)
{
    struct xf_catalogue_key asked = {.bytes = {XF_CATALOGUE_EXT_ID}};
    uint8_t digits[32];
    const int count = xf_run_take_digits(id, digits);
    bool found = false;
    int r;

    asked.len = 1 + (id.len < XF_CATALOGUE_KEY_MAX - 1 ? id.len : XF_CATALOGUE_KEY_MAX - 1);
    memcpy(asked.bytes + 1, id.ptr, asked.len - 1);
    r = want_alike(n, s, &asked, false, asked.len < XF_CATALOGUE_KEY_MAX, by_name);
    if (r <= 0 || count < 4)
        return r;
    asked = (struct xf_catalogue_key){.bytes = {XF_CATALOGUE_ID}, .len = 1 + ((size_t)count + 1) / 2};
    for (int i = 0; i < count; i++)
        asked.bytes[1 + i / 2] |= (uint8_t)(i % 2 == 0 ? digits[i] << 4 : digits[i]);
    return want_alike(n, s, &asked, count % 2 != 0, false, &found);
}

static int want_ids(struct xf_narrowing *n, struct xray_store *s, const xray_store_scope *wanted)
{
    int r = 1;

    n->by_name = xf_alloc_array(wanted->id_count, sizeof *n->by_name);
    if (n->by_name == NULL)
        return XRAY_ENOMEM;
    for (size_t i = 0; i < wanted->id_count && r > 0; i++)
        r = wanted->ids[i].len < 4 ? 0 : want_id(n, s, wanted->ids[i], &n->by_name[i]);
    return r;
}

/* What is said of steps takes all segments that have something of their runs. */
static bool has_partners(const struct xf_narrowing *n, const struct xf_catalogue_row *row)
{
    for (uint32_t i = 0; i < row->partner_count; i++)
        if (n->file_of[n->catalogue->table.partners[row->first_partner + i]] == UINT32_MAX)
            return false;
    return true;
}

static xray_segment_facts facts_of(const struct xf_narrowing *n, uint32_t number)
{
    const struct xf_catalogue *c = n->catalogue;
    const struct xf_catalogue_row *row = &c->table.rows[number];
    xray_segment_facts facts = {
        .runs = row->runs,
        .start_min_ns = row->start_min,
        .start_max_ns = row->start_max,
        .row = number,
    };
    bool known;

    facts.pipelines = xf_catalogue_texts(c, XF_ST_RUN_PIPELINE, number, &facts.pipeline_count, &known);
    facts.versions = xf_catalogue_texts(c, XF_ST_RUN_VERSION, number, &facts.version_count, &known);
    facts.statuses = xf_catalogue_texts(c, XF_ST_RUN_STATUS, number, &facts.status_count, &known);
    if (!has_partners(n, row))
        return facts;
    facts.index = &c->facts;
    facts.step_names = xf_catalogue_texts(c, XF_ST_NAME, number, &facts.step_name_count, &facts.step_names_known);
    facts.step_types = xf_catalogue_texts(c, XF_ST_TYPE, number, &facts.step_type_count, &facts.step_types_known);
    return facts;
}

static int want_rows(struct xf_narrowing *n, struct xray_store *s, const xray_store_scope *wanted)
{
    const int r = xf_catalogue_open_facts(n->catalogue, s);

    for (uint32_t row = 0; row < n->catalogue->table.count && r > 0; row++) {
        const xray_segment_facts facts = facts_of(n, row);

        if (n->file_of[row] != UINT32_MAX && wanted->wants(wanted->ctx, &facts))
            want(n, s, row);
    }
    return r;
}

static int begin(struct xray_store *s, const xray_store_scope *wanted, xray_error *err)
{
    struct xf_narrowing *n;
    int r;

    n = s->scope = xf_alloc(sizeof *n);
    if (n == NULL)
        return XRAY_ENOMEM;
    r = xf_catalogue_open(&n->catalogue, s, s->directories[0], err);
    if (r <= 0)
        return r;
    n->digits = n->catalogue->head.digits;
    r = match_files(n, s, err);
    if (r < 0)
        return r;
    if (s->file_count - n->matched > UNLISTED_FREE && s->file_count - n->matched > n->matched / UNLISTED_PART)
        return 0;
    return wanted->id_count > 0 ? want_ids(n, s, wanted) : want_rows(n, s, wanted);
}

int xf_scope_begin(struct xray_store *s, const xray_store_scope *wanted, xray_error *err)
{
    xray_error why = {0};
    int r;

    if (s->directory_count != 1 || s->options.index != XRAY_INDEX_AUTO || (wanted->id_count == 0 && wanted->wants == NULL))
        return XRAY_OK;
    r = begin(s, wanted, &why);
    if (r <= 0)
        xf_scope_widen(s);
    return r == XRAY_ENOMEM ? xf_fail_memory(err) : XRAY_OK;
}

/* ---- the rest of the store ---------------------------------------------------------------------- */

/* What was opened is what the catalogue means. */
static bool is_bound(const struct xray_store *s)
{
    uint32_t opened = 0, found = 0;

    for (uint32_t i = 0; i < s->file_count; i++)
        opened += s->files[i].row != 0 && !s->files[i].skipped;
    for (uint32_t i = 0; i < s->part_count; i++) {
        const struct xf_part *p = &s->parts[i];
        const struct xf_file *f = &s->files[p->file];

        if (f->row == 0)
            continue;
        if (memcmp(p->seg->id, s->scope->catalogue->table.rows[f->row - 1].id, sizeof s->scope->catalogue->table.rows->id) != 0)
            return false;
        found++;
    }
    return found >= opened;
}

struct ids { /* of the runs in the segments that are not listed */
    uint8_t (*list)[16];
    uint32_t count, cap;
};

static bool take_ids(struct ids *ids, const struct xf_run_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        void *grown = ids->list;
        const bool room = xf_store_grow(&grown, ids->count, &ids->cap, sizeof *ids->list);

        ids->list = grown;
        if (!room)
            return false;
        memcpy(ids->list[ids->count++], list->runs[i].id, 16);
    }
    return true;
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

static int collect_ids(struct xray_store *s, struct ids *ids, xray_error *err)
{
    for (uint32_t i = 0; i < s->part_count; i++) {
        struct xf_run_list *list = NULL;
        int r;

        if (s->files[s->parts[i].file].row != 0)
            continue;
        r = xf_run_list_build_one(s, i, &list, err);
        if (r >= 0 && !take_ids(ids, list))
            r = xf_fail_memory(err);
        xf_run_list_free(list);
        if (r < 0)
            return r;
    }
    if (ids->count > 0)
        qsort(ids->list, ids->count, sizeof *ids->list, compare_ids);
    return XRAY_OK;
}

struct last { /* the id or the beginning of one that came before */
    uint8_t bytes[16];
    size_t len;
};

/* Counts the digits that tell it from the one before, unless they may be the same run: its segments are opened then, and what
 * is opened is counted elsewhere. */
static void tell_apart(struct last *last, const uint8_t *bytes, size_t len, uint32_t *digits)
{
    size_t i = 0;

    while (i < len && i < last->len && last->bytes[i] == bytes[i])
        i++;
    if (i < len && i < last->len) {
        const uint32_t need = (uint32_t)(2 * i + ((last->bytes[i] ^ bytes[i]) < 16) + 1);

        *digits = need > *digits ? need : *digits;
    }
    memcpy(last->bytes, bytes, len);
    last->len = len;
}

static bool is_there(const struct xf_narrowing *n, struct xf_catalogue_key key)
{
    uint32_t row;

    while (xf_catalogue_next_segment(&key, &row))
        if (row < n->catalogue->table.count && n->file_of[row] != UINT32_MAX)
            return true;
    return false;
}

struct merge { /* of the keys and the ids, both ascending */
    const struct ids *ids;
    uint32_t at;
    struct last last;
    uint32_t digits;
    bool news;
};

static void take_key(struct merge *m, struct xf_narrowing *n, struct xray_store *s, struct xf_catalogue_key *key)
{
    const uint8_t *bytes = key->bytes + 1;
    const size_t len = key->len - 1;

    if (!is_there(n, *key))
        return;
    for (; m->at < m->ids->count && memcmp(m->ids->list[m->at], bytes, len) < 0; m->at++)
        tell_apart(&m->last, m->ids->list[m->at], 16, &m->digits);
    if (m->at < m->ids->count && memcmp(m->ids->list[m->at], bytes, len) == 0)
        m->news |= want_key(n, s, key);
    tell_apart(&m->last, bytes, len, &m->digits);
}

/* Goes through the ids of all runs. 1, 0, XRAY_ENOMEM. */
static int merge_ids(struct merge *m, struct xf_narrowing *n, struct xray_store *s)
{
    struct xf_catalogue_key key = {.bytes = {XF_CATALOGUE_ID}};

    for (uint32_t page = 0; page < n->catalogue->head.pages && key.bytes[0] == XF_CATALOGUE_ID; page++) {
        struct xf_varints keys;
        const int r = xf_catalogue_open_page(n->catalogue, s, page, &keys);

        if (r <= 0)
            return r;
        key.len = 0;
        while (xf_catalogue_key_take(&keys, &key) && key.bytes[0] == XF_CATALOGUE_ID) {
            if (key.len < 2 || key.len > 17)
                return 0;
            take_key(m, n, s, &key);
        }
        if (keys.bad)
            return 0;
    }
    for (; m->at < m->ids->count; m->at++)
        tell_apart(&m->last, m->ids->list[m->at], 16, &m->digits);
    return 1;
}

int xf_scope_settle(struct xray_store *s, xray_error *err)
{
    struct xf_narrowing *n = s->scope;
    struct ids ids = {.count = 0};
    struct merge m = {.ids = &ids, .digits = 1};
    int r = 1;

    if (n == NULL)
        return 0;
    if (!is_bound(s))
        return xf_scope_widen(s);
    if (n->matched == n->catalogue->table.count && n->matched == s->file_count) /* it knows all */
        return 0;
    if (collect_ids(s, &ids, err) < 0)
        r = XRAY_ENOMEM;
    if (r > 0)
        r = merge_ids(&m, n, s);
    xf_free(ids.list);
    if (r < 0)
        return xf_fail_memory(err);
    if (r == 0)
        return xf_scope_widen(s);
    n->digits = m.digits;
    return m.news;
}

/* 1, 0, XRAY_ENOMEM. */
static int has_ids(struct xray_store *s, const xray_store_scope *wanted, xray_error *err)
{
    int r = 1;

    for (size_t i = 0; i < wanted->id_count && r > 0; i++) {
        bool exact = false;
        size_t index;

        r = xf_run_list_match(s, wanted->ids[i], &index, NULL, &exact, err);
        if (r > 0 && s->scope->by_name[i] && !exact)
            r = 0;
    }
    return r == XRAY_ENOMEM ? r : r > 0;
}

int xf_scope_check(struct xray_store *s, const xray_store_scope *wanted, xray_error *err)
{
    int r;

    if (s->scope == NULL)
        return 0;
    r = is_bound(s) ? has_ids(s, wanted, err) : 0;
    if (r != 0)
        return r < 0 ? r : 0;
    xf_run_list_free(s->runs);
    s->runs = NULL;
    return xf_scope_widen(s);
}
