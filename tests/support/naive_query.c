/* Interpreting random expressions over NDJSON lines (naive_query.h): the rules of ql 3 and 4,
 * each written down as plainly as it goes. */
#include "support/naive_query.h"

#include <math.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

/* ---- values ----------------------------------------------------------------------- */

enum kind { MISSING, BOOL, NUMBER, TEXT, SET, DATA };

#define MAX_TEXTS 400

struct texts {
    const char *list[MAX_TEXTS];
    size_t count;
};

struct value {
    enum kind kind;
    bool b;
    bool integer;        /* NUMBER: 64 bits, signed */
    long double number;  /* holds every integer of 64 bits and every double */
    const char *text;
    struct texts *texts; /* SET; DATA: those inside */
    size_t length;       /* DATA: elements or members */
};

/* Everything made while one expression is evaluated. */
static void *junk[200000];
static size_t junk_count;

static void *keep(void *p)
{
    if (p == NULL || junk_count == sizeof junk / sizeof junk[0])
        abort();
    junk[junk_count++] = p;
    return p;
}

static void sweep(size_t from)
{
    while (junk_count > from)
        free(junk[--junk_count]);
}

static struct value missing(void)
{
    return (struct value){.kind = MISSING};
}

static struct value boolean(bool b)
{
    return (struct value){.kind = BOOL, .b = b};
}

static struct value decimal(double d)
{
    return (struct value){.kind = NUMBER, .number = d};
}

static struct value integer(int64_t i)
{
    return (struct value){.kind = NUMBER, .integer = true, .number = i};
}

static struct value text(const char *t)
{
    return t != NULL ? (struct value){.kind = TEXT, .text = t} : missing();
}

static void add_text(struct texts *t, const char *s)
{
    if (s == NULL)
        return;
    if (t->count == MAX_TEXTS)
        abort();
    t->list[t->count++] = s;
}

static struct texts *no_texts(void)
{
    return keep(calloc(1, sizeof(struct texts)));
}

/* ---- JSON -------------------------------------------------------------------------- */

static json_object *member(json_object *o, const char *key)
{
    json_object *v = NULL;

    if (o != NULL && json_object_is_type(o, json_type_object))
        json_object_object_get_ex(o, key, &v);
    return v;
}

static const char *string(json_object *o)
{
    return o != NULL && json_object_is_type(o, json_type_string) ? json_object_get_string(o) : NULL;
}

