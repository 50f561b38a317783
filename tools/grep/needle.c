/* See needle.h. */
#include "grep/needle.h"

#include <string.h>

/* Compiled to vector instructions where the machine has them, and to plain ones elsewhere. */
typedef uint8_t lanes __attribute__((vector_size(16)));

enum { LANES = sizeof(lanes) };

/* How often a byte stands in traces, roughly: English text, then JSON's numbers and names, then the rest. */
static unsigned frequency(uint8_t c)
{
    static const char common[] = " etaoinsrhld_cumfpgw\"ybv.,-/:0123456789kxjqz{}[]()=";
    const char *at = c != '\0' ? strchr(common, c) : NULL;

    if (at != NULL)
        return 2 + (unsigned)(common + sizeof common - at);
    return c >= 'A' && c <= 'Z' ? 2 : c == '\0' || c >= 0x80 ? 3 : 1;
}

struct needle needle_new(xray_str text, bool fold)
{
    struct needle n = {.len = text.len < NEEDLE_MAX ? text.len : NEEDLE_MAX};

    for (size_t i = 0; i < n.len; i++) {
        const uint8_t c = (uint8_t)text.ptr[i];
        const bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

        n.folds[i] = fold && letter ? 0x20 : 0;
        n.bytes[i] = c | n.folds[i];
    }
    for (size_t i = 1; i < n.len; i++)
        if (frequency(n.bytes[i]) < frequency(n.bytes[n.first]))
            n.first = i;
    n.second = n.first == 0 && n.len > 1 ? 1 : 0;
    for (size_t i = 0; i < n.len; i++)
        if (i != n.first && frequency(n.bytes[i]) < frequency(n.bytes[n.second]))
            n.second = i;
    return n;
}

static bool stands_at(const struct needle *n, const uint8_t *at)
{
    for (size_t i = 0; i < n->len; i++)
        if ((at[i] | n->folds[i]) != n->bytes[i])
            return false;
    return true;
}

static lanes load(const uint8_t *at)
{
    lanes v;

    memcpy(&v, at, sizeof v);
    return v;
}

static bool any(lanes v)
{
    uint64_t words[LANES / 8];

    memcpy(words, &v, sizeof words);
    return (words[0] | words[1]) != 0;
}

/* Where both bytes stand: at `at` and so many places behind it. */
static lanes compare(const struct needle *n, const uint8_t *at)
{
    const lanes zero = {0};
    const lanes first = (load(at + n->first) | n->folds[n->first]) ^ (zero + n->bytes[n->first]);
    const lanes second = (load(at + n->second) | n->folds[n->second]) ^ (zero + n->bytes[n->second]);

    return (lanes)((first | second) == zero);
}

size_t needle_find(const struct needle *n, const uint8_t *data, size_t len)
{
    const size_t places = len >= n->len ? len - n->len + 1 : 0;
    size_t at = 0;

    for (; at + 2 * LANES <= places; at += 2 * LANES) {
        if (!any(compare(n, data + at) | compare(n, data + at + LANES)))
            continue;
        for (size_t i = at; i < at + 2 * LANES; i++)
            if (stands_at(n, data + i))
                return i;
    }
    for (; at < places; at++)
        if (stands_at(n, data + at))
            return at;
    return len;
}
