/* Operands: literals, fields, functions, quantifiers, parentheses, chains (ql 2). */
#include "query/parser.h"

/* ---- fields ---------------------------------------------------------------------- */

static bool is_scope(xray_str name)
{
    return xf_text_is(name, "run") || xf_text_is(name, "step") || xf_text_is(name, "cand");
}

static bool take_index(struct xf_parser *p, struct xf_member *m)
{
    struct xf_lex *l = &p->lex;
    const size_t start = l->at++;
    const bool negative = xf_lex_take(l, "-");
    int64_t n = 0;
    size_t digits = 0;

    for (; xf_lex_peek(l, 0) >= '0' && xf_lex_peek(l, 0) <= '9' && n < 1000000000; digits++)
        n = n * 10 + (l->text[l->at++] - '0');
    if (digits == 0 || n > INT32_MAX || !xf_lex_take(l, "]")) {
        xf_source_fail(p->source, XRAY_ESYNTAX, start, l->at - start,
                       "write [0], [1], ... or [-1] for the last",
                       "a place in an array is a number in brackets");
        return false;
    }
    m->is_index = true;
    m->index = (int32_t)(negative ? -n : n);
    return true;
}

static bool take_key(struct xf_parser *p, struct xf_member *m)
{
    struct xf_lex *l = &p->lex;
    const size_t start = ++l->at;

    if (xf_lex_peek(l, 0) == '"' || xf_lex_peek(l, 0) == '\'') {
        m->quoted = true;
        return xf_lex_string(l, &m->key) == XRAY_OK;
    }
    while (xf_lex_is_name(xf_lex_peek(l, 0)))
        l->at++;
    m->key = xray_strn(l->text + start, l->at - start);
    if (m->key.len > 0)
        return true;
    xf_source_fail(p->source, XRAY_ESYNTAX, start - 1, 1, "other keys are quoted: tags.\"user-tier\"",
                   "a name is missing after '.'");
    return false;
}

/* Path members: at most as many as nesting goes deep. */
static bool take_path(struct xf_parser *p, struct xf_field_ref *f)
{
    struct xf_member path[XF_QUERY_MAX_DEPTH];
    uint32_t n = 0;

    for (;; n++) {
        const char c = xf_lex_peek(&p->lex, 0);

        if (c != '.' && c != '[')
            break;
        if (n == XF_QUERY_MAX_DEPTH) {
            xf_source_fail(p->source, XRAY_ELIMIT, p->lex.at, 1, NULL, "nesting is deeper than %d",
                           XF_QUERY_MAX_DEPTH);
            return false;
        }
        path[n] = (struct xf_member){0};
        if (!(c == '.' ? take_key(p, &path[n]) : take_index(p, &path[n])))
            return false;
    }
    f->path = xf_arena_copy(p->source->arena, path, n * sizeof *path);
    f->path_count = n;
    if (f->path == NULL) {
        xf_source_fail_memory(p->source);
        return false;
    }
    return true;
}

struct xf_expr *xf_parse_field(struct xf_parser *p)
{
    struct xf_lex *l = &p->lex;
    const size_t off = l->at;
    struct xf_expr *e = xf_parse_node(p, XF_FIELD, off);
    struct xf_field_ref *f = xf_arena_alloc(p->source->arena, sizeof *f);

    if (e == NULL || f == NULL) {
        xf_source_fail_memory(p->source);
        return NULL;
    }
    e->as.field = f;
    f->name = xray_strn(l->text + off, xf_lex_name(l));
    l->at += f->name.len;
    if (is_scope(f->name)) {
        f->scope = f->name;
        if (!xf_lex_take(l, ".") || xf_lex_name(l) == 0) {
            char hint[256];

            xf_source_fail(p->source, XRAY_ESYNTAX, off, f->name.len,
                           xf_source_hint(hint, "write for instance %.*s.%s", (int)f->name.len, f->name.ptr,
                                          xf_text_is(f->name, "cand") ? "score" : "duration"),
                           "'%.*s' needs the name of a field", (int)f->name.len, f->name.ptr);
            return NULL;
        }
        f->name = xray_strn(l->text + l->at, xf_lex_name(l));
        l->at += f->name.len;
    }
    if (!take_path(p, f))
        return NULL;
    f->optional = xf_lex_take(l, "?");
    xf_parse_end(p, e);
    return e;
}

