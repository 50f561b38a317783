/* From text to tree: queries, conditions, comparisons, sums (ql 2). What these are made
 * of is in parseprim.c, sets and patterns in parseset.c. Recursion is bounded by
 * xf_parse_enter: every way around the loop of rules passes it. */
#include "query/parser.h"

#include "codec/utf8.h"

/* ---- nodes --------------------------------------------------------------------- */

struct xf_expr *xf_parse_node(struct xf_parser *p, enum xf_op op, size_t off)
{
    struct xf_expr *e = xf_arena_alloc(p->source->arena, sizeof *e);

    if (e == NULL) {
        xf_source_fail_memory(p->source);
        return NULL;
    }
    e->op = op;
    e->off = (uint32_t)off;
    e->len = (uint32_t)(p->lex.at > off ? p->lex.at - off : 1);
    return e;
}

void xf_parse_end(struct xf_parser *p, struct xf_expr *e)
{
    e->len = (uint32_t)(p->lex.at - e->off);
}

void xf_parse_add(struct xf_expr ***tail, struct xf_expr *child)
{
    **tail = child;
    *tail = &child->next;
}

bool xf_parse_enter(struct xf_parser *p, size_t off)
{
    if (p->depth == XF_QUERY_MAX_DEPTH) {
        xf_source_fail(p->source, XRAY_ELIMIT, off, 1, "split it, or leave out parentheses",
                       "nesting is deeper than %d", XF_QUERY_MAX_DEPTH);
        return false;
    }
    p->depth++;
    return true;
}

bool xf_parse_close(struct xf_parser *p, size_t off, char open, char close)
{
    const char text[2] = {close, '\0'};
    char hint[256];

    xf_lex_space(&p->lex);
    if (xf_lex_take(&p->lex, text))
        return true;
    if (p->lex.at < p->lex.len) {
        const char other = xf_lex_peek(&p->lex, 0);

        if (other != ')' && other != '}') {
            xf_parse_unexpected(p, NULL);
            return false;
        }
    }
    xf_source_fail(p->source, XRAY_ESYNTAX, off, 1, xf_source_hint(hint, "add %c", close),
                   "'%c' is not closed", open);
    return false;
}

/* ---- what is wrong here ---------------------------------------------------------- */

/* Operators of other languages, and how ours are written. */
static const struct {
    const char *text;
    const char *hint;
    const char *message; /* NULL: there is no such operator */
} foreign[] = {
    {"=~", "write ~", NULL},
    {"=<", "write <=", NULL},
    {"=>", "write >=", NULL},
    {"<>", "write !=", NULL},
    {"===", "write =", NULL},
    {"&", "write and", NULL},
    {"|", "write or", NULL},
    {"->", "a chain is made of braces: {step.name = a} -> {step.name = b}", "'->' has no place here"},
    {"AND", "write and", NULL},
    {"OR", "write or", NULL},
    {"NOT", "write not", NULL},
    {"IN", "write in", NULL},
    {"xor", "write (a or b) and not (a and b)", NULL},
    {"is", "write exists(f) or not exists(f); f = x compares", NULL},
    {"IS", "write exists(f) or not exists(f); f = x compares", NULL},
    {"isnt", "write !=", NULL},
    {"like", "write ~ /pattern/, contains or startswith", NULL},
    {"LIKE", "write ~ /pattern/, contains or startswith", NULL},
    {"ilike", "write ~ /pattern/i", NULL},
    {"matches", "write ~ /pattern/", NULL},
    {"regex", "write ~ /pattern/", NULL},
    {"between", "write f >= a and f <= b", NULL},
    {"has", "write contains", NULL},
    {"includes", "write contains", NULL},
    {"endswith", "write ~ /text$/", NULL},
    {"mod", NULL, NULL},
    {"where", "leave it out", NULL},
    {"%", NULL, NULL},
    {"^", NULL, NULL},
    {";", "one expression; join two with and", "';' has no place here"},
};

