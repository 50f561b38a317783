/* Random expressions as text for the engine (naive_query.h). How a thing is written is random too,
 * where the language leaves a choice. */
#include "support/naive_query.h"

#include "support/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t below(uint64_t n)
{
    return check_random_below(n);
}

/* What binds how tightly: an operand that binds less than it must is put into parentheses. */
enum { P_OR, P_AND, P_NOT, P_RELATION, P_SUM, P_PRODUCT, P_UNARY, P_PRIMARY };

static int binding(const struct naive_query *q)
{
    switch (q->op) {
    case NQ_OR:
        return P_OR;
    case NQ_AND:
        return P_AND;
    case NQ_NOT:
        return P_NOT;
    case NQ_COMPARE:
    case NQ_IN:
    case NQ_MATCH:
    case NQ_HAS:
    case NQ_STARTS:
    case NQ_CHAIN:
        return P_RELATION;
    case NQ_PLUS:
    case NQ_MINUS:
        return P_SUM;
    case NQ_TIMES:
    case NQ_OVER:
        return P_PRODUCT;
    case NQ_NEGATE:
        return P_UNARY;
    case NQ_INTEGER:
        return q->integer < 0 ? P_UNARY : P_PRIMARY;
    case NQ_DECIMAL:
        return q->decimal < 0 ? P_UNARY : P_PRIMARY;
    default:
        return P_PRIMARY;
    }
}

static void print(FILE *out, const struct naive_query *q, int least);

static void space(FILE *out)
{
    static const char *const spaces[] = {" ", " ", " ", "\n", "  ", " # because\n"};

    fputs(spaces[below(6)], out);
}

static void print_text(FILE *out, const char *text, bool quoted)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    const bool word =
        text[0] != '\0' && strchr(letters, text[0]) != NULL && strspn(text, letters) == strlen(text);

    if (word && !quoted && below(2))
        fputs(text, out);
    else
        fprintf(out, below(2) ? "\"%s\"" : "'%s'", text);
}

static void print_field(FILE *out, const struct naive_query *q, bool right)
{
    const struct naive_field *f = q->field;

    if (right || !f->bare || below(2))
        fputs(f->scope == 'r' ? "run." : f->scope == 's' ? "step." : "cand.", out);
    fprintf(out, "%s%s%s", f->name, q->member != NULL ? q->member : "", q->optional ? "?" : "");
}

static void print_duration(FILE *out, int64_t ns)
{
    if (ns % 1000000000 == 0 && below(2))
        fprintf(out, "%" PRId64 "s", ns / 1000000000);
    else if (below(2))
        fprintf(out, "%" PRId64 "s%" PRId64 "ms", ns / 1000000000, ns % 1000000000 / 1000000);
    else
        fprintf(out, "%" PRId64 "ns", ns);
}

static void print_quantifier(FILE *out, const struct naive_query *q)
{
    static const char *const names[] = {
        [NQ_ANY] = "any", [NQ_ALL] = "all", [NQ_NONE] = "none", [NQ_COUNT] = "count",
        [NQ_SUM] = "sum", [NQ_MIN] = "min", [NQ_MAX] = "max",   [NQ_AVG] = "avg"};
    int kid = 0;

    fputs(names[q->op], out);
    if (q->op >= NQ_SUM && q->op <= NQ_AVG) {
        fputs("(", out);
        print(out, q->kids[kid++], P_SUM);
        fputs(")", out);
    }
    fputs(q->over == 'c' ? " cand" : below(2) ? " step" : "", out);
    fputs("{", out);
    if (kid < q->count)
        print(out, q->kids[kid], P_OR);
    fputs("}", out);
}

static void print_chain(FILE *out, const struct naive_query *q)
{
    for (int i = 0; i < q->count; i++) {
        if (i > 0)
            fputs(q->later[i] ? " ->> " : "->", out);
        fputs("{", out);
        print(out, q->kids[i], P_OR);
        fputs("}", out);
    }
}

/* The right side of a comparison: bare words are text there, bare names are not fields. */
static void print_right(FILE *out, const struct naive_query *q)
{
    if (q->op == NQ_FIELD)
        print_field(out, q, true);
    else if (q->op == NQ_TEXT)
        print_text(out, q->text, false);
    else
        print(out, q, q->type == NT_BOOL ? P_PRIMARY : P_SUM);
}

