/* Values and fields of the interpreter of random queries: ql 3, over NDJSON lines (spec 13). */
#include "support/naive_value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- values ----------------------------------------------------------------------- */

/* Everything made while one expression is evaluated. */
static void *junk[200000];
static size_t junk_count;

void *naive_keep(void *p)
{
    if (p == NULL || junk_count == sizeof junk / sizeof junk[0])
        abort();
    junk[junk_count++] = p;
    return p;
}

size_t naive_mark(void)
{
    return junk_count;
}

void naive_sweep(size_t mark)
{
    while (junk_count > mark)
        free(junk[--junk_count]);
}

struct value naive_missing(void)
{
    return (struct value){.kind = MISSING};
}

struct value naive_boolean(bool b)
{
    return (struct value){.kind = BOOL, .b = b};
}

struct value naive_decimal(double d)
{
    return (struct value){.kind = NUMBER, .number = d};
}

struct value naive_integer(int64_t i)
{
    return (struct value){.kind = NUMBER, .integer = true, .number = i};
}

struct value naive_text(const char *t)
{
    return t != NULL ? (struct value){.kind = TEXT, .text = t} : naive_missing();
}

void naive_add_text(struct texts *t, const char *s)
{
    if (s == NULL)
        return;
    if (t->count == MAX_TEXTS)
        abort();
    t->list[t->count++] = s;
}

struct texts *naive_no_texts(void)
{
    return naive_keep(calloc(1, sizeof(struct texts)));
}

/* ---- JSON -------------------------------------------------------------------------- */

json_object *naive_member(json_object *o, const char *key)
{
    json_object *v = NULL;

    if (o != NULL && json_object_is_type(o, json_type_object))
        json_object_object_get_ex(o, key, &v);
    return v;
}

const char *naive_string(json_object *o)
{
    return o != NULL && json_object_is_type(o, json_type_string) ? json_object_get_string(o) : NULL;
}

static void leaves(json_object *o, struct texts *out)
{
    if (json_object_is_type(o, json_type_string)) {
        naive_add_text(out, json_object_get_string(o));
    } else if (json_object_is_type(o, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(o); i++)
            leaves(json_object_array_get_idx(o, i), out);
    } else if (json_object_is_type(o, json_type_object)) {
        if (naive_member(o, "$f") != NULL) /* NaN and the infinities are numbers */
            return;
        json_object_object_foreach(o, key, value)
        {
            (void)key;
            leaves(value, out);
        }
    }
}

static struct value from_json(json_object *o)
{
    struct value v = naive_missing();

    switch (json_object_get_type(o)) {
    case json_type_null:
        return v;
    case json_type_boolean:
        return naive_boolean(json_object_get_boolean(o));
    case json_type_double:
        return naive_decimal(json_object_get_double(o));
    case json_type_int:
        if (json_object_get_uint64(o) > INT64_MAX && json_object_get_int64(o) == INT64_MAX)
            return (struct value){.kind = NUMBER, .number = json_object_get_uint64(o)};
        return naive_integer(json_object_get_int64(o));
    case json_type_string:
        return naive_text(json_object_get_string(o));
    case json_type_array:
        v = (struct value){.kind = DATA, .texts = naive_no_texts(), .length = json_object_array_length(o)};
        leaves(o, v.texts);
        return v;
    case json_type_object:
        if (naive_member(o, "$f") != NULL)
            return naive_decimal(naive_string(naive_member(o, "$f"))[0] == 'n' ? NAN : INFINITY);
        v = (struct value){
            .kind = DATA, .texts = naive_no_texts(), .length = (size_t)json_object_object_length(o)};
        leaves(o, v.texts);
        return v;
    }
    return v;
}

/* Times and durations are integers in strings. */
static struct value from_ns(json_object *o)
{
    return o != NULL ? naive_integer(strtoll(json_object_get_string(o), NULL, 10)) : naive_missing();
}

static struct value from_decimal(json_object *o)
{
    return o != NULL ? naive_decimal(json_object_get_double(o)) : naive_missing();
}

/* ".a", ".m.x", ".\"p.q\"", ".list[-1].a": member by member, else names that are not quoted joined by dots.
 */