static bool fail_foreign(struct xf_parser *p)
{
    const struct xf_lex *l = &p->lex;

    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        const char *text = foreign[i].text;
        const size_t n = strlen(text);
        const bool here = xf_lex_is_name_start(text[0]) ? xf_lex_at_name(l, text) : xf_lex_at(l, text);

        if (!here)
            continue;
        if (foreign[i].message != NULL)
            xf_source_fail(p->source, XRAY_ESYNTAX, l->at, n, foreign[i].hint, "%s", foreign[i].message);
        else
            xf_source_fail(p->source, XRAY_ESYNTAX, l->at, n, foreign[i].hint, "there is no operator '%s'",
                           text);
        return true;
    }
    return false;
}

/* Characters of what stands here, for quoting it: a word, or one character. */
static size_t shown_len(const struct xf_lex *l)
{
    const size_t word = xf_lex_word(l);
    size_t n;

    if (word > 0)
        return word;
    xf_utf8_next((const uint8_t *)l->text + l->at, l->len - l->at, &n);
    return n;
}

struct xf_expr *xf_parse_unexpected(struct xf_parser *p, const char *missing)
{
    struct xf_lex *l = &p->lex;
    const char c = xf_lex_peek(l, 0);

    if (l->at < l->len && fail_foreign(p))
        return NULL;
    if (l->at == l->len) {
        xf_source_fail(p->source, XRAY_ESYNTAX, l->at, 1, NULL, "%s is missing at the end",
                       missing != NULL ? missing : "something");
        return NULL;
    }

    const size_t n = shown_len(l);
    const int shown = xf_source_show(n);
    const char *at = l->text + l->at;

    if (missing != NULL && (c == ')' || c == '}' || c == ',' || xf_lex_name(l) > 0))
        xf_source_fail(p->source, XRAY_ESYNTAX, l->at, n, NULL, "%s is missing before '%.*s'", missing, shown,
                       at);
    else if (c == ')' || c == '}')
        xf_source_fail(p->source, XRAY_ESYNTAX, l->at, 1, "leave it out", "'%c' closes nothing", c);
    else if (c == '/')
        xf_source_fail(p->source, XRAY_ESYNTAX, l->at, 1, "write f ~ /pattern/",
                       "a pattern stands only after ~");
    else if (c == '@')
        xf_source_fail(p->source, XRAY_ESYNTAX, l->at, 1, "write f in @file, or quote the text",
                       "a file stands only after in");
    else if (missing == NULL &&
             (xf_lex_name(l) > 0 || c == '"' || c == '\'' || (c >= '0' && c <= '9') || c == '(' || c == '{'))
        xf_source_fail(p->source, XRAY_ESYNTAX, l->at, n,
                       "is an operator missing, such as and, or, =? Text with spaces is quoted",
                       "'%.*s' has no place here", shown, at);
    else
        xf_source_fail(p->source, XRAY_ESYNTAX, l->at, n, NULL, "'%.*s' has no place here", shown, at);
    return NULL;
}

/* ---- or, and, not ---------------------------------------------------------------- */

/* A list of two or more becomes one node. */
static struct xf_expr *parse_list(struct xf_parser *p, enum xf_op op,
                                  struct xf_expr *(*item)(struct xf_parser *), const char *word,
                                  const char *sign)
{
    struct xf_expr *first = item(p), *list = NULL, **tail = NULL;

    while (first != NULL) {
        struct xf_expr *next;

        xf_lex_space(&p->lex);
        if (!xf_lex_take(&p->lex, sign) && !xf_lex_take_name(&p->lex, word))
            break;
        if (list == NULL) {
            list = xf_parse_node(p, op, first->off);
            if (list == NULL)
                return NULL;
            tail = &list->first;
            xf_parse_add(&tail, first);
        }
        next = item(p);
        if (next == NULL)
            return NULL;
        xf_parse_add(&tail, next);
        xf_parse_end(p, list);
    }
    return list != NULL ? list : first;
}

static struct xf_expr *parse_rel(struct xf_parser *p);

static struct xf_expr *parse_not(struct xf_parser *p)
{
    const size_t off = (xf_lex_space(&p->lex), p->lex.at);
    struct xf_expr *e;