static void leaves(json_object *o, struct texts *out)
{
    if (json_object_is_type(o, json_type_string)) {
        add_text(out, json_object_get_string(o));
    } else if (json_object_is_type(o, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(o); i++)
            leaves(json_object_array_get_idx(o, i), out);
    } else if (json_object_is_type(o, json_type_object)) {
        if (member(o, "$f") != NULL) /* NaN and the infinities are numbers */
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
    struct value v = missing();

    switch (json_object_get_type(o)) {
    case json_type_null:
        return v;
    case json_type_boolean:
        return boolean(json_object_get_boolean(o));
    case json_type_double:
        return decimal(json_object_get_double(o));
    case json_type_int:
        if (json_object_get_uint64(o) > INT64_MAX && json_object_get_int64(o) == INT64_MAX)
            return (struct value){.kind = NUMBER, .number = json_object_get_uint64(o)};
        return integer(json_object_get_int64(o));
    case json_type_string:
        return text(json_object_get_string(o));
    case json_type_array:
        v = (struct value){.kind = DATA, .texts = no_texts(), .length = json_object_array_length(o)};
        leaves(o, v.texts);
        return v;
    case json_type_object:
        if (member(o, "$f") != NULL)
            return decimal(string(member(o, "$f"))[0] == 'n' ? NAN : INFINITY);
        v = (struct value){.kind = DATA, .texts = no_texts(), .length = (size_t)json_object_object_length(o)};
        leaves(o, v.texts);
        return v;
    }
    return v;
}

/* Times and durations are integers in strings. */
static struct value from_ns(json_object *o)
{
    return o != NULL ? integer(strtoll(json_object_get_string(o), NULL, 10)) : missing();
}

static struct value from_decimal(json_object *o)
{
    return o != NULL ? decimal(json_object_get_double(o)) : missing();
}

/* ".a", ".m.x", ".\"p.q\"", ".list[-1].a": member by member, else names that are not quoted joined by dots. */
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
        return walk(member(o, key), path + 3 + n);
    }
    for (const char *rest = path; *rest == '.' && rest[1] != '"'; rest += 1 + n) {
        json_object *found;

        n = strcspn(rest + 1, ".[");
        if (joined > 0)
            key[joined++] = '.';
        memcpy(key + joined, rest + 1, n);
        joined += n;
        key[joined] = '\0';
        found = walk(member(o, key), rest + 1 + n);
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
        if (member(o, "$f") != NULL)
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

struct env {
    const struct naive_run *run;
    size_t step, cand;
    bool optional; /* a field marked ? was missing */
};

static struct value arithmetic(enum naive_op op, struct value a, struct value b);

static struct value status(json_object *line)
{
    const char *s = string(member(line, "status"));

    /* The stores of these tests are sealed: what is running will never end. */
    return text(s != NULL && strcmp(s, "running") == 0 ? "abandoned" : s);
}

/* "Type: message", or the type of a map. */
static struct value error_type(json_object *error)
{
    const char *s = string(error), *colon = s != NULL ? strstr(s, ": ") : NULL;
    char *copy;

    if (s == NULL)
        return text(string(member(error, "type")));
    if (colon == NULL || strcspn(s, " ") < (size_t)(colon - s) || colon == s)
        return missing();
    copy = keep(strdup(s));
    copy[colon - s] = '\0';
    return text(copy);
}

/* What runs and steps have in common; false: it is something else. */
static bool common_field(json_object *line, const char *name, const char *path, struct value *out)
{
    static const char *const values[] = {"tags",      "metadata", "attrs",  "input",   "output",
                                         "reasoning", "filters",  "params", "sampling", NULL};
    static const char *const flags[] = {"truncated", "implicit", "sampled", NULL};

    for (size_t i = 0; values[i] != NULL; i++)
        if (strcmp(name, values[i]) == 0) {
            *out = from_json(walk(member(line, name), path));
            return true;
        }
    for (size_t i = 0; flags[i] != NULL; i++)
        if (strcmp(name, flags[i]) == 0) {
            *out = boolean((json_object_get_int(member(line, "flags")) >> i & 1) != 0);
            return true;
        }
    if (strcmp(name, "status") == 0) {
        *out = status(line);
    } else if (strcmp(name, "start") == 0 || strcmp(name, "end") == 0 || strcmp(name, "duration") == 0) {
        *out = from_ns(member(line, name));
    } else if (strcmp(name, "cost") == 0) {
        *out = from_decimal(member(line, name));
    } else if (strcmp(name, "error_type") == 0) {
        *out = error_type(member(line, "error"));
    } else if (strcmp(name, "error") == 0) {
        json_object *error = member(line, "error");

        *out = path != NULL ? from_json(walk(error, path)) : text(string(error));
        if (path == NULL && string(error) == NULL)
            *out = text(string(member(error, "message")));
    } else if (strcmp(name, "input_size") == 0 || strcmp(name, "output_size") == 0) {
        json_object *v = member(line, name[0] == 'i' ? "input" : "output");

        *out = v != NULL ? integer((int64_t)packed_size(v)) : missing();
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
        return integer((int64_t)run->step_count);
    if (strcmp(name, "id") == 0)
        name = "run";
    else if (strcmp(name, "name") == 0)
        name = "pipeline";
    return text(string(member(run->line, name)));
}

static struct value set_or_missing(struct texts *t)
{
    return t->count > 0 ? (struct value){.kind = SET, .texts = t} : missing();
}

static struct value step_texts(json_object *line)
{
    static const char *const names[] = {"name", "type", "model", "provider", "ext_id", NULL};
    static const char *const values[] = {"error",  "input",    "output", "reasoning", "filters",
                                         "params", "sampling", "tags",   "metadata",  "attrs", NULL};
    struct texts *t = no_texts();
    json_object *reasons = member(line, "reasons");

    for (size_t i = 0; names[i] != NULL; i++)
        add_text(t, string(member(line, names[i])));
    if (reasons != NULL) {
        json_object_object_foreach(reasons, code, count)
        {
            (void)count;
            add_text(t, code);
        }
    }
    for (size_t i = 0; values[i] != NULL; i++)
        if (member(line, values[i]) != NULL)
            leaves(member(line, values[i]), t);
    return set_or_missing(t);
}

static struct value step_counts(json_object *line, const char *name)
{
    const struct value in = from_json(member(line, "candidates_in")), out = from_json(member(line, "candidates_out"));
    const struct value rejected = arithmetic(NQ_MINUS, in, out);
    json_object *tokens = member(line, "tokens");

    if (strcmp(name, "rejected") == 0)
        return rejected;
    if (strcmp(name, "rejection_rate") == 0 || strcmp(name, "reduction_rate") == 0)
        return in.kind == NUMBER && in.number == 0 && out.kind == NUMBER ? integer(0) : arithmetic(NQ_OVER, rejected, in);
    if (strcmp(name, "candidates_kept") == 0)
        return from_json(member(line, "kept"));
    if (strcmp(name, "tokens_total") == 0 && member(tokens, "total") == NULL)
        return arithmetic(NQ_PLUS, from_json(member(tokens, "input")), from_json(member(tokens, "output")));
    if (strcmp(name, "tokens_in") == 0)
        return from_json(member(tokens, "input"));
    if (strcmp(name, "tokens_out") == 0)
        return from_json(member(tokens, "output"));
    if (strncmp(name, "tokens_", 7) == 0)
        return from_json(member(tokens, name + 7));
    return from_json(member(line, name));
}

static struct value step_field(json_object *line, const char *name, const char *path)
{
    struct value v;

    if (common_field(line, name, path, &v))
        return v;
    if (strcmp(name, "number") == 0)
        return from_json(member(line, "step"));
    if (strcmp(name, "orphan") == 0)
        return boolean(member(line, "parent_ext") != NULL);
    if (strcmp(name, "text") == 0)
        return step_texts(line);
    if (strcmp(name, "reasons") == 0) {
        char code[64] = "";

        strncat(code, path + (path[1] == '"' ? 2 : 1), strcspn(path + (path[1] == '"' ? 2 : 1), "\""));
        return from_json(member(member(line, "reasons"), code));
    }
    if (strcmp(name, "reason") == 0) {
        struct texts *t = no_texts();
        json_object *reasons = member(line, "reasons");

        if (reasons != NULL) {
            json_object_object_foreach(reasons, code, count)
            {
                (void)count;
                add_text(t, code);
            }
        }
        return set_or_missing(t);
    }
    return step_counts(line, name);
}

static struct value cand_reasons(json_object *line, bool codes, bool rules, struct texts *t)
{
    json_object *reasons = member(line, "reasons");

    for (size_t i = 0; reasons != NULL && i < json_object_array_length(reasons); i++) {
        json_object *reason = json_object_array_get_idx(reasons, i);

        if (codes)
            add_text(t, string(member(reason, "code")));
        if (rules)
            add_text(t, string(member(reason, "rule")));
    }
    return set_or_missing(t);
}

static struct value cand_field(json_object *line, const char *name, const char *path)
{
    if (strcmp(name, "reason") == 0 || strcmp(name, "rule") == 0)
        return cand_reasons(line, name[1] == 'e', name[1] == 'u', no_texts());
    if (strcmp(name, "text") == 0) {
        struct texts *t = no_texts();

        add_text(t, string(member(line, "item")));
        cand_reasons(line, true, true, t);
        if (member(line, "evidence") != NULL)
            leaves(member(line, "evidence"), t);
        return set_or_missing(t);
    }
    if (strcmp(name, "margin") == 0)
        return arithmetic(NQ_MINUS, from_json(member(line, "score")), from_json(member(line, "threshold")));
    if (strcmp(name, "time") == 0)
        return from_ns(member(line, "time"));
    if (strcmp(name, "evidence") == 0)
        return from_json(walk(member(line, "evidence"), path));
    return from_json(member(line, strcmp(name, "id") == 0         ? "item"
                                  : strcmp(name, "decision") == 0 ? "verdict"
                                                                  : name));
}

static struct value field(const struct naive_query *q, const struct env *v)
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

static struct value arithmetic(enum naive_op op, struct value a, struct value b)
{
    const double x = round_to_double(a), y = round_to_double(b);

    if (a.kind != NUMBER || b.kind != NUMBER || (op == NQ_OVER && y == 0))
        return missing();
    if (a.integer && b.integer) {
        const __int128 i = (__int128)(int64_t)a.number, j = (__int128)(int64_t)b.number;
        const bool whole = op != NQ_OVER || i % j == 0;
        const __int128 r = op == NQ_PLUS ? i + j : op == NQ_MINUS ? i - j : op == NQ_TIMES ? i * j : i / j;

        if (whole && r >= INT64_MIN && r <= INT64_MAX)
            return integer((int64_t)r);
    }
    return decimal(op == NQ_PLUS ? x + y : op == NQ_MINUS ? x - y : op == NQ_TIMES ? x * y : x / y);
}

/* ---- comparisons ------------------------------------------------------------------------- */

static const char *spelled(const char *t, char alias)
{
    static const char *const words[][3] = {{"s", "ok", "success"},   {"s", "completed", "success"}, {"s", "error", "failure"},
                                           {"s", "failed", "failure"}, {"t", "search", "retrieval"}, {"t", "logic", "transform"}};

    for (size_t i = 0; i < 6; i++)
        if (words[i][0][0] == alias && strcmp(t, words[i][1]) == 0)
            return words[i][2];
    return t;
}

static bool names_run(const char *t, json_object *line)
{
    const char *id = string(member(line, "run")), *ext_id = string(member(line, "ext_id"));

    return (strlen(t) >= 4 && strncmp(t, id, strlen(t)) == 0) || (ext_id != NULL && strcmp(t, ext_id) == 0);
}

/* 's' status, 't' type, 'i' run.id on the left, 'j' on the right, 0. */
static char alias_of(const struct naive_query *q)
{
    for (int i = 0; i < 2 && i < q->count; i++) {
        const struct naive_query *kid = q->kids[i];

        if (kid->op != NQ_FIELD || (i > 0 && q->op == NQ_IN))
            continue;
        if (strcmp(kid->field->name, "status") == 0)
            return 's';
        if (strcmp(kid->field->name, "type") == 0)
            return 't';
        if (strcmp(kid->field->name, "id") == 0 && kid->field->scope == 'r')
            return i == 0 ? 'i' : 'j';
    }
    return 0;
}

static bool equal_one(struct value a, struct value b, char alias, const struct env *v)
{
    if (alias == 'i' || alias == 'j') {
        const struct value other = alias == 'i' ? b : a;

        return other.kind == TEXT && names_run(other.text, v->run->line);
    }
    if (a.kind == BOOL && b.kind == BOOL)
        return a.b == b.b;
    if (a.kind == BOOL && b.kind == TEXT)
        return strcmp(b.text, a.b ? "true" : "false") == 0;
    if (a.kind == TEXT && b.kind == BOOL)
        return strcmp(a.text, b.b ? "true" : "false") == 0;
    if (a.kind == NUMBER && b.kind == NUMBER)
        return a.number == b.number;
    return a.kind == TEXT && b.kind == TEXT && strcmp(spelled(a.text, alias), spelled(b.text, alias)) == 0;
}

static bool ordered_one(struct value a, const char *sign, struct value b)
{
    const bool also_equal = sign[1] == '=', less = sign[0] == '<';
    int c;

    if (a.kind == NUMBER && b.kind == NUMBER)
        return less ? (also_equal ? a.number <= b.number : a.number < b.number)
                    : (also_equal ? a.number >= b.number : a.number > b.number);
    if (a.kind != TEXT || b.kind != TEXT)
        return false;
    c = strcmp(a.text, b.text);
    return less ? (also_equal ? c <= 0 : c < 0) : (also_equal ? c >= 0 : c > 0);
}

/* Some element of one with some element of the other. */
static bool compare(struct value a, const char *sign, struct value b, char alias, const struct env *v)
{
    if (a.kind == MISSING || b.kind == MISSING)
        return false;
    if (strcmp(sign, "!=") == 0)
        return !compare(a, "=", b, alias, v);
    if (a.kind == SET) {
        for (size_t i = 0; i < a.texts->count; i++)
            if (compare(text(a.texts->list[i]), sign, b, alias, v))
                return true;
        return false;
    }
    if (b.kind == SET) {
        for (size_t i = 0; i < b.texts->count; i++)
            if (compare(a, sign, text(b.texts->list[i]), alias, v))
                return true;
        return false;
    }
    return strcmp(sign, "=") == 0 ? equal_one(a, b, alias, v) : ordered_one(a, sign, b);
}

static struct texts *texts_of(struct value v)
{
    struct texts *t;

    if (v.kind == SET || v.kind == DATA)
        return v.texts;
    t = no_texts();
    if (v.kind == TEXT)
        add_text(t, v.text);
    return t;
}

static bool some_match(struct value v, const char *pattern, bool caseless)
{
    const struct texts *t = texts_of(v);
    bool found = false;
    regex_t re;

    if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB | (caseless ? REG_ICASE : 0)) != 0)
        abort();
    for (size_t i = 0; i < t->count; i++)
        found |= regexec(&re, t->list[i], 0, NULL, 0) == 0;
    regfree(&re);
    return found;
}

