/* gen_agents - seeded generator of agent conversations, for the benchmarks.
 *
 * usage: gen_agents [--conversations=N] [--open=N] [--seed=N] [--messages]
 *
 * Several agents work at the same time, and every LLM step carries the whole
 * conversation so far as its input: bytes grow with the square of the length. Lines of
 * about 45 runs interleave as time goes on, {"run":{},"steps":[{}]} each, joined by
 * the run's id. With --messages each message is printed once instead, as a measure of
 * what the conversations really hold.
 *
 * Agents get one of a few tasks, several times over: they read the same
 * files and records, in other pieces and another order, and talk about them afresh. The 245
 * conversations of the default are 3,405 steps and 154 MB, 8.7 MB with zstd -3; their 7,801
 * messages are 12.8 MB, 1.46 MB with zstd -3. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/prose.h"

#define TASKS 40
#define MAX_OPEN 64
#define KINDS 5

static const char *const pipelines[KINDS] = {"airline-agent", "retail-agent", "code-repair", "web-research",
                                             "data-analysis"};
static const char *const tools[KINDS][4] = {
    {"get_user_details", "get_reservation_details", "search_direct_flight", "update_reservation_flights"},
    {"find_user_id_by_email", "get_order_details", "list_all_product_types",
     "exchange_delivered_order_items"},
    {"open_file", "search_dir", "edit_lines", "run_tests"},
    {"web_search", "fetch_page", "find_in_page", "take_note"},
    {"run_sql", "describe_table", "run_python", "plot"},
};

/* A conversation that is going on. `history` holds its messages as JSON, separated by commas. */
struct conversation {
    uint64_t id[2];
    uint32_t number, task, kind, steps_left, step;
    uint32_t document, first, lines; /* what it read last */
    uint32_t pace;                   /* percent: some agents and models are far slower than others */
    uint64_t clock_us, start_us;
    struct xb_random random;
    struct xb_text history;
    struct xb_text pending; /* what came since the last LLM step, likewise */
};

struct generator {
    struct xb_prose prose;
    struct xb_random random;
    bool messages_only;
    uint64_t message_count, message_bytes;
    struct xb_text raw; /* text of the message being made, before escaping */
};

/* ---- texts --------------------------------------------------------------- */

/* The stock of names of one document. */
static void document_names(struct xb_random *r, uint16_t names[24])
{
    for (int i = 0; i < 24; i++)
        names[i] = (uint16_t)xb_between(r, 160, XB_WORDS - 1);
}

static void put_record(const struct generator *g, struct xb_random *r, struct xb_text *out,
                       const uint16_t names[24])
{
    xb_putf(out,
            "{\"%s_id\": \"%07" PRIu32
            "\", \"status\": \"%s\", \"%s\": {\"name\": \"%s\", \"price\": %u.%02u, \"quantity\": %u}, ",
            g->prose.words[names[0]], xb_below(r, 10000000), xb_chance(r, 70) ? "available" : "pending",
            g->prose.words[names[1]], g->prose.words[names[xb_below(r, 24)]], xb_between(r, 5, 300),
            xb_chance(r, 70) ? 99 : xb_below(r, 100), xb_chance(r, 80) ? 1 : xb_between(r, 1, 9));
    xb_putf(out, "\"%s\": \"2024-05-%02uT%02u:%02u:00\", \"%s\": [\"%s\", \"%s\"]}", g->prose.words[names[2]],
            xb_between(r, 1, 30), xb_below(r, 24), xb_below(r, 12) * 5, g->prose.words[names[3]],
            g->prose.words[names[xb_below(r, 24)]], g->prose.words[names[xb_below(r, 24)]]);
}

