/* xray-repair: what is good of a damaged trace file, as a new file. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/cli.h"
#include "common/jsonline.h"
#include "common/out.h"
#include "xrayfile.h"

enum { KEY_MODE = CLI_LONG, KEY_DRY_RUN, KEY_FORCE };

static const struct cli_option option_table[] = {
    {'o', "output", "OUT", "the file to write; it must not be there", "FILE"},
    {KEY_MODE, "mode", "MODE",
     "salvage (every good block, the default), prefix, tail\n"
     "prefix keeps what is before the first damage. tail cuts a torn tail and nothing else: damage before it is an error.",
     "salvage prefix tail"},
    {KEY_DRY_RUN, "dry-run", NULL, "write nothing, say what would be kept and lost"},
    {KEY_FORCE, "force", NULL, "replace OUT if it is there"},
    {'q', "quiet", NULL, "print nothing but errors"},
    {'j', "json", NULL, "a JSON object per line: findings, blocks, a summary"},
    {0, NULL, NULL, NULL},
};

static const struct cli_example examples[] = {
    {"xray-repair broken.xray -o mended.xray", "every block that is good"},
    {"xray-repair --dry-run broken.xray", "what would be lost?"},
    {"xray-repair --mode=tail crashed.xray -o sealed.xray", "seal what a crash left behind"},
    {"xray-verify -q mended.xray && mv broken.xray broken.old", "afterwards: one of them in the store"},
    {NULL, NULL},
};

static const struct cli_tool tool = {
    .name = "xray-repair",
    .summary = "keep what is good of a damaged trace file",
    .usage = {"IN -o OUT [--mode=MODE] [--force] [-q] [-j]", "--dry-run IN"},
    .examples = examples,
    .options = option_table,
    .operands = "IN is one segment file, or several concatenated. It is only read.",
    .statuses = "0 OUT has everything, 2 error (and no OUT), 3 OUT is good, but something of IN is lost",
    .about = "Writes OUT, a sealed file that xray-verify(1) finds intact: this is checked before OUT gets its name, so OUT is "
             "there whole or not at all. IN is never written to, and must not be OUT, through whatever links.\n\n"
             "Good blocks are copied as they are, under new headers. A block that is lost leaves one of the same number "
             "behind that says so: references to lost parts then read as lost, the steps that used them stay, and the loss "
             "is recorded as loss rows (cause damage or torn) with the numbers that headers tell. Blocks and columns of "
             "later versions are carried through. A segment that is sealed and intact is copied byte by byte; so "
             "repairing twice changes nothing.\n\n"
             "OUT has the segment id of IN. Of two files of one segment in a store readers take the longer one and report "
             "the other: move IN away.",
    .see_also = "xray-verify(1), xrayfile(5)",
};

struct repair {
    const char *out;
    bool json, quiet;
    /* blocks kept one behind the other share a line */
    int64_t kept_from, kept_to;
};

static const char *kind_name(enum xray_repair_kind kind)
{
    switch (kind) {
    case XRAY_REPAIR_FOUND: return "damage";
    case XRAY_REPAIR_KEPT: return "kept";
    case XRAY_REPAIR_LOST: return "lost";
    case XRAY_REPAIR_ADDED: return "added";
    }
    return "";
}

static void json_event(const xray_repair_event *e)
{
    struct text t = {0};

    text_printf(&t, "{\"kind\":\"%s\"", kind_name(e->kind));
    if (e->block >= 0)
        json_count(&t, "block", e->block);
    if (e->pos != UINT64_MAX)
        json_count(&t, "pos", (int64_t)e->pos);
    json_member(&t, "message", xray_s(e->message));
    text_puts(&t, "}\n");
    out_text(&t);
    text_free(&t);
}

static void print_kept(struct repair *r)
{
    struct text t = {0};

    if (r->kept_from < 0)
        return;
    if (r->kept_from == r->kept_to)
        text_printf(&t, "kept   block %" PRId64 "\n", r->kept_from);
    else
        text_printf(&t, "kept   blocks %" PRId64 " to %" PRId64 "\n", r->kept_from, r->kept_to);
    out_text(&t);
    text_free(&t);
    r->kept_from = -1;
}

