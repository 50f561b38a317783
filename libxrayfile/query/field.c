/* The fields of ql 3, as data: one line for each line of the table there. */
#include "query/field.h"

enum { R = XF_RUN, S = XF_STEP, C = XF_CAND };

/* clang-format off */
static const struct xf_qfield fields[] = {
    /* name               id                       owners bare        type       members      column */
    {"id",                XF_F_ID,                 R | C, XF_NOBODY,  XF_T_TEXT, XF_NO_MEMBERS, 0},
    {"ext_id",            XF_F_EXT_ID,             R | S, XF_NOBODY,  XF_T_TEXT, XF_NO_MEMBERS, 0},
    {"pipeline",          XF_F_PIPELINE,           R,     XF_RUN,     XF_T_TEXT, XF_NO_MEMBERS, 0},
    {"name",              XF_F_PIPELINE,           R,     XF_NOBODY,  XF_T_TEXT, XF_NO_MEMBERS, 0},
    {"name",              XF_F_NAME,               S,     XF_NOBODY,  XF_T_TEXT, XF_NO_MEMBERS, 0},
    {"version",           XF_F_VERSION,            R,     XF_RUN,     XF_T_TEXT, XF_NO_MEMBERS, 0},
    {"project",           XF_F_PROJECT,            R,     XF_RUN,     XF_T_TEXT, XF_NO_MEMBERS, 0},
    {"session",           XF_F_SESSION,            R,     XF_RUN,     XF_T_TEXT, XF_NO_MEMBERS, 0},
    {"user",              XF_F_USER,               R,     XF_RUN,     XF_T_TEXT, XF_NO_MEMBERS, 0},
    {"status",            XF_F_STATUS,             R | S, XF_NOBODY,  XF_T_TEXT, XF_NO_MEMBERS, 0},
    {"start",             XF_F_START,              R | S, XF_NOBODY,  XF_T_TIME, XF_NO_MEMBERS, 0},
    {"end",               XF_F_END,                R | S, XF_NOBODY,  XF_T_TIME, XF_NO_MEMBERS, 0},
    {"duration",          XF_F_DURATION,           R | S, XF_NOBODY,  XF_T_DUR,  XF_NO_MEMBERS, 0},
    {"cost",              XF_F_COST,               R | S, XF_NOBODY,  XF_T_NUM,  XF_NO_MEMBERS, 0},
    {"error",             XF_F_ERROR,              R | S, XF_NOBODY,  XF_T_TEXT, XF_MEMBERS,    XF_COL_ERROR},
    {"error_type",        XF_F_ERROR_TYPE,         R | S, XF_NOBODY,  XF_T_TEXT, XF_NO_MEMBERS, 0},
    {"tags",              XF_F_VALUE,              R | S, XF_RUN,     XF_T_ANY,  XF_MEMBERS,    XF_COL_TAGS},
    {"metadata",          XF_F_VALUE,              R | S, XF_RUN,     XF_T_ANY,  XF_MEMBERS,    XF_COL_METADATA},
    {"attrs",             XF_F_VALUE,              R | S, XF_NOBODY,  XF_T_ANY,  XF_MEMBERS,    XF_COL_ATTRS},
    {"input",             XF_F_VALUE,              R | S, XF_STEP,    XF_T_ANY,  XF_MEMBERS,    XF_COL_INPUT},
    {"output",            XF_F_VALUE,              R | S, XF_STEP,    XF_T_ANY,  XF_MEMBERS,    XF_COL_OUTPUT},
    {"steps",             XF_F_STEPS,              R,     XF_RUN,     XF_T_NUM,  XF_NO_MEMBERS, 0},
    {"truncated",         XF_F_TRUNCATED,          R | S, XF_NOBODY,  XF_T_BOOL, XF_NO_MEMBERS, 0},
    {"sampled",           XF_F_SAMPLED,            R | S, XF_NOBODY,  XF_T_BOOL, XF_NO_MEMBERS, 0},
    {"implicit",          XF_F_IMPLICIT,           R | S, XF_NOBODY,  XF_T_BOOL, XF_NO_MEMBERS, 0},
    {"number",            XF_F_NUMBER,             S,     XF_STEP,    XF_T_NUM,  XF_NO_MEMBERS, 0},
    {"parent",            XF_F_PARENT,             S,     XF_STEP,    XF_T_NUM,  XF_NO_MEMBERS, 0},
    {"orphan",            XF_F_ORPHAN,             S,     XF_STEP,    XF_T_BOOL, XF_NO_MEMBERS, 0},
    {"type",              XF_F_TYPE,               S,     XF_NOBODY,  XF_T_TEXT, XF_NO_MEMBERS, 0},
    {"candidates_in",     XF_F_CANDIDATES_IN,      S,     XF_STEP,    XF_T_NUM,  XF_NO_MEMBERS, 0},
    {"candidates_out",    XF_F_CANDIDATES_OUT,     S,     XF_STEP,    XF_T_NUM,  XF_NO_MEMBERS, 0},
    {"candidates_kept",   XF_F_CANDIDATES_KEPT,    S,     XF_STEP,    XF_T_NUM,  XF_NO_MEMBERS, 0},
    {"rejected",          XF_F_REJECTED,           S,     XF_STEP,    XF_T_NUM,  XF_NO_MEMBERS, 0},
    {"rejection_rate",    XF_F_REJECTION_RATE,     S,     XF_STEP,    XF_T_NUM,  XF_NO_MEMBERS, 0},
    {"reduction_rate",    XF_F_REJECTION_RATE,     S,     XF_STEP,    XF_T_NUM,  XF_NO_MEMBERS, 0},
    {"reason",            XF_F_REASON,             S | C, XF_STEP,    XF_T_SET,  XF_NO_MEMBERS, 0},
    {"reasons",           XF_F_REASONS,            S,     XF_STEP,    XF_T_NUM,  XF_MEMBER_CODE, 0},
    {"model",             XF_F_MODEL,              S,     XF_STEP,    XF_T_TEXT, XF_NO_MEMBERS, 0},
    {"provider",          XF_F_PROVIDER,           S,     XF_STEP,    XF_T_TEXT, XF_NO_MEMBERS, 0},
    {"tokens_in",         XF_F_TOKENS_IN,          S,     XF_STEP,    XF_T_NUM,  XF_NO_MEMBERS, 0},
    {"tokens_out",        XF_F_TOKENS_OUT,         S,     XF_STEP,    XF_T_NUM,  XF_NO_MEMBERS, 0},
    {"tokens_cache_read", XF_F_TOKENS_CACHE_READ,  S,     XF_STEP,    XF_T_NUM,  XF_NO_MEMBERS, 0},
    {"tokens_cache_write", XF_F_TOKENS_CACHE_WRITE, S,    XF_STEP,    XF_T_NUM,  XF_NO_MEMBERS, 0},
    {"tokens_reasoning",  XF_F_TOKENS_REASONING,   S,     XF_STEP,    XF_T_NUM,  XF_NO_MEMBERS, 0},
    {"tokens_total",      XF_F_TOKENS_TOTAL,       S,     XF_STEP,    XF_T_NUM,  XF_NO_MEMBERS, 0},
    {"reasoning",         XF_F_VALUE,              S,     XF_STEP,    XF_T_ANY,  XF_MEMBERS,    XF_COL_REASONING},
    {"filters",           XF_F_VALUE,              S,     XF_STEP,    XF_T_ANY,  XF_MEMBERS,    XF_COL_FILTERS},
    {"params",            XF_F_VALUE,              S,     XF_STEP,    XF_T_ANY,  XF_MEMBERS,    XF_COL_PARAMS},
    {"sampling",          XF_F_VALUE,              S,     XF_STEP,    XF_T_ANY,  XF_MEMBERS,    XF_COL_SAMPLING},
    {"input_size",        XF_F_SIZE,               R | S, XF_STEP,    XF_T_NUM,  XF_NO_MEMBERS, XF_COL_INPUT},
    {"output_size",       XF_F_SIZE,               R | S, XF_STEP,    XF_T_NUM,  XF_NO_MEMBERS, XF_COL_OUTPUT},
    {"text",              XF_F_TEXT,               S | C, XF_STEP,    XF_T_SET,  XF_NO_MEMBERS, 0},
    {"verdict",           XF_F_VERDICT,            C,     XF_NOBODY,  XF_T_TEXT, XF_NO_MEMBERS, 0},
    {"decision",          XF_F_VERDICT,            C,     XF_NOBODY,  XF_T_TEXT, XF_NO_MEMBERS, 0},
    {"rule",              XF_F_RULE,               C,     XF_NOBODY,  XF_T_SET,  XF_NO_MEMBERS, 0},
    {"score",             XF_F_SCORE,              C,     XF_NOBODY,  XF_T_NUM,  XF_NO_MEMBERS, 0},
    {"threshold",         XF_F_THRESHOLD,          C,     XF_NOBODY,  XF_T_NUM,  XF_NO_MEMBERS, 0},
    {"rank_in",           XF_F_RANK_IN,            C,     XF_NOBODY,  XF_T_NUM,  XF_NO_MEMBERS, 0},
    {"rank_out",          XF_F_RANK_OUT,           C,     XF_NOBODY,  XF_T_NUM,  XF_NO_MEMBERS, 0},
    {"weight",            XF_F_WEIGHT,             C,     XF_NOBODY,  XF_T_NUM,  XF_NO_MEMBERS, 0},
    {"margin",            XF_F_MARGIN,             C,     XF_NOBODY,  XF_T_NUM,  XF_NO_MEMBERS, 0},
    {"by",                XF_F_BY,                 C,     XF_NOBODY,  XF_T_TEXT, XF_NO_MEMBERS, 0},
    {"provenance",        XF_F_PROVENANCE,         C,     XF_NOBODY,  XF_T_TEXT, XF_NO_MEMBERS, 0},
    {"time",              XF_F_TIME,               C,     XF_NOBODY,  XF_T_TIME, XF_NO_MEMBERS, 0},
    {"evidence",          XF_F_VALUE,              C,     XF_NOBODY,  XF_T_ANY,  XF_MEMBERS,    XF_COL_EVIDENCE},
};
/* clang-format on */