/* Document `number` of a task, the same whoever reads it: `lines` lines from `first` on. */
static void put_document(const struct generator *g, struct xb_text *out, uint32_t task, uint32_t number,
                         uint32_t first, uint32_t lines)
{
    const uint64_t seed = (uint64_t)task * 64 + number;
    struct xb_random r = {.state = seed * 977 + 13};
    uint16_t names[24];

    document_names(&r, names);
    for (uint32_t i = first; i < first + lines; i++) {
        struct xb_random line = {.state = seed * 100003 + i};

        if (task % KINDS == 2)
            xb_code_line(&g->prose, &line, out, names);
        else if (task % KINDS == 3 || number % 4 == 3) {
            xb_sentences(&g->prose, &line, out, xb_between(&line, 10, 40));
            xb_puts(out, "\n");
        } else {
            put_record(g, &line, out, names);
            xb_puts(out, ",\n");
        }
    }
}

static void put_system_prompt(const struct generator *g, struct xb_text *out, uint32_t kind)
{
    struct xb_random r = {.state = kind + 1};

    xb_putf(out, "# Policy of the %s\n\nThe current time is 2024-05-15 15:00:00 EST.\n\n", pipelines[kind]);
    for (uint32_t i = 0; i < 34; i++) {
        xb_puts(out, i % 7 == 6 ? "\n## " : "- ");
        xb_sentences(&g->prose, &r, out, i % 7 == 6 ? 3 : xb_between(&r, 18, 52));
        xb_puts(out, "\n");
    }
    xb_puts(out, "\nYou can call these tools, one at a time:");
    for (int i = 0; i < 4; i++)
        xb_putf(out, "\n- %s(id: str, options: dict) -> str", tools[kind][i]);
}

/* ---- messages ------------------------------------------------------------ */

/* Adds a message whose text is g->raw to `list`; `extra` are further JSON members or "". */
static void add_message(struct generator *g, struct xb_text *list, const char *role, const char *extra)
{
    if (list->len > 0)
        xb_puts(list, ",");

    const size_t at = list->len;

    xb_putf(list, "{\"role\":\"%s\",\"content\":\"", role);
    xb_put_escaped(list, g->raw.data, g->raw.len);
    xb_putf(list, "\"%s}", extra);
    if (g->messages_only) {
        fwrite(list->data + at, 1, list->len - at, stdout);
        putchar('\n');
    }
    g->raw.len = 0;
}

static void begin_conversation(struct generator *g, struct conversation *c, uint32_t number, uint64_t now_us)
{
    struct xb_text history = c->history, pending = c->pending;

    *c = (struct conversation){.number = number, .history = history, .pending = pending};
    c->history.len = c->pending.len = 0;
    c->random.state = xb_next(&g->random);
    c->id[0] = xb_next(&c->random);
    c->id[1] = xb_next(&c->random);
    c->task = xb_below(&c->random, TASKS);
    c->kind = c->task % KINDS;
    c->start_us = c->clock_us = now_us;
    c->pace = xb_between(&c->random, 2, 18) * xb_between(&c->random, 2, 18);
    /* Most are short, a few very long: about exponential. */
    c->steps_left = 3;
    while (c->steps_left < 56 && !xb_chance(&c->random, 9))
        c->steps_left++;

    put_system_prompt(g, &g->raw, c->kind);
    add_message(g, &c->pending, "system", "");

    struct xb_random request = {.state = c->task + UINT64_C(5000)};

    xb_sentences(&g->prose, &request, &g->raw, xb_between(&request, 30, 160));
    add_message(g, &c->pending, "user", "");
}

