/* xray-verify: is what stands in trace files what their writers wrote? */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"
#include "common/human.h"
#include "common/input.h"
#include "common/jsonline.h"
#include "common/out.h"
#include "xrayfile.h"

enum { KEY_QUICK = CLI_LONG, KEY_DEEP, KEY_UNTRUSTED };

static const struct cli_option option_table[] = {
    {KEY_QUICK, "quick", NULL,
     "headers and seals only\nOrder, chain, numbering, lengths; of the bodies nothing is read, and each line says so."},
    {KEY_DEEP, "deep", NULL, "everything (the default)"},
    {KEY_UNTRUSTED, "untrusted", NULL,
     "for files of strangers: give up every right but to read\nAs in xray-cat(1). Not with standard input, which is copied "
     "to a temporary file."},
    {'q', "quiet", NULL, "print findings only: nothing if all is well"},
    {'j', "json", NULL, "a JSON object per line: findings, segments, a summary"},
    {0, NULL, NULL, NULL},
};

static const struct cli_example examples[] = {
    {"xray-verify traces", "every block of every segment"},
    {"xray-verify --quick traces", "headers and seals: a second for a gigabyte"},
    {"xray-verify -q traces && cp -r traces backup", "only what is whole"},
    {"xray-verify -j traces | jq -r 'select(.kind == \"damage\") | .pos'", "where it is damaged"},
    {NULL, NULL},
};

static const struct cli_tool tool = {
    .name = "xray-verify",
    .summary = "check trace files against everything that their format promises",
    .usage = {"[--quick] [-q] [-j] FILE..."},
    .examples = examples,
    .options = option_table,
    .operands = "FILE is a segment, a directory of segments, or - (standard input). None: $XRAY_DIR",
    .statuses = "0 all is well (also open and crashed segments), 1 no segments, 2 a file cannot be read or needs a newer "
                "reader, 3 damaged",
    .about = "Reads every byte: header and body checksums, each zstd frame (exactly one, of the declared size, with an "
             "allowed window), each MessagePack value, references to parts, values, strings, runs and dictionaries, the "
             "rows and times that headers claim, counts and rejection histograms of steps against their candidates, the "
             "seal's table, totals and chain, and the content digest, recomputed from the rows.\n\n"
             "One line per finding: file, block and byte, what was expected and what was found, what is lost with it and "
             "what is not touched. damage contradicts the specification or is gone. A note is worth knowing, and nothing "
             "is lost: MessagePack that is not in its shortest form, a step whose counts are not those of its recorded "
             "candidates.\n\n"
             "After its findings each segment has a line that says what it is: sealed (known to be complete), open (its "
             "writer is alive), crashed (its writer is gone), unsealed (its writer ran elsewhere), or empty (a file of a directory whose "
             "writer died before it had written its hello). What follows the last "
             "whole block of a segment that is not sealed, if it is not more than a block can be (64 MiB), is a torn tail, the "
             "normal result of a crash, and no damage. A file that was cut at the end of a block is unsealed.\n\n"
             "No index is believed. One that stands beside a sound segment is made again and compared, as xray-index(1) does. "
             "xray-repair(1) keeps what is good of a damaged file.",
    .see_also = "xray-repair(1), xray-index(1), xray-ls(1), xrayfile(5)",
};

struct verify {
    bool json, quiet;
    bool quick;
    char *named; /* the last file that was called damaged */
};

/* ---- text -------------------------------------------------------------------------------- */

static void put_place(struct text *t, const char *path, int64_t block, uint64_t pos)
{
    text_escape(t, xray_s(path), SAFE_LINE);
    text_puts(t, ": ");
    if (block >= 0)
        text_printf(t, "block %" PRId64 " ", block);
    if (pos != UINT64_MAX)
        text_printf(t, "@%" PRIu64 ": ", pos);
}

static const char *kind_name(enum xray_finding_kind kind)
{
    switch (kind) {
    case XRAY_FINDING_DAMAGE: return "damage";
    case XRAY_FINDING_NOTE: return "note";
    case XRAY_FINDING_NEWER: return "newer";
    }
    return "";
}

