/* The catalogue of a store (format-spec/catalogue.md): its bytes from anywhere, and what a lying one can do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/trace.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "codec/zframe.h"
#include "format/catalogue.h"

/* ---- the table ---- */

static const struct xf_catalogue_row some_rows[] = {
    {.name = {"20260101T000000.000Z-0000000000000001.xray", 42}, .size = 1, .sealed = true, .inode = 77, .id = {1},
     .runs = 3, .start_min = -5, .start_max = 1700000000000000000, .first_partner = 0, .partner_count = 2},
    {.name = {"20260101T000000.000Z-0000000000000002.xray", 42}, .size = UINT64_MAX, .inode = 12, .id = {2},
     .start_min = XRAY_MISSING, .start_max = XRAY_MISSING, .first_partner = 2},
    {.name = {"z.xray", 6}, .size = 70000, .sealed = true, .inode = UINT64_MAX, .id = {3}, .runs = 1u << 31,
     .start_min = 7, .start_max = 7, .first_partner = 2, .partner_count = 1},
};
static uint32_t some_partners[] = {1, 2, 0};

static void encode_table(xray_buffer *out)
{
    const struct xf_catalogue_table t = {
        .rows = (struct xf_catalogue_row *)some_rows, .count = 3, .partners = some_partners, .total_partners = 3,
    };

    CHECK_EQ(xf_catalogue_table_encode(&t, out), XRAY_OK);
}

static void test_table(void)
{
    xray_buffer raw = {0};
    struct xf_catalogue_table t = {.count = 0};

    encode_table(&raw);
    if (!CHECK_EQ(xf_catalogue_table_decode(&t, 3, &raw), 1))
        return;
    for (size_t i = 0; i < 3; i++) {
        const struct xf_catalogue_row *got = &t.rows[i], *want = &some_rows[i];

        check_context("row %zu", i);
        CHECK_MEM(got->name.ptr, got->name.len, want->name.ptr, want->name.len);
        CHECK_EQ(got->name.ptr[got->name.len], 0);
        CHECK_EQ(got->size, want->size);
        CHECK_EQ(got->sealed, want->sealed);
        CHECK_EQ(got->inode, want->inode);
        CHECK_MEM(got->id, 8, want->id, 8);
        CHECK_EQ(got->runs, want->runs);
        CHECK_EQ(got->start_min, want->start_min);
        CHECK_EQ(got->start_max, want->start_max);
        CHECK_EQ(got->partner_count, want->partner_count);
        for (uint32_t j = 0; j < got->partner_count && j < want->partner_count; j++)
            CHECK_EQ(t.partners[got->first_partner + j], some_partners[want->first_partner + j]);
    }
    xf_catalogue_table_done(&t);
    CHECK_EQ(xf_catalogue_table_decode(&t, 2, &raw), 0);
    xf_catalogue_table_done(&t);
    CHECK_EQ(xf_catalogue_table_decode(&t, UINT32_MAX, &raw), 0);
    xf_catalogue_table_done(&t);
    xray_buffer_free(&raw);
}

/* No prefix is a table; changed bytes are one or are not, and are safe. */
static void test_table_from_anywhere(void)
{
    xray_buffer raw = {0};

    encode_table(&raw);
    for (size_t len = 0; len < raw.len; len++) {
        xray_buffer cut = {.data = check_copy(raw.data, len), .len = len};
        struct xf_catalogue_table t = {.count = 0};

        check_context("%zu of %zu bytes", len, raw.len);
        CHECK_EQ(xf_catalogue_table_decode(&t, 3, &cut), 0);
        xf_catalogue_table_done(&t);
        free(cut.data);
    }
    for (size_t i = 0; i < raw.len * 8; i++) {
        xray_buffer bent = {.data = check_copy(raw.data, raw.len), .len = raw.len};
        struct xf_catalogue_table t = {.count = 0};

        bent.data[i / 8] ^= (uint8_t)(1 << i % 8);
        if (xf_catalogue_table_decode(&t, 3, &bent) == 1)
            for (uint32_t m = 0; m < t.total_partners; m++)
                CHECK(t.partners[m] < t.count);
        xf_catalogue_table_done(&t);
        free(bent.data);
    }
    xray_buffer_free(&raw);
}

/* ---- the head ---- */

