/* See runs.h. */
#include "common/runs.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/random.h>

#include "common/cli.h"
#include "common/human.h"
#include "common/input.h"

enum { MIN_DIGITS = 8 };

bool runs_count(xray_store *store, size_t *count)
{
    xray_error err = {0};

    if (xray_store_run_count(store, count, &err) == 0)
        return true;
    input_failed(&err);
    return false;
}

void runs_record(xray_store *store, size_t index, xray_run_record *out)
{
    xray_error err = {0};

    if (xray_store_run(store, index, out, &err) < 0)
        cli_die("%s", err.message);
}

const xray_run_record *runs_at(struct runs_last *last, xray_store *store, size_t index)
{
    if (!last->known || last->index != index)
        runs_record(store, index, &last->record);
    last->known = true;
    last->index = index;
    return &last->record;
}

int runs_id_digits(xray_store *store)
{
    int digits = MIN_DIGITS;

    xray_store_run_digits(store, &digits, NULL);
    return digits > MIN_DIGITS ? digits : MIN_DIGITS;
}

void runs_put_id(struct text *t, const uint8_t id[16], int digits)
{
    for (int i = 0; i < digits && i < 32; i++) {
        const unsigned nibble = i % 2 == 0 ? id[i / 2] >> 4 : id[i / 2] & 15;

        text_put(t, &"0123456789abcdef"[nibble], 1);
    }
}

const char *runs_status(bool ended, bool abandoned, xray_outcome outcome)
{
    if (!ended)
        return abandoned ? "abandoned" : "running";
    if (outcome == XRAY_RUNNING)
        return "ended";

    const char *name = xray_outcome_name(outcome);

    return name != NULL ? name : "unknown";
}

enum style runs_status_style(const char *status)
{
    if (strcmp(status, "success") == 0)
        return STYLE_GOOD;
    if (strcmp(status, "failure") == 0)
        return STYLE_BAD;
    if (strcmp(status, "partial") == 0 || strcmp(status, "abandoned") == 0)
        return STYLE_WARN;
    return STYLE_NONE;
}

const char *runs_parse_status(const char *text)
{
    if (strcasecmp(text, "abandoned") == 0)
        return "abandoned";
    if (strcasecmp(text, "ended") == 0)
        return "ended";

    const int outcome = xray_outcome_parse(xray_s(text));

    if (outcome < 0)
        cli_usage("--status takes running, abandoned, success, failure, partial or ended, not '%s'", text);
    return xray_outcome_name(outcome);
}

void runs_put_pipeline(struct text *t, const xray_run_record *run)
{
    if (run->pipeline.len == 0)
        text_puts(t, "-");
    text_safe(t, run->pipeline, SAFE_LINE);
    if (run->version.len > 0) {
        text_puts(t, "@");
        text_safe(t, run->version, SAFE_LINE);
    }
}

bool name_matches(const char *pattern, xray_str name)
{
    char copy[512];

    if (name.len == 0)
        return false;
    if (strpbrk(pattern, "*?[\\") == NULL || name.len >= sizeof copy)
        return strlen(pattern) == name.len && memcmp(pattern, name.ptr, name.len) == 0;
    memcpy(copy, name.ptr, name.len);
    copy[name.len] = '\0';
    return fnmatch(pattern, copy, 0) == 0;
}

static void list_matches(xray_store *store, const size_t *matches, size_t count)
{
    struct text t = {0};

    for (size_t i = 0; i < count && i < 16; i++) {
        xray_run_record record;
        const xray_run_record *run = &record;

        runs_record(store, matches[i], &record);
        text_reset(&t);
        runs_put_id(&t, run->id, 32);
        text_puts(&t, "  ");
        runs_put_pipeline(&t, run);
        if (run->ext_id.len > 0) {
            text_puts(&t, "  ");
            text_safe(&t, run->ext_id, SAFE_LINE);
        }
        if (run->start_ns != XRAY_MISSING) {
            text_puts(&t, "  ");
            human_time(&t, run->start_ns, 0);
        }
        cli_hint("%.*s", (int)t.len, t.data);
    }
    text_free(&t);
}

bool runs_by_id(xray_store *store, const char *id, size_t *index)
{
    size_t matches[16];
    xray_error err = {0};
    const int count = xray_store_find_run(store, xray_s(id), index, matches, &err);

    if (count == 1)
        return true;
    if (count > 1) {
        cli_error(NULL, "run id '%s' is ambiguous: %d runs begin so", id, count);
        list_matches(store, matches, (size_t)count);
    } else if (count == 0 || count == XRAY_ENOTFOUND) {
        cli_error(NULL, "no run has an id that begins with '%s'", id);
        if (strlen(id) < 4)
            cli_hint("at least 4 characters of the id are needed");
    } else {
        cli_error(NULL, "run id '%s': %s", id, err.message);
    }
    return false;
}

/* ---- ids to numbers ---- */

struct idmap_slot {
    uint8_t id[16];
    size_t number_plus_1; /* 0: free */
};

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* Seeded at random: ids are chosen by whoever wrote the file. */
static struct idmap_slot *find_slot(const struct idmap *m, const uint8_t id[16])
{
    uint64_t half[2];

    memcpy(half, id, 16);

    size_t i = (size_t)mix(mix(half[0] ^ m->seed[0]) + (half[1] ^ m->seed[1]));

    for (;; i++) {
        struct idmap_slot *slot = &m->slots[i & (m->cap - 1)];

        if (slot->number_plus_1 == 0 || memcmp(slot->id, id, 16) == 0)
            return slot;
    }
}

static void grow(struct idmap *m)
{
    const struct idmap old = *m;

    if (old.cap == 0 && getrandom(m->seed, sizeof m->seed, 0) != sizeof m->seed)
        m->seed[0] = (uint64_t)(uintptr_t)m;
    m->cap = old.cap == 0 ? 1024 : old.cap * 2;
    m->slots = memory_new(m->cap, sizeof *m->slots);
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slots[i].number_plus_1 != 0)
            *find_slot(m, old.slots[i].id) = old.slots[i];
    }
    free(old.slots);
}

size_t idmap_put(struct idmap *m, const uint8_t id[16], bool *added)
{
    if (m->count >= m->cap / 3 * 2)
        grow(m);

    struct idmap_slot *slot = find_slot(m, id);

    *added = slot->number_plus_1 == 0;
    if (*added) {
        memcpy(slot->id, id, 16);
        slot->number_plus_1 = ++m->count;
    }
    return slot->number_plus_1 - 1;
}

bool idmap_find(const struct idmap *m, const uint8_t id[16], size_t *number)
{
    if (m->cap == 0)
        return false;

    const struct idmap_slot *slot = find_slot(m, id);

    if (slot->number_plus_1 == 0)
        return false;
    *number = slot->number_plus_1 - 1;
    return true;
}

void idmap_free(struct idmap *m)
{
    free(m->slots);
    *m = (struct idmap){0};
}

struct step_place step_place_of(struct idmap *writers, const xray_step_record *step)
{
    bool added;

    return (struct step_place){
        .number = step->raw_number,
        .segment = step->segment,
        .writer = (uint32_t)idmap_put(writers, step->writer_id, &added),
    };
}

bool step_place_before(const struct step_place *a, const struct step_place *b)
{
    if (a->segment == b->segment || a->writer == b->writer)
        return a->number < b->number;
    return a->segment < b->segment;
}
