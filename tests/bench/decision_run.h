/* decision_run.h - the runs of gen_decisions: how the competitor of a product was picked.
 *
 * Items, prices, ratings and scores are drawn at random; verdicts and reasons follow from
 * them, so that counts, histograms and evidence agree as they do in real traces. */
#ifndef XB_DECISION_RUN_H
#define XB_DECISION_RUN_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/random.h"

#define MAX_ITEMS 256
#define STEPS 8
#define COUNT(array) (uint32_t)(sizeof(array) / sizeof((array)[0]))

/* ---- what a run is ------------------------------------------------------- */

static const char *const adjectives[] = {
    "Stainless Steel", "Insulated",  "Wireless",       "Foldable",   "Adjustable", "Ergonomic",
    "Portable",        "Waterproof", "Organic Cotton", "Chargeable", "Heavy Duty", "Noise Cancelling",
    "Compact",         "Bamboo",     "Cordless",       "Magnetic",
};
static const char *const products[] = {
    "Water Bottle",   "Phone Case",    "Desk Lamp",      "Yoga Mat",  "Keyboard",
    "Camping Chair",  "Backpack",      "Rain Jacket",    "Towel Set", "Headphones",
    "Coffee Grinder", "Tool Box",      "Vacuum Cleaner", "Car Mount", "Cutting Board",
    "Air Fryer",      "Standing Desk", "Bike Light",     "Dog Leash", "Toaster",
};
static const char *const variants[] = {"32oz",     "2-pack", "XL",         "Black",
                                       "with Lid", "Pro",    "for Travel", "18 inch"};
static const char *const categories[] = {
    "Sports & Outdoors", "Electronics", "Home & Kitchen", "Office Products", "Automotive",
    "Pet Supplies",      "Clothing",    "Tools",          "Garden",          "Toys",
};
static const char *const brands[] = {
    "Acme",   "Northpeak", "Lumo",  "Hydra",  "Kestrel", "Vanta",  "Brio",  "Oakline",
    "Zephyr", "Tundra",    "Mira",  "Solid",  "Pico",    "Harbor", "Fable", "Ridge",
    "Nimbus", "Quill",     "Ember", "Cobalt", "Terra",   "Juno",   "Atlas", "Willow",
};
static const char *const versions[] = {"1.4.0", "1.4.1", "1.5.0", "2.0.0-rc1"};
static const char *const failures[] = {
    "TimeoutError: search took longer than 5.0 s",
    "RateLimitError: 429 from the model provider",
    "ValueError: could not parse keywords",
    "ConnectionError: catalog service is not reachable",
};

struct item {
    char id[11];
    uint32_t price; /* cents, as shipping */
    uint32_t shipping;
    uint32_t rating; /* tenths */
    uint32_t reviews;
    uint32_t relevance; /* ten-thousandths */
    uint32_t score;     /* ten-thousandths */
    uint32_t category, stock;
    const char *brand;
    bool alive;
};

struct evidence {
    const char *key;
    const char *text; /* NULL: the fixed decimal `number` */
    uint32_t number;
    unsigned decimals;
};

struct event {
    const struct item *item;
    const char *reason; /* NULL: accepted */
    bool has_score, has_rank;
    uint32_t rank_in, rank_out;
    struct evidence evidence[6];
    uint32_t evidence_count;
};

struct step {
    const char *name, *type, *error;
    uint64_t start_us, end_us;
    char input[512], output[512], filters[256], reasoning[512]; /* JSON, the last one plain text */
    bool has_candidates;
    uint32_t in, out;
    struct event events[MAX_ITEMS];
    uint32_t event_count;
    const struct item *selected;
    uint32_t confidence; /* hundredths */
};

struct run {
    uint8_t id[16];
    uint64_t start_us, end_us;
    char title[96], metadata[256], output[256];
    uint32_t price, category; /* of the product whose competitor is looked for */
    uint32_t cost;            /* millionths */
    const char *version, *error, *status;
    struct item items[MAX_ITEMS];
    uint32_t item_count;
    struct step steps[STEPS];
    uint32_t step_count;
};