static json_object *walk(json_object *o, const char *path)
{
    char key[64];
    size_t n, joined = 0;

    if (path == NULL || path[0] == '\0')
        return o;
    if (path[0] == '[') {
        long i = strtol(path + 1, NULL, 10);

        if (o == NULL || !json_object_is_type(o, json_type_array))
            return NULL;
        i += i < 0 ? (long)json_object_array_length(o) : 0;
        if (i < 0 || (size_t)i >= json_object_array_length(o))
            return NULL;
        return walk(json_object_array_get_idx(o, (size_t)i), strchr(path, ']') + 1);
    }
    if (path[1] == '"') {
        n = strcspn(path + 2, "\"");
        memcpy(key, path + 2, n);
        key[n] = '\0';
        return walk(naive_member(o, key), path + 3 + n);
    }
    for (const char *rest = path; *rest == '.' && rest[1] != '"'; rest += 1 + n) {
        json_object *found;

        n = strcspn(rest + 1, ".[");
        if (joined > 0)
            key[joined++] = '.';
        memcpy(key + joined, rest + 1, n);
        joined += n;
        key[joined] = '\0';
        found = walk(naive_member(o, key), rest + 1 + n);
        if (found != NULL)
            return found;
    }
    return NULL;
}

/* Bytes of the shortest MessagePack. */
static size_t packed_size(json_object *o)
{
    size_t n = 0, sum = 0;
    int64_t i;

    switch (json_object_get_type(o)) {
    case json_type_null:
    case json_type_boolean:
        return 1;
    case json_type_double:
        return 9;
    case json_type_int:
        i = json_object_get_int64(o);
        if (i >= 0)
            return i < 128 ? 1 : i < 256 ? 2 : i < 65536 ? 3 : i <= UINT32_MAX ? 5 : 9;
        return i >= -32 ? 1 : i >= INT8_MIN ? 2 : i >= INT16_MIN ? 3 : i >= INT32_MIN ? 5 : 9;
    case json_type_string:
        n = (size_t)json_object_get_string_len(o);
        return n + (n < 32 ? 1 : n < 256 ? 2 : n < 65536 ? 3 : 5);
    case json_type_array:
        n = json_object_array_length(o);
        for (size_t k = 0; k < n; k++)
            sum += packed_size(json_object_array_get_idx(o, k));
        break;
    case json_type_object:
        if (naive_member(o, "$f") != NULL)
            return 9;
        json_object_object_foreach(o, key, value)
        {
            const size_t len = strlen(key);

            sum += len + (len < 32 ? 1 : 2) + packed_size(value);
            n++;
        }
        break;
    }
    return sum + (n < 16 ? 1 : 3);
}

/* ---- fields -------------------------------------------------------------------------- */

static struct value status(json_object *line)
{
    const char *s = naive_string(naive_member(line, "status"));

    /* The stores of these tests are sealed: what is running will never end. */
    return naive_text(s != NULL && strcmp(s, "running") == 0 ? "abandoned" : s);
}

/* "Type: message", or the type of a map. */
static struct value error_type(json_object *error)
{
    const char *s = naive_string(error), *colon = s != NULL ? strstr(s, ": ") : NULL;
    char *copy;

    if (s == NULL)
        return naive_text(naive_string(naive_member(error, "type")));
    if (colon == NULL || strcspn(s, " ") < (size_t)(colon - s) || colon == s)
        return naive_missing();
    copy = naive_keep(strdup(s));
    copy[colon - s] = '\0';
    return naive_text(copy);
}