static bool some_part(struct value a, struct value b, bool at_start)
{
    const struct texts *left = texts_of(a), *right = b.kind == TEXT || b.kind == SET ? texts_of(b) : no_texts();

    for (size_t i = 0; i < left->count; i++)
        for (size_t j = 0; j < right->count; j++)
            if (at_start ? strncmp(left->list[i], right->list[j], strlen(right->list[j])) == 0
                         : strstr(left->list[i], right->list[j]) != NULL)
                return true;
    return false;
}

/* ---- expressions ---------------------------------------------------------------------------- */

static bool holds(const struct naive_query *q, struct env *v);
static struct value evaluate(const struct naive_query *q, struct env *v);

static struct value lower(struct value v)
{
    struct texts *t;

    if (v.kind == TEXT) {
        char *copy = keep(strdup(v.text));

        for (char *c = copy; *c != '\0'; c++)
            if (*c >= 'A' && *c <= 'Z')
                *c += 'a' - 'A';
        return text(copy);
    }
    if (v.kind != SET && v.kind != DATA)
        return v;
    t = no_texts();
    for (size_t i = 0; i < v.texts->count; i++)
        add_text(t, lower(text(v.texts->list[i])).text);
    v.texts = t;
    return v;
}

static struct value length(struct value v)
{
    switch (v.kind) {
    case TEXT:
        return integer((int64_t)strlen(v.text));
    case SET:
        return integer((int64_t)v.texts->count);
    case DATA:
        return integer((int64_t)v.length);
    default:
        return missing();
    }
}