static void print_relation(FILE *out, const struct naive_query *q)
{
    print(out, q->kids[0], P_SUM);
    space(out);
    switch (q->op) {
    case NQ_MATCH:
        fputs(q->negated ? "!~" : "~", out);
        if (q->flags[0] == '\0' && below(3) == 0)
            fprintf(out, " \"%s\"", q->pattern);
        else
            fprintf(out, " /%s/%s", q->pattern, q->flags);
        return;
    case NQ_IN:
        fputs(q->negated ? "not in (" : "in (", out);
        for (int i = 1; i < q->count; i++) {
            fputs(i > 1 ? ", " : "", out);
            print_right(out, q->kids[i]);
        }
        fputs(")", out);
        return;
    case NQ_COMPARE:
        fputs(strcmp(q->compare, "=") == 0 && below(4) == 0 ? "==" : q->compare, out);
        break;
    default:
        fputs(q->op == NQ_HAS ? "contains" : "startswith", out);
        break;
    }
    space(out);
    print_right(out, q->kids[1]);
}

static void print_operator(FILE *out, const struct naive_query *q, const char *sign, int least)
{
    print(out, q->kids[0], least);
    fputs(sign, out);
    print(out, q->kids[1], least + 1);
}

static void print_list(FILE *out, const struct naive_query *q)
{
    for (int i = 0; i < q->count; i++) {
        if (i > 0) {
            space(out);
            fputs(q->op == NQ_OR ? (below(4) ? "or" : "||") : (below(4) ? "and" : "&&"), out);
            space(out);
        }
        print(out, q->kids[i], q->op == NQ_OR ? P_AND : P_NOT);
    }
}

static void print_call(FILE *out, const char *name, const struct naive_query *q)
{
    fprintf(out, "%s(", name);
    print(out, q->kids[0], P_SUM);
    fputs(")", out);
}

static void print_time(FILE *out, int64_t ns)
{
    fprintf(out, "\"@%" PRId64 ".%09" PRId64 "\"", ns / 1000000000, ns % 1000000000);
}

static void print_bare(FILE *out, const struct naive_query *q)
{
    switch (q->op) {
    case NQ_OR:
    case NQ_AND:
        print_list(out, q);
        break;
    case NQ_NOT:
        fputs(below(2) ? "not " : "! ", out);
        print(out, q->kids[0], P_NOT);
        break;
    case NQ_COMPARE:
    case NQ_IN:
    case NQ_MATCH:
    case NQ_HAS:
    case NQ_STARTS:
        print_relation(out, q);
        break;
    case NQ_EXISTS:
        print_call(out, "exists", q);
        break;
    case NQ_ALONE:
        print(out, q->kids[0], P_PRIMARY);
        break;
    case NQ_CHAIN:
        print_chain(out, q);
        break;
    case NQ_ANY:
    case NQ_ALL:
    case NQ_NONE:
    case NQ_COUNT:
    case NQ_SUM:
    case NQ_MIN:
    case NQ_MAX:
    case NQ_AVG:
        print_quantifier(out, q);
        break;
    case NQ_PLUS:
        print_operator(out, q, below(2) ? " + " : "+", P_SUM);
        break;
    case NQ_MINUS:
        print_operator(out, q, " - ", P_SUM);
        break;
    case NQ_TIMES:
        print_operator(out, q, below(2) ? " * " : "*", P_PRODUCT);
        break;
    case NQ_OVER:
        print_operator(out, q, " / ", P_PRODUCT);
        break;
    case NQ_NEGATE:
        fputs("-", out);
        print(out, q->kids[0], P_UNARY);
        break;
    case NQ_LEN:
        print_call(out, "len", q);
        break;
    case NQ_LOWER:
        print_call(out, "lower", q);
        break;
    case NQ_ABS:
        print_call(out, "abs", q);
        break;
    case NQ_FIELD:
        print_field(out, q, false);
        break;
    case NQ_INTEGER:
        fprintf(out, "%" PRId64, q->integer);
        break;
    case NQ_DECIMAL:
        fprintf(out, "%.17g%s", q->decimal,
                q->decimal < 1e17 && q->decimal == (double)(int64_t)q->decimal ? ".0" : "");
        break;
    case NQ_TEXT:
        print_text(out, q->text, true);
        break;
    case NQ_DURATION:
        print_duration(out, q->integer);
        break;
    case NQ_TIME:
        print_time(out, q->integer);
        break;
    }
}

static void print(FILE *out, const struct naive_query *q, int least)
{
    const bool parentheses = binding(q) < least || below(12) == 0;

    fputs(parentheses ? "(" : "", out);
    print_bare(out, q);
    fputs(parentheses ? ")" : "", out);
}

char *naive_print(const struct naive_query *q)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    print(out, q, P_OR);
    fclose(out);
    return text;
}