static void test_head(void)
{
    const struct xf_catalogue_head head = {
        .digits = 9, .segments = 3, .pages = 2, .table = {100, 200, 1}, .facts = {40, 41, 3}, .directory = {30, 30, 2}};
    struct xf_catalogue_head got = {.digits = 0};
    uint8_t bytes[XF_CATALOGUE_HEAD_LEN];
    xray_error err = {0};

    xf_catalogue_head_encode(&head, bytes);
    CHECK_STATUS(xf_catalogue_head_decode(&got, bytes, 250, &err), XRAY_OK, &err);
    CHECK_EQ(got.digits, 9);
    CHECK_EQ(got.facts.raw_len, 41);
    CHECK_EQ(got.directory.stored_len, 30);
    CHECK_STATUS(xf_catalogue_head_decode(&got, bytes, 249, &err), XRAY_ECORRUPT, NULL);
    CHECK_STATUS(xf_catalogue_head_decode(&got, bytes, 79, &err), XRAY_ECORRUPT, NULL);
    for (size_t i = 0; i < sizeof bytes * 8; i++) {
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        check_context("bit %zu", i);
        CHECK(xf_catalogue_head_decode(&got, bytes, 250, &err) < 0);
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
    }
}

/* ---- pages ---- */

static void make_page(xray_buffer *page)
{
    struct xf_catalogue_key before = {.len = 0}, key = {.len = 17, .runs = 1, .segment_count = 3};
    static const uint32_t segments[] = {0, 5, 70000};

    for (int i = 0; i < 20; i++) {
        key.bytes[0] = XF_CATALOGUE_ID;
        key.bytes[16] = (uint8_t)i;
        key.len = (size_t)(i % 2 == 0 ? 17 : 3);
        xf_catalogue_key_put(page, &before, &key, segments);
        before = key;
    }
}

static void test_pages(void)
{
    xray_buffer page = {0};
    struct xf_catalogue_key key = {.len = 0};
    struct xf_varints c;
    uint32_t segment = 1;
    int count = 0;

    make_page(&page);
    c = xf_varints_over(page.data, page.len);
    while (xf_catalogue_key_take(&c, &key)) {
        CHECK_EQ(key.len, count % 2 == 0 ? 17 : 3);
        CHECK(key.len < 17 || key.bytes[16] == count);
        CHECK(xf_catalogue_next_segment(&key, &segment) && segment == 0);
        CHECK(xf_catalogue_next_segment(&key, &segment) && segment == 5);
        CHECK(xf_catalogue_next_segment(&key, &segment) && segment == 70000);
        CHECK(!xf_catalogue_next_segment(&key, &segment));
        count++;
    }
    CHECK_EQ(count, 20);
    CHECK(!c.bad);
    for (size_t i = 0; i < page.len * 9; i++) { /* cut, then each bit changed */
        const size_t len = i < page.len ? i : page.len;
        uint8_t *copy = check_copy(page.data, len);

        if (i >= page.len)
            copy[(i - page.len) / 8] ^= (uint8_t)(1 << i % 8);
        c = xf_varints_over(copy, len);
        key.len = 0;
        while (xf_catalogue_key_take(&c, &key)) {
            CHECK(key.len <= XF_CATALOGUE_KEY_MAX);
            while (xf_catalogue_next_segment(&key, &segment))
                ;
        }
        free(copy);
    }
    xray_buffer_free(&page);
}

/* ---- a store, and what is said of it ---- */

enum { SEGMENTS = 4 };

static uint8_t ids[SEGMENTS][16];
static const char *const names[SEGMENTS] = {"gather", "filter", "rank", "select"};

static void make_store(const char *dir)
{
    for (uint8_t i = 0; i < SEGMENTS; i++) {
        xray_writer *w = NULL;
        xray_run_options options = {.id = ids[i]};
        xray_run run;
        xray_step step;

        memset(ids[i], 0x11 * (i + 1), 16);
        if (!CHECK_STATUS(xray_writer_open(&w, dir, NULL, NULL), XRAY_OK, NULL))
            return;
        run = xray_run_begin(w, xray_s("pipeline"), &options);
        step = xray_step_begin(run, xray_s(names[i]), xray_s("filter"), NULL);
        xray_step_end(step, XRAY_SUCCESS);
        xray_run_end(run, XRAY_SUCCESS);
        CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    }
}

