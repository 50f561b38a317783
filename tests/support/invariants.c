/* The checker of fault tests (invariants.h). */
#include "support/invariants.h"

#include "support/check.h"
#include "support/trace.h"

#include <stdlib.h>

static uint64_t there, lost;

uint64_t invariants_there(void)
{
    return there;
}

uint64_t invariants_lost(void)
{
    return lost;
}

/* The number behind `key` in this line; `fallback` if it has none. */
static uint64_t number_after(const char *line, const char *end, const char *key, uint64_t fallback)
{
    const char *at = memmem(line, (size_t)(end - line), key, strlen(key));

    return at != NULL ? strtoull(at + strlen(key), NULL, 10) : fallback;
}

static bool line_has(const char *line, const char *end, const char *text)
{
    return memmem(line, (size_t)(end - line), text, strlen(text)) != NULL;
}

void invariants_look(const char *dir, uint64_t recorded, uint64_t acknowledged, struct invariants *f)
{
    uint8_t *seen = calloc(recorded + 1, 1);
    char *text;

    *f = (struct invariants){0};
    text = trace_text(dir, &f->problems);
    f->readable = text != NULL;
    for (const char *line = text, *end; line != NULL && (end = strchr(line, '\n')) != NULL; line = end + 1) {
        if (line_has(line, end, "\"kind\":\"loss\"")) {
            if (!line_has(line, end, "\"what\":\"payload\""))
                f->lost += number_after(line, end, "\"count\":", 0);
            continue;
        }
        f->records++;
        if (line_has(line, end, "\"kind\":\"cand\"")) {
            const uint64_t n = number_after(line, end, "\"item\":\"i", UINT64_MAX);

            f->there++;
            f->unknown += n >= recorded;
            if (n < recorded)
                f->twice += seen[n]++ != 0;
        }
    }
    for (uint64_t i = 0; i < acknowledged && i < recorded; i++)
        f->missing += seen[i] == 0;
    free(text);
    free(seen);
}

void invariants_check(const char *dir, uint64_t recorded, uint64_t acknowledged, uint64_t accepted)
{
    struct invariants found;

    invariants_look(dir, recorded, acknowledged, &found);
    there = found.there;
    lost = found.lost;
    CHECK_EQ(found.problems, 0);
    CHECK_EQ(found.unknown, 0);
    CHECK_EQ(found.twice, 0);
    CHECK_EQ(found.missing, 0);
    if (accepted != 0)
        CHECK_EQ(found.records + found.lost, accepted);
}
