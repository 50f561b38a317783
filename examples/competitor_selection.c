/* A pipeline that picks a competing product, traced with libxrayfile - and with a
 * bug in it. `sh examples/debug.sh` finds the bug from the trace alone.
 *
 *     competitor_selection STORE [fixed]
 *
 * With "fixed" ids and clock are fixed, so every run of the program writes the same bytes. */
#include <xrayfile.h>

#include <stdio.h>
#include <stdlib.h>

struct product {
    const char *id;
    const char *title;
    const char *category;
    double price;
    double rating;
    int reviews;
};

/* The catalogue that the search step looks in. */
static const struct product catalogue[] = {
    {"B0BOT1", "HydroPeak steel bottle 1L", "Water bottles", 27.50, 4.8, 21840},
    {"B0BOT2", "AquaGo plastic bottle 0.7L", "Water Bottles", 12.99, 3.9, 310},
    {"B0BOT3", "TrailSip flask 1L", "Water Bottles", 31.00, 4.3, 1204},
    {"B0BOT4", "Glacier glass bottle 0.5L", "Water Bottles", 119.00, 4.6, 89},
    {"B0BOT5", "Bottle brush set", "Kitchen Tools", 8.49, 4.4, 5120},
    {"B0BOT6", "KidSip bottle 0.4L", "Water bottles", 14.20, 4.7, 9033},
    {"B0BOT7", "SportJug 2L", "Water Bottles", 19.90, 3.2, 71},
    {"B0CUP1", "Travel mug 0.4L", "Mugs", 22.00, 4.5, 8800},
    {"B0CUP2", "Ceramic mug, blue", "Mugs", 9.90, 4.1, 640},
    {"B0CUP3", "Thermo mug XL", "Mugs", 34.00, 4.7, 12010},
    {"B0CUP4", "Mug warmer", "Kitchen Tools", 24.00, 3.8, 211},
    {"B0MAT1", "Yoga mat 6mm", "Yoga Mats", 29.00, 4.4, 15300},
    {"B0MAT2", "Cork yoga mat", "Yoga mats", 59.00, 4.9, 18120},
    {"B0MAT3", "Yoga mat strap", "Yoga Accessories", 7.00, 4.2, 950},
    {"B0MAT4", "Travel yoga mat 2mm", "Yoga Mats", 26.00, 4.0, 2210},
};
#define CATALOGUE (sizeof catalogue / sizeof *catalogue)

struct query {
    const char *product; /* ours, for which a competitor is wanted */
    const char *category;
    const char *keywords;
    double max_price;
    double min_rating;
};

static const struct query queries[] = {
    {"Our bottle 1L", "Water Bottles", "bottle", 60, 4.0},
    {"Our mug", "Mugs", "mug", 60, 4.0},
    {"Our yoga mat", "Yoga Mats", "mat", 60, 4.0},
    {"Our kids' bottle", "Water Bottles", "bottle", 20, 3.5},
};

struct list {
    const struct product *items[CATALOGUE];
    size_t count;
};

static void keep(struct list *l, const struct product *p)
{
    l->items[l->count++] = p;
}

static struct list search(xray_run run, const struct query *q)
{
    struct list found = {.count = 0};
    xray_step st = xray_step_begin(run, xray_s("search"), xray_s("search"), NULL);

    xray_step_add(st, XRAY_METADATA, xray_s("keywords"), xray_text(q->keywords));
    for (size_t i = 0; i < CATALOGUE; i++)
        if (strstr(catalogue[i].title, q->keywords) != NULL) {
            keep(&found, &catalogue[i]);
            xray_step_accept(st, xray_s(catalogue[i].id));
        }
    xray_step_set_int(st, XRAY_CANDIDATES_IN, CATALOGUE);
    xray_step_end(st, XRAY_SUCCESS);
    return found;
}

static struct list filter_price(xray_run run, const struct query *q, struct list in)
{
    struct list out = {.count = 0};
    xray_step st = xray_step_begin(run, xray_s("filter_price"), xray_s("filter"), NULL);

    for (size_t i = 0; i < in.count; i++) {
        const struct product *p = in.items[i];

        if (p->price > q->max_price) {
            xray_step_reject(st, xray_s(p->id), xray_s("price_too_high"),
                             XRAY_ATTRS(xray_kv("price", xray_double(p->price)),
                                        xray_kv("limit", xray_double(q->max_price))));
        } else {
            xray_step_accept(st, xray_s(p->id));
            keep(&out, p);
        }
    }
    xray_step_end(st, XRAY_SUCCESS);
    return out;
}

/* THE BUG: categories are compared letter by letter, and the catalogue is not
 * consistent about capitals. The best competitors fall here. */
static struct list filter_category(xray_run run, const struct query *q, struct list in)
{
    struct list out = {.count = 0};
    xray_step st = xray_step_begin(run, xray_s("filter_category"), xray_s("filter"), NULL);