/* ---- quantifiers and chains -------------------------------------------------------- */

/* { query }, or {} if that is allowed: *body is NULL then. */
static bool parse_braces(struct xf_parser *p, bool may_be_empty, struct xf_expr **body)
{
    const size_t open = p->lex.at++;

    *body = NULL;
    if (!xf_parse_enter(p, open))
        return false;
    xf_lex_space(&p->lex);
    if (xf_lex_peek(&p->lex, 0) == '}') {
        if (!may_be_empty) {
            xf_parse_unexpected(p, "a condition");
            return false;
        }
    } else {
        *body = xf_parse_query(p);
        if (*body == NULL)
            return false;
    }
    xf_parse_leave(p);
    return xf_parse_close(p, open, '{', '}');
}

struct xf_expr *xf_parse_seq(struct xf_parser *p)
{
    struct xf_expr *e = xf_parse_node(p, XF_SEQ, p->lex.at), **tail, *body;
    bool later = false;

    if (e == NULL)
        return NULL;
    tail = &e->first;
    for (;;) {
        if (!parse_braces(p, false, &body))
            return NULL;
        body->later = later;
        xf_parse_add(&tail, body);
        xf_parse_end(p, e);
        xf_lex_space(&p->lex);
        later = xf_lex_take(&p->lex, "->>");
        if (!later && !xf_lex_take(&p->lex, "->"))
            return e;
        xf_lex_space(&p->lex);
        if (xf_lex_peek(&p->lex, 0) != '{')
            return xf_parse_unexpected(p, "{ condition }");
    }
}

static const struct {
    const char *name;
    enum xf_op op;
} quantifiers[] = {{"any", XF_ANY}, {"all", XF_ALL}, {"none", XF_NONE}, {"count", XF_COUNT},
                   {"sum", XF_SUM}, {"min", XF_MIN}, {"max", XF_MAX},   {"avg", XF_AVG}};

static const struct {
    const char *name;
    enum xf_op op;
} functions[] = {{"exists", XF_EXISTS}, {"len", XF_LEN}, {"lower", XF_LOWER}, {"abs", XF_ABS}};

/* From here on, is this the way a quantifier goes on: braces, or (an operand)? */
static bool at_braces(struct xf_lex l)
{
    xf_lex_space(&l);
    if (xf_lex_take_name(&l, "step") || xf_lex_take_name(&l, "cand"))
        xf_lex_space(&l);
    return xf_lex_peek(&l, 0) == '{';
}

static bool at_parenthesis(struct xf_lex l)
{
    xf_lex_space(&l);
    return xf_lex_peek(&l, 0) == '(';
}

static struct xf_expr *parse_argument(struct xf_parser *p)
{
    struct xf_expr *e;
    size_t open;

    xf_lex_space(&p->lex);
    open = p->lex.at++;
    if (!xf_parse_enter(p, open))
        return NULL;
    e = xf_parse_sum(p, false);
    if (e == NULL || !xf_parse_close(p, open, '(', ')'))
        return NULL;
    xf_parse_leave(p);
    return e;
}

static struct xf_expr *parse_quantifier(struct xf_parser *p, enum xf_op op, size_t off)
{
    struct xf_expr *e = xf_parse_node(p, op, off), **tail, *body;

