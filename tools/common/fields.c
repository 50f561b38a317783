/* See fields.h: the names, and how they are parsed. The values are fieldget.c's. */
#include "common/fields.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/cli.h"
#include "common/fieldtable.h"
#include "common/spelling.h"

enum { R = FIELD_OF_RUN, S = FIELD_OF_STEP, C = FIELD_OF_CAND };

/* clang-format off */
static const struct field_entry entries[] = {
    {"id", F_ID, R | C, 0, false},
    {"ext_id", F_EXT_ID, R | S, 0, false},
    {"pipeline", F_PIPELINE, R, R, false},
    {"name", F_PIPELINE, R, 0, false},
    {"name", F_NAME, S, 0, false},
    {"version", F_VERSION, R, R, false},
    {"project", F_PROJECT, R, R, false},
    {"session", F_SESSION, R, R, false},
    {"user", F_USER, R, R, false},
    {"status", F_STATUS, R | S, 0, false},
    {"start", F_START, R | S, 0, false},
    {"end", F_END, R | S, 0, false},
    {"duration", F_DURATION, R | S, 0, false},
    {"cost", F_COST, R | S, 0, false},
    {"error", F_ERROR, R | S, 0, true},
    {"error_type", F_ERROR_TYPE, R | S, 0, false},
    {"tags", F_TAGS, R | S, R, true},
    {"metadata", F_METADATA, R | S, R, true},
    {"attrs", F_ATTRS, R | S, 0, true},
    {"input", F_INPUT, R | S, S, true},
    {"output", F_OUTPUT, R | S, S, true},
    {"steps", F_STEPS, R, R, false},
    {"truncated", F_TRUNCATED, R | S, 0, false},
    {"sampled", F_SAMPLED, R | S, 0, false},
    {"implicit", F_IMPLICIT, R | S, 0, false},
    {"number", F_NUMBER, S, S, false},
    {"parent", F_PARENT, S, S, false},
    {"orphan", F_ORPHAN, S, S, false},
    {"type", F_TYPE, S, 0, false},
    {"candidates_in", F_CANDIDATES_IN, S, S, false},
    {"candidates_out", F_CANDIDATES_OUT, S, S, false},
    {"candidates_kept", F_CANDIDATES_KEPT, S, S, false},
    {"rejected", F_REJECTED, S, S, false},
    {"rejection_rate", F_REJECTION_RATE, S, S, false},
    {"reduction_rate", F_REJECTION_RATE, S, S, false},
    {"reason", F_REASON, S | C, S, false},
    {"reasons", F_REASONS, S, S, true},
    {"model", F_MODEL, S, S, false},
    {"provider", F_PROVIDER, S, S, false},
    {"tokens_in", F_TOKENS_IN, S, S, false},
    {"tokens_out", F_TOKENS_OUT, S, S, false},
    {"tokens_cache_read", F_TOKENS_CACHE_READ, S, S, false},
    {"tokens_cache_write", F_TOKENS_CACHE_WRITE, S, S, false},
    {"tokens_reasoning", F_TOKENS_REASONING, S, S, false},
    {"tokens_total", F_TOKENS_TOTAL, S, S, false},
    {"reasoning", F_REASONING, S, S, true},
    {"filters", F_FILTERS, S, S, true},
    {"params", F_PARAMS, S, S, true},
    {"sampling", F_SAMPLING, S, S, true},
    {"input_size", F_INPUT_SIZE, R | S, S, false},
    {"output_size", F_OUTPUT_SIZE, R | S, S, false},
    {"verdict", F_VERDICT, C, 0, false},
    {"decision", F_VERDICT, C, 0, false},
    {"rule", F_RULE, C, 0, false},
    {"score", F_SCORE, C, 0, false},
    {"threshold", F_THRESHOLD, C, 0, false},
    {"rank_in", F_RANK_IN, C, 0, false},
    {"rank_out", F_RANK_OUT, C, 0, false},
    {"weight", F_WEIGHT, C, 0, false},
    {"margin", F_MARGIN, C, 0, false},
    {"by", F_BY, C, 0, false},
    {"provenance", F_PROVENANCE, C, 0, false},
    {"time", F_TIME, C, 0, false},
    {"evidence", F_EVIDENCE, C, 0, true},
    {"text", F_TEXT, S | C, 0, false},
};
/* clang-format on */