/* What the model answers: some prose, mostly with a call of a tool, sometimes with code. */
static void make_answer(struct generator *g, struct conversation *c, struct xb_text *list, uint32_t *tool,
                        uint32_t call)
{
    struct xb_random *r = &c->random;
    char extra[512] = "";

    xb_sentences(&g->prose, r, &g->raw, xb_between(r, 8, 60));
    if (c->kind == 2 && xb_chance(r, 40)) {
        xb_puts(&g->raw, "\n```python\n");
        put_document(g, &g->raw, c->task, xb_below(r, 6), xb_below(r, 120), xb_between(r, 3, 18));
        xb_puts(&g->raw, "```\n");
    }
    *tool = c->steps_left > 1 && xb_chance(r, 82) ? xb_below(r, 4) : UINT32_MAX;
    if (*tool != UINT32_MAX)
        snprintf(extra, sizeof extra,
                 ",\"tool_calls\":[{\"id\":\"call_%016" PRIx64
                 "\",\"type\":\"function\",\"function\":{\"name\":\"%s\","
                 "\"arguments\":\"{\\\"id\\\": \\\"%s_%s_%04u\\\", \\\"page\\\": %u}\"}}]",
                 c->id[0] ^ (call * UINT64_C(0x9E3779B97F4A7C15)), tools[c->kind][*tool],
                 g->prose.words[xb_between(r, 200, 700)], g->prose.words[xb_between(r, 200, 700)],
                 xb_below(r, 10000), xb_below(r, 4));
    add_message(g, list, "assistant", extra);
}

/* What comes back: the tool's result, an error, or the user's next words. */
static void make_reply(struct generator *g, struct conversation *c, uint32_t tool, uint32_t call)
{
    struct xb_random *r = &c->random;
    char extra[128];

    if (tool == UINT32_MAX) {
        xb_sentences(&g->prose, r, &g->raw, xb_between(r, 6, 50));
        add_message(g, &c->pending, "user", "");
        return;
    }
    if (xb_chance(r, 5))
        xb_putf(&g->raw, "Error: %s: payment method %s_%u has an insufficient balance", tools[c->kind][tool],
                g->prose.words[xb_between(r, 200, 700)], xb_below(r, 10000));
    else {
        /* Agents often read the same piece again, e.g. after an edit. */
        if (c->lines == 0 || !xb_chance(r, 35)) {
            c->document = xb_zipf(r, 8);
            c->first = xb_below(r, 4) * 40;
            c->lines = xb_between(r, 4, 33);
        }
        put_document(g, &g->raw, c->task, c->document, c->first, c->lines);
    }
    snprintf(extra, sizeof extra, ",\"tool_call_id\":\"call_%016" PRIx64 "\"",
             c->id[0] ^ (call * UINT64_C(0x9E3779B97F4A7C15)));
    add_message(g, &c->pending, "tool", extra);
}

/* ---- lines --------------------------------------------------------------- */

static void put_iso(uint64_t us)
{
    const time_t seconds = (time_t)(us / 1000000);
    struct tm t;

    gmtime_r(&seconds, &t);
    printf("%04d-%02d-%02dT%02d:%02d:%02d.%06uZ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
           t.tm_min, t.tm_sec, (unsigned)(us % 1000000));
}

static void put_uuid(uint64_t high, uint64_t low)
{
    printf("%08x-%04x-4%03x-%04x-%012" PRIx64, (unsigned)(high >> 32), (unsigned)(high >> 16 & 0xffff),
           (unsigned)(high & 0xfff), (unsigned)(low >> 48 & 0x3fff) | 0x8000u, low & 0xffffffffffffu);
}

static void put_line(struct conversation *c, const struct xb_text *answer, uint64_t end_us)
{
    static const char *const models[KINDS] = {"gpt-4o-2024-05-13", "gpt-4o-2024-05-13",
                                              "claude-3-5-sonnet-20240620", "gpt-4o-mini-2024-07-18",
                                              "claude-3-5-sonnet-20240620"};
    const uint32_t tokens_in = (uint32_t)(c->history.len / 4), tokens_out = (uint32_t)(answer->len / 4);

    printf("{\"run\":{\"id\":\"");
    put_uuid(c->id[0], c->id[1]);
    printf("\",\"pipeline_name\":\"%s\",\"pipeline_version\":\"2024.05\",\"start_time\":\"",
           pipelines[c->kind]);
    put_iso(c->start_us);
    if (c->steps_left == 1) {
        printf("\",\"end_time\":\"");
        put_iso(end_us);
        printf("\",\"status\":\"%s", xb_chance(&c->random, 70) ? "success" : "failure");
    }
    printf("\",\"metadata\":{\"task\":%u,\"trial\":%u}},\"steps\":[{\"id\":\"", c->task, c->number % 4);
    put_uuid(xb_next(&c->random), xb_next(&c->random));
    printf("\",\"step_name\":\"chat\",\"step_type\":\"llm\",\"sequence\":%u,\"start_time\":\"", c->step);
    put_iso(c->clock_us);
    printf("\",\"end_time\":\"");
    put_iso(end_us);
    printf("\",\"inputs\":{\"model\":\"%s\",\"temperature\":0.0,\"messages\":[", models[c->kind]);
    fwrite(c->history.data, 1, c->history.len, stdout);
    printf("]},\"outputs\":{\"message\":");
    fwrite(answer->data, 1, answer->len, stdout);
    printf(",\"finish_reason\":\"%s\"},\"metadata\":{\"input_tokens\":%u,\"output_tokens\":%u}}]}\n",
           c->steps_left == 1 ? "stop" : "tool_calls", tokens_in, tokens_out);
}

