/* Random expressions (naive_query.h). Types go together as ql 4 wants, so that the engine takes them all. */
#include "support/naive_query.h"

#include "support/check.h"

#include <stdlib.h>
#include <string.h>

static const char *const values_members[] = {".a",       ".b",        ".k",         ".n",   ".t",
                                             ".list[0]", ".list[-1]", ".list[1].a", ".m.x", ".m.y",
                                             ".p.q",     ".\"p.q\"",  ".none",      NULL};
static const char *const error_members[] = {".type", ".message", ".stack", NULL};
static const char *const codes[] = {".dup", ".price", ".\"too old\"", ".nothing", NULL};

/* clang-format off */
const struct naive_field naive_fields[] = {
    {'r', "id", false, NT_TEXT}, {'r', "ext_id", false, NT_TEXT}, {'r', "pipeline", true, NT_TEXT},
    {'r', "name", false, NT_TEXT}, {'r', "version", true, NT_TEXT}, {'r', "project", true, NT_TEXT},
    {'r', "session", true, NT_TEXT}, {'r', "user", true, NT_TEXT}, {'r', "status", false, NT_TEXT},
    {'r', "start", false, NT_TIME}, {'r', "end", false, NT_TIME}, {'r', "duration", false, NT_DURATION},
    {'r', "cost", false, NT_NUMBER}, {'r', "error", false, NT_TEXT}, {'r', "error", false, NT_ANY, error_members, true},
    {'r', "error_type", false, NT_TEXT}, {'r', "tags", true, NT_ANY, values_members, true},
    {'r', "metadata", true, NT_ANY, values_members, false}, {'r', "attrs", false, NT_ANY, values_members, true},
    {'r', "input", false, NT_ANY, values_members, false}, {'r', "output", false, NT_ANY, values_members, false},
    {'r', "steps", true, NT_NUMBER}, {'r', "truncated", false, NT_BOOL}, {'r', "sampled", false, NT_BOOL},
    {'r', "implicit", false, NT_BOOL}, {'r', "input_size", false, NT_NUMBER}, {'r', "output_size", false, NT_NUMBER},
    {'s', "ext_id", false, NT_TEXT}, {'s', "name", false, NT_TEXT}, {'s', "status", false, NT_TEXT},
    {'s', "start", false, NT_TIME}, {'s', "end", false, NT_TIME}, {'s', "duration", false, NT_DURATION},
    {'s', "cost", false, NT_NUMBER}, {'s', "error", false, NT_TEXT}, {'s', "error", false, NT_ANY, error_members, true},
    {'s', "error_type", false, NT_TEXT}, {'s', "tags", false, NT_ANY, values_members, true},
    {'s', "metadata", false, NT_ANY, values_members, false}, {'s', "attrs", false, NT_ANY, values_members, true},
    {'s', "input", true, NT_ANY, values_members, false}, {'s', "output", true, NT_ANY, values_members, false},
    {'s', "truncated", false, NT_BOOL}, {'s', "sampled", false, NT_BOOL}, {'s', "implicit", false, NT_BOOL},
    {'s', "number", true, NT_NUMBER}, {'s', "parent", true, NT_NUMBER}, {'s', "orphan", true, NT_BOOL},
    {'s', "type", false, NT_TEXT}, {'s', "candidates_in", true, NT_NUMBER}, {'s', "candidates_out", true, NT_NUMBER},
    {'s', "candidates_kept", true, NT_NUMBER}, {'s', "rejected", true, NT_NUMBER},
    {'s', "rejection_rate", true, NT_NUMBER}, {'s', "reduction_rate", true, NT_NUMBER}, {'s', "reason", true, NT_SET},
    {'s', "reasons", true, NT_NUMBER, codes, true}, {'s', "model", true, NT_TEXT}, {'s', "provider", true, NT_TEXT},
    {'s', "tokens_in", true, NT_NUMBER}, {'s', "tokens_out", true, NT_NUMBER}, {'s', "tokens_cache_read", true, NT_NUMBER},
    {'s', "tokens_cache_write", true, NT_NUMBER}, {'s', "tokens_reasoning", true, NT_NUMBER},
    {'s', "tokens_total", true, NT_NUMBER}, {'s', "reasoning", true, NT_ANY, values_members, false},
    {'s', "filters", true, NT_ANY, values_members, true}, {'s', "params", true, NT_ANY, values_members, true},
    {'s', "sampling", true, NT_ANY, values_members, true}, {'s', "input_size", true, NT_NUMBER},
    {'s', "output_size", true, NT_NUMBER}, {'s', "text", true, NT_SET},
    {'c', "id", false, NT_TEXT}, {'c', "reason", false, NT_SET}, {'c', "rule", false, NT_SET}, {'c', "text", false, NT_SET},
    {'c', "verdict", false, NT_TEXT}, {'c', "decision", false, NT_TEXT}, {'c', "score", false, NT_NUMBER},
    {'c', "threshold", false, NT_NUMBER}, {'c', "rank_in", false, NT_NUMBER}, {'c', "rank_out", false, NT_NUMBER},
    {'c', "weight", false, NT_NUMBER}, {'c', "margin", false, NT_NUMBER}, {'c', "by", false, NT_TEXT},
    {'c', "provenance", false, NT_TEXT}, {'c', "time", false, NT_TIME}, {'c', "evidence", false, NT_ANY, values_members, false},
    {0, NULL, false, NT_ANY},
};
/* clang-format on */