enum { ENTRY_COUNT = sizeof entries / sizeof entries[0] };

static const struct field_entry *find_entry(unsigned owner, xray_str name)
{
    for (size_t i = 0; i < ENTRY_COUNT; i++) {
        if ((entries[i].owners & owner) != 0 && strlen(entries[i].name) == name.len &&
            memcmp(entries[i].name, name.ptr, name.len) == 0)
            return &entries[i];
    }
    return NULL;
}

static bool is_alias(const struct field_entry *e)
{
    for (size_t i = 0; i < ENTRY_COUNT && &entries[i] != e; i++) {
        if (entries[i].id == e->id && (entries[i].owners & e->owners) != 0)
            return true;
    }
    return false;
}

const char *field_list(unsigned owner, size_t i)
{
    for (size_t k = 0; k < ENTRY_COUNT; k++) {
        const struct field_entry *e = &entries[k];

        if ((e->owners & owner) != 0 && e->id != F_TEXT && !is_alias(e) && i-- == 0)
            return e->name;
    }
    return NULL;
}

/* ---- parsing ---- */

static const char *scope_name(unsigned owner)
{
    return owner == R ? "run" : owner == S ? "step" : "cand";
}

static _Noreturn void refuse(const char *option, xray_str name, const char *hint)
{
    cli_error(NULL, "%s: there is no field '%.*s' here", option, (int)(name.len < 100 ? name.len : 100),
              name.ptr);
    cli_hint("%s", hint);
    exit(EXIT_TROUBLE);
}

static _Noreturn void refuse_unknown(const char *option, xray_str whole, xray_str name, unsigned owners,
                                     const struct field_own *own)
{
    char hint[200] = "xray-query(7) lists the fields";
    size_t least = 3;

    for (size_t i = 0; i < ENTRY_COUNT; i++) {
        const unsigned owner = entries[i].owners & owners;
        const size_t d = spelling_distance(name, xray_s(entries[i].name));

        if (owner != 0 && d < least) {
            least = d;
            snprintf(hint, sizeof hint, "did you mean %s.%s?", scope_name(owner & -owner), entries[i].name);
        }
    }
    for (; own != NULL && own->name != NULL; own++) {
        const size_t d = spelling_distance(whole, xray_s(own->name));

        if (d < least) {
            least = d;
            snprintf(hint, sizeof hint, "did you mean %s?", own->name);
        }
    }
    refuse(option, whole, hint);
}

/* The scope that "run." and so on names, and what is behind it; 0: none. */
static unsigned take_scope(xray_str *name)
{
    static const unsigned scopes[] = {R, S, C};

    for (size_t i = 0; i < 3; i++) {
        const char *scope = scope_name(scopes[i]);
        const size_t len = strlen(scope);

        if (name->len > len && memcmp(name->ptr, scope, len) == 0 && name->ptr[len] == '.') {
            *name = xray_strn(name->ptr + len + 1, name->len - len - 1);
            return scopes[i];
        }
    }
    return 0;
}

static bool is_one(unsigned set)
{
    return set != 0 && (set & (set - 1)) == 0;
}

/* Whose field a bare name is: the one scope here that has it, else the one that the query language says, else that of
 * `prefer`. */
static unsigned bare_owner(const char *option, xray_str whole, xray_str name, unsigned owners, unsigned prefer)
{
    unsigned have = 0;
    unsigned bare = 0;
    char hint[200];

    for (size_t i = 0; i < ENTRY_COUNT; i++) {
        if (strlen(entries[i].name) == name.len && memcmp(entries[i].name, name.ptr, name.len) == 0) {
            have |= entries[i].owners & owners;
            bare |= entries[i].bare & owners;
        }
    }
    if (have == 0 || is_one(have))
        return have;
    if (is_one(bare))
        return bare;
    if ((have & prefer) != 0)
        return prefer;
    snprintf(hint, sizeof hint, "write %s.%.*s or %s.%.*s", scope_name(have & -have), (int)name.len, name.ptr,
             scope_name(have & (have - 1) & -(have & (have - 1))), (int)name.len, name.ptr);
    refuse(option, whole, hint);
}

static struct field_step *add_step(struct named_field *f, const char *option, xray_str whole)
{
    if (f->path_count == FIELD_PATH)
        refuse(option, whole, "a path may have at most 32 members");
    return &f->path[f->path_count++];
}