static const char *state_name(enum xray_segment_state state)
{
    switch (state) {
    case XRAY_STATE_SEALED: return "sealed";
    case XRAY_STATE_OPEN: return "open";
    case XRAY_STATE_CRASHED: return "crashed";
    case XRAY_STATE_UNSEALED: return "unsealed";
    case XRAY_STATE_NEWER: return "newer";
    case XRAY_STATE_EMPTY: return "empty";
    }
    return "";
}

static void print_finding(const xray_finding *f)
{
    struct text t = {0};

    put_place(&t, f->path, f->block, f->pos);
    text_printf(&t, "%s: ", kind_name(f->kind));
    text_escape(&t, xray_s(f->message), SAFE_LINE);
    text_puts(&t, "\n");
    out_text(&t);
    text_free(&t);
}

static void put_amount(struct text *t, uint64_t n, const char *one, const char *more)
{
    text_puts(t, ", ");
    human_count(t, (int64_t)(n & INT64_MAX));
    text_printf(t, " %s", n == 1 ? one : more);
}

static void print_segment(const struct verify *v, const xray_verified_segment *s)
{
    struct text t = {0};

    put_place(&t, s->path, -1, s->pos > 0 ? s->pos : UINT64_MAX);
    text_printf(&t, "%s%s", v->quick ? "quick: " : "", state_name(s->state));
    if (s->damages > 0)
        put_amount(&t, s->damages, "finding of damage", "findings of damage");
    else if (s->state != XRAY_STATE_NEWER && s->state != XRAY_STATE_EMPTY)
        text_puts(&t, v->quick ? ", headers intact" : s->content_checked ? ", intact, content digest right" : ", intact");
    put_amount(&t, s->blocks, "block", "blocks");
    put_amount(&t, s->step_rows, "step row", "step rows");
    put_amount(&t, s->candidates, "candidate", "candidates");
    if (s->torn_bytes > 0)
        text_printf(&t, ", torn tail of %" PRIu64 " bytes", s->torn_bytes);
    text_puts(&t, "\n");
    out_text(&t);
    text_free(&t);
}

/* ---- JSON -------------------------------------------------------------------------------- */

static void json_finding(const xray_finding *f)
{
    struct text t = {0};

    text_printf(&t, "{\"kind\":\"%s\"", kind_name(f->kind));
    json_member(&t, "file", xray_s(f->path));
    if (f->block >= 0)
        json_count(&t, "block", (int64_t)f->block);
    if (f->pos != UINT64_MAX)
        json_count(&t, "pos", (int64_t)f->pos);
    json_member(&t, "message", xray_s(f->message));
    text_puts(&t, "}\n");
    out_text(&t);
    text_free(&t);
}

static void json_segment(const struct verify *v, const xray_verified_segment *s)
{
    struct text t = {0};
    char id[33];

    for (int i = 0; i < 16; i++)
        snprintf(id + 2 * i, 3, "%02x", s->id[i]);
    text_puts(&t, "{\"kind\":\"segment\"");
    json_member(&t, "file", xray_s(s->path));
    json_count(&t, "pos", (int64_t)s->pos);
    json_count(&t, "length", (int64_t)s->len);
    json_member(&t, "id", xray_s(id));
    json_member(&t, "state", xray_s(state_name(s->state)));
    json_member(&t, "depth", xray_s(v->quick ? "quick" : "deep"));
    json_count(&t, "blocks", (int64_t)s->blocks);
    json_count(&t, "run_rows", (int64_t)s->run_rows);
    json_count(&t, "step_rows", (int64_t)s->step_rows);
    json_count(&t, "candidates", (int64_t)s->candidates);
    json_count(&t, "torn_bytes", (int64_t)s->torn_bytes);
    json_count(&t, "damages", (int64_t)s->damages);
    json_count(&t, "notes", (int64_t)s->notes);
    text_printf(&t, ",\"content_checked\":%s}\n", s->content_checked ? "true" : "false");
    out_text(&t);
    text_free(&t);
}

