/* Names of versions, statuses and the small enumerations (public header,
 * section 1; spec 7.3, 8.2, 13). */
#include "xrayfile.h"

#include <strings.h>

/* Rises when a caller must be compiled anew. */
#define ABI_VERSION 0

const char *xray_version(void)
{
    return XRAY_VERSION;
}

int xray_abi_version(void)
{
    return ABI_VERSION;
}

const char *xray_status_name(int status)
{
    static const char *const names[] = {
        "ok",          "misuse", "no memory", "input/output", "corrupt", "truncated",
        "unsupported", "limit",  "not found", "syntax",       "closed",
    };
    const int count = (int)(sizeof names / sizeof names[0]);

    return status <= 0 && status > -count ? names[-status] : "unknown status";
}

struct name {
    const char *text;
    int number;
};

/* The first name of a number is the one that is written; the others are only read. */
static const struct name outcomes[] = {
    {"running", XRAY_RUNNING}, {"success", XRAY_SUCCESS}, {"failure", XRAY_FAILURE},
    {"partial", XRAY_PARTIAL}, {"ok", XRAY_SUCCESS},      {"completed", XRAY_SUCCESS},
    {"failed", XRAY_FAILURE},  {"error", XRAY_FAILURE},   {NULL, 0},
};

static const struct name verdicts[] = {
    {"accept", XRAY_ACCEPT},  {"reject", XRAY_REJECT},   {"defer", XRAY_DEFER},
    {"modify", XRAY_MODIFY},  {"accepted", XRAY_ACCEPT}, {"rejected", XRAY_REJECT},
    {"deferred", XRAY_DEFER}, {"modified", XRAY_MODIFY}, {NULL, 0},
};

static const struct name bys[] = {
    {"unsaid", XRAY_BY_UNSAID},     {"agent", XRAY_BY_AGENT}, {"rule", XRAY_BY_RULE},
    {"verifier", XRAY_BY_VERIFIER}, {"human", XRAY_BY_HUMAN}, {NULL, 0},
};

static const struct name provenances[] = {
    {"unsaid", XRAY_PROV_UNSAID},
    {"observed", XRAY_OBSERVED},
    {"inferred", XRAY_INFERRED},
    {NULL, 0},
};

static const char *name_of(const struct name *table, int number)
{
    for (; table->text != NULL; table++)
        if (table->number == number)
            return table->text;
    return NULL;
}

static int number_of(const struct name *table, xray_str text)
{
    for (; table->text != NULL; table++)
        if (text.len == strlen(table->text) && strncasecmp(text.ptr, table->text, text.len) == 0)
            return table->number;
    return -1;
}

const char *xray_outcome_name(int outcome)
{
    return name_of(outcomes, outcome);
}

const char *xray_verdict_name(int verdict)
{
    return name_of(verdicts, verdict);
}

const char *xray_by_name(int by)
{
    return name_of(bys, by);
}

const char *xray_provenance_name(int provenance)
{
    return name_of(provenances, provenance);
}

int xray_outcome_parse(xray_str text)
{
    return number_of(outcomes, text);
}

int xray_verdict_parse(xray_str text)
{
    return number_of(verdicts, text);
}

int xray_by_parse(xray_str text)
{
    return number_of(bys, text);
}

int xray_provenance_parse(xray_str text)
{
    return number_of(provenances, text);
}