/* .name ."quoted" [n], from `at` on. */
static void parse_path(struct named_field *f, const char *option, xray_str whole, const char *at,
                       const char *end)
{
    static const char syntax[] = "members are written tags.tier, tags.\"user.tier\", messages[0]";

    while (at < end) {
        struct field_step *step = add_step(f, option, whole);
        const char *close;

        if (*at == '[') {
            char *digits_end;

            step->index = strtol(at + 1, &digits_end, 10);
            if (digits_end == at + 1 || digits_end >= end || *digits_end != ']')
                refuse(option, whole, syntax);
            at = digits_end + 1;
            continue;
        }
        if (*at != '.' || ++at == end)
            refuse(option, whole, syntax);
        if (*at == '"') {
            close = memchr(at + 1, '"', (size_t)(end - at - 1));
            if (close == NULL || close == at + 1)
                refuse(option, whole, syntax);
            text_put(&step->name, at + 1, (size_t)(close - at - 1));
            at = close + 1;
            continue;
        }
        for (close = at; close < end && *close != '.' && *close != '['; close++) {
        }
        if (close == at)
            refuse(option, whole, syntax);
        text_put(&step->name, at, (size_t)(close - at));
        at = close;
    }
}

static bool find_own(struct named_field *f, xray_str name, const struct field_own *own)
{
    for (; own != NULL && own->name != NULL; own++) {
        if (strlen(own->name) == name.len && memcmp(own->name, name.ptr, name.len) == 0) {
            f->own = own;
            return true;
        }
    }
    return false;
}

static void parse_field(struct named_field *out, const char *option, xray_str whole, unsigned owners,
                        unsigned prefer, const struct field_own *own)
{
    xray_str name = whole;
    char *title = memory_new(whole.len + 1, 1);

    memcpy(title, whole.ptr, whole.len);
    *out = (struct named_field){.title = title};
    if (find_own(out, whole, own))
        return;
    out->owner = take_scope(&name);

    const char *end = name.ptr + name.len;
    size_t len = 0;

    while (len < name.len && name.ptr[len] != '.' && name.ptr[len] != '[')
        len++;
    name.len = len;
    if (out->owner == 0)
        out->owner = bare_owner(option, whole, name, owners, prefer);
    else if ((out->owner & owners) == 0)
        refuse(option, whole,
               out->owner == C ? "cand. fields need --unit=cand" : "step. fields need --unit=step");
    out->entry = out->owner != 0 ? find_entry(out->owner, name) : NULL;
    if (out->entry == NULL)
        refuse_unknown(option, whole, name, owners, own);
    if (out->entry->id == F_TEXT)
        refuse(option, whole, "text can be searched, but not be printed: choose input, output, ...");
    parse_path(out, option, whole, name.ptr + len, end);
    if (out->path_count > 0 && !out->entry->members)
        refuse(option, whole, "this field has no members");
}

void field_parse(struct named_field *out, const char *option, xray_str name, unsigned owners,
                 const struct field_own *own)
{
    parse_field(out, option, name, owners, 0, own);
}

void field_parse_preferring(struct named_field *out, const char *option, xray_str name, unsigned owners,
                            unsigned prefer)
{
    parse_field(out, option, name, owners, prefer, NULL);
}

void field_free(struct named_field *f)
{
    for (size_t i = 0; i < f->path_count; i++)
        text_free(&f->path[i].name);
    free((char *)f->title);
    *f = (struct named_field){0};
}

unsigned field_needs(const struct named_field *f)
{
    if (f->own != NULL)
        return 0;
    if (f->owner == C)
        return XRAY_NEEDS_STEPS | XRAY_NEEDS_EVENTS | (f->entry->id == F_EVIDENCE ? XRAY_NEEDS_PAYLOAD : 0);

    const unsigned steps = f->owner == S || f->entry->id == F_STEPS ? XRAY_NEEDS_STEPS : 0;

    switch (f->entry->id) {
    case F_ERROR:
    case F_TAGS:
    case F_METADATA:
    case F_ATTRS:
    case F_INPUT:
    case F_OUTPUT:
    case F_REASONING:
    case F_FILTERS:
    case F_PARAMS:
    case F_SAMPLING:
    case F_INPUT_SIZE:
    case F_OUTPUT_SIZE:
        return steps | XRAY_NEEDS_PAYLOAD;
    default:
        return steps;
    }
}
