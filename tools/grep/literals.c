/* See literals.h. */
#include "grep/literals.h"

#include <stdlib.h>

#include "common/text.h"

enum { WINDOW = 8 }; /* bytes that are hashed, at most */

struct literals {
    const xray_str *texts;
    size_t window;   /* bytes that are hashed: of the shortest text */
    uint64_t mask;   /* these bytes in a word */
    unsigned shift;  /* leaves the bits of the table's size */
    uint32_t *heads; /* by hash: number of a text + 1, or 0 */
    uint32_t *next;  /* of each text, the same */
};

/* The bytes at `at`, of which `left` may be read; at least a window. */
static uint64_t load(const struct literals *l, const char *at, size_t left)
{
    uint64_t word = 0;

    memcpy(&word, at, left >= WINDOW ? WINDOW : l->window);
    return word & l->mask;
}

static size_t hash(const struct literals *l, uint64_t word)
{
    return (size_t)(word * UINT64_C(0x9e3779b97f4a7c15) >> l->shift);
}

static uint64_t mask_of(size_t window)
{
    uint64_t mask = 0;

    memset(&mask, 0xff, window); /* as bytes: right for either byte order */
    return mask;
}

struct literals *literals_new(const xray_str *texts, size_t count)
{
    struct literals *l = memory_new(1, sizeof *l);
    unsigned bits = 12;

    l->texts = texts;
    l->window = WINDOW;
    for (size_t i = 0; i < count; i++)
        l->window = texts[i].len < l->window ? texts[i].len : l->window;
    l->mask = mask_of(l->window);
    while (bits < 24 && (size_t)1 << bits < 8 * count)
        bits++;
    l->shift = 64 - bits;
    l->heads = memory_new((size_t)1 << bits, sizeof *l->heads);
    l->next = memory_new(count, sizeof *l->next);
    for (size_t i = 0; i < count && i < UINT32_MAX; i++) {
        uint32_t *head = &l->heads[hash(l, load(l, texts[i].ptr, texts[i].len))];

        l->next[i] = *head;
        *head = (uint32_t)i + 1;
    }
    return l;
}

void literals_free(struct literals *l)
{
    if (l == NULL)
        return;
    free(l->heads);
    free(l->next);
    free(l);
}

/* The length of the longest text that stands at `at`, or 0. */
static size_t longest(const struct literals *l, uint32_t number, const char *at, size_t left)
{
    size_t best = 0;

    for (; number != 0; number = l->next[number - 1]) {
        const xray_str text = l->texts[number - 1];

        if (text.len > best && text.len <= left && memcmp(text.ptr, at, text.len) == 0)
            best = text.len;
    }
    return best;
}

bool literals_find(const struct literals *l, xray_str text, size_t from, size_t *start, size_t *end)
{
    for (size_t at = from; at <= text.len && text.len - at >= l->window; at++) {
        const size_t left = text.len - at;
        const uint32_t number = l->heads[hash(l, load(l, text.ptr + at, left))];
        const size_t len = number != 0 ? longest(l, number, text.ptr + at, left) : 0;

        if (len > 0) {
            *start = at;
            *end = at + len;
            return true;
        }
    }
    return false;
}
