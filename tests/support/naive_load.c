/* The NDJSON lines of a store as json-c objects (naive_query.h). */
#include "support/naive_query.h"

#include <stdlib.h>
#include <string.h>

static void *grow(void *array, size_t count, size_t size)
{
    void *p = realloc(array, (count + 1) * size);

    if (p == NULL)
        abort();
    memset((char *)p + count * size, 0, size);
    return p;
}

/* Files a line under what came before it. */
static void add_line(struct naive_store *s, json_object *line)
{
    const char *kind = json_object_get_string(json_object_object_get(line, "kind"));
    struct naive_run *run = s->count > 0 ? &s->runs[s->count - 1] : NULL;
    struct naive_step *step = run != NULL && run->step_count > 0 ? &run->steps[run->step_count - 1] : NULL;

    if (strcmp(kind, "run") == 0) {
        s->runs = grow(s->runs, s->count, sizeof *s->runs);
        s->runs[s->count++].line = line;
    } else if (strcmp(kind, "step") == 0) {
        run->steps = grow(run->steps, run->step_count, sizeof *run->steps);
        run->steps[run->step_count++].line = line;
    } else if (strcmp(kind, "cand") == 0 && step != NULL) {
        step->cands = grow(step->cands, step->cand_count, sizeof *step->cands);
        step->cands[step->cand_count++] = line;
    } else {
        json_object_put(line);
    }
}

bool naive_load(struct naive_store *s, const char *ndjson)
{
    json_tokener *tokener = json_tokener_new();
    bool good = true;

    *s = (struct naive_store){0};
    while (good && *ndjson != '\0') {
        const size_t n = strcspn(ndjson, "\n");
        json_object *line = json_tokener_parse_ex(tokener, ndjson, (int)n);

        good = line != NULL && json_object_object_get(line, "kind") != NULL;
        if (good)
            add_line(s, line);
        json_tokener_reset(tokener);
        ndjson += n + (ndjson[n] == '\n');
    }
    json_tokener_free(tokener);
    return good;
}

void naive_free(struct naive_store *s)
{
    for (size_t r = 0; r < s->count; r++) {
        struct naive_run *run = &s->runs[r];

        for (size_t i = 0; i < run->step_count; i++) {
            for (size_t k = 0; k < run->steps[i].cand_count; k++)
                json_object_put(run->steps[i].cands[k]);
            free(run->steps[i].cands);
            json_object_put(run->steps[i].line);
        }
        free(run->steps);
        json_object_put(run->line);
    }
    free(s->runs);
    *s = (struct naive_store){0};
}