    if (e == NULL)
        return NULL;
    tail = &e->first;
    if (op >= XF_SUM) {
        struct xf_expr *operand = parse_argument(p);

        if (operand == NULL)
            return NULL;
        xf_parse_add(&tail, operand);
    }
    xf_lex_space(&p->lex);
    e->over = XF_STEP;
    if (xf_lex_take_name(&p->lex, "cand"))
        e->over = XF_CAND;
    else
        xf_lex_take_name(&p->lex, "step");
    xf_lex_space(&p->lex);
    if (xf_lex_peek(&p->lex, 0) != '{') {
        xf_source_fail(p->source, XRAY_ESYNTAX, off, 3,
                       "write sum(step.cost){step.type = llm}, or {} for every step",
                       "braces are missing: of which steps?");
        return NULL;
    }
    if (!parse_braces(p, true, &body))
        return NULL;
    if (body != NULL)
        xf_parse_add(&tail, body);
    xf_parse_end(p, e);
    return e;
}

static struct xf_expr *parse_function(struct xf_parser *p, enum xf_op op, size_t off)
{
    struct xf_expr *e = xf_parse_node(p, op, off);

    if (e == NULL)
        return NULL;
    e->first = parse_argument(p);
    if (e->first == NULL)
        return NULL;
    xf_parse_end(p, e);
    return e;
}

/* A name before ( or { that is neither. */
static struct xf_expr *refuse_call(struct xf_parser *p, xray_str name, bool braces)
{
    static const struct {
        const char *name;
        const char *hint;
    } others[] = {{"some", "write any{...}"},       {"every", "write all{...}"},
                  {"no", "write none{...}"},        {"has", "write exists(f)"},
                  {"length", "write len(f)"},       {"size", "write len(f), or input_size"},
                  {"exist", "write exists(f)"},     {"isnull", "write not exists(f)"},
                  {"upper", "write lower(f)"},      {"mean", "write avg(f){...}"},
                  {"average", "write avg(f){...}"}, {"first", "write {...} -> {...}"}};
    const char *hint = braces ? "quantifiers are any all none count, and sum min max avg (f){...}"
                              : "functions are exists len lower abs";

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (xf_text_is(name, others[i].name))
            hint = others[i].hint;
    xf_source_fail(p->source, XRAY_ESYNTAX, p->lex.at, name.len, hint, "there is no %s '%.*s'",
                   braces ? "quantifier" : "function", xf_source_show(name.len), name.ptr);
    return NULL;
}

/* A quantifier or a function if one begins here: *found. */
static struct xf_expr *parse_call(struct xf_parser *p, bool *found)
{
    const xray_str name = xray_strn(p->lex.text + p->lex.at, xf_lex_name(&p->lex));
    const size_t off = p->lex.at;
    struct xf_lex behind = p->lex;
    bool braces, parenthesis;

    behind.at += name.len;
    braces = at_braces(behind);
    parenthesis = at_parenthesis(behind);
    *found = braces || parenthesis;
    if (!*found)
        return NULL;
    for (size_t i = 0; i < sizeof quantifiers / sizeof quantifiers[0]; i++)
        if (xf_text_is(name, quantifiers[i].name) && (quantifiers[i].op >= XF_SUM ? parenthesis : braces)) {
            p->lex.at = behind.at;
            return parse_quantifier(p, quantifiers[i].op, off);
        }
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (xf_text_is(name, functions[i].name) && parenthesis) {
            p->lex.at = behind.at;
            return parse_function(p, functions[i].op, off);
        }
    return refuse_call(p, name, braces);
}

/* ---- literals and words ------------------------------------------------------------- */

static struct xf_expr *parse_number(struct xf_parser *p)
{
    struct xf_expr *e = xf_parse_node(p, XF_CONST, p->lex.at);

    if (e == NULL || xf_lex_number(&p->lex, &e->as.value, &e->type) != XRAY_OK)
        return NULL;
    xf_parse_end(p, e);
    return e;
}