static struct naive_query **made;
static size_t made_count, made_cap;

static struct naive_query *make(enum naive_op op, enum naive_type type)
{
    struct naive_query *q = calloc(1, sizeof *q);

    if (made_count == made_cap) {
        made_cap = made_cap * 2 + 64;
        made = realloc(made, made_cap * sizeof *made);
    }
    made[made_count++] = q;
    q->op = op;
    q->type = type;
    return q;
}

void naive_forget(void)
{
    while (made_count > 0)
        free(made[--made_count]);
    free(made);
    made = NULL;
    made_cap = 0;
}

static uint64_t below(uint64_t n)
{
    return check_random_below(n);
}

/* What may be spoken of: steps always, candidates where one is bound. */
struct place {
    int depth;
    bool cand;
};

static struct place deeper(struct place p)
{
    p.depth--;
    return p;
}

static struct naive_query *random_field(struct place p, enum naive_type type)
{
    const size_t count = sizeof naive_fields / sizeof naive_fields[0] - 1;

    for (;;) {
        const struct naive_field *f = &naive_fields[below(count)];
        struct naive_query *q;
        size_t members = 0;

        if (f->type != type || (f->scope == 'c' && !p.cand))
            continue;
        q = make(NQ_FIELD, type);
        q->field = f;
        while (f->members != NULL && f->members[members] != NULL)
            members++;
        if (members > 0 && (f->member_needed || below(4) > 0))
            q->member = f->members[below(members)];
        return q;
    }
}

static struct naive_query *random_text(void)
{
    static const char *const texts[] = {"a",
                                        "b",
                                        "Ab",
                                        "price",
                                        "too old",
                                        "dup",
                                        "search",
                                        "retrieval",
                                        "logic",
                                        "ok",
                                        "success",
                                        "failed",
                                        "failure",
                                        "true",
                                        "false",
                                        "42",
                                        "x y",
                                        "",
                                        "abandoned",
                                        "reject",
                                        "filter",
                                        "llm",
                                        "9f3c",
                                        "e",
                                        "TimeoutError",
                                        "\xc3\xa9t\xc3\xa9",
                                        "one",
                                        "transform",
                                        "partial",
                                        "human",
                                        "B1"};
    struct naive_query *q = make(NQ_TEXT, NT_TEXT);

    q->text = texts[below(sizeof texts / sizeof texts[0])];
    return q;
}

static struct naive_query *random_constant(enum naive_type type)
{
    static const int64_t integers[] = {0,  1,   2,  3,  5,    7,         10,
                                       42, 100, -1, -7, 1000, INT64_MAX, 9007199254740993};
    static const double decimals[] = {0.5,  0.25, 0.1, 0.9, 1.5, 1e6, 1e-3, 0.93, 42.0, 9007199254740992.0,
                                      1e19, -0.5};
    struct naive_query *q;

    switch (type) {
    case NT_NUMBER:
        q = make(below(2) ? NQ_INTEGER : NQ_DECIMAL, type);
        q->integer = integers[below(14)];
        q->decimal = decimals[below(12)];
        return q;
    case NT_DURATION:
        q = make(NQ_DURATION, type);
        q->integer = (int64_t)below(8) * 250000000;
        return q;
    case NT_TIME:
        q = make(NQ_TIME, type);
        q->integer = INT64_C(1700000000000000000) + (int64_t)below(6) * 250000000;
        return q;
    default:
        return random_text();
    }
}

static struct naive_query *random_condition(struct place p);
static struct naive_query *random_value(struct place p, enum naive_type type);

static struct naive_query *two(enum naive_op op, enum naive_type type, struct naive_query *a,
                               struct naive_query *b)
{
    struct naive_query *q = make(op, type);

    q->kids[0] = a;
    q->kids[1] = b;
    q->count = b != NULL ? 2 : 1;
    return q;
}