/* Every element that a quantifier speaks of, bound in turn. */
static size_t element_count(const struct naive_query *q, const struct env *v)
{
    return q->over == 's' ? v->run->step_count : v->run->steps[v->step].cand_count;
}

static struct env bind(const struct naive_query *q, const struct env *v, size_t i)
{
    struct env in = *v;

    if (q->over == 's')
        in = (struct env){.run = v->run, .step = i, .cand = SIZE_MAX};
    else
        in.cand = i;
    in.optional = false;
    return in;
}

static struct value quantify(const struct naive_query *q, struct env *v)
{
    const bool operand = q->op >= NQ_SUM && q->op <= NQ_AVG;
    const struct naive_query *body = q->count > operand ? q->kids[operand] : NULL;
    const size_t n = element_count(q, v);
    size_t found = 0, counted = 0;
    struct value total = integer(0);

    for (size_t i = 0; i < n; i++) {
        struct env in = bind(q, v, i);
        struct value x;

        if (body != NULL && !holds(body, &in))
            continue;
        found++;
        if (!operand)
            continue;
        x = evaluate(q->kids[0], &in);
        if (x.kind != NUMBER)
            continue;
        if (counted++ == 0)
            total = x;
        else if (q->op == NQ_SUM || q->op == NQ_AVG)
            total = arithmetic(NQ_PLUS, total, x);
        else if (isnan(total.number) || (q->op == NQ_MIN ? x.number < total.number : x.number > total.number))
            total = x;
    }
    switch (q->op) {
    case NQ_ANY:
        return boolean(found > 0);
    case NQ_ALL:
        return boolean(found == n);
    case NQ_NONE:
        return boolean(found == 0);
    case NQ_COUNT:
        return integer((int64_t)found);
    case NQ_SUM:
        return total;
    case NQ_AVG:
        return counted > 0 ? arithmetic(NQ_OVER, total, integer((int64_t)counted)) : missing();
    default:
        return counted > 0 ? total : missing();
    }
}

