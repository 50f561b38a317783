/* Which step stands in which (parents.h). */
#include "store/parents.h"

#include <stdlib.h>

#include "base/mem.h"

struct name { /* the ext_id of a step */
    xray_str text;
    uint32_t number;
};

static int compare_texts(xray_str a, xray_str b)
{
    const size_t len = a.len < b.len ? a.len : b.len;
    const int r = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;

    return r != 0 ? r : (a.len > b.len) - (a.len < b.len);
}

static int compare_names(const void *a, const void *b)
{
    const struct name *x = a, *y = b;
    const int r = compare_texts(x->text, y->text);

    return r != 0 ? r : (x->number > y->number) - (x->number < y->number);
}

/* The ext_ids that there are, sorted; the first of equal ones is the step with the lowest number. */
static struct name *sort_names(const xray_step_record *records, uint32_t count, uint32_t *name_count)
{
    struct name *names = xf_alloc_array(count, sizeof *names);

    *name_count = 0;
    if (names == NULL)
        return NULL;
    for (uint32_t i = 0; i < count; i++)
        if (records[i].ext_id.len > 0)
            names[(*name_count)++] = (struct name){records[i].ext_id, i + 1};
    if (*name_count > 1)
        qsort(names, *name_count, sizeof *names, compare_names);
    return names;
}

static uint32_t find_name(const struct name *names, uint32_t count, xray_str text)
{
    uint32_t low = 0, high = count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if (compare_texts(names[middle].text, text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && compare_texts(names[low].text, text) == 0 ? names[low].number : 0;
}

/* The step of the same writer with this raw number. Steps of one writer stand together, in the order
 * of their numbers: the parent is looked for between `first` and `end`. */
static uint32_t find_number(const xray_step_record *records, uint32_t first, uint32_t end, int64_t raw)
{
    const uint32_t limit = end;

    while (first < end) {
        const uint32_t middle = first + (end - first) / 2;

        if (records[middle].raw_number < raw)
            first = middle + 1;
        else
            end = middle;
    }
    return first < limit && records[first].raw_number == raw ? first + 1 : 0;
}

static void find_parents(xray_step_record *records, struct xf_pending *const *rows, uint32_t count,
                         const struct name *names, uint32_t name_count)
{
    uint32_t first = 0, end = 0;

    for (uint32_t i = 0; i < count; i++) {
        xray_step_record *r = &records[i];
        const bool named = r->parent > 0 || r->parent_ext.len > 0;
        uint32_t parent = 0;

        if (i == end) { /* steps of the next writer */
            first = i;
            while (end < count && rows[end]->key.writer == rows[i]->key.writer)
                end++;
        }
        if (r->parent > 0)
            parent = find_number(records, first, end, r->parent);
        if (parent == 0 && r->parent_ext.len > 0)
            parent = find_name(names, name_count, r->parent_ext);
        r->parent = parent;
        r->orphan = named && parent == 0;
    }
}

/* All members of the cycle through `start` are orphans; the one with the lowest number is cut off, so
 * that what is left is a tree. */
static void break_cycle(xray_step_record *records, uint32_t start)
{
    uint32_t lowest = start, at = start;

    do {
        records[at].orphan = true;
        lowest = at < lowest ? at : lowest;
        at = (uint32_t)records[at].parent - 1;
    } while (at != start);
    records[lowest].parent = 0;
}

/* Goes up from every step until it meets one that it has seen: in this walk (a cycle) or in an earlier one.
 */
static bool break_cycles(xray_step_record *records, uint32_t count)
{
    uint32_t *seen_by = xf_alloc_array(count, sizeof *seen_by);

    if (seen_by == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i;

        while (seen_by[at] == 0) {
            seen_by[at] = i + 1;
            if (records[at].parent == 0)
                break;
            at = (uint32_t)records[at].parent - 1;
        }
        if (seen_by[at] == i + 1 && records[at].parent != 0)
            break_cycle(records, at);
    }
    xf_free(seen_by);
    return true;
}

bool xf_parents_resolve(xray_step_record *records, struct xf_pending *const *rows, uint32_t count)
{
    uint32_t name_count;
    struct name *names = sort_names(records, count, &name_count);

    if (names == NULL)
        return false;
    find_parents(records, rows, count, names, name_count);
    xf_free(names);
    return break_cycles(records, count);
}