    if (xf_lex_peek(&p->lex, 0) == '!' && xf_lex_peek(&p->lex, 1) != '=' && xf_lex_peek(&p->lex, 1) != '~')
        p->lex.at++;
    else if (!xf_lex_take_name(&p->lex, "not"))
        return parse_rel(p);
    if (!xf_parse_enter(p, off))
        return NULL;
    e = xf_parse_node(p, XF_NOT, off);
    if (e != NULL) {
        e->first = parse_not(p);
        if (e->first == NULL)
            return NULL;
        xf_parse_end(p, e);
    }
    xf_parse_leave(p);
    return e;
}

static struct xf_expr *parse_and(struct xf_parser *p)
{
    return parse_list(p, XF_AND, parse_not, "and", "&&");
}

struct xf_expr *xf_parse_query(struct xf_parser *p)
{
    return parse_list(p, XF_OR, parse_and, "or", "||");
}

/* ---- comparisons ------------------------------------------------------------------- */

/* Takes = == != < <= > >=. */
static bool take_comparison(struct xf_parser *p, enum xf_cmp *cmp)
{
    static const struct {
        const char *text;
        enum xf_cmp cmp;
    } signs[] = {{"==", XF_EQ}, {"=", XF_EQ}, {"!=", XF_NE}, {"<=", XF_LE},
                 {">=", XF_GE}, {"<", XF_LT}, {">", XF_GT}};
    static const char *const others[] = {"=~", "=<", "=>", "<>", "==="};

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (xf_lex_at(&p->lex, others[i]))
            return false;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (xf_lex_take(&p->lex, signs[i].text)) {
            *cmp = signs[i].cmp;
            return true;
        }
    return false;
}

/* A second comparison behind one: refused with what to write. */
static struct xf_expr *refuse_chain(struct xf_parser *p, struct xf_expr *e)
{
    const size_t at = (xf_lex_space(&p->lex), p->lex.at);
    enum xf_cmp cmp;

    if (!take_comparison(p, &cmp))
        return e;
    xf_source_fail(p->source, XRAY_ESYNTAX, at, p->lex.at - at, "write a < b and b < c",
                   "comparisons do not chain");
    return NULL;
}

static struct xf_expr *parse_binary(struct xf_parser *p, enum xf_op op, struct xf_expr *left)
{
    struct xf_expr *e = xf_parse_node(p, op, left->off), *right;

    if (e == NULL)
        return NULL;
    right = xf_parse_sum(p, true);
    if (right == NULL)
        return NULL;
    e->first = left;
    left->next = right;
    xf_parse_end(p, e);
    return refuse_chain(p, e);
}

static struct xf_expr *parse_rel(struct xf_parser *p)
{
    struct xf_lex *l = &p->lex;
    struct xf_expr *left, *e;
    enum xf_cmp cmp;
    size_t start;

    if (xf_lex_peek(l, 0) == '{')
        return xf_parse_seq(p);
    left = xf_parse_sum(p, false);
    if (left == NULL)
        return NULL;
    xf_lex_space(l);
    start = l->at;
    if (xf_lex_take(l, "!~"))
        return xf_parse_match(p, left, true);
    if (xf_lex_take(l, "~"))
        return xf_parse_match(p, left, false);
    if (xf_lex_take_name(l, "in"))
        return xf_parse_set(p, left, false);
    if (xf_lex_take_name(l, "contains"))
        return parse_binary(p, XF_HAS, left);
    if (xf_lex_take_name(l, "startswith"))
        return parse_binary(p, XF_STARTS, left);
    if (xf_lex_take_name(l, "not")) {
        xf_lex_space(l);
        if (xf_lex_take_name(l, "in"))
            return xf_parse_set(p, left, true);
        xf_source_fail(p->source, XRAY_ESYNTAX, start, 3,
                       "write f not in (...), or not (...) around the condition", "'not' has no place here");
        return NULL;
    }
    if (!take_comparison(p, &cmp))
        return left;
    e = parse_binary(p, XF_CMPR, left);
    if (e != NULL)
        e->cmp = cmp;
    return e;
}

/* ---- sums -------------------------------------------------------------------------- */

