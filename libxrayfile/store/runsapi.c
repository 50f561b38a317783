/* What callers ask of the list of runs (xrayfile.h): how many, one of them, which one an id or its
 * beginning means. */
#include <stdlib.h>

#include "base/fail.h"
#include "base/mem.h"
#include "store/runs.h"
#include "store/scope.h"

int xray_store_run_count(xray_store *s, size_t *count, xray_error *err)
{
    struct xf_run_list *list;
    const int r = xf_run_list_get(s, &list, err);

    if (r >= 0)
        *count = list->count;
    return r;
}

int xray_store_run(xray_store *s, size_t index, xray_run_record *out, xray_error *err)
{
    struct xf_run_list *list;
    const int r = xf_run_list_get(s, &list, err);

    if (r < 0)
        return r;
    if (index >= list->count)
        return xf_fail(err, XRAY_ENOTFOUND, XF_NO_POS, "there is no run number %zu", index);
    xf_run_list_record(s, list, (uint32_t)index, s->run_ext_id, out);
    return XRAY_OK;
}

int xray_store_run_index(xray_store *s, const uint8_t id[16], size_t *index, xray_error *err)
{
    struct xf_run_list *list;
    uint32_t found;
    const int r = xf_run_list_get(s, &list, err);

    if (r < 0)
        return r;
    found = xf_run_list_find(s, list, id);
    if (found == UINT32_MAX)
        return 0;
    *index = found;
    return 1;
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

/* Hexadecimal digits that two ids have in common at their beginning. */
static int common_digits(const uint8_t *a, const uint8_t *b)
{
    int i = 0;

    while (i < 16 && a[i] == b[i])
        i++;
    return i == 16 ? 32 : 2 * i + ((a[i] ^ b[i]) < 16);
}

enum { FRONTS = 1 << 16 };

static uint32_t front_of(const struct xf_run_list *list, uint32_t run)
{
    return (uint32_t)list->runs[run].id[0] << 8 | list->runs[run].id[1];
}

/* The digits that tell these ids from each other, which have their first two bytes in common. */
static int digits_within(uint8_t (*ids)[16], uint32_t count)
{
    int need = 1;

    if (count > 1)
        qsort(ids, count, sizeof *ids, compare_ids);
    for (uint32_t i = 1; i < count; i++) {
        const int common = common_digits(ids[i - 1], ids[i]);

        need = common + 1 > need ? common + 1 : need;
    }
    return need;
}

/* Digits that tell apart the fronts that are there, of which starts[k] to starts[k + 1] are equal. */
static int digits_of_fronts(const uint32_t *starts)
{
    int64_t before = -1;
    int need = 1;

    for (uint32_t k = 0; k < FRONTS; k++) {
        if (starts[k] == starts[k + 1])
            continue;
        for (int d = 4; before >= 0 && d > need; d--)
            if ((k ^ (uint32_t)before) >> (4 * (5 - d)) == 0) /* the first d - 1 are the same */
                need = d;
        before = k;
    }
    return need;
}

/* Ids by their fronts: sorted at one place only where two have the same one, which is rare. */
static int count_digits(const struct xf_run_list *list, uint32_t *starts, uint8_t (*ids)[16])
{
    int need;

    for (uint32_t i = 0; i < list->count; i++)
        starts[front_of(list, i) + 1]++;
    for (uint32_t k = 0; k < FRONTS; k++)
        starts[k + 1] += starts[k];
    need = digits_of_fronts(starts);
    for (uint32_t i = 0; i < list->count; i++) /* each start moves to the end, where the next one begins */
        memcpy(ids[starts[front_of(list, i)]++], list->runs[i].id, 16);
    for (uint32_t k = 0, from = 0; k < FRONTS; from = starts[k++]) {
        const int digits = digits_within(ids + from, starts[k] - from);

        need = digits > need ? digits : need;
    }
    return need;
}

int xray_store_run_digits(xray_store *s, int *digits, xray_error *err)
{
    struct xf_run_list *list;
    uint8_t(*ids)[16];
    uint32_t *starts;
    const int r = xf_run_list_get(s, &list, err);

    if (r < 0)
        return r;
    ids = xf_alloc_array(list->count, sizeof *ids);
    starts = xf_alloc_array(FRONTS + 1, sizeof *starts);
    *digits = ids != NULL && starts != NULL ? count_digits(list, starts, ids) : 0;
    xf_free(ids);
    xf_free(starts);
    if (*digits == 0)
        return xf_fail_memory(err);
    if (*digits < (int)xf_scope_digits(s)) /* of runs in segments that were left out */
        *digits = (int)xf_scope_digits(s);
    *digits = *digits < 32 ? *digits : 32;
    return XRAY_OK;
}

static bool make_records(const struct xray_store *s, struct xf_run_list *list)
{
    list->ext_ids = xf_alloc_array(list->count, sizeof *list->ext_ids);
    list->records = list->ext_ids != NULL ? xf_alloc_array(list->count, sizeof *list->records) : NULL;
    for (uint32_t i = 0; i < list->count && list->records != NULL; i++)
        xf_run_list_record(s, list, i, list->ext_ids[i], &list->records[i]);
    return list->records != NULL;
}

int xray_store_runs(xray_store *s, const xray_run_record **out, size_t *count, xray_error *err)
{
    struct xf_run_list *list;
    const int r = xf_run_list_get(s, &list, err);

    if (r < 0)
        return r;
    if (list->records == NULL && !make_records(s, list)) {
        xf_free(list->ext_ids);
        list->ext_ids = NULL;
        return xf_fail_memory(err);
    }
    *out = list->records;
    *count = list->count;
    return XRAY_OK;
}

/* ---- finding by a prefix ------------------------------------------------------------------------ */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int xf_run_take_digits(xray_str text, uint8_t digits[32])
{
    int n = 0;

    for (size_t i = 0; i < text.len; i++) {
        const int v = hex_value(text.ptr[i]);

        if (text.ptr[i] == '-')
            continue;
        if (v < 0 || n == 32)
            return -1;
        digits[n++] = (uint8_t)v;
    }
    return n;
}

static bool id_begins(const uint8_t id[16], const uint8_t digits[32], int count)
{
    for (int i = 0; i < count; i++)
        if ((i % 2 == 0 ? id[i / 2] >> 4 : id[i / 2] & 15) != digits[i])
            return false;
    return true;
}

int xf_run_list_match(struct xray_store *s, xray_str id, size_t *index, size_t matches[16], bool *ret_exact, xray_error *err)
{
    struct xf_run_list *list;
    char uuid[36];
    uint8_t digits[32];
    const int digit_count = xf_run_take_digits(id, digits);
    uint32_t found = 0, exact = 0;
    size_t last = 0, last_exact = 0;
    int r;

    if (id.len < 4)
        return xf_fail(err, XRAY_ESYNTAX, XF_NO_POS, "an id needs at least 4 characters");
    r = xf_run_list_get(s, &list, err);
    if (r < 0)
        return r;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct xf_run_sum *run = &list->runs[i];
        const xray_str ext_id = xf_run_ext_id(list, run, uuid);
        const bool by_ext = ext_id.len >= id.len && memcmp(ext_id.ptr, id.ptr, id.len) == 0;

        if (!by_ext && !(digit_count >= 4 && id_begins(run->id, digits, digit_count)))
            continue;
        if (matches != NULL && found < 16)
            matches[found] = i;
        found++;
        last = i;
        if (by_ext && ext_id.len == id.len) {
            exact++;
            last_exact = i;
        }
    }
    *ret_exact = exact == 1;
    if (exact == 1) { /* "run-1" is meant where there is a "run-10" too */
        *index = last_exact;
        if (matches != NULL)
            matches[0] = last_exact;
        return 1;
    }
    if (found == 1)
        *index = last;
    return found > INT32_MAX ? INT32_MAX : (int)found;
}

int xray_store_find_run(xray_store *s, xray_str id, size_t *index, size_t matches[16], xray_error *err)
{
    bool exact;

    return xf_run_list_match(s, id, index, matches, &exact, err);
}