static struct value evaluate(const struct naive_query *q, struct env *v)
{
    struct value a;

    switch (q->op) {
    case NQ_FIELD:
        a = field(q, v);
        v->optional |= q->optional && a.kind == MISSING;
        return a;
    case NQ_INTEGER:
    case NQ_DURATION:
    case NQ_TIME:
        return integer(q->integer);
    case NQ_DECIMAL:
        return decimal(q->decimal);
    case NQ_TEXT:
        return text(q->text);
    case NQ_PLUS:
    case NQ_MINUS:
    case NQ_TIMES:
    case NQ_OVER:
        a = evaluate(q->kids[0], v);
        return arithmetic(q->op, a, evaluate(q->kids[1], v));
    case NQ_NEGATE:
        a = evaluate(q->kids[0], v);
        if (a.kind != NUMBER)
            return missing();
        return a.integer ? arithmetic(NQ_MINUS, integer(0), a) : decimal(-round_to_double(a));
    case NQ_ABS:
        a = evaluate(q->kids[0], v);
        if (a.kind != NUMBER)
            return missing();
        return a.integer ? (a.number < 0 ? arithmetic(NQ_MINUS, integer(0), a) : a)
                         : (struct value){.kind = NUMBER, .number = fabsl(a.number)};
    case NQ_LEN:
        return length(evaluate(q->kids[0], v));
    case NQ_LOWER:
        return lower(evaluate(q->kids[0], v));
    case NQ_COUNT:
    case NQ_SUM:
    case NQ_MIN:
    case NQ_MAX:
    case NQ_AVG:
        return quantify(q, v);
    default:
        return boolean(holds(q, v));
    }
}

