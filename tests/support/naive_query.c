/* Interpreting random expressions (naive_query.h): the rules of ql 4, each written down as plainly as it
 * goes. */
#include "support/naive_value.h"

#include <math.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

/* ---- comparisons ------------------------------------------------------------------------- */

static const char *spelled(const char *t, char alias)
{
    static const char *const words[][3] = {{"s", "ok", "success"},       {"s", "completed", "success"},
                                           {"s", "error", "failure"},    {"s", "failed", "failure"},
                                           {"t", "search", "retrieval"}, {"t", "logic", "transform"}};

    for (size_t i = 0; i < 6; i++)
        if (words[i][0][0] == alias && strcmp(t, words[i][1]) == 0)
            return words[i][2];
    return t;
}

static bool names_run(const char *t, json_object *line)
{
    const char *id = naive_string(naive_member(line, "run")),
               *ext_id = naive_string(naive_member(line, "ext_id"));

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

static bool equal_one(struct value a, struct value b, char alias, const struct naive_env *v)
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
static bool compare(struct value a, const char *sign, struct value b, char alias, const struct naive_env *v)
{
    if (a.kind == MISSING || b.kind == MISSING)
        return false;
    if (strcmp(sign, "!=") == 0)
        return !compare(a, "=", b, alias, v);
    if (a.kind == SET) {
        for (size_t i = 0; i < a.texts->count; i++)
            if (compare(naive_text(a.texts->list[i]), sign, b, alias, v))
                return true;
        return false;
    }
    if (b.kind == SET) {
        for (size_t i = 0; i < b.texts->count; i++)
            if (compare(a, sign, naive_text(b.texts->list[i]), alias, v))
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
    t = naive_no_texts();
    if (v.kind == TEXT)
        naive_add_text(t, v.text);
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
    const struct texts *left = texts_of(a),
                       *right = b.kind == TEXT || b.kind == SET ? texts_of(b) : naive_no_texts();

    for (size_t i = 0; i < left->count; i++)
        for (size_t j = 0; j < right->count; j++)
            if (at_start ? strncmp(left->list[i], right->list[j], strlen(right->list[j])) == 0
                         : strstr(left->list[i], right->list[j]) != NULL)
                return true;
    return false;
}

/* ---- expressions ---------------------------------------------------------------------------- */

static bool holds(const struct naive_query *q, struct naive_env *v);
static struct value evaluate(const struct naive_query *q, struct naive_env *v);

static struct value lower(struct value v)
{
    struct texts *t;

    if (v.kind == TEXT) {
        char *copy = naive_keep(strdup(v.text));

        for (char *c = copy; *c != '\0'; c++)
            if (*c >= 'A' && *c <= 'Z')
                *c += 'a' - 'A';
        return naive_text(copy);
    }
    if (v.kind != SET && v.kind != DATA)
        return v;
    t = naive_no_texts();
    for (size_t i = 0; i < v.texts->count; i++)
        naive_add_text(t, lower(naive_text(v.texts->list[i])).text);
    v.texts = t;
    return v;
}

static struct value length(struct value v)
{
    switch (v.kind) {
    case TEXT:
        return naive_integer((int64_t)strlen(v.text));
    case SET:
        return naive_integer((int64_t)v.texts->count);
    case DATA:
        return naive_integer((int64_t)v.length);
    default:
        return naive_missing();
    }
}

/* Every element that a quantifier speaks of, bound in turn. */
static size_t element_count(const struct naive_query *q, const struct naive_env *v)
{
    return q->over == 's' ? v->run->step_count : v->run->steps[v->step].cand_count;
}

static struct naive_env bind(const struct naive_query *q, const struct naive_env *v, size_t i)
{
    struct naive_env in = *v;

    if (q->over == 's')
        in = (struct naive_env){.run = v->run, .step = i, .cand = SIZE_MAX};
    else
        in.cand = i;
    in.optional = false;
    return in;
}

static struct value quantify(const struct naive_query *q, struct naive_env *v)
{
    const bool operand = q->op >= NQ_SUM && q->op <= NQ_AVG;
    const struct naive_query *body = q->count > operand ? q->kids[operand] : NULL;
    const size_t n = element_count(q, v);
    size_t found = 0, counted = 0;
    struct value total = naive_integer(0);

    for (size_t i = 0; i < n; i++) {
        struct naive_env in = bind(q, v, i);
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
            total = naive_arithmetic(NQ_PLUS, total, x);
        else if (isnan(total.number) || (q->op == NQ_MIN ? x.number < total.number : x.number > total.number))
            total = x;
    }
    switch (q->op) {
    case NQ_ANY:
        return naive_boolean(found > 0);
    case NQ_ALL:
        return naive_boolean(found == n);
    case NQ_NONE:
        return naive_boolean(found == 0);
    case NQ_COUNT:
        return naive_integer((int64_t)found);
    case NQ_SUM:
        return total;
    case NQ_AVG:
        return counted > 0 ? naive_arithmetic(NQ_OVER, total, naive_integer((int64_t)counted))
                           : naive_missing();
    default:
        return counted > 0 ? total : naive_missing();
    }
}

static struct value evaluate(const struct naive_query *q, struct naive_env *v)
{
    struct value a;

    switch (q->op) {
    case NQ_FIELD:
        a = naive_field_value(q, v);
        v->optional |= q->optional && a.kind == MISSING;
        return a;
    case NQ_INTEGER:
    case NQ_DURATION:
    case NQ_TIME:
        return naive_integer(q->integer);
    case NQ_DECIMAL:
        return naive_decimal(q->decimal);
    case NQ_TEXT:
        return naive_text(q->text);
    case NQ_PLUS:
    case NQ_MINUS:
    case NQ_TIMES:
    case NQ_OVER:
        a = evaluate(q->kids[0], v);
        return naive_arithmetic(q->op, a, evaluate(q->kids[1], v));
    case NQ_NEGATE:
        a = evaluate(q->kids[0], v);
        if (a.kind != NUMBER)
            return naive_missing();
        return a.integer ? naive_arithmetic(NQ_MINUS, naive_integer(0), a) : naive_decimal(-(double)a.number);
    case NQ_ABS:
        a = evaluate(q->kids[0], v);
        if (a.kind != NUMBER)
            return naive_missing();
        return a.integer ? (a.number < 0 ? naive_arithmetic(NQ_MINUS, naive_integer(0), a) : a)
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
        return naive_boolean(holds(q, v));
    }
}

/* An operand of a comparison, and whether a field marked ? is missing in it. */
static struct value operand(const struct naive_query *q, struct naive_env *v, bool *optional)
{
    struct naive_env in = *v;
    struct value a;

    in.optional = false;
    a = evaluate(q, &in);
    *optional = in.optional;
    return a;
}

/* Can the links from `link` on be followed, the first of them at `step`? */
static bool follow(const struct naive_query *q, int link, size_t step, const struct naive_env *v)
{
    struct naive_env in = {.run = v->run, .step = step, .cand = SIZE_MAX};

    if (step >= v->run->step_count || !holds(q->kids[link], &in))
        return false;
    if (++link == q->count)
        return true;
    for (size_t next = step + 1; next < v->run->step_count && (q->later[link] || next == step + 1); next++)
        if (follow(q, link, next, v))
            return true;
    return false;
}

static bool in_list(const struct naive_query *q, struct naive_env *v)
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

static bool holds(const struct naive_query *q, struct naive_env *v)
{
    bool optional = false, optional_right = false;
    struct value a = naive_missing(), b = naive_missing();

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

            return naive_member(line, "error") != NULL;
        }
        return naive_field_value(q->kids[0], v).kind != MISSING;
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
    struct naive_env v = {.run = run, .step = step, .cand = cand};
    const size_t before = naive_mark();
    const bool result = holds(q, &v);

    naive_sweep(before);
    return result;
}

static bool speaks_of_step(const struct naive_query *q)
{
    if (q->op == NQ_FIELD)
        return q->field->scope != 'r';
    if (q->op == NQ_CHAIN ||
        (((q->op >= NQ_ANY && q->op <= NQ_NONE) || (q->op >= NQ_COUNT && q->op <= NQ_AVG)) && q->over == 's'))
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