/* ---- making a run -------------------------------------------------------- */

static void text(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void text(char *out, size_t size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(out, size, format, args);
    va_end(args);
}

static void random_bytes(struct xb_random *r, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(xb_next(r) >> 56);
}

/* Prices lie around the product's own, a few of them far off; .99 and .95 are usual. */
static uint32_t item_price(struct xb_random *r, uint32_t around)
{
    const int64_t spread = xb_bell(r);
    int64_t cents = (int64_t)around + (int64_t)around * spread * (spread > 0 ? 3 : 1) / 3600;

    if (cents < 199)
        cents = 199;
    if (xb_chance(r, 70))
        cents = cents / 100 * 100 + 99;
    else if (xb_chance(r, 50))
        cents = cents / 100 * 100 + 95;
    return (uint32_t)cents;
}

static void make_items(struct run *run, struct xb_random *r)
{
    run->item_count = xb_between(r, 112, 194);
    for (uint32_t i = 0; i < run->item_count; i++) {
        struct item *item = &run->items[i];

        text(item->id, sizeof item->id, "%010" PRIx64, xb_next(r) >> 24);
        item->price = item_price(r, run->price);
        item->shipping = xb_chance(r, 40) ? 0 : xb_between(r, 199, 1499);
        item->rating = (uint32_t)(42 + xb_bell(r) / 400);
        if (item->rating > 50)
            item->rating = 50;
        item->reviews = xb_below(r, 40) * xb_below(r, 40) * xb_below(r, 12);
        /* A search returns the most relevant first. */
        item->relevance = 9800 - i * 8200 / run->item_count - xb_below(r, 40);
        item->category = xb_chance(r, 78) ? run->category : xb_below(r, COUNT(categories));
        item->stock = xb_below(r, 60);
        item->brand = brands[xb_below(r, COUNT(brands))];
        item->score =
            (item->relevance * 5 + item->rating * 60 + (item->reviews > 2000 ? 2000 : item->reviews)) / 8;
        item->alive = true;
    }
}

static struct step *begin_step(struct run *run, const char *name, const char *type)
{
    struct step *s = &run->steps[run->step_count++];

    memset(s, 0, sizeof *s);
    s->name = name;
    s->type = type;
    s->start_us = run->end_us;
    text(s->input, sizeof s->input, "{}");
    text(s->output, sizeof s->output, "{}");
    return s;
}

static void end_step(struct run *run, struct xb_random *r, struct step *s, uint32_t least_us,
                     uint32_t most_us)
{
    s->end_us = s->start_us + xb_between(r, least_us, most_us);
    run->end_us = s->end_us + xb_between(r, 20, 400);
}

static struct event *add_event(struct step *s, struct item *item, const char *reason)
{
    struct event *e = &s->events[s->event_count++];

    e->item = item;
    e->reason = reason;
    e->has_score = e->has_rank = false;
    e->evidence_count = 0;
    s->has_candidates = true;
    s->in++;
    if (reason == NULL)
        s->out++;
    else
        item->alive = false;
    return e;
}

static void add_number(struct event *e, const char *key, uint32_t number, unsigned decimals)
{
    e->evidence[e->evidence_count++] = (struct evidence){.key = key, .number = number, .decimals = decimals};
}

static void add_text(struct event *e, const char *key, const char *value)
{
    e->evidence[e->evidence_count++] = (struct evidence){.key = key, .text = value};
}

static void make_keywords(struct run *run, struct xb_random *r)
{
    struct step *s = begin_step(run, "generate_keywords", "llm");
    const char *a = adjectives[xb_below(r, COUNT(adjectives))];
    const char *p = products[xb_below(r, COUNT(products))];

    text(s->input, sizeof s->input,
         "{\"title\":\"%s\",\"category\":\"%s\",\"model\":\"gpt-4o-mini\",\"temperature\":0.%u}", run->title,
         categories[run->category], xb_below(r, 4) * 2 + 1);
    text(s->output, sizeof s->output, "{\"keywords\":[\"%s\",\"%s %s\",\"best %s %s\"],\"tokens\":%u}",
         run->title, a, p, p, variants[xb_below(r, COUNT(variants))], xb_between(r, 90, 340));
    text(
        s->reasoning, sizeof s->reasoning,
        "Took the material, the kind and the size from the title; added '%s %s' because shoppers compare it.",
        a, p);
    run->cost += xb_between(r, 120, 900);
    end_step(run, r, s, 300000, 2400000);
}

static void make_search(struct run *run, struct xb_random *r)
{
    struct step *s = begin_step(run, "search", "search");

    text(s->input, sizeof s->input, "{\"query\":\"%s\",\"limit\":%" PRIu32 ",\"index\":\"products-v7\"}",
         run->title, run->item_count);
    text(s->output, sizeof s->output, "{\"total_found\":%u,\"returned\":%" PRIu32 "}",
         xb_between(r, 400, 90000), run->item_count);
    text(s->reasoning, sizeof s->reasoning, "Fetched the top %" PRIu32 " of the index by keyword relevance.",
         run->item_count);
    for (uint32_t i = 0; i < run->item_count; i++) {
        struct event *e = add_event(s, &run->items[i], NULL);

        e->has_score = true;
        add_number(e, "bm25", run->items[i].relevance * 17 + xb_below(r, 5000), 4);
        add_number(e, "vector", xb_between(r, 3000, 9500), 4);
        add_number(e, "seller", xb_below(r, 9000), 0);
        add_number(e, "listed_days", xb_below(r, 2000), 0);
        add_text(e, "brand", run->items[i].brand);
    }
    end_step(run, r, s, 40000, 900000);
}

static void price_event(struct step *s, struct item *item, uint32_t low, uint32_t high)
{
    static const char *const too_high = "price_too_high";
    const char *reason = item->price > high ? too_high : item->price < low ? "price_too_low" : NULL;
    struct event *e = add_event(s, item, reason);

    add_number(e, "price", item->price, 2);
    add_number(e, "shipping", item->shipping, 2);
    add_text(e, "currency", "USD");
    if (reason != NULL)
        add_number(e, reason == too_high ? "max_price" : "min_price", reason == too_high ? high : low, 2);
}

static void rating_event(struct step *s, struct item *item, uint32_t least, uint32_t reviews,
                         struct xb_random *r)
{
    const char *reason = item->rating < least      ? "rating_too_low"
                         : item->reviews < reviews ? "too_few_reviews"
                                                   : NULL;
    struct event *e = add_event(s, item, reason);

    add_number(e, "rating", item->rating, 1);
    add_number(e, "reviews", item->reviews, 0);
    add_number(e, "bayesian", item->rating * 90 + xb_below(r, 800), 3);
}

static void category_event(struct step *s, struct item *item, const struct run *run, struct xb_random *r)
{
    const char *reason = item->category != run->category ? "wrong_category" : NULL;

    if (reason == NULL && item->stock == 0)
        reason = "out_of_stock";
    else if (reason == NULL && xb_chance(r, 6))
        reason = "accessory_not_product";
    else if (reason == NULL && xb_chance(r, 3))
        reason = "excluded_brand";

    struct event *e = add_event(s, item, reason);

    add_text(e, "category", categories[item->category]);
    add_number(e, "similarity",
               item->category == run->category ? xb_between(r, 6000, 9800) : xb_between(r, 500, 6000), 4);
    if (reason != NULL && reason[0] != 'o')
        add_text(e, "wanted", categories[run->category]);
}

static void make_filter(struct run *run, struct xb_random *r, const char *name)
{
    struct step *s = begin_step(run, name, "filter");
    const uint32_t low = run->price * 2 / 3, high = run->price * 4 / 3;
    const uint32_t least = xb_between(r, 38, 40), reviews = xb_between(r, 1, 5) * 20;
    const char kind = name[7]; /* p, r or c */

    for (uint32_t i = 0; i < run->item_count; i++) {
        struct item *item = &run->items[i];

        if (!item->alive)
            continue;
        if (kind == 'p')
            price_event(s, item, low, high);
        else if (kind == 'r')
            rating_event(s, item, least, reviews, r);
        else
            category_event(s, item, run, r);
    }
    if (kind == 'p')
        text(s->filters, sizeof s->filters, "{\"price\":{\"min\":%u.%02u,\"max\":%u.%02u}}", low / 100,
             low % 100, high / 100, high % 100);
    else if (kind == 'r')
        text(s->filters, sizeof s->filters, "{\"rating\":{\"min\":%u.%u},\"reviews\":{\"min\":%u}}",
             least / 10, least % 10, reviews);
    else
        text(s->filters, sizeof s->filters, "{\"category\":\"%s\",\"in_stock\":true}",
             categories[run->category]);
    text(s->input, sizeof s->input, "{\"candidates\":%u}", s->in);
    text(s->output, sizeof s->output, "{\"kept\":%u,\"rejected\":%u}", s->out, s->in - s->out);
    text(s->reasoning, sizeof s->reasoning,
         "Kept %u of %u candidates that are comparable in %s with the reference product.", s->out, s->in,
         name + 7);
    end_step(run, r, s, 400, 9000);
}

static void make_dedupe(struct run *run, struct xb_random *r)
{
    struct step *s = begin_step(run, "dedupe", "transform");
    const struct item *before = NULL;

    for (uint32_t i = 0; i < run->item_count; i++) {
        struct item *item = &run->items[i];

        if (!item->alive)
            continue;
        const char *reason = before == NULL     ? NULL
                             : xb_chance(r, 11) ? "duplicate_title"
                             : xb_chance(r, 7)  ? "same_seller_variant"
                                                : NULL;
        struct event *e = add_event(s, item, reason);

        if (reason != NULL) {
            add_text(e, "duplicate_of", before->id);
            add_number(e, "similarity", xb_between(r, 8800, 9990), 4);
        } else {
            before = item;
            add_number(e, "nearest", xb_between(r, 1500, 8799), 4);
        }
    }
    text(s->input, sizeof s->input, "{\"candidates\":%u,\"method\":\"minhash\",\"threshold\":0.88}", s->in);
    text(s->output, sizeof s->output, "{\"kept\":%u}", s->out);
    text(s->reasoning, sizeof s->reasoning, "Removed %u listings that describe the same product.",
         s->in - s->out);
    end_step(run, r, s, 900, 30000);
}

static int by_score(const void *a, const void *b)
{
    const struct item *const *x = a, *const *y = b;

    if ((*x)->score != (*y)->score)
        return (*x)->score < (*y)->score ? 1 : -1;
    return strcmp((*x)->id, (*y)->id);
}

/* Ranks what is left and keeps the upper part; returns the order for the selection. */
static uint32_t make_rank(struct run *run, struct xb_random *r, struct item *order[MAX_ITEMS])
{
    struct step *s = begin_step(run, "rank", "rank");
    uint32_t count = 0, position[MAX_ITEMS];

    for (uint32_t i = 0; i < run->item_count; i++)
        if (run->items[i].alive) {
            position[i] = count + 1;
            order[count++] = &run->items[i];
        }
    qsort(order, count, sizeof order[0], by_score);
    for (uint32_t i = 0; i < count; i++) {
        struct event *e = add_event(s, order[i], i >= count * 3 / 4 ? "below_cutoff" : NULL);

        e->has_score = e->has_rank = true;
        add_number(e, "relevance", order[i]->relevance, 4);
        add_number(e, "rating_part", order[i]->rating * 176 + xb_below(r, 170), 4);
        e->rank_in = position[order[i] - run->items];
        e->rank_out = i + 1;
    }
    text(s->input, sizeof s->input,
         "{\"candidates\":%u,\"weights\":{\"relevance\":0.62,\"rating\":0.13,\"reviews\":0.25}}", s->in);
    text(s->output, sizeof s->output, "{\"ranked\":%u}", s->out);
    text(s->reasoning, sizeof s->reasoning,
         "Ranked by relevance, rating and number of reviews; the lowest quarter is cut off.");
    end_step(run, r, s, 300, 6000);
    return s->out;
}

static void make_select(struct run *run, struct xb_random *r, struct item *order[MAX_ITEMS], uint32_t count)
{
    struct step *s = begin_step(run, "select", "select");

    for (uint32_t i = 0; i < count; i++) {
        struct event *e = add_event(s, order[i], i > 0 ? "outscored" : NULL);

        e->has_score = true;
        add_number(e, "judge", xb_between(r, 1200, 9900), 4);
    }
    text(s->input, sizeof s->input, "{\"candidates\":%u}", count);
    text(s->reasoning, sizeof s->reasoning, "No candidate was left to select.");
    if (count > 0) {
        const struct item *best = order[0];

        s->selected = best;
        s->confidence = xb_between(r, 55, 98);
        text(s->output, sizeof s->output, "{\"selected\":\"%s\"}", best->id);
        text(s->reasoning, sizeof s->reasoning,
             "Selected %s: score 0.%04u, rated %u.%u by %u customers, %u.%02u against %u.%02u.", best->id,
             best->score, best->rating / 10, best->rating % 10, best->reviews, best->price / 100,
             best->price % 100, run->price / 100, run->price % 100);
        text(run->output, sizeof run->output, "{\"competitor\":\"%s\",\"score\":0.%04u}", best->id,
             best->score);
    }
    run->cost += xb_between(r, 300, 4000);
    end_step(run, r, s, 200000, 1800000);
}

static void make_run(struct run *run, struct xb_random *r, uint64_t start_us)
{
    struct item *order[MAX_ITEMS];

    random_bytes(r, run->id, sizeof run->id);
    run->id[6] = (uint8_t)((run->id[6] & 0x0f) | 0x40); /* a version 4 UUID, as applications make them */
    run->id[8] = (uint8_t)((run->id[8] & 0x3f) | 0x80);
    run->start_us = run->end_us = start_us;
    run->step_count = 0;
    run->cost = 0;
    run->error = NULL;
    run->status = "success";
    run->version = versions[xb_below(r, 100) * COUNT(versions) / 100];
    run->price = xb_between(r, 9, 180) * 100 + 99;
    run->category = xb_below(r, COUNT(categories));
    text(run->title, sizeof run->title, "%s %s %s", adjectives[xb_below(r, COUNT(adjectives))],
         products[xb_below(r, COUNT(products))], variants[xb_below(r, COUNT(variants))]);
    text(run->metadata, sizeof run->metadata,
         "{\"product\":\"%s\",\"price\":%u.%02u,\"worker\":\"worker-%u\",\"region\":\"%s\"}", run->title,
         run->price / 100, run->price % 100, xb_below(r, 12), xb_chance(r, 60) ? "eu-west-1" : "us-east-1");
    text(run->output, sizeof run->output, "{\"competitor\":null}");

    make_items(run, r);
    make_keywords(run, r);
    make_search(run, r);
    make_filter(run, r, "filter_price");
    make_filter(run, r, "filter_rating");
    make_filter(run, r, "filter_category");
    make_dedupe(run, r);
    make_select(run, r, order, make_rank(run, r, order));
    if (xb_chance(r, 4)) {
        run->status = "failure";
        run->error = failures[xb_below(r, COUNT(failures))];
        run->steps[STEPS - 1].error = run->error;
    } else if (xb_chance(r, 6))
        run->status = "partial";
}

#endif