/* An operand of a comparison, and whether a field marked ? is missing in it. */
static struct value operand(const struct naive_query *q, struct env *v, bool *optional)
{
    struct env in = *v;
    struct value a;

    in.optional = false;
    a = evaluate(q, &in);
    *optional = in.optional;
    return a;
}

/* Can the links from `link` on be followed, the first of them at `step`? */
static bool follow(const struct naive_query *q, int link, size_t step, const struct env *v)
{
    struct env in = {.run = v->run, .step = step, .cand = SIZE_MAX};

    if (step >= v->run->step_count || !holds(q->kids[link], &in))
        return false;
    if (++link == q->count)
        return true;
    for (size_t next = step + 1; next < v->run->step_count && (q->later[link] || next == step + 1); next++)
        if (follow(q, link, next, v))
            return true;
    return false;
}

static bool in_list(const struct naive_query *q, struct env *v)
{
    bool optional, optional_element, all = true, some = false;
    const struct value a = operand(q->kids[0], v, &optional);

    for (int i = 1; i < q->count; i++) {
        const struct value b = operand(q->kids[i], v, &optional_element);

        all = all && (optional_element || compare(a, "!=", b, alias_of(q), v));
        some = some || optional_element || compare(a, "=", b, alias_of(q), v);
    }
    return optional || (q->negated ? all : some);
}

