/* Records as rows, for other programs: the options --format -j --fields --template -0 --raw-csv.
 *
 *     static const struct rows_tool rows_tool = {.formats = ..., .defaults = {[XRAY_UNIT_RUN] = "run.id,..."}};
 *     struct rows rows = {0};
 *     ... rows_option(&rows, key, arg) ...
 *     rows_begin(&rows, &rows_tool, unit);      before anything is read
 *     if (rows_has_fields(&rows)) rows_put(&rows, &record);        one row of named fields
 *     else rows_put_json(&rows, line, len);                        a whole record: ndjson, json, msgpack
 *     rows_end(&rows);
 *
 * With ROWS_TEXT the tool prints itself. */
#ifndef COMMON_ROWS_H
#define COMMON_ROWS_H

#include "common/cli.h"
#include "common/fields.h"

enum { KEY_FORMAT = CLI_ROWS, KEY_FIELDS, KEY_TEMPLATE, KEY_RAW_CSV };

enum rows_format {
    ROWS_TEXT,
    ROWS_LINE,
    ROWS_NDJSON,
    ROWS_JSON,
    ROWS_CSV,
    ROWS_TSV,
    ROWS_MSGPACK,
    ROWS_TEMPLATE,
    ROWS_MARKDOWN, /* this and the next only for tools that print it themselves */
    ROWS_PROM,
};

#define ROWS_OPTIONS                                                                                         \
    {CLI_HEADING, "", NULL, "Output for programs"},                                                          \
        {KEY_FORMAT, "format", "FORMAT",                                                                     \
         "text, line, ndjson, json, csv, tsv, ...; a wrong one lists them\n"                                 \
         "line: values separated by tabs, - for what is missing, for awk. ndjson: one JSON object per line.\n" \
         "json: the same in one array. csv, tsv: with a line of names.",                                     \
         "text line ndjson json csv tsv template"},                                                          \
        {'j', "json", NULL, "the same as --format=ndjson"},                                                  \
        {KEY_FIELDS, "fields", "LIST",                                                                       \
         "these fields, comma-separated: run.id,step.name,tags.tier\n"                                       \
         "The names are those of xray-query(7). -NAME leaves one out of the fields that are the default."},  \
        {KEY_TEMPLATE, "template", "TEXT",                                                                   \
         "print this per record: '{run.id}\\t{step.name}'\n"                                                 \
         "{NAME} is a field; \\t \\n \\\\ \\{ \\[ are what they say; [...] is repeated for each step of a run."},  \
        {'0', "null", NULL, "end records with NUL instead of newline"},                                      \
    {                                                                                                        \
        KEY_RAW_CSV, "raw-csv", NULL,                                                                        \
            "csv, tsv: leave text alone that a spreadsheet would take for a formula\n"                       \
            "Otherwise text that begins with = + - @ or a tab gets a ' before it."                           \
    }

struct rows_tool {
    unsigned formats;           /* set of 1 << ROWS_... */
    const char *defaults[4];    /* by enum xray_unit: the fields without --fields */
    const struct field_own *own; /* the tool's own fields, or NULL */
    /* Should the step (index in the trace) be shown by [...] of a template? NULL: yes. */
    bool (*shows_step)(void *ctx, const struct record *r, size_t step);
    void *ctx;
};

struct rows { /* start with all zero */
    enum rows_format format;
    bool has_format;
    const char *list;
    const char *template;
    bool null;
    bool raw_csv;
    bool no_header; /* for tools that have such an option */

    /* private */
    const struct rows_tool *tool;
    struct named_field *fields;
    size_t field_count, field_cap;
    struct template *parsed;
    struct cell cell;
    struct text line;
    uint64_t count;
};

bool rows_option(struct rows *r, int key, const char *arg);

/* Checks the options against what the tool has and parses the names. `unit` is what a row is: run, step or cand. */
void rows_begin(struct rows *r, const struct rows_tool *tool, enum xray_unit unit);

/* Are rows made of named fields? Otherwise (text, msgpack, and ndjson and json without --fields) of whole records. */
bool rows_has_fields(const struct rows *r);

/* What the fields are taken from: XRAY_NEEDS_*; 0: the records of xray_store_run are enough. */
unsigned rows_needs(const struct rows *r);

void rows_put(struct rows *r, const struct record *record);
void rows_put_json(struct rows *r, const char *object, size_t len); /* with or without a newline at its end */
void rows_end(struct rows *r);

/* A foreign text as one field of CSV (RFC 4180) or TSV: harmless on a terminal, no formula for a spreadsheet. */
void rows_put_csv_field(struct text *t, xray_str foreign);
void rows_put_tsv_field(struct text *t, xray_str foreign);

#endif
