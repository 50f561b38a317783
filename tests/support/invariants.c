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

void invariants_check(const char *dir, uint64_t recorded, uint64_t acknowledged, uint64_t accepted)
{
    uint8_t *seen = calloc(recorded + 1, 1);
    size_t problems = 0;
    char *text = trace_text(dir, &problems);
    uint64_t records = 0, twice = 0, missing = 0, unknown = 0;

    there = lost = 0;
    for (const char *line = text, *end; line != NULL && (end = strchr(line, '\n')) != NULL; line = end + 1) {
        if (line_has(line, end, "\"kind\":\"loss\"")) {
            if (!line_has(line, end, "\"what\":\"payload\""))
                lost += number_after(line, end, "\"count\":", 0);
            continue;
        }
        records++;
        if (line_has(line, end, "\"kind\":\"cand\"")) {
            const uint64_t n = number_after(line, end, "\"item\":\"i", UINT64_MAX);

            there++;
            unknown += n >= recorded;
            if (n < recorded)
                twice += seen[n]++ != 0;
        }
    }
    for (uint64_t i = 0; i < acknowledged && i < recorded; i++)
        missing += seen[i] == 0;
    CHECK_EQ(problems, 0);
    CHECK_EQ(unknown, 0);
    CHECK_EQ(twice, 0);
    CHECK_EQ(missing, 0);
    if (accepted != 0)
        CHECK_EQ(records + lost, accepted);
    free(text);
    free(seen);
}