    for (size_t i = 0; i < in.count; i++) {
        const struct product *p = in.items[i];

        if (strcmp(p->category, q->category) != 0) {
            xray_step_reject(st, xray_s(p->id), xray_s("category_mismatch"),
                             XRAY_ATTRS(xray_kv("category", xray_text(p->category)),
                                        xray_kv("wanted", xray_text(q->category))));
        } else {
            xray_step_accept(st, xray_s(p->id));
            keep(&out, p);
        }
    }
    xray_step_set(st, XRAY_REASONING, xray_text("A competitor must be in the category of our own product."));
    xray_step_end(st, XRAY_SUCCESS);
    return out;
}

static struct list filter_rating(xray_run run, const struct query *q, struct list in)
{
    struct list out = {.count = 0};
    xray_step st = xray_step_begin(run, xray_s("filter_rating"), xray_s("filter"), NULL);

    for (size_t i = 0; i < in.count; i++) {
        const struct product *p = in.items[i];
        const bool good = p->rating >= q->min_rating;
        const xray_reason low = {.code = xray_s("rating_too_low"), .rule = xray_s("min_rating"), .version = xray_s("2")};
        const xray_candidate c = {
            .item = xray_s(p->id),
            .verdict = good ? XRAY_ACCEPT : XRAY_REJECT,
            .reasons = &low,
            .reason_count = good ? 0 : 1,
            .fields = XRAY_HAS_SCORE | XRAY_HAS_THRESHOLD,
            .score = p->rating,
            .threshold = q->min_rating,
            .by = XRAY_BY_RULE,
        };

        xray_step_candidate(st, &c);
        if (good)
            keep(&out, p);
    }
    xray_step_end(st, XRAY_SUCCESS);
    return out;
}

static double score_of(const struct product *p)
{
    return p->rating / 5 * 0.6 + (p->reviews > 20000 ? 1.0 : p->reviews / 20000.0) * 0.4;
}

static const struct product *select_best(xray_run run, struct list in)
{
    xray_step st = xray_step_begin(run, xray_s("select"), xray_s("select"), NULL);
    xray_decision d = XRAY_DECISION_INIT;
    xray_alternative others[CATALOGUE];
    const struct product *best = NULL;
    xray_str selected;

    for (size_t i = 0; i < in.count; i++)
        if (best == NULL || score_of(in.items[i]) > score_of(best))
            best = in.items[i];
    for (size_t i = 0; i < in.count; i++) {
        if (in.items[i] == best) {
            xray_step_accept(st, xray_s(best->id));
            continue;
        }
        xray_step_reject(st, xray_s(in.items[i]->id), xray_s("not_best"), XRAY_NO_ATTRS);
        others[d.alternative_count++] = (xray_alternative){
            .id = xray_s(in.items[i]->id), .score = score_of(in.items[i]), .why_not = xray_s("lower score")};
    }
    xray_step_set_int(st, XRAY_CANDIDATES_IN, (int64_t)in.count); /* also when there are none */
    xray_step_set_int(st, XRAY_CANDIDATES_OUT, best != NULL);
    d.name = xray_s("select_competitor");
    d.reason = xray_s(best != NULL ? "highest_score" : "nothing_left");
    d.alternatives = others;
    if (best != NULL) {
        selected = xray_s(best->id);
        d.selected = &selected;
        d.selected_count = 1;
        d.score = score_of(best);
    }
    xray_step_decide(st, &d);
    xray_step_end(st, best != NULL ? XRAY_SUCCESS : XRAY_PARTIAL);
    return best;
}

static void run_pipeline(xray_writer *w, const struct query *q)
{
    const xray_run_options options = {.version = xray_s("1.4")};
    xray_run run = xray_run_begin(w, xray_s("competitor_selection"), &options);
    const struct product *best;
    struct list l;

    xray_run_set(run, XRAY_INPUT, xray_text(q->product));
    l = search(run, q);
    l = filter_price(run, q, l);
    l = filter_category(run, q, l);
    l = filter_rating(run, q, l);
    best = select_best(run, l);
    xray_run_set(run, XRAY_OUTPUT, best != NULL ? xray_text(best->title) : xray_nil());
    xray_run_end(run, best != NULL ? XRAY_SUCCESS : XRAY_PARTIAL);
}

int main(int argc, char **argv)
{
    const xray_fixed fixed = {.id = "competitor", .time_ns = 1764000000000000000, .tick_ns = 1000000};
    xray_writer_options options = {.app = "competitor_selection"};
    xray_writer *w;
    xray_error err;

    if (argc < 2) {
        fprintf(stderr, "usage: competitor_selection STORE [fixed]\n");
        return 2;
    }
    if (argc > 2 && strcmp(argv[2], "fixed") == 0)
        options.fixed = &fixed;
    if (xray_writer_open(&w, argv[1], &options, &err) < 0) {
        fprintf(stderr, "competitor_selection: %s\n", err.message);
        return 1;
    }
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        run_pipeline(w, &queries[i]);
    if (xray_writer_close(w, -1, &err) != XRAY_SEALED) {
        fprintf(stderr, "competitor_selection: %s\n", err.message);
        return 1;
    }
    return 0;
}