/* Braces, with what stands in them; sometimes nothing. */
static struct naive_query *random_quantifier(struct place p, enum naive_op op, enum naive_type type)
{
    struct naive_query *q = make(op, op <= NQ_NONE ? NT_BOOL : op == NQ_COUNT ? NT_NUMBER : type);
    struct place in = deeper(p);

    q->over = below(3) == 0 ? 'c' : 's';
    in.cand = q->over == 'c';
    if (op >= NQ_SUM && op <= NQ_AVG)
        q->kids[q->count++] = random_value(in, type == NT_NUMBER && below(3) == 0 ? NT_ANY : type);
    if (below(6) > 0)
        q->kids[q->count++] = random_condition(in);
    return q;
}

static struct naive_query *random_arithmetic(struct place p, enum naive_type type)
{
    const enum naive_type number = below(3) == 0 ? NT_ANY : NT_NUMBER;
    struct place in = deeper(p);

    switch (type) {
    case NT_DURATION:
        switch (below(4)) {
        case 0:
            return two(NQ_MINUS, type, random_value(in, NT_TIME), random_value(in, NT_TIME));
        case 1:
            return two(NQ_TIMES, type, random_value(in, number), random_value(in, NT_DURATION));
        case 2:
            return two(NQ_OVER, type, random_value(in, NT_DURATION), random_value(in, number));
        default:
            return two(below(2) ? NQ_PLUS : NQ_MINUS, type, random_value(in, type), random_value(in, type));
        }
    case NT_TIME:
        return two(below(2) ? NQ_PLUS : NQ_MINUS, type, random_field(p, NT_TIME),
                   random_value(in, NT_DURATION));
    default:
        switch (below(7)) {
        case 0:
            return two(NQ_OVER, NT_NUMBER, random_value(in, NT_DURATION), random_value(in, NT_DURATION));
        case 1:
            return two(NQ_NEGATE, NT_NUMBER, random_value(in, number), NULL);
        case 2:
            return two(NQ_ABS, NT_NUMBER, random_value(in, number), NULL);
        case 3:
            return two(NQ_LEN, NT_NUMBER,
                       random_value(in, below(2)   ? NT_ANY
                                        : below(2) ? NT_SET
                                                   : NT_TEXT),
                       NULL);
        default:
            return two(NQ_PLUS + below(4), NT_NUMBER, random_value(in, number), random_value(in, NT_NUMBER));
        }
    }
}

/* A value of that type; constants of times are texts, which only a comparison takes. */
static struct naive_query *random_value(struct place p, enum naive_type type)
{
    if (p.depth > 0 && below(3) == 0) {
        if (type == NT_TEXT || type == NT_SET || (type == NT_ANY && below(2)))
            return two(NQ_LOWER, type, random_value(deeper(p), type), NULL);
        if ((type == NT_NUMBER || type == NT_DURATION) && below(3) == 0)
            return random_quantifier(
                p, type == NT_NUMBER && below(2) ? NQ_COUNT : (enum naive_op)(NQ_SUM + below(4)), type);
        if (type == NT_NUMBER || type == NT_DURATION || type == NT_TIME)
            return random_arithmetic(p, type);
    }
    if ((type == NT_NUMBER || type == NT_DURATION || type == NT_TEXT) && below(4) == 0)
        return random_constant(type);
    return random_field(p, type);
}

static struct naive_query *random_compare(struct place p)
{
    static const char *const signs[] = {"=", "!=", "<", "<=", ">", ">="};
    static const enum naive_type types[] = {NT_NUMBER, NT_NUMBER, NT_DURATION, NT_TIME, NT_TEXT, NT_TEXT,
                                            NT_SET,    NT_ANY,    NT_ANY,      NT_ANY,  NT_BOOL};
    const enum naive_type type = types[below(11)];
    struct naive_query *q, *left, *right;

    if (type == NT_BOOL) {
        do /* a recorded value in a comparison is itself, not the condition that it is alone */
            left = below(2) ? random_field(p, NT_BOOL) : random_condition(deeper(p));
        while (left->op == NQ_ALONE && left->kids[0]->type == NT_ANY);
        right = below(2) ? make(NQ_TEXT, NT_TEXT) : random_field(p, below(2) ? NT_BOOL : NT_ANY);
        if (right->op == NQ_TEXT)
            right->text = below(2) ? "true" : "false";
        q = two(NQ_COMPARE, NT_BOOL, left, right);
        strcpy(q->compare, signs[below(2)]);
        return q;
    }
    left = random_value(p, type);
    if (type == NT_ANY)
        right = below(3) == 0 ? random_constant(NT_NUMBER)
                : below(2)    ? random_text()
                              : random_value(deeper(p), NT_ANY);
    else if (type == NT_SET || type == NT_TEXT)
        right = below(3) > 0 ? random_text() : random_value(deeper(p), below(3) == 0 ? NT_SET : NT_TEXT);
    else
        right = below(3) > 0 ? random_constant(type) : random_value(deeper(p), type);
    q = below(5) == 0 ? two(NQ_COMPARE, NT_BOOL, right, left) : two(NQ_COMPARE, NT_BOOL, left, right);
    strcpy(q->compare, signs[below(2) ? below(2) : below(6)]);
    return q;
}