static void index_all(const char *dir)
{
    xray_store *s = NULL;

    CHECK_STATUS(xray_store_open(&s, &dir, 1, NULL, NULL), XRAY_OK, NULL);
    for (size_t i = 0; i < xray_store_segment_count(s); i++) {
        xray_segment_info info;

        CHECK_EQ(xray_store_segment(s, i, &info), XRAY_OK);
        CHECK_EQ(xray_index_build(info.path, NULL, NULL), XRAY_OK);
    }
    xray_store_close(s);
    CHECK_EQ(xray_catalogue_build(dir, NULL, NULL), 1);
    CHECK_EQ(xray_catalogue_build(dir, NULL, NULL), 0);
    CHECK_EQ(xray_catalogue_check(dir, NULL, NULL), XRAY_OK);
}

/* The run with this id, in a store opened for it; how many segments were left out. */
static size_t find(const char *dir, const uint8_t id[16], bool (*wants)(void *, const xray_segment_facts *))
{
    char text[33];
    xray_str name = {text, 32};
    const xray_store_scope scope = {.ids = &name, .id_count = id != NULL, .wants = wants};
    const xray_store_options options = {.scope = &scope};
    xray_read_stats stats = {0};
    xray_store *s = NULL;
    size_t index = SIZE_MAX;

    for (size_t i = 0; id != NULL && i < 16; i++)
        snprintf(text + 2 * i, 3, "%02x", id[i]);
    if (!CHECK_STATUS(xray_store_open(&s, &dir, 1, &options, NULL), XRAY_OK, NULL))
        return 0;
    if (id != NULL) {
        xray_run_record run;

        CHECK_EQ(xray_store_find_run(s, name, &index, NULL, NULL), 1);
        CHECK_EQ(xray_store_run(s, index, &run, NULL), XRAY_OK);
        CHECK_MEM(run.id, 16, id, 16);
    }
    xray_store_get_stats(s, &stats);
    CHECK_EQ(xray_store_segment_count(s) + stats.segments_skipped, SEGMENTS);
    xray_store_close(s);
    return (size_t)stats.segments_skipped;
}

struct parts { /* of a catalogue */
    struct xf_catalogue_head head;
    struct xf_catalogue_table table;
    xray_buffer raw, facts, directory, pages;
};

static void take_part(struct xf_zframe *z, const struct xf_catalogue_part *part, const uint8_t **at, xray_buffer *raw)
{
    if (part->stored_len != part->raw_len)
        CHECK_EQ(xf_zframe_decode(z, *at, part->stored_len, part->raw_len, raw, NULL), 0);
    else
        xf_buf_put(raw, *at, part->raw_len);
    *at += part->stored_len;
}

static void take_apart(struct parts *p, const uint8_t *bytes, size_t len)
{
    struct xf_zframe *z = xf_zframe_new();
    const uint8_t *const end = bytes + len;
    xray_error err = {0};

    *p = (struct parts){.head = {.digits = 0}};
    CHECK_STATUS(xf_catalogue_head_decode(&p->head, bytes, len, &err), XRAY_OK, &err);
    bytes += XF_CATALOGUE_HEAD_LEN;
    take_part(z, &p->head.table, &bytes, &p->raw);
    take_part(z, &p->head.facts, &bytes, &p->facts);
    CHECK_EQ(xf_catalogue_table_decode(&p->table, p->head.segments, &p->raw), 1);
    bytes += p->head.directory.stored_len;
    xf_buf_put(&p->pages, bytes, (size_t)(end - bytes));
    xf_zframe_free(z);
}

