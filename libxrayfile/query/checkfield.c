/* Whose a name is (ql 1, 3). */
#include "query/checker.h"

#include <stdio.h>

/* "run and step", "run.x or step.x": the owners of a name in words. */
static void list_owners(unsigned owners, const char *word, const char *tail, char out[128])
{
    static const enum xf_owner all[] = {XF_RUN, XF_STEP, XF_CAND};
    size_t n = 0;
    unsigned left = owners;

    out[0] = '\0';
    for (size_t i = 0; i < 3 && n < 100; i++) {
        if ((owners & all[i]) == 0)
            continue;
        left &= ~(unsigned)all[i];
        n += (size_t)snprintf(out + n, 128 - n, "%s%.24s%s", xf_owner_name(all[i]), tail,
                              left == 0                  ? ""
                              : (left & (left - 1)) != 0 ? ", "
                                                         : word);
    }
}

static bool is_quantifier(xray_str name)
{
    return xf_text_is(name, "any") || xf_text_is(name, "all") || xf_text_is(name, "none") ||
           xf_text_is(name, "count");
}

static bool refuse_unknown(struct xf_checker *c, const struct xf_expr *e, enum xf_owner owner)
{
    const struct xf_field_ref *f = e->as.field;
    const char *nearest = xf_field_nearest(owner, f->name);
    const char *before = c->source->text.ptr + e->off;
    char hint[256] = "text on the left of a comparison is quoted";

    if (owner == XF_NOBODY && is_quantifier(f->name))
        xf_source_hint(hint, "a quantifier has braces: %.*s{...}", (int)f->name.len, f->name.ptr);
    else if (e->off >= 2 && before[-1] == '-' && before[-2] > ' ')
        xf_source_hint(hint, "a key or a text with '-' is quoted: tags.\"user-tier\"");
    else if (nearest != NULL)
        xf_source_hint(hint, "did you mean %s%s%s?", owner != XF_NOBODY ? xf_owner_name(owner) : "",
                       owner != XF_NOBODY ? "." : "", nearest);
    else if (owner != XF_NOBODY)
        xf_source_hint(hint, "recorded values of one's own are in metadata, tags and attrs");
    return xf_check_refuse(c, e, hint, "there is no field '%.*s'", XF_SHOW(c, e));
}

/* Names without a scope. */
static bool find_owner(struct xf_checker *c, struct xf_expr *e)
{
    struct xf_field_ref *f = e->as.field;
    enum xf_owner bare;
    const unsigned owners = xf_field_owners(f->name, &bare);
    char names[128], choices[128], tail[40], hint[256];

    if (owners == 0)
        return refuse_unknown(c, e, XF_NOBODY);
    if (bare == XF_NOBODY) {
        snprintf(tail, sizeof tail, ".%.*s", xf_source_show(f->name.len), f->name.ptr);
        list_owners(owners, " and ", "", names);
        list_owners(owners, " or ", tail, choices);
        return xf_check_refuse(c, e, xf_source_hint(hint, "write %s", choices), "'%.*s' exists in %s",
                               xf_source_show(f->name.len), f->name.ptr, names);
    }
    f->owner = bare;
    return true;
}

static bool find_scoped(struct xf_checker *c, struct xf_expr *e)
{
    struct xf_field_ref *f = e->as.field;
    enum xf_owner bare;
    const unsigned owners = xf_field_owners(f->name, &bare);
    char choices[128], tail[40], hint[256];

    f->owner = f->scope.ptr[0] == 'r' ? XF_RUN : f->scope.ptr[0] == 's' ? XF_STEP : XF_CAND;
    if ((owners & f->owner) != 0)
        return true;
    if (owners == 0)
        return refuse_unknown(c, e, f->owner);
    snprintf(tail, sizeof tail, ".%.*s", xf_source_show(f->name.len), f->name.ptr);
    list_owners(owners, " or ", tail, choices);
    return xf_check_refuse(c, e, xf_source_hint(hint, "write %s", choices), "a %s has no field '%.*s'",
                           f->owner == XF_CAND ? "candidate" : xf_owner_name(f->owner),
                           xf_source_show(f->name.len), f->name.ptr);
}

/* Is what the name speaks of there where it stands? */
static bool check_place(struct xf_checker *c, struct xf_expr *e, struct xf_where w)
{
    const struct xf_field_ref *f = e->as.field;
    char hint[256];

    if (f->owner == XF_CAND && !w.cand_ok)
        return xf_check_refuse(c, e, xf_source_hint(hint, "write any cand{%.*s ...}", XF_SHOW(c, e)),
                               "'%.*s' stands outside cand{...}", XF_SHOW(c, e));
    if (f->owner != XF_RUN && !w.in_step)
        c->step_outside = true;
    if (f->optional && !w.optional_ok)
        return xf_check_refuse(c, e, "it belongs to a field that is compared: f? != x",
                               "'?' has no place here");
    return true;
}

static bool check_members(struct xf_checker *c, struct xf_expr *e)
{
    const struct xf_field_ref *f = e->as.field;
    switch (f->field->members) {
    case XF_NO_MEMBERS:
        if (f->path_count == 0)
            return true;
        return xf_check_refuse(c, e, "text on the right of = that begins with run. step. or cand. is quoted",
                               "%s.%s has no members", xf_owner_name(f->owner), f->field->name);
    case XF_MEMBERS:
        return true;
    case XF_MEMBER_CODE:
        if (f->path_count == 1 && !f->path[0].is_index)
            return true;
        return xf_check_refuse(
            c, e, "write reasons.CODE or reasons.\"the code\"; the set of codes is step.reason",
            "'%.*s' needs the code of one reason", xf_source_show(f->name.len), f->name.ptr);
    }
    return false;
}

static unsigned needs_of(const struct xf_field_ref *f)
{
    unsigned needs = f->owner == XF_RUN ? 0 : XRAY_NEEDS_STEPS;

    if (f->owner == XF_CAND)
        needs |= XRAY_NEEDS_EVENTS;
    switch (f->field->id) {
    case XF_F_EXT_ID:
        return f->owner == XF_STEP ? needs | XRAY_NEEDS_IDS : needs;
    case XF_F_REASON:
    case XF_F_REASONS:
        return f->owner == XF_STEP ? needs | XRAY_NEEDS_REASONS : needs;
    case XF_F_STEPS:
        return needs | XRAY_NEEDS_STEPS;
    case XF_F_VALUE:
    case XF_F_ERROR:
    case XF_F_SIZE:
    case XF_F_TEXT:
        return needs | XRAY_NEEDS_PAYLOAD;
    default:
        return needs;
    }
}

bool xf_check_field(struct xf_checker *c, struct xf_expr *e, struct xf_where w)
{
    struct xf_field_ref *f = e->as.field;

    if (!(f->scope.len > 0 ? find_scoped(c, e) : find_owner(c, e)))
        return false;
    f->field = xf_field_find(f->owner, f->name);
    if (!check_place(c, e, w) || !check_members(c, e))
        return false;
    c->query->needs |= needs_of(f);
    e->cost = (needs_of(f) & XRAY_NEEDS_PAYLOAD) != 0 ? XF_COST_PAYLOAD
              : f->field->id == XF_F_STEPS            ? XF_COST_STEPS
                                                      : XF_COST_RECORD;
    e->type = f->path_count > 0 && f->field->id == XF_F_ERROR ? XF_T_ANY : f->field->type;
    return true;
}
