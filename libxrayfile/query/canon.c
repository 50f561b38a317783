/* The canonical form (ql 6): every scope and every parenthesis that tells how the query was
 * understood. Parsed again it gives the same tree. */
#include "query/canon.h"

#include <inttypes.h>

#include "base/buf.h"
#include "codec/utf8.h"
#include "codec/regex.h"
#include "query/time.h"

struct print {
    xray_buffer *out;
    int depth, deepest;
};

static void enter(struct print *p)
{
    if (++p->depth > p->deepest)
        p->deepest = p->depth;
}

static void open(struct print *p, const char *text)
{
    enter(p);
    xf_buf_puts(p->out, text);
}

static void close(struct print *p, const char *text)
{
    p->depth--;
    xf_buf_puts(p->out, text);
}

/* ---- constants -------------------------------------------------------------------- */

/* What could hide or reorder text on a terminal is written as an escape. */
static bool is_hidden(int32_t point)
{
    return point < 0x20 || (point >= 0x7f && point <= 0x9f) || (point >= 0x200b && point <= 0x200f) ||
           (point >= 0x2028 && point <= 0x202e) || (point >= 0x2060 && point <= 0x206f) || point == 0xfeff;
}

static void put_string(xray_buffer *out, xray_str text)
{
    const uint8_t *at = (const uint8_t *)text.ptr;

    xf_buf_put_u8(out, '"');
    for (size_t left = text.len, n; left > 0; at += n, left -= n) {
        const int32_t point = xf_utf8_next(at, left, &n);

        if (point == '"' || point == '\\')
            xf_buf_printf(out, "\\%c", (char)point);
        else if (point == '\n' || point == '\t')
            xf_buf_puts(out, point == '\n' ? "\\n" : "\\t");
        else if (is_hidden(point))
            xf_buf_printf(out, "\\u{%" PRIx32 "}", (uint32_t)point);
        else
            xf_buf_put(out, at, n);
    }
    xf_buf_put_u8(out, '"');
}

static bool is_negative(const struct xf_val *v)
{
    return (v->kind == XF_INT && v->as.i < 0) || (v->kind == XF_DOUBLE && (v->as.d < 0 || 1 / v->as.d < 0));
}

static void put_constant(struct print *p, const struct xf_expr *e)
{
    const struct xf_val *v = &e->as.value;

    if (e->type == XF_T_TIME) {
        xf_buf_put_u8(p->out, '"');
        xf_time_print(v->as.i, p->out);
        xf_buf_put_u8(p->out, '"');
        return;
    }
    if (v->kind == XF_BOOL)
        xf_buf_puts(p->out, v->as.b ? "true" : "false");
    else if (v->kind == XF_TEXT)
        put_string(p->out, v->as.text);
    else if (v->kind == XF_DOUBLE)
        xray_json_double(v->as.d, p->out);
    else if (v->kind == XF_UINT)
        xf_buf_printf(p->out, "%" PRIu64, v->as.u);
    else
        xf_buf_printf(p->out, "%" PRId64, v->as.i);
    if (e->type == XF_T_DUR)
        xf_buf_puts(p->out, "ns");
    if (xf_val_is_number(v) && is_negative(v)) { /* its minus is a level for the parser */
        enter(p);
        p->depth--;
    }
}

/* ---- fields ------------------------------------------------------------------------- */

static void put_field(xray_buffer *out, const struct xf_field_ref *f)
{
    xf_buf_printf(out, "%s.%s", xf_owner_name(f->owner), xf_field_name(f->field, f->owner));
    for (uint32_t i = 0; i < f->path_count; i++) {
        const struct xf_member *m = &f->path[i];

        if (m->is_index) {
            xf_buf_printf(out, "[%" PRId32 "]", m->index);
            continue;
        }
        xf_buf_put_u8(out, '.');
        if (m->quoted) /* a quoted key is not joined with its neighbours (ql 3.1) */
            put_string(out, m->key);
        else
            xf_buf_put(out, m->key.ptr, m->key.len);
    }
    if (f->optional)
        xf_buf_put_u8(out, '?');
}

static void put_pattern(xray_buffer *out, const struct xf_expr *e)
{
    const xray_str pattern = xf_regex_pattern(e->as.regex), flags = xf_regex_flags(e->as.regex);

    if (e->quoted) {
        put_string(out, pattern);
        return;
    }
    xf_buf_put_u8(out, '/');
    for (size_t i = 0; i < pattern.len; i++) {
        if (pattern.ptr[i] == '/')
            xf_buf_put_u8(out, '\\');
        xf_buf_put_u8(out, (uint8_t)pattern.ptr[i]);
        if (pattern.ptr[i] == '\\' && i + 1 < pattern.len)
            xf_buf_put_u8(out, (uint8_t)pattern.ptr[++i]);
    }
    xf_buf_put_u8(out, '/');
    xf_buf_put(out, flags.ptr, flags.len);
}

/* ---- the tree ------------------------------------------------------------------------ */

static void put(struct print *p, const struct xf_expr *e);

static void put_in_parentheses(struct print *p, const struct xf_expr *e)
{
    open(p, "(");
    put(p, e);
    close(p, ")");
}

/* An operand of a comparison: conditions in parentheses, but for those that end in a bracket of their own. */
static void put_operand(struct print *p, const struct xf_expr *e)
{
    if (xf_expr_is_condition(e) && e->op != XF_EXISTS && !xf_expr_is_quantifier(e))
        put_in_parentheses(p, e);
    else
        put(p, e);
}