/* Writes the catalogue with all checksums right; its pages are one. */
static void put_together(struct parts *p, const char *path)
{
    xray_buffer image = {0}, table = {0};
    struct xf_catalogue_key first = {.len = 0};
    struct xf_varints c = xf_varints_over(p->pages.data, p->pages.len);
    FILE *f = fopen(path, "wb");

    xf_catalogue_key_take(&c, &first); /* if it is one */
    xf_buf_reset(&p->directory);
    xf_catalogue_entry_put(&p->directory, &(struct xf_catalogue_entry){
        .len = (uint32_t)p->pages.len, .check = xf_hash64(p->pages.data, p->pages.len, 0),
        .first = xray_strn((const char *)first.bytes, first.len)});
    CHECK_EQ(xf_catalogue_table_encode(&p->table, &table), XRAY_OK);
    p->head.table = (struct xf_catalogue_part){(uint32_t)table.len, (uint32_t)table.len, xf_hash64(table.data, table.len, 0)};
    p->head.facts = (struct xf_catalogue_part){(uint32_t)p->facts.len, (uint32_t)p->facts.len,
                                               xf_hash64(p->facts.data, p->facts.len, 0)};
    p->head.directory = (struct xf_catalogue_part){(uint32_t)p->directory.len, (uint32_t)p->directory.len,
                                                   xf_hash64(p->directory.data, p->directory.len, 0)};
    p->head.pages = 1;
    CHECK(xf_buf_extend(&image, XF_CATALOGUE_HEAD_LEN) != NULL);
    xf_catalogue_head_encode(&p->head, image.data);
    xf_buf_put(&image, table.data, table.len);
    xf_buf_put(&image, p->facts.data, p->facts.len);
    xf_buf_put(&image, p->directory.data, p->directory.len);
    xf_buf_put(&image, p->pages.data, p->pages.len);
    if (CHECK(f != NULL)) {
        CHECK_EQ(fwrite(image.data, 1, image.len, f), image.len);
        fclose(f);
    }
    xray_buffer_free(&image);
    xray_buffer_free(&table);
}

static void done(struct parts *p)
{
    xf_catalogue_table_done(&p->table);
    xray_buffer_free(&p->raw);
    xray_buffer_free(&p->facts);
    xray_buffer_free(&p->directory);
    xray_buffer_free(&p->pages);
}

static bool asked_of_all(void *ctx, const xray_segment_facts *facts)
{
    (void)ctx;
    CHECK_EQ(facts->runs, 1);
    CHECK_EQ(facts->pipeline_count, 1);
    CHECK_MEM(facts->pipelines[0].ptr, facts->pipelines[0].len, "pipeline", 8);
    CHECK_EQ(facts->version_count, 0);
    CHECK(facts->start_min_ns > 0 && facts->start_min_ns == facts->start_max_ns);
    CHECK_EQ(facts->status_count, 1);
    CHECK_MEM(facts->statuses[0].ptr, facts->statuses[0].len, "success", 7);
    CHECK(facts->step_names_known && facts->step_types_known);
    CHECK_EQ(facts->step_name_count, 1);
    CHECK_EQ(facts->step_type_count, 1);
    CHECK_MEM(facts->step_types[0].ptr, facts->step_types[0].len, "filter", 6);
    return false;
}

static xray_query *asked;

static bool asked_of_steps(void *ctx, const xray_segment_facts *facts)
{
    (void)ctx;
    return xray_query_test_segment(asked, facts) != 0;
}

/* How many segments such a question leaves out. */
static size_t left_out(const char *dir, const char *text)
{
    size_t count;

    check_context("%s", text);
    asked = NULL;
    if (!CHECK_EQ(xray_query_parse(&asked, xray_s(text), NULL, NULL), XRAY_OK))
        return 0;
    count = find(dir, NULL, asked_of_steps);
    xray_query_free(asked);
    return count;
}

/* What the facts of segments rule out, and what they must not. */
static void test_questions(void)
{
    const char *dir = trace_dir();

    make_store(dir);
    index_all(dir);
    CHECK_EQ(left_out(dir, "step.name = rank"), SEGMENTS - 1);
    CHECK_EQ(left_out(dir, "step.name != rank"), 1);
    CHECK_EQ(left_out(dir, "not step.name = rank"), 0);
    CHECK_EQ(left_out(dir, "any{step.name in (rank, select)}"), SEGMENTS - 2);
    CHECK_EQ(left_out(dir, "none{step.name = rank}"), 0);
    CHECK_EQ(left_out(dir, "all{step.name = rank}"), 0);
    CHECK_EQ(left_out(dir, "step.status = failure"), SEGMENTS);
    CHECK_EQ(left_out(dir, "step.duration > 1h"), SEGMENTS);
    CHECK_EQ(left_out(dir, "step.duration < 1h"), 0);
    CHECK_EQ(left_out(dir, "step.cost > 0"), SEGMENTS);
    CHECK_EQ(left_out(dir, "run.pipeline = pipeline"), 0);
    CHECK_EQ(left_out(dir, "run.pipeline = other or step.name = gather"), SEGMENTS - 1);
    CHECK_EQ(left_out(dir, "run.status in (failure, partial)"), SEGMENTS);
    CHECK_EQ(left_out(dir, "run.status != failure"), 0);
    CHECK_EQ(left_out(dir, "run.version = '2'"), SEGMENTS);
    CHECK_EQ(left_out(dir, "run.id = abcd"), 0);
    CHECK_EQ(left_out(dir, "run.id in (abcd, cdef)"), 0);
    CHECK_EQ(left_out(dir, "any cand{cand.score > 1}"), 0);
    CHECK_EQ(left_out(dir, "run.duration > 1h"), 0);
}