static struct xf_expr *parse_string(struct xf_parser *p)
{
    struct xf_expr *e = xf_parse_node(p, XF_CONST, p->lex.at);
    xray_str text;

    if (e == NULL || xf_lex_string(&p->lex, &text) != XRAY_OK)
        return NULL;
    e->type = XF_T_TEXT;
    e->as.value = xf_val_text(text);
    xf_parse_end(p, e);
    return e;
}

/* On the right of a comparison a word is text (ql 2.2), unless its scope is written, it is reckoned
 * with, or it goes on as no text does: `> run.cost`, `> candidates_in / 2`, `= input[0]`. */
static bool is_text_word(const struct xf_parser *p)
{
    struct xf_lex l = p->lex;
    const xray_str name = xray_strn(l.text + l.at, xf_lex_name(&l));

    if (is_scope(name) && xf_lex_peek(&l, name.len) == '.')
        return false;
    l.at += xf_lex_word(&l);
    switch (xf_lex_peek(&l, 0)) {
    case '[':
    case '?':
        return false;
    case '"':
    case '\'':
        return l.text[l.at - 1] != '.';
    default:
        break;
    }
    xf_lex_space(&l);
    switch (xf_lex_peek(&l, 0)) {
    case '+':
    case '*':
    case '/':
        return false;
    case '-':
        return xf_lex_peek(&l, 1) == '>';
    default:
        return true;
    }
}

static struct xf_expr *parse_word(struct xf_parser *p)
{
    struct xf_expr *e = xf_parse_node(p, XF_CONST, p->lex.at);
    const size_t n = xf_lex_word(&p->lex);

    if (e == NULL)
        return NULL;
    e->type = XF_T_TEXT;
    e->bare = true;
    e->as.value = xf_val_text(xray_strn(p->lex.text + p->lex.at, n));
    p->lex.at += n;
    xf_parse_end(p, e);
    return e;
}

static struct xf_expr *parse_parentheses(struct xf_parser *p)
{
    const size_t open = p->lex.at++;
    struct xf_expr *e;

    if (!xf_parse_enter(p, open))
        return NULL;
    e = xf_parse_query(p);
    if (e == NULL || !xf_parse_close(p, open, '(', ')'))
        return NULL;
    xf_parse_leave(p);
    e->off = (uint32_t)open;
    xf_parse_end(p, e);
    return e;
}

/* Operators are no operands; on the right, OR may be a state. */
static bool is_reserved(const struct xf_lex *l, bool right)
{
    if (xf_lex_at_name(l, "and") || xf_lex_at_name(l, "or") || xf_lex_at_name(l, "not") ||
        xf_lex_at_name(l, "in"))
        return true;
    return !right && (xf_lex_at_name(l, "AND") || xf_lex_at_name(l, "OR") || xf_lex_at_name(l, "NOT"));
}

struct xf_expr *xf_parse_prim(struct xf_parser *p, bool right)
{
    struct xf_lex *l = &p->lex;
    const char c = (xf_lex_space(l), xf_lex_peek(l, 0));
    bool found = false;

    if (c >= '0' && c <= '9')
        return parse_number(p);
    if (c == '"' || c == '\'')
        return parse_string(p);
    if (c == '(')
        return parse_parentheses(p);
    if (c == '.' && xf_lex_peek(l, 1) >= '0' && xf_lex_peek(l, 1) <= '9') {
        xf_source_fail(p->source, XRAY_ESYNTAX, l->at, 1, "write 0.5", "a digit is missing before '.'");
        return NULL;
    }
    if (!xf_lex_is_name_start(c) || is_reserved(l, right))
        return xf_parse_unexpected(p, right ? "a value" : "a condition");
    if (xf_lex_word(l) == xf_lex_name(l) || !right) {
        struct xf_expr *e = parse_call(p, &found);

        if (found)
            return e;
    }
    return right && is_text_word(p) ? parse_word(p) : xf_parse_field(p);
}