static void json_summary(const struct verify *v, const xray_verify_result *r)
{
    struct text t = {0};

    text_puts(&t, "{\"kind\":\"summary\"");
    json_member(&t, "depth", xray_s(v->quick ? "quick" : "deep"));
    json_count(&t, "files", (int64_t)r->files);
    json_count(&t, "segments", (int64_t)r->segments);
    json_count(&t, "sealed", (int64_t)r->sealed);
    json_count(&t, "blocks", (int64_t)r->blocks);
    json_count(&t, "bytes", (int64_t)r->bytes);
    json_count(&t, "torn_bytes", (int64_t)r->torn_bytes);
    json_count(&t, "damages", (int64_t)r->damages);
    json_count(&t, "notes", (int64_t)r->notes);
    json_count(&t, "newer", (int64_t)r->newer);
    text_puts(&t, "}\n");
    out_text(&t);
    text_free(&t);
}

/* ---- the tool ---------------------------------------------------------------------------- */

/* Where output goes to a file, a person still learns which files are damaged. */
static void name_damaged(struct verify *v, const char *path)
{
    if (v->named != NULL && strcmp(v->named, path) == 0)
        return;
    free(v->named);
    v->named = strdup(path);
    cli_say(path, "damaged");
}

static void on_finding(void *ctx, const xray_finding *f)
{
    struct verify *v = ctx;

    if (f->kind == XRAY_FINDING_DAMAGE)
        name_damaged(v, f->path);
    if (v->json)
        json_finding(f);
    else
        print_finding(f);
}

static void on_segment(void *ctx, const xray_verified_segment *s)
{
    const struct verify *v = ctx;

    if (v->json)
        json_segment(v, s);
    else if (!v->quiet)
        print_segment(v, s);
}

static void verify_path(const xray_verify_options *options, const char *path, xray_verify_result *r)
{
    const uint64_t files = r->files;
    xray_error err = {0};

    if (xray_verify(path, options, r, &err) < 0) {
        /* The library names the file itself where it can. */
        if (err.status == XRAY_ENOTFOUND)
            cli_error(path, "No such file or directory");
        else
            cli_error(strncmp(err.message, path, strlen(path)) == 0 ? NULL : path, "%s", err.message);
    } else if (r->files == files) {
        cli_say(path, "no segments (*.xray) here");
    }
}

int main(int argc, char **argv)
{
    struct verify v = {0};
    const xray_verify_options settings = {.ctx = &v, .finding = on_finding, .segment = on_segment};
    xray_verify_options options = settings;
    xray_verify_result result = {0};
    char *from_environment = getenv("XRAY_DIR");
    const char *arg = NULL;
    char **paths;
    int count;

    cli_start(&tool, argc, argv);
    for (int key; (key = cli_next(&arg)) != 0;) {
        v.quick = key == KEY_QUICK || (v.quick && key != KEY_DEEP);
        if (key == KEY_UNTRUSTED)
            input_set_untrusted();
        v.quiet |= key == 'q';
        v.json |= key == 'j';
    }
    options.depth = v.quick ? XRAY_QUICK : XRAY_DEEP;
    paths = cli_operands(&count);
    if (count == 0) {
        if (from_environment == NULL || from_environment[0] == '\0')
            cli_usage("no FILE given, and XRAY_DIR is not set");
        paths = &from_environment;
        count = 1;
    }
    input_guard();
    for (int i = 0; i < count; i++)
        verify_path(&options, paths[i], &result);
    if (v.json)
        json_summary(&v, &result);
    if (result.damages > 0)
        cli_skipped();
    if (result.newer > 0)
        cli_error(NULL, "%" PRIu64 " segment%s a newer reader", result.newer, result.newer == 1 ? " needs" : "s need");
    free(v.named);
    return cli_finish(result.files > 0);
}