enum { LONG_RUNS = 8 };

/* Runs that go on while their writer changes segments: what holds only of a step as a whole, and of a run as a whole. */
static void make_rotated(const char *dir)
{
    const xray_writer_options options = {.segment_bytes = 3000, .level = 1, .no_host = true};
    xray_writer *w = NULL;
    xray_run runs[LONG_RUNS];
    xray_step steps[LONG_RUNS];
    char filler[3001] = {0};

    if (!CHECK_STATUS(xray_writer_open(&w, dir, &options, NULL), XRAY_OK, NULL))
        return;
    for (int i = 0; i < LONG_RUNS; i++) {
        char name[16];

        snprintf(name, sizeof name, "step-%d", i);
        runs[i] = xray_run_begin(w, xray_s("rotated"), NULL);
        steps[i] = xray_step_begin(runs[i], xray_s(name), xray_s("filter"), NULL);
        for (size_t k = 0; k < sizeof filler - 1; k++)
            filler[k] = (char)('a' + rand() % 23);
        xray_step_set(steps[i], XRAY_INPUT, xray_text(filler));
        CHECK(xray_writer_flush(w, -1, NULL) >= 0);
        if (i >= 2) { /* begun two segments or so before */
            xray_step_end(steps[i - 2], i % 3 == 0 ? XRAY_FAILURE : XRAY_SUCCESS);
            xray_run_end(runs[i - 2], i % 3 == 0 ? XRAY_PARTIAL : XRAY_SUCCESS);
        }
    }
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
}

/* The runs that match, without a catalogue. */
static size_t count_matches(const char *dir, xray_query *q, const xray_store_options *options, size_t *segments)
{
    xray_store *s = NULL;
    size_t runs = 0, found = 0;

    CHECK_STATUS(xray_store_open(&s, &dir, 1, options, NULL), XRAY_OK, NULL);
    *segments = xray_store_segment_count(s);
    CHECK_EQ(xray_store_run_count(s, &runs, NULL), XRAY_OK);
    for (size_t i = 0; i < runs; i++) {
        xray_trace *t = NULL;

        if (!CHECK_EQ(xray_trace_open(&t, s, i, NULL), XRAY_OK))
            continue;
        found += xray_query_match_run(q, s, t, NULL) == 1;
        xray_trace_close(t);
    }
    xray_store_close(s);
    return found;
}

static void test_rotated(void)
{
    static const char *const questions[] = {
        "step.name = step-1 and step.status = success", "step.name = step-4 and step.status = failure", "step.status = failure",
        "step.status = running", "step.status = abandoned", "run.status = partial", "run.status = running",
        "run.status = success and step.name = step-0", "step.duration >= 0s", "step.duration > 1h", "step.name = step-7",
        "none{step.name = step-3}", "all{step.status = success}", "step.name = step-9",
    };
    const char *dir = trace_dir();
    size_t most = 0;

    make_rotated(dir);
    index_all(dir);
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        const xray_store_scope scope = {.wants = asked_of_steps};
        const xray_store_options with = {.scope = &scope}, without = {.index = XRAY_INDEX_NEVER};
        size_t all, opened, found;

        check_context("%s", questions[i]);
        asked = NULL;
        if (!CHECK_EQ(xray_query_parse(&asked, xray_s(questions[i]), NULL, NULL), XRAY_OK))
            continue;
        found = count_matches(dir, asked, &without, &all);
        CHECK_EQ(count_matches(dir, asked, &with, &opened), found);
        CHECK(opened <= all && all >= 4);
        most = all - opened > most ? all - opened : most;
        xray_query_free(asked);
    }
    check_context("a step that no run has");
    CHECK(most >= 4);
}