/* An operand of + - * /. */
static void put_factor(struct print *p, const struct xf_expr *e)
{
    if (e->op == XF_ADD || e->op == XF_MUL || e->op == XF_NEG)
        put_in_parentheses(p, e);
    else
        put_operand(p, e);
}

static void put_list(struct print *p, const struct xf_expr *e)
{
    for (const struct xf_expr *x = e->first; x != NULL; x = x->next) {
        if (x != e->first)
            xf_buf_puts(p->out, e->op == XF_OR ? " or " : " and ");
        if (x->op == XF_OR || x->op == XF_AND)
            put_in_parentheses(p, x);
        else
            put(p, x);
    }
}

static void put_chain(struct print *p, const struct xf_expr *e)
{
    for (const struct xf_expr *x = e->first; x != NULL; x = x->next) {
        if (x != e->first)
            xf_buf_printf(p->out, " %c ",
                          e->op == XF_ADD ? (x->inverse ? '-' : '+') : (x->inverse ? '/' : '*'));
        put_factor(p, x);
    }
}

static void put_braces(struct print *p, const struct xf_expr *body)
{
    open(p, "{");
    if (body != NULL)
        put(p, body);
    close(p, "}");
}

static void put_call(struct print *p, const char *name, const struct xf_expr *argument)
{
    xf_buf_puts(p->out, name);
    open(p, "(");
    put(p, argument);
    close(p, ")");
}

static void put_quantifier(struct print *p, const struct xf_expr *e)
{
    const char *name = "any";

    if (e->op == XF_SUM || e->op == XF_MIN || e->op == XF_MAX || e->op == XF_AVG)
        put_call(p,
                 e->op == XF_SUM   ? "sum"
                 : e->op == XF_MIN ? "min"
                 : e->op == XF_MAX ? "max"
                                   : "avg",
                 e->first);
    else
        xf_buf_puts(p->out, e->op == XF_ALL     ? "all"
                            : e->op == XF_NONE  ? "none"
                            : e->op == XF_COUNT ? "count"
                                                : name);
    xf_buf_puts(p->out, e->over == XF_CAND ? " cand" : " step");
    put_braces(p, xf_expr_body(e));
}

static void put_seq(struct print *p, const struct xf_expr *e)
{
    for (const struct xf_expr *x = e->first; x != NULL; x = x->next) {
        if (x != e->first)
            xf_buf_puts(p->out, x->later ? " ->> " : " -> ");
        put_braces(p, x);
    }
}

static void put_set(struct print *p, const struct xf_expr *e)
{
    put_operand(p, e->first);
    xf_buf_puts(p->out, e->negated ? " not in " : " in ");
    if (e->first->next == NULL) {
        xf_buf_put_u8(p->out, '@');
        put_string(p->out, e->as.set->file);
        return;
    }
    open(p, "(");
    for (const struct xf_expr *x = e->first->next; x != NULL; x = x->next) {
        if (x != e->first->next)
            xf_buf_puts(p->out, ", ");
        put_operand(p, x);
    }
    close(p, ")");
}

static void put_binary(struct print *p, const struct xf_expr *e)
{
    static const char *const signs[] = {
        [XF_EQ] = "=", [XF_NE] = "!=", [XF_LT] = "<", [XF_LE] = "<=", [XF_GT] = ">", [XF_GE] = ">="};
    const char *sign = e->op == XF_HAS ? "contains" : e->op == XF_STARTS ? "startswith" : signs[e->cmp];

    put_operand(p, e->first);
    xf_buf_printf(p->out, " %s ", sign);
    put_operand(p, e->first->next);
}

static void put(struct print *p, const struct xf_expr *e)
{
    switch (e->op) {
    case XF_OR:
    case XF_AND:
        put_list(p, e);
        break;
    case XF_NOT:
        open(p, "not ");
        if (e->first->op == XF_EXISTS || e->first->op == XF_FIELD || xf_expr_is_quantifier(e->first))
            put(p, e->first);
        else
            put_in_parentheses(p, e->first);
        close(p, "");
        break;
    case XF_CMPR:
    case XF_HAS:
    case XF_STARTS:
        put_binary(p, e);
        break;
    case XF_IN:
        put_set(p, e);
        break;
    case XF_MATCH:
        put_operand(p, e->first);
        xf_buf_puts(p->out, e->negated ? " !~ " : " ~ ");
        put_pattern(p->out, e);
        break;
    case XF_EXISTS:
        put_call(p, "exists", e->first);
        break;
    case XF_ANY:
    case XF_ALL:
    case XF_NONE:
    case XF_COUNT:
    case XF_SUM:
    case XF_MIN:
    case XF_MAX:
    case XF_AVG:
        put_quantifier(p, e);
        break;
    case XF_SEQ:
        put_seq(p, e);
        break;
    case XF_ADD:
    case XF_MUL:
        put_chain(p, e);
        break;
    case XF_NEG:
        open(p, "-");
        put_factor(p, e->first);
        close(p, "");
        break;
    case XF_LEN:
        put_call(p, "len", e->first);
        break;
    case XF_LOWER:
        put_call(p, "lower", e->first);
        break;
    case XF_ABS:
        put_call(p, "abs", e->first);
        break;
    case XF_FIELD:
        put_field(p->out, e->as.field);
        break;
    case XF_CONST:
        put_constant(p, e);
        break;
    }
}

int xf_canon_print(const struct xf_expr *e, xray_buffer *out)
{
    struct print p = {.out = out};

    put(&p, e);
    return p.deepest;
}
