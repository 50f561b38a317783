/* Words that mean the same in equalities (alias.h), and sets of words. */
#include "query/alias.h"

#include <stdlib.h>

enum { LEAST_PREFIX = 4 };

enum xf_alias xf_alias_of(const struct xf_expr *operand)
{
    if (operand->op != XF_FIELD)
        return XF_NO_ALIAS;
    switch (operand->as.field->field->id) {
    case XF_F_STATUS:
        return XF_ALIAS_STATUS;
    case XF_F_TYPE:
        return XF_ALIAS_TYPE;
    case XF_F_ID:
        return operand->as.field->owner == XF_RUN ? XF_ALIAS_RUN_ID : XF_NO_ALIAS;
    default:
        return XF_NO_ALIAS;
    }
}

xray_str xf_alias_word(enum xf_alias alias, xray_str word)
{
    static const struct {
        enum xf_alias alias;
        const char *from, *to;
    } words[] = {
        {XF_ALIAS_STATUS, "ok", "success"},     {XF_ALIAS_STATUS, "completed", "success"},
        {XF_ALIAS_STATUS, "error", "failure"},  {XF_ALIAS_STATUS, "failed", "failure"},
        {XF_ALIAS_TYPE, "search", "retrieval"}, {XF_ALIAS_TYPE, "logic", "transform"},
    };

    for (size_t i = 0; alias != XF_NO_ALIAS && i < sizeof words / sizeof words[0]; i++)
        if (words[i].alias == alias && xf_text_is(word, words[i].from))
            return xray_s(words[i].to);
    return word;
}

/* ---- run ids ------------------------------------------------------------------- */

bool xf_alias_id_digits(xray_str text, char digits[32], size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '-')
            continue;
        if (c >= 'A' && c <= 'F')
            c = (char)(c - 'A' + 'a');
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')) || *count == 32)
            return false;
        digits[(*count)++] = c;
    }
    return *count >= LEAST_PREFIX;
}

void xf_alias_put_id(const uint8_t id[16], char out[32])
{
    for (size_t i = 0; i < 16; i++) {
        out[2 * i] = "0123456789abcdef"[id[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[id[i] & 15];
    }
}

bool xf_alias_names_run(xray_str text, const xray_run_record *run)
{
    char digits[32], id[32];
    size_t count;

    xf_alias_put_id(run->id, id);
    if (xf_alias_id_digits(text, digits, &count) && memcmp(id, digits, count) == 0)
        return true;
    return run->ext_id.len > 0 && xf_text_compare(run->ext_id, text) == 0;
}

/* ---- sets ---------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    return xf_text_compare(*(const xray_str *)a, *(const xray_str *)b);
}

bool xf_set_sort(struct xf_set *set, enum xf_alias alias, struct xf_arena *arena)
{
    const size_t given = set->count;
    size_t count = 0;

    if (alias == XF_ALIAS_RUN_ID) {
        /* The digits beside the text as given: the latter may be an ext_id. */
        xray_str *texts = xf_arena_alloc(arena, 2 * given * sizeof *texts);

        if (texts == NULL)
            return false;
        for (size_t i = 0; i < given; i++) {
            char digits[32];

            texts[count++] = set->texts[i];
            if (!xf_alias_id_digits(set->texts[i], digits, &texts[count].len))
                continue;
            texts[count].ptr = xf_arena_copy(arena, digits, texts[count].len);
            if (texts[count].ptr == NULL)
                return false;
            count++;
        }
        set->texts = texts;
        set->count = count;
    } else {
        for (size_t i = 0; i < given; i++)
            set->texts[i] = xf_alias_word(alias, set->texts[i]);
    }
    if (set->count > 1)
        qsort(set->texts, set->count, sizeof *set->texts, compare);
    return true;
}

bool xf_set_has(const struct xf_set *set, xray_str text)
{
    return set->count > 0 && bsearch(&text, set->texts, set->count, sizeof *set->texts, compare) != NULL;
}

bool xf_set_has_run(const struct xf_set *set, const xray_run_record *run)
{
    char id[32];

    xf_alias_put_id(run->id, id);
    for (size_t n = LEAST_PREFIX; n <= 32; n++)
        if (xf_set_has(set, xray_strn(id, n)))
            return true;
    return run->ext_id.len > 0 && xf_set_has(set, run->ext_id);
}