/* Facts that say anything are safe, and those of too many or too few segments are not used. */
static void test_facts_from_anywhere(void)
{
    const char *dir = trace_dir();
    char path[600];
    struct parts p;
    uint8_t *bytes;
    size_t len;

    snprintf(path, sizeof path, "%s/" XF_CATALOGUE_NAME, dir);
    make_store(dir);
    index_all(dir);
    bytes = (uint8_t *)check_read_file(path, &len);
    take_apart(&p, bytes, len);
    asked = NULL;
    CHECK_EQ(xray_query_parse(&asked, xray_s("step.name = rank and step.duration >= 0s and run.status = success"), NULL, NULL), XRAY_OK);
    for (size_t i = 0; i < p.facts.len; i++) {
        const uint8_t was = p.facts.data[i];

        for (unsigned v = 0; v < 5; v++) {
            p.facts.data[i] = (uint8_t)(v < 3 ? v : v == 3 ? was ^ 0x80 : 0xff);
            check_context("byte %zu of the facts is %u", i, p.facts.data[i]);
            put_together(&p, path);
            find(dir, NULL, asked_of_steps);
        }
        p.facts.data[i] = was;
    }
    for (size_t cut = p.facts.len; cut-- > 0;) {
        p.facts.len = cut;
        check_context("%zu bytes of the facts", cut);
        put_together(&p, path);
        CHECK_EQ(find(dir, NULL, asked_of_steps), 0);
    }
    xray_query_free(asked);
    done(&p);
    free(bytes);
}

/* Keys that lead to other segments, sizes and ids of other segments: what is asked for is found. */
static void test_lies(void)
{
    const char *dir = trace_dir();
    char path[600];
    struct parts p;
    uint8_t *bytes;
    size_t len;

    snprintf(path, sizeof path, "%s/" XF_CATALOGUE_NAME, dir);
    make_store(dir);
    CHECK_EQ(find(dir, ids[2], NULL), 0);
    index_all(dir);
    CHECK_EQ(find(dir, ids[2], NULL), SEGMENTS - 1);
    CHECK_EQ(find(dir, NULL, asked_of_all), SEGMENTS);
    bytes = (uint8_t *)check_read_file(path, &len);
    take_apart(&p, bytes, len);
    put_together(&p, path);
    check_context("the same, put together again");
    CHECK_EQ(find(dir, ids[2], NULL), SEGMENTS - 1);
    for (size_t i = 0; i < p.pages.len; i++) {
        const uint8_t was = p.pages.data[i];

        for (unsigned v = 0; v < 6; v++) {
            p.pages.data[i] = (uint8_t)(v < 5 ? v : was ^ 0x80);
            check_context("byte %zu of the page is %u", i, p.pages.data[i]);
            put_together(&p, path);
            for (size_t k = 0; k < SEGMENTS; k++)
                find(dir, ids[k], NULL);
        }
        p.pages.data[i] = was;
    }
    for (uint32_t i = 0; i < SEGMENTS; i++) {
        check_context("the id of segment %u", i);
        p.table.rows[i].id[0] ^= 1;
        put_together(&p, path);
        for (size_t k = 0; k < SEGMENTS; k++)
            find(dir, ids[k], NULL);
        p.table.rows[i].id[0] ^= 1;
    }
    p.table.rows[1].size++; /* a seal and the inode are believed; without either, the size must be right */
    p.table.rows[1].sealed = false;
    put_together(&p, path);
    check_context("a size");
    CHECK_EQ(find(dir, ids[2], NULL) + find(dir, ids[3], NULL) + find(dir, ids[0], NULL) + find(dir, ids[1], NULL),
             3 * (SEGMENTS - 2) + SEGMENTS - 1);
    CHECK_EQ(xray_catalogue_check(dir, NULL, NULL), XRAY_ECORRUPT);
    CHECK_EQ(xray_catalogue_drop(dir, NULL), 1);
    CHECK_EQ(xray_catalogue_drop(dir, NULL), 0);
    CHECK_EQ(xray_catalogue_check(dir, NULL, NULL), XRAY_ENOTFOUND);
    done(&p);
    free(bytes);
}

CHECK_MAIN(test_table, test_table_from_anywhere, test_head, test_pages, test_questions, test_rotated, test_facts_from_anywhere, test_lies)
