/* xray-info: what a store is made of. Without --fields and --values only headers are read, and the few blocks that tell
 * what was lost. */
#include <string.h>

#include "common/cli.h"
#include "common/input.h"
#include "common/out.h"
#include "info/catalog.h"
#include "info/survey.h"
#include "info/values.h"

enum { KEY_DU = CLI_LONG, KEY_FIELD_LIST, KEY_VALUES, KEY_DEDUPE, KEY_INFO_FORMAT };

static const struct cli_option option_table[] = {
    {KEY_DU, "du", NULL, "bytes per segment and kind of block, largest first"},
    {KEY_DEDUPE, "dedupe", NULL, "also what storing equal parts of values once saved; reads all payload"},
    {KEY_FIELD_LIST, "fields", NULL, "which fields runs, steps and candidates have, evidence included, and how many have them"},
    {KEY_VALUES, "values", "FIELD", "the distinct values of a field, most frequent first: --values step.model"},
    {KEY_INFO_FORMAT, "format", "FORMAT", "text, ndjson, csv; csv with --du, --fields or --values", "text ndjson csv"},
    {'j', "json", NULL, "the same as --format=ndjson"},
    {0, NULL, NULL, NULL},
};

static const struct cli_example examples[] = {
    {"xray-info traces", "what is there, who wrote it, what was lost"},
    {"xray-info --du traces | head", "the largest segments"},
    {"xray-info --fields traces", "what can be asked for"},
    {"xray-info --values run.version traces", "every version, with its number of runs"},
    {"xray-info --dedupe -j traces | jq .dedupe", "bytes of values, and of the payload that holds them"},
    {NULL, NULL},
};

static const struct cli_tool tool = {
    .name = "xray-info",
    .summary = "tell what a store of traces is made of",
    .usage = {"[--dedupe] [-j] [FILE...]", "--du|--fields|--values FIELD [--format FORMAT] [FILE...]"},
    .examples = examples,
    .options = option_table,
    .about =
        "Without options: segments (sealed; open: not sealed, and the writer lives or wrote on another machine; crashed: not sealed, "
        "and the writer is gone), bytes, the span of recorded times, rows, blocks by kind with stored bytes (headers "
        "included), raw bytes and their ratio, what was lost, writers, and indexes. This comes from block headers: no "
        "body is read but those of loss blocks. A run or step has a row for its beginning and one for its end, unless both were written "
        "at once; xray-ls counts runs.\n\n"
        "lost: everything that was handed to a writer is either in the store or counted here, by what it was and for which "
        "cause, with the span of time.\n\n"
        "payload: values are the inputs, outputs and other large values that were recorded; parts are the pieces in them that are stored "
        "once and referred to from wherever they occur again. How many bytes that saved stands in no header: --dedupe "
        "reads every value of runs and steps, and compares their bytes as MessagePack with the raw bytes of payload.\n\n"
        "--fields reads the spine and the candidates. It counts the runs, steps and candidates that have each field, each key of their tags "
        "and of the evidence; "
        "a flag counts where it is set; type is that of the last one seen, and \"value\" stands for anything recorded as a value. It keeps 100,000 "
        "keys. --values FIELD takes the fields of runs and steps of xray-query(7), members included (tags.tier); it keeps "
        "100,000 distinct values. Fields of runs that are no values come from the list of runs, step.name and step.type from sums: where there are "
        "indexes, no block is read for them; what is printed is the same. Others read the spine.\n\n"
        "With -j: one object of kind \"info\"; of kind \"du\" per segment; of kind \"field\" or \"value\" per line. Times are "
        "nanoseconds since 1970 as text, sizes are bytes.",
    .see_also = "xray-ls(1), xray-index(1), xray-verify(1), xray-query(7), xrayfile(5)",
    .reader = true,
    .pager = true,
};

enum question { OVERVIEW, SIZES, FIELDS, VALUES };

static struct settings {
    enum question question;
    bool asked, dedupe;
    const char *field;
    enum sheet_format format;
} settings;

static void ask(enum question question)
{
    if (settings.asked)
        cli_usage("one of --du, --fields and --values at a time");
    settings.asked = true;
    settings.question = question;
}

static enum sheet_format parse_format(const char *arg)
{
    static const char *const names[] = {[SHEET_TEXT] = "text", [SHEET_NDJSON] = "ndjson", [SHEET_CSV] = "csv"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(arg, names[i]) == 0)
            return (enum sheet_format)i;
    cli_usage("--format takes text, ndjson or csv, not '%s'", arg);
}

static void parse_options(int argc, char **argv)
{
    const char *arg = NULL;

    cli_start(&tool, argc, argv);
    for (int key; (key = cli_next(&arg)) != 0;) {
        switch (key) {
        case KEY_DU:
            ask(SIZES);
            break;
        case KEY_FIELD_LIST:
            ask(FIELDS);
            break;
        case KEY_VALUES:
            ask(VALUES);
            settings.field = arg;
            break;
        case KEY_DEDUPE:
            settings.dedupe = true;
            break;
        case 'j':
            settings.format = SHEET_NDJSON;
            break;
        case KEY_INFO_FORMAT:
            settings.format = parse_format(arg);
            break;
        }
    }
    if (settings.format == SHEET_CSV && settings.question == OVERVIEW)
        cli_usage("csv goes with --du, --fields or --values");
    if (settings.dedupe && settings.asked)
        cli_usage("--dedupe goes without --du, --fields and --values");
}

static bool print_overview(xray_store *store)
{
    struct survey survey = {0};
    const bool ok = survey_take(&survey, store) && (!settings.dedupe || survey_take_values(&survey, store));

    if (settings.format == SHEET_NDJSON)
        survey_print_json(&survey);
    else
        survey_print(&survey);
    survey_free(&survey);
    return ok;
}

static bool answer(xray_store *store)
{
    switch (settings.question) {
    case OVERVIEW:
        return print_overview(store);
    case SIZES:
        survey_print_sizes(store, settings.format);
        return true;
    case FIELDS:
        return catalog_fields(store, settings.format);
    case VALUES:
        return values_print(store, settings.field, settings.format);
    }
    return false;
}

int main(int argc, char **argv)
{
    int count;

    parse_options(argc, argv);

    char **paths = cli_operands(&count);
    xray_store *store = input_open(paths, count);
    const bool found = xray_store_segment_count(store) > 0 && answer(store);

    input_close(store);
    return cli_finish(found);
}