/* What runs and steps have in common; false: it is something else. */
static bool common_field(json_object *line, const char *name, const char *path, struct value *out)
{
    static const char *const values[] = {"tags",      "metadata", "attrs",  "input",    "output",
                                         "reasoning", "filters",  "params", "sampling", NULL};
    static const char *const flags[] = {"truncated", "implicit", "sampled", NULL};

    for (size_t i = 0; values[i] != NULL; i++)
        if (strcmp(name, values[i]) == 0) {
            *out = from_json(walk(naive_member(line, name), path));
            return true;
        }
    for (size_t i = 0; flags[i] != NULL; i++)
        if (strcmp(name, flags[i]) == 0) {
            *out = naive_boolean((json_object_get_int(naive_member(line, "flags")) >> i & 1) != 0);
            return true;
        }
    if (strcmp(name, "status") == 0) {
        *out = status(line);
    } else if (strcmp(name, "start") == 0 || strcmp(name, "end") == 0 || strcmp(name, "duration") == 0) {
        *out = from_ns(naive_member(line, name));
    } else if (strcmp(name, "cost") == 0) {
        *out = from_decimal(naive_member(line, name));
    } else if (strcmp(name, "error_type") == 0) {
        *out = error_type(naive_member(line, "error"));
    } else if (strcmp(name, "error") == 0) {
        json_object *error = naive_member(line, "error");

        *out = path != NULL ? from_json(walk(error, path)) : naive_text(naive_string(error));
        if (path == NULL && naive_string(error) == NULL)
            *out = naive_text(naive_string(naive_member(error, "message")));
    } else if (strcmp(name, "input_size") == 0 || strcmp(name, "output_size") == 0) {
        json_object *v = naive_member(line, name[0] == 'i' ? "input" : "output");

        *out = v != NULL ? naive_integer((int64_t)packed_size(v)) : naive_missing();
    } else {
        return false;
    }
    return true;
}

static struct value run_field(const struct naive_run *run, const char *name, const char *path)
{
    struct value v;

    if (common_field(run->line, name, path, &v))
        return v;
    if (strcmp(name, "steps") == 0)
        return naive_integer((int64_t)run->step_count);
    if (strcmp(name, "id") == 0)
        name = "run";
    else if (strcmp(name, "name") == 0)
        name = "pipeline";
    return naive_text(naive_string(naive_member(run->line, name)));
}

static struct value set_or_missing(struct texts *t)
{
    return t->count > 0 ? (struct value){.kind = SET, .texts = t} : naive_missing();
}

static struct value step_texts(json_object *line)
{
    static const char *const names[] = {"name", "type", "model", "provider", "ext_id", NULL};
    static const char *const values[] = {"error",    "input", "output",   "reasoning", "filters", "params",
                                         "sampling", "tags",  "metadata", "attrs",     NULL};
    struct texts *t = naive_no_texts();
    json_object *reasons = naive_member(line, "reasons");

    for (size_t i = 0; names[i] != NULL; i++)
        naive_add_text(t, naive_string(naive_member(line, names[i])));
    if (reasons != NULL) {
        json_object_object_foreach(reasons, code, count)
        {
            (void)count;
            naive_add_text(t, code);
        }
    }
    for (size_t i = 0; values[i] != NULL; i++)
        if (naive_member(line, values[i]) != NULL)
            leaves(naive_member(line, values[i]), t);
    return set_or_missing(t);
}

static struct value step_counts(json_object *line, const char *name)
{
    const struct value in = from_json(naive_member(line, "candidates_in")),
                       out = from_json(naive_member(line, "candidates_out"));
    const struct value rejected = naive_arithmetic(NQ_MINUS, in, out);
    json_object *tokens = naive_member(line, "tokens");

    if (strcmp(name, "rejected") == 0)
        return rejected;
    if (strcmp(name, "rejection_rate") == 0 || strcmp(name, "reduction_rate") == 0)
        return in.kind == NUMBER && in.number == 0 && out.kind == NUMBER
                   ? naive_integer(0)
                   : naive_arithmetic(NQ_OVER, rejected, in);
    if (strcmp(name, "candidates_kept") == 0)
        return from_json(naive_member(line, "kept"));
    if (strcmp(name, "tokens_total") == 0 && naive_member(tokens, "total") == NULL)
        return naive_arithmetic(NQ_PLUS, from_json(naive_member(tokens, "input")),
                                from_json(naive_member(tokens, "output")));
    if (strcmp(name, "tokens_in") == 0)
        return from_json(naive_member(tokens, "input"));
    if (strcmp(name, "tokens_out") == 0)
        return from_json(naive_member(tokens, "output"));
    if (strncmp(name, "tokens_", 7) == 0)
        return from_json(naive_member(tokens, name + 7));
    return from_json(naive_member(line, name));
}

static struct value step_field(json_object *line, const char *name, const char *path)
{
    struct value v;

