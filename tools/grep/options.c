/* See options.h. */
#include "grep/options.h"

#include "common/rows.h"
#include "common/where.h"

static const struct cli_option option_table[] = {
    {'e', "regexp", "PATTERN", "look for this; repeatable, any may match\nAll operands are FILEs then."},
    {'f', "file", "FILE", "patterns from FILE, one per line\nAn empty line matches everything.", "FILE"},
    {'F', "fixed-strings", NULL, "patterns are plain text"},
    {'i', "ignore-case", NULL, "upper and lower case are the same"},
    {KEY_IN, "in", "FIELDS",
     "only these fields: output,reason,cand.text\n"
     "input output reasoning error metadata tags filters params sampling attrs name type model provider id\n"
     "reason cand decision note run. cand: candidates, reasons and evidence; run: text of the run itself."},
    {'v', "invert-match", NULL,
     "what does not match\nTurns round the PATTERN; where there is none, the expression of -W."},
    {KEY_UNIT, "unit", "UNIT",
     "what one hit is: step, run or cand\nWithout it: a step, or a run where -W speaks of runs only.",
     "step run cand"},
    {'c', "count", NULL, "print only how many hits there are"},
    {KEY_COUNT_RUNS, "count-runs", NULL, "print only how many runs have hits"},
    {'l', "files-with-matches", NULL, "print only the segments that hold hits"},
    {'L', "files-without-match", NULL, "print only the segments that hold none"},
    {KEY_LIST_RUNS, "list-runs", NULL, "print only the ids of runs that have hits"},
    {'o', "only-matching", NULL, "print only the text that matches, each match on a line"},
    {'q', "quiet", NULL, "print nothing; exit status 0 at the first hit, even after errors"},
    {'m', "max-count", "N", "stop after N hits"},
    {KEY_MAX_RUNS, "max-runs", "N", "stop after N runs that have hits"},
    {CLI_HEADING, "", NULL, "More"},
    {'S', "smart-case", NULL, "the same, for patterns without upper-case letters"},
    {'w', "word-regexp", NULL, "only whole words match"},
    {'x', "line-regexp", NULL, "only whole lines of a text match"},
    {'A', "after-context", "N", "with the N steps after each hit, of the same run"},
    {'B', "before-context", "N", "with the N steps before"},
    {'C', "context", "N", "both; -A and -B say otherwise for their side"},
    {'R', "run", NULL, "with all steps of the run"},
    {KEY_ANCESTORS, "ancestors", NULL, "with the steps around the hit: its parent, the parent of that"},
    {KEY_CHILDREN, "children", NULL, "with the steps inside the hit, and inside of these"},
    {KEY_SORT, "sort", "KEY[:desc]",
     "order hits by a field: step.duration:desc\nHits without the field come last."},
    {KEY_TOP, "top", "N", "the first N of that order"},
    {KEY_MAX_COLUMNS, "max-columns", "N",
     "cut texts to N columns; 0: never\n"
     "A cut is marked by an ellipsis, in JSON by \"truncated\":true. Text shows 100 columns of a match and\n"
     "what stands around it; other formats cut nothing unless asked to."},
    WHERE_OPTIONS,
    ROWS_OPTIONS,
    {0, NULL, NULL, NULL},
};

static const struct cli_example examples[] = {
    {"xray-grep 'refund|chargeback' traces", "steps with either word in any text"},
    {"xray-grep -i --in output -C2 sorry traces", "in outputs, with the steps around"},
    {"xray-grep -W 'step.type = filter and rejection_rate > 90%' traces", "by fields"},
    {"xray-grep -F --in cand B07X -p 'shop*' --since 2d traces", "where candidate B07X was seen"},
    {"xray-grep -o 'sku-\\d{4}' traces | sort | uniq -c", "what matched, counted"},
    {NULL, NULL},
};

static const char about[] =
    "PATTERN is a Perl-compatible regular expression (PCRE2, UTF-8); ^ and $ match at line ends. It "
    "is looked for in all text of every step: each string, key and number inside input, output, "
    "reasoning, error, metadata, tags, filters, parameters, sampling and attributes; its name, type, "
    "model, provider, id and reasons; its candidates with reasons and evidence, decisions and notes. "
    "The text of a run itself (its ids, input, output, error, metadata, tags and attributes) counts "
    "as its step 0. A match never reaches from one string into another. A pattern that is too "
    "expensive for a text is an error, never a silent miss.\n\n"
    "The expression of -W is about fields; xray-query(7) describes it. PATTERN and expression must "
    "hold for the same step. With -e, -f, -W or --where-file all operands are FILEs: a pattern beside "
    "-W is given by -e.\n\n"
    "A hit is a step, unless --unit says otherwise; without a pattern, an expression that speaks of "
    "runs only finds runs. With --unit=run a run is one hit if any of its steps is; with --unit=cand "
    "the candidates are hits, each by its own text.\n\n"
    "Text: a heading for each run, then for each field that matches a line RUN/STEP:NAME: FIELD: TEXT "
    "with the first match, and how many more there are in it. Steps that are printed beside hits have "
    "RUN/STEP-NAME: instead, and what is known of them in few words, as have hits of an expression "
    "alone. Lines -- stand where steps were left out. A step is printed once, however many hits it is "
    "near to, and never a step of another run. All this is the same on a terminal and in a pipe.\n\n"
    "ndjson: one object per hit or step, "
    "{\"v\":1,\"kind\":K,\"run\":{...},\"step\":{...},\"hits\":[{\"field\":\"output\",\"path\":\".selected[0]"
    "\",\"start\":0,\"end\":4,\"text\":\"B07X\"}]}. "
    "K is match, context, run (a run that is a hit) or, with --stats as the last line, summary: it "
    "has the counts, and complete is true if all that was asked for was read and searched to its end. "
    "start and end count bytes in the string that the path names; item names the candidate, decision "
    "or note of a match in one; cand is the candidate with --unit=cand. Programs must ignore keys and "
    "kinds that they do not know.\n\n"
    "line, csv, tsv, template: one row per match. Beside the fields of xray-query(7) there are kind "
    "(match or context), hit.field, hit.item, hit.path, hit.start, hit.end and hit.text.";

const struct cli_tool grep_tool = {
    .name = "xray-grep",
    .about = about,
    .see_also = "xray-ls(1), xray-cat(1), xray-funnel(1), xray-query(7), pcre2pattern(3)",
    .statuses = "0 if there was a hit, 1 if there was none, 2 error, 3 damaged data was skipped; -q: 0 at "
                "the first hit",
    .summary = "find steps by their text (Perl-compatible regular expressions) and by their fields",
    .usage = {"[OPTIONS] PATTERN [FILE...]", "[OPTIONS] -e PATTERN|-f FILE|-W EXPR [FILE...]"},
    .examples = examples,
    .options = option_table,
    .reader = true,
    .pager = true,
};