static void print_event(struct repair *r, const xray_repair_event *e)
{
    struct text t = {0};

    if (e->kind == XRAY_REPAIR_KEPT && e->block >= 0) {
        if (r->kept_from >= 0 && e->block == r->kept_to + 1) {
            r->kept_to++;
            return;
        }
        print_kept(r);
        r->kept_from = r->kept_to = e->block;
        return;
    }
    print_kept(r);
    text_printf(&t, "%-6s ", kind_name(e->kind));
    if (e->block >= 0)
        text_printf(&t, "block %" PRId64 " ", e->block);
    if (e->pos != UINT64_MAX)
        text_printf(&t, "@%" PRIu64 ": ", e->pos);
    text_escape(&t, xray_s(e->message), SAFE_LINE);
    text_puts(&t, "\n");
    out_text(&t);
    text_free(&t);
}

static void on_event(void *ctx, const xray_repair_event *e)
{
    struct repair *r = ctx;

    if (r->json)
        json_event(e);
    else if (!r->quiet)
        print_event(r, e);
}

static void print_result(struct repair *r, const xray_repair_result *s, bool dry_run)
{
    struct text t = {0};

    if (r->json) {
        text_puts(&t, "{\"kind\":\"summary\"");
        json_count(&t, "segments", (int64_t)s->segments);
        json_count(&t, "kept", (int64_t)s->kept);
        json_count(&t, "lost", (int64_t)s->lost);
        json_count(&t, "lost_records", (int64_t)(s->lost_records & INT64_MAX));
        json_count(&t, "dropped_bytes", (int64_t)s->dropped_bytes);
        json_count(&t, "out_bytes", (int64_t)s->out_bytes);
        text_printf(&t, ",\"lossy\":%s,\"unchanged\":%s}\n", s->lossy ? "true" : "false",
                    s->unchanged ? "true" : "false");
        out_text(&t);
    } else if (!r->quiet) {
        print_kept(r);
        text_printf(&t, "%s%" PRIu64 " blocks kept, %" PRIu64 " lost, %" PRIu64 " bytes of the input not in the output%s\n",
                    dry_run ? "would be: " : "", s->kept, s->lost, s->dropped_bytes,
                    s->unchanged ? "; it was sealed and intact" : "");
        out_text(&t);
    }
    text_free(&t);
}

static enum xray_repair_mode parse_mode(const char *text)
{
    if (strcmp(text, "salvage") == 0)
        return XRAY_REPAIR_SALVAGE;
    if (strcmp(text, "prefix") == 0)
        return XRAY_REPAIR_PREFIX;
    if (strcmp(text, "tail") == 0)
        return XRAY_REPAIR_TAIL;
    cli_usage("--mode takes salvage, prefix or tail, not '%s'", text);
}

static void report(const char *in, const char *out, const xray_error *err)
{
    if (err->status == XRAY_ENOTFOUND) {
        cli_error(in, "No such file or directory");
    } else if (err->sys_errno == EEXIST) {
        cli_error(out, "is there already");
        cli_hint("--force replaces it");
    } else {
        cli_error(strncmp(err->message, in, strlen(in)) == 0 ? NULL : in, "%s", err->message);
    }
}

int main(int argc, char **argv)
{
    struct repair r = {.kept_from = -1};
    xray_repair_options options = {.ctx = &r, .event = on_event};
    xray_repair_result result = {0};
    xray_error err = {0};
    const char *arg = NULL;
    char **paths;
    int count;

    cli_start(&tool, argc, argv);
    for (int key; (key = cli_next(&arg)) != 0;) {
        if (key == 'o')
            r.out = arg;
        else if (key == KEY_MODE)
            options.mode = parse_mode(arg);
        options.dry_run |= key == KEY_DRY_RUN;
        options.force |= key == KEY_FORCE;
        r.quiet |= key == 'q';
        r.json |= key == 'j';
    }
    paths = cli_operands(&count);
    if (count != 1)
        cli_usage(count == 0 ? "no IN given" : "one file at a time");
    if (r.out == NULL && !options.dry_run)
        cli_usage("-o OUT is needed: the input is never written to");
    if (xray_repair(paths[0], r.out, &options, &result, &err) < 0) {
        print_kept(&r);
        report(paths[0], r.out, &err);
    } else {
        print_result(&r, &result, options.dry_run);
        if (result.lossy)
            cli_skipped();
    }
    return cli_finish(true);
}