    if (common_field(line, name, path, &v))
        return v;
    if (strcmp(name, "number") == 0)
        return from_json(naive_member(line, "step"));
    if (strcmp(name, "orphan") == 0)
        return naive_boolean(naive_member(line, "parent_ext") != NULL);
    if (strcmp(name, "text") == 0)
        return step_texts(line);
    if (strcmp(name, "reasons") == 0) {
        char code[64] = "";

        strncat(code, path + (path[1] == '"' ? 2 : 1), strcspn(path + (path[1] == '"' ? 2 : 1), "\""));
        return from_json(naive_member(naive_member(line, "reasons"), code));
    }
    if (strcmp(name, "reason") == 0) {
        struct texts *t = naive_no_texts();
        json_object *reasons = naive_member(line, "reasons");

        if (reasons != NULL) {
            json_object_object_foreach(reasons, code, count)
            {
                (void)count;
                naive_add_text(t, code);
            }
        }
        return set_or_missing(t);
    }
    return step_counts(line, name);
}

static struct value cand_reasons(json_object *line, bool codes, bool rules, struct texts *t)
{
    json_object *reasons = naive_member(line, "reasons");

    for (size_t i = 0; reasons != NULL && i < json_object_array_length(reasons); i++) {
        json_object *reason = json_object_array_get_idx(reasons, i);

        if (codes)
            naive_add_text(t, naive_string(naive_member(reason, "code")));
        if (rules)
            naive_add_text(t, naive_string(naive_member(reason, "rule")));
    }
    return set_or_missing(t);
}

static struct value cand_field(json_object *line, const char *name, const char *path)
{
    if (strcmp(name, "reason") == 0 || strcmp(name, "rule") == 0)
        return cand_reasons(line, name[1] == 'e', name[1] == 'u', naive_no_texts());
    if (strcmp(name, "text") == 0) {
        struct texts *t = naive_no_texts();

        naive_add_text(t, naive_string(naive_member(line, "item")));
        cand_reasons(line, true, true, t);
        if (naive_member(line, "evidence") != NULL)
            leaves(naive_member(line, "evidence"), t);
        return set_or_missing(t);
    }
    if (strcmp(name, "margin") == 0)
        return naive_arithmetic(NQ_MINUS, from_json(naive_member(line, "score")),
                                from_json(naive_member(line, "threshold")));
    if (strcmp(name, "time") == 0)
        return from_ns(naive_member(line, "time"));
    if (strcmp(name, "evidence") == 0)
        return from_json(walk(naive_member(line, "evidence"), path));
    return from_json(naive_member(line, strcmp(name, "id") == 0         ? "item"
                                        : strcmp(name, "decision") == 0 ? "verdict"
                                                                        : name));
}

struct value naive_field_value(const struct naive_query *q, const struct naive_env *v)
{
    const struct naive_step *step = v->step != SIZE_MAX ? &v->run->steps[v->step] : NULL;

    if (q->field->scope == 'r')
        return run_field(v->run, q->field->name, q->member);
    if (q->field->scope == 's')
        return step_field(step->line, q->field->name, q->member);
    return cand_field(step->cands[v->cand], q->field->name, q->member);
}

/* ---- arithmetic ------------------------------------------------------------------------ */

static double round_to_double(struct value v)
{
    return (double)v.number;
}

struct value naive_arithmetic(enum naive_op op, struct value a, struct value b)
{
    const double x = round_to_double(a), y = round_to_double(b);

    if (a.kind != NUMBER || b.kind != NUMBER || (op == NQ_OVER && y == 0))
        return naive_missing();
    if (a.integer && b.integer) {
        const __int128 i = (__int128)(int64_t)a.number, j = (__int128)(int64_t)b.number;
        const bool whole = op != NQ_OVER || i % j == 0;
        const __int128 r = op == NQ_PLUS ? i + j : op == NQ_MINUS ? i - j : op == NQ_TIMES ? i * j : i / j;

        if (whole && r >= INT64_MIN && r <= INT64_MAX)
            return naive_integer((int64_t)r);
    }
    return naive_decimal(op == NQ_PLUS ? x + y : op == NQ_MINUS ? x - y : op == NQ_TIMES ? x * y : x / y);
}