/* One LLM step; afterwards its answer and what came back are part of the history. */
static void make_step(struct generator *g, struct conversation *c)
{
    static struct xb_text answer; /* reused by all */
    uint32_t tool;
    const uint64_t end_us = c->clock_us + xb_between(&c->random, 4000, 90000) * (uint64_t)c->pace;

    if (c->history.len > 0)
        xb_puts(&c->history, ",");
    xb_put(&c->history, c->pending.data, c->pending.len);
    c->pending.len = answer.len = 0;
    make_answer(g, c, &answer, &tool, c->step);
    if (!g->messages_only)
        put_line(c, &answer, end_us);

    xb_put(&c->pending, answer.data, answer.len);
    if (c->steps_left > 1) {
        make_reply(g, c, tool, c->step);
        if (xb_chance(&c->random, 25))
            make_reply(g, c, tool, c->step); /* of a second call, or what the user adds */
    }
    c->clock_us = end_us + xb_between(&c->random, 100, 30000) * (uint64_t)c->pace;
    c->step++;
    c->steps_left--;
}

int main(int argc, char **argv)
{
    static struct generator g;
    static struct conversation open[MAX_OPEN];
    unsigned long conversations = 245, open_count = 45, begun = 0;

    g.random.state = 1;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--conversations=", 16) == 0)
            conversations = strtoul(argv[i] + 16, NULL, 10);
        else if (strncmp(argv[i], "--open=", 7) == 0)
            open_count = strtoul(argv[i] + 7, NULL, 10);
        else if (strncmp(argv[i], "--seed=", 7) == 0)
            g.random.state = strtoull(argv[i] + 7, NULL, 10);
        else if (strcmp(argv[i], "--messages") == 0)
            g.messages_only = true;
        else {
            fprintf(stderr, "usage: gen_agents [--conversations=N] [--open=N] [--seed=N] [--messages]\n");
            return 2;
        }
    }
    if (open_count < 1 || open_count > MAX_OPEN)
        open_count = 45;
    xb_prose_init(&g.prose);

    uint64_t now_us = 1715785200000000u; /* 2024-05-15 15:00 UTC */

    for (;;) {
        struct conversation *c = NULL;

        /* The one whose clock is behind goes on; a finished one makes room for the next. */
        for (unsigned long i = 0; i < open_count; i++) {
            if (open[i].steps_left == 0 && begun < conversations)
                begin_conversation(&g, &open[i], (uint32_t)begun++, now_us + xb_below(&g.random, 5000000));
            if (open[i].steps_left > 0 && (c == NULL || open[i].clock_us < c->clock_us))
                c = &open[i];
        }
        if (c == NULL)
            break;
        now_us = c->clock_us;
        make_step(&g, c);
    }
    for (unsigned long i = 0; i < MAX_OPEN; i++) {
        free(open[i].history.data);
        free(open[i].pending.data);
    }
    free(g.raw.data);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("gen_agents");
        return 2;
    }
    return 0;
}