static bool take_operator(struct xf_parser *p, char a, char b, bool *inverse)
{
    xf_lex_space(&p->lex);

    const char c = xf_lex_peek(&p->lex, 0);

    if ((c != a && c != b) || (c == '-' && xf_lex_peek(&p->lex, 1) == '>'))
        return false;
    *inverse = c == b;
    p->lex.at++;
    return true;
}

static struct xf_expr *parse_un(struct xf_parser *p, bool right)
{
    const size_t off = (xf_lex_space(&p->lex), p->lex.at);
    struct xf_expr *e;

    if (!xf_lex_take(&p->lex, "-"))
        return xf_parse_prim(p, right);
    if (!xf_parse_enter(p, off))
        return NULL;
    e = xf_parse_node(p, XF_NEG, off);
    if (e != NULL) {
        e->first = parse_un(p, false);
        if (e->first == NULL)
            return NULL;
        xf_parse_end(p, e);
    }
    xf_parse_leave(p);
    return e;
}

static struct xf_expr *parse_chain(struct xf_parser *p, enum xf_op op,
                                   struct xf_expr *(*item)(struct xf_parser *, bool), bool right)
{
    struct xf_expr *first = item(p, right), *list = NULL, **tail = NULL;
    const char plus = op == XF_ADD ? '+' : '*', minus = op == XF_ADD ? '-' : '/';
    bool inverse;

    while (first != NULL && take_operator(p, plus, minus, &inverse)) {
        struct xf_expr *next;

        if (list == NULL) {
            list = xf_parse_node(p, op, first->off);
            if (list == NULL)
                return NULL;
            tail = &list->first;
            xf_parse_add(&tail, first);
        }
        next = item(p, false);
        if (next == NULL)
            return NULL;
        next->inverse = inverse;
        xf_parse_add(&tail, next);
        xf_parse_end(p, list);
    }
    return list != NULL ? list : first;
}

static struct xf_expr *parse_prod(struct xf_parser *p, bool right)
{
    return parse_chain(p, XF_MUL, parse_un, right);
}

struct xf_expr *xf_parse_sum(struct xf_parser *p, bool right)
{
    return parse_chain(p, XF_ADD, parse_prod, right);
}

/* ---- the whole ----------------------------------------------------------------------- */

static int check_text(struct xf_query_source *s)
{
    const size_t valid = xf_utf8_valid_len(s->text.ptr, s->text.len);
    const char *nul = s->text.len > 0 ? memchr(s->text.ptr, '\0', s->text.len) : NULL;

    if (s->text.len > XF_QUERY_MAX_LEN)
        return xf_source_fail(s, XRAY_ELIMIT, XF_QUERY_MAX_LEN, 1, "keep long lists in a file: f in @file",
                              "the query is longer than 1 MiB");
    if (valid < s->text.len)
        return xf_source_fail(s, XRAY_ESYNTAX, valid, 1, NULL, "the query is not UTF-8");
    if (nul != NULL)
        return xf_source_fail(s, XRAY_ESYNTAX, (size_t)(nul - s->text.ptr), 1,
                              "in a string it is written \\u{0}", "a NUL has no place here");
    return XRAY_OK;
}

int xf_parse(struct xf_query_source *source, struct xf_regex_env *regexes, struct xf_expr **out)
{
    struct xf_parser p = {
        .lex = {.source = source, .text = source->text.ptr, .len = source->text.len},
        .source = source,
        .regexes = regexes,
    };
    struct xf_expr *e;

    if (check_text(source) != XRAY_OK)
        return source->status;
    xf_lex_space(&p.lex);
    if (p.lex.at == p.lex.len)
        return xf_source_fail(source, XRAY_ESYNTAX, 0, 1, "write for instance run.status = failure",
                              "the query is empty");
    e = xf_parse_query(&p);
    if (e != NULL) {
        xf_lex_space(&p.lex);
        if (p.lex.at < p.lex.len)
            e = xf_parse_unexpected(&p, NULL);
    }
    if (e == NULL)
        return source->status;
    *out = e;
    return XRAY_OK;
}