enum { FIELD_COUNT = sizeof fields / sizeof fields[0] };

const struct xf_qfield *xf_field_find(enum xf_owner owner, xray_str name)
{
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if ((fields[i].owners & owner) != 0 && xf_text_is(name, fields[i].name))
            return &fields[i];
    return NULL;
}

unsigned xf_field_owners(xray_str name, enum xf_owner *bare)
{
    unsigned owners = 0;

    *bare = XF_NOBODY;
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (xf_text_is(name, fields[i].name)) {
            owners |= fields[i].owners;
            if (fields[i].bare != XF_NOBODY)
                *bare = (enum xf_owner)fields[i].bare;
        }
    return owners;
}

const char *xf_field_name(const struct xf_qfield *field, enum xf_owner owner)
{
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (fields[i].id == field->id && fields[i].column == field->column && (fields[i].owners & owner) != 0)
            return fields[i].name;
    return field->name;
}

const char *xf_owner_name(enum xf_owner owner)
{
    return owner == XF_RUN ? "run" : owner == XF_STEP ? "step" : "cand";
}

enum { LONGEST = 32 };

int xf_spelling_distance(xray_str a, xray_str b, int limit)
{
    int row[LONGEST + 1];

    if (a.len > LONGEST || b.len > LONGEST)
        return limit + 1;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = (int)j;
    for (size_t i = 1; i <= a.len; i++) {
        int diagonal = row[0];

        row[0] = (int)i;
        for (size_t j = 1; j <= b.len; j++) {
            const int above = row[j];
            int best = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);

            if (above + 1 < best)
                best = above + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = above;
            row[j] = best;
        }
    }
    return row[b.len] <= limit ? row[b.len] : limit + 1;
}

const char *xf_field_nearest(enum xf_owner owner, xray_str name)
{
    const int limit = name.len < 4 ? 1 : name.len < 8 ? 2 : 3;
    const char *nearest = NULL;
    int least = limit + 1;

    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (owner != XF_NOBODY && (fields[i].owners & owner) == 0)
            continue;

        const int distance = xf_spelling_distance(name, xray_s(fields[i].name), limit);

        if (distance < least) {
            least = distance;
            nearest = fields[i].name;
        }
    }
    return nearest;
}