static struct naive_query *random_in(struct place p)
{
    static const enum naive_type types[] = {NT_TEXT,   NT_TEXT, NT_SET,     NT_ANY,
                                            NT_NUMBER, NT_TIME, NT_DURATION};
    const enum naive_type type = types[below(7)];
    struct naive_query *q = make(NQ_IN, NT_BOOL);

    q->negated = below(3) == 0;
    q->kids[q->count++] = random_value(p, type);
    for (uint64_t n = 1 + below(3); n > 0; n--)
        q->kids[q->count++] = below(5) == 0                ? random_value(deeper(p), type)
                              : type == NT_ANY && below(2) ? random_constant(NT_NUMBER)
                                                           : random_constant(type);
    return q;
}

static struct naive_query *random_text_test(struct place p)
{
    static const enum naive_type types[] = {NT_TEXT, NT_SET, NT_ANY};
    static const char *const patterns[] = {"price|old", "^a",   "e$",       "[0-9]+", "x",
                                           "^$",        "t.*e", "^(a|b)+$", "one|Ab"};
    static const char *const parts[] = {"", "a", "e", "ri", "old", "A", "pr", "on", "ab", "x"};
    struct naive_query *q = make((enum naive_op)(NQ_MATCH + below(3)), NT_BOOL);

    q->kids[q->count++] = random_value(p, types[below(3)]);
    if (q->op == NQ_MATCH) {
        q->negated = below(3) == 0;
        q->pattern = patterns[below(9)];
        q->flags = below(2) ? "i" : "";
    } else {
        q->kids[q->count++] = below(4) > 0 ? random_text() : random_value(deeper(p), types[below(3)]);
        if (q->kids[1]->op == NQ_TEXT && below(3) > 0)
            q->kids[1]->text = parts[below(10)];
    }
    return q;
}

static struct naive_query *random_chain(struct place p)
{
    struct naive_query *q = make(NQ_CHAIN, NT_BOOL);
    struct place in = deeper(p);

    in.cand = false;
    for (uint64_t n = 1 + below(3); n > 0; n--) {
        q->later[q->count] = below(2);
        q->kids[q->count++] = random_condition(in);
    }
    return q;
}

static struct naive_query *random_list(struct place p)
{
    struct naive_query *q = make(below(2) ? NQ_OR : NQ_AND, NT_BOOL);

    for (uint64_t n = 2 + below(2); n > 0; n--)
        q->kids[q->count++] = random_condition(deeper(p));
    return q;
}

/* A field marked ? somewhere in a comparison. */
static void mark_optional(struct naive_query *q)
{
    for (int i = 0; i < q->count; i++) {
        struct naive_query *kid = q->kids[i];

        if (kid->op == NQ_FIELD)
            kid->optional = below(6) == 0;
        else if (kid->op >= NQ_PLUS && kid->op <= NQ_ABS)
            mark_optional(kid);
    }
}

static struct naive_query *random_condition(struct place p)
{
    struct naive_query *q;

    if (p.depth > 0 && below(2)) {
        switch (below(6)) {
        case 0:
            return two(NQ_NOT, NT_BOOL, random_condition(deeper(p)), NULL);
        case 1:
            return random_chain(p);
        case 2:
        case 3:
            return random_quantifier(p, (enum naive_op)(NQ_ANY + below(3)), NT_BOOL);
        default:
            return random_list(p);
        }
    }
    switch (below(10)) {
    case 0:
        return two(NQ_EXISTS, NT_BOOL, random_field(p, (enum naive_type)below(7)), NULL);
    case 1:
        return two(NQ_ALONE, NT_BOOL, random_field(p, below(2) ? NT_BOOL : NT_ANY), NULL);
    case 2:
    case 3:
        q = random_in(p);
        break;
    case 4:
    case 5:
        q = random_text_test(p);
        break;
    default:
        q = random_compare(p);
        break;
    }
    mark_optional(q);
    return q;
}

struct naive_query *naive_random(int depth, bool cand)
{
    return random_condition((struct place){depth, cand});
}