static bool holds(const struct naive_query *q, struct env *v)
{
    bool optional = false, optional_right = false;
    struct value a = missing(), b = missing();

    switch (q->op) {
    case NQ_OR:
    case NQ_AND:
        for (int i = 0; i < q->count; i++)
            if (holds(q->kids[i], v) == (q->op == NQ_OR))
                return q->op == NQ_OR;
        return q->op == NQ_AND;
    case NQ_NOT:
        return !holds(q->kids[0], v);
    case NQ_IN:
        return in_list(q, v);
    case NQ_CHAIN:
        for (size_t i = 0; i < v->run->step_count; i++)
            if (follow(q, 0, i, v))
                return true;
        return false;
    case NQ_EXISTS:
        if (strcmp(q->kids[0]->field->name, "error") == 0 && q->kids[0]->member == NULL) {
            json_object *line = q->kids[0]->field->scope == 'r' ? v->run->line : v->run->steps[v->step].line;

            return member(line, "error") != NULL;
        }
        return field(q->kids[0], v).kind != MISSING;
    case NQ_ANY:
    case NQ_ALL:
    case NQ_NONE:
        return quantify(q, v).b;
    default:
        break;
    }
    a = operand(q->kids[0], v, &optional);
    if (q->op == NQ_ALONE)
        return a.kind == BOOL && a.b;
    if (q->count > 1)
        b = operand(q->kids[1], v, &optional_right);
    if (optional || optional_right)
        return true;
    if (q->op == NQ_COMPARE)
        return compare(a, q->compare, b, alias_of(q), v);
    if (a.kind == MISSING || (q->count > 1 && b.kind == MISSING))
        return false;
    if (q->op == NQ_MATCH)
        return some_match(a, q->pattern, q->flags[0] == 'i') != q->negated;
    return some_part(a, b, q->op == NQ_STARTS);
}

bool naive_holds(const struct naive_query *q, const struct naive_run *run, size_t step, size_t cand)
{
    struct env v = {.run = run, .step = step, .cand = cand};
    const size_t before = junk_count;
    const bool result = holds(q, &v);

    sweep(before);
    return result;
}

static bool speaks_of_step(const struct naive_query *q)
{
    if (q->op == NQ_FIELD)
        return q->field->scope != 'r';
    if (q->op == NQ_CHAIN || (((q->op >= NQ_ANY && q->op <= NQ_NONE) || (q->op >= NQ_COUNT && q->op <= NQ_AVG)) && q->over == 's'))
        return false;
    if (((q->op >= NQ_ANY && q->op <= NQ_NONE) || (q->op >= NQ_COUNT && q->op <= NQ_AVG)) && q->over == 'c')
        return true;
    for (int i = 0; i < q->count; i++)
        if (speaks_of_step(q->kids[i]))
            return true;
    return false;
}

char naive_unit(const struct naive_query *q)
{
    return speaks_of_step(q) ? 's' : 'r';
}
