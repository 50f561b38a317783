/* The price table and its arithmetic: that each model finds its row under its plain and versioned names, that dates,
 * caches and totals count as the manual page says, and that no amount is rounded before the end. */
#include "stat/price.h"

#include "common/when.h"
#include "support/check.h"

static int64_t at(const char *time)
{
    const char *hint;
    int64_t ns = 0;

    CHECK(when_parse(time, &ns, &hint));
    return ns;
}

static void load(struct price_list *p)
{
    char error[256] = "";

    CHECK(price_parse(p, xray_s(price_builtin()), error));
    CHECK_STR(error, "");
}

static void check_amount(price_femto femto, const char *want)
{
    struct text t = {0};

    price_put(&t, femto);
    text_put(&t, "", 1);
    CHECK_STR(t.data, want);
    text_free(&t);
}

static struct price_usage usage(const char *model, const char *time, int64_t in, int64_t out)
{
    return (struct price_usage){
        .model = xray_s(model),
        .time_ns = time != NULL ? at(time) : XRAY_MISSING,
        .in = in,
        .out = out,
        .cache_read = XRAY_MISSING,
        .cache_write = XRAY_MISSING,
        .total = XRAY_MISSING,
    };
}

/* A million tokens in and none out, and the reverse, show the row that was found. */
static void check_prices(struct price_list *p, const char *model, const char *time, const char *in, const char *out)
{
    struct price_usage u = usage(model, time, 1000000, 0);
    price_femto femto = 0;

    CHECK_EQ(price_of(p, &u, &femto), PRICE_EXACT);
    check_amount(femto, in);
    u = usage(model, time, 0, 1000000);
    CHECK_EQ(price_of(p, &u, &femto), PRICE_EXACT);
    check_amount(femto, out);
}

static void test_models(void)
{
    static const struct {
        const char *model, *time, *in, *out;
    } cases[] = {
        {"gpt-5", "2025-09-01", "1.250000", "10.000000"},
        {"gpt-5-mini-2025-08-07", "2025-09-01", "0.250000", "2.000000"},
        {"gpt-5-nano", "2025-09-01", "0.050000", "0.400000"},
        {"gpt-4.1-2025-04-14", "2025-09-01", "2.000000", "8.000000"},
        {"gpt-4.1-mini", "2025-09-01", "0.400000", "1.600000"},
        {"gpt-4.1-nano", "2025-09-01", "0.100000", "0.400000"},
        {"gpt-4o", "2025-01-01", "2.500000", "10.000000"},
        {"gpt-4o-2024-08-06", "2024-08-07", "2.500000", "10.000000"},
        {"gpt-4o-2024-11-20", "2025-01-01", "2.500000", "10.000000"},
        {"chatgpt-4o-latest", "2025-01-01", "2.500000", "10.000000"},
        {"gpt-4o-2024-05-13", "2025-01-01", "5.000000", "15.000000"},
        {"openai/gpt-4o-mini-2024-07-18", "2025-01-01", "0.150000", "0.600000"},
        {"o1-2024-12-17", "2025-01-01", "15.000000", "60.000000"},
        {"o1-preview-2024-09-12", "2025-01-01", "15.000000", "60.000000"},
        {"o1-mini", "2025-02-01", "1.100000", "4.400000"},
        {"o3-mini-2025-01-31", "2025-02-01", "1.100000", "4.400000"},
        {"o3", "2025-07-01", "2.000000", "8.000000"},
        {"o4-mini-2025-04-16", "2025-07-01", "1.100000", "4.400000"},
        {"gpt-4", "2024-01-01", "30.000000", "60.000000"},
        {"gpt-4-0613", "2024-01-01", "30.000000", "60.000000"},
        {"gpt-4-32k-0613", "2024-01-01", "60.000000", "120.000000"},
        {"gpt-4-turbo-2024-04-09", "2024-05-01", "10.000000", "30.000000"},
        {"gpt-4-0125-preview", "2024-05-01", "10.000000", "30.000000"},
        {"gpt-4-1106-vision-preview", "2024-05-01", "10.000000", "30.000000"},
        {"gpt-3.5-turbo-0125", "2024-05-01", "0.500000", "1.500000"},
        {"gpt-3.5-turbo-16k-0613", "2024-05-01", "3.000000", "4.000000"},
        {"gpt-3.5-turbo-instruct", "2024-05-01", "1.500000", "2.000000"},
        {"claude-opus-4-5-20251101", "2025-11-25", "5.000000", "25.000000"},
        {"claude-opus-4-20250514", "2025-06-01", "15.000000", "75.000000"},
        {"claude-opus-4-1-20250805", "2025-09-01", "15.000000", "75.000000"},
        {"claude-sonnet-4-20250514", "2025-06-01", "3.000000", "15.000000"},
        {"claude-sonnet-4-5-20250929", "2025-11-01", "3.000000", "15.000000"},
        {"claude-haiku-4-5-20251001", "2025-11-01", "1.000000", "5.000000"},
        {"claude-3-7-sonnet-latest", "2025-06-01", "3.000000", "15.000000"},
        {"claude-3-5-sonnet-20241022", "2025-01-01", "3.000000", "15.000000"},
        {"us.anthropic.claude-3-5-sonnet-20241022-v2:0", "2025-01-01", "3.000000", "15.000000"},
        {"claude-3-5-sonnet@20240620", "2025-01-01", "3.000000", "15.000000"},
        {"claude-3-5-haiku-20241022", "2024-11-10", "1.000000", "5.000000"},
        {"claude-3-5-haiku-20241022", "2025-01-01", "0.800000", "4.000000"},
        {"claude-3-opus-20240229", "2024-06-01", "15.000000", "75.000000"},
        {"claude-3-sonnet-20240229", "2024-06-01", "3.000000", "15.000000"},
        {"anthropic/claude-3-haiku-20240307", "2024-06-01", "0.250000", "1.250000"},
        {"claude-2.1", "2024-06-01", "8.000000", "24.000000"},
        {"claude-instant-1.2", "2024-06-01", "0.800000", "2.400000"},
        {"gemini-2.5-pro", "2025-07-01", "1.250000", "10.000000"},
        {"gemini-2.5-flash", "2025-08-01", "0.300000", "2.500000"},
        {"gemini-2.5-flash-lite", "2025-08-01", "0.100000", "0.400000"},
        {"models/gemini-2.0-flash-001", "2025-08-01", "0.100000", "0.400000"},
        {"gemini-2.0-flash-lite", "2025-08-01", "0.075000", "0.300000"},
        {"gemini-1.5-pro-002", "2025-01-01", "1.250000", "5.000000"},
        {"gemini-1.5-pro", "2024-06-01", "3.500000", "10.500000"},
        {"gemini-1.5-flash-latest", "2025-01-01", "0.075000", "0.300000"},
        {"gemini-1.5-flash", "2024-06-01", "0.350000", "1.050000"},
        {"gemini-1.5-flash-8b", "2025-01-01", "0.037500", "0.150000"},
        {"gemini-pro", "2024-01-01", "0.500000", "1.500000"},
        {"gemini-pro-vision", "2024-01-01", "0.500000", "1.500000"},
        {"mistral-small-2402", "2024-03-01", "1.000000", "3.000000"},
        {"mistral-medium", "2024-03-01", "2.700000", "8.100000"},
        {"mistral-large-2407", "2024-08-01", "4.000000", "12.000000"},
        {"mistral-large-latest", "2024-10-01", "2.000000", "6.000000"},
        {"open-mistral-7b", "2024-03-01", "0.250000", "0.250000"},
        {"open-mixtral-8x7b", "2024-03-01", "0.700000", "0.700000"},
        {"open-mixtral-8x22b-2404", "2024-08-01", "2.000000", "6.000000"},
        {"codestral-2405", "2024-08-01", "1.000000", "3.000000"},
        {"command", "2024-01-01", "1.000000", "2.000000"},
        {"command-light", "2024-01-01", "0.300000", "0.600000"},
        {"command-r-03-2024", "2024-06-01", "0.500000", "1.500000"},
        {"command-r-plus-04-2024", "2024-06-01", "3.000000", "15.000000"},
        {"command-r-plus", "2024-10-01", "2.500000", "10.000000"},
        {"command-r7b-12-2024", "2025-01-01", "0.037500", "0.150000"},
        {"command-a-03-2025", "2025-04-01", "2.500000", "10.000000"},
        {"GPT-4O-MINI", "2025-01-01", "0.150000", "0.600000"},
    };
    struct price_list p = {0};

    load(&p);
    CHECK(p.rule_count >= 40);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_prices(&p, cases[i].model, cases[i].time, cases[i].in, cases[i].out);
    price_free(&p);
}

static void test_unknown(void)
{
    static const char *const models[] = {"gpt-4o-audio-preview", "gpt-6", "my-gpt-4o-finetune", "claude", "gpt-4o mini",
                                         "llama-3-70b"};
    struct price_list p = {0};
    price_femto femto = 0;

    load(&p);
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        struct price_usage u = usage(models[i], "2025-01-01", 1000000, 1000000);

        CHECK_EQ(price_of(&p, &u, &femto), PRICE_UNKNOWN);
    }
    p.has_default = true;
    CHECK(price_parse_amount(xray_s("1"), &p.default_in));
    CHECK(price_parse_amount(xray_s("2"), &p.default_out));

    struct price_usage u = usage("llama-3-70b", "2025-01-01", 1000000, 1000000);

    CHECK_EQ(price_of(&p, &u, &femto), PRICE_ESTIMATED);
    check_amount(femto, "3.000000");
    u.model = xray_s("");
    CHECK_EQ(price_of(&p, &u, &femto), PRICE_NOTHING);
    price_free(&p);
}

static void test_dates(void)
{
    struct price_list p = {0};
    price_femto femto = 0;

    load(&p);
    check_prices(&p, "gpt-4o", "2024-10-01T23:59:59Z", "5.000000", "15.000000");
    check_prices(&p, "gpt-4o", "2024-10-02T00:00:00Z", "2.500000", "10.000000");

    struct price_usage u = usage("gpt-4o", NULL, 1000000, 0); /* no time: the newest, marked */

    CHECK_EQ(price_of(&p, &u, &femto), PRICE_ESTIMATED);
    check_amount(femto, "2.500000");
    u = usage("gpt-4o", "2020-01-01", 1000000, 0); /* before there was a price: the oldest, marked */
    CHECK_EQ(price_of(&p, &u, &femto), PRICE_ESTIMATED);
    check_amount(femto, "5.000000");
    price_free(&p);
}

static void test_cache(void)
{
    struct price_list p = {0};
    struct price_usage u = usage("claude-3-5-sonnet", "2025-01-01", 1000, 100);
    price_femto femto = 0;

    load(&p);
    u.cache_read = 600;
    u.cache_write = 300;
    /* 100 * 3 + 600 * 0.30 + 300 * 3.75 + 100 * 15 = 3105 dollars per million */
    CHECK_EQ(price_of(&p, &u, &femto), PRICE_EXACT);
    check_amount(femto, "0.003105");
    u.cache_read = 701; /* more than the input: it cannot be part of it */
    CHECK_EQ(price_of(&p, &u, &femto), PRICE_ESTIMATED);
    check_amount(femto, "0.005835"); /* 1000 * 3 + 701 * 0.30 + 1125 + 1500 = 5835.3 */
    u = usage("gpt-4", "2024-01-01", 1000, 0);
    u.cache_read = 500; /* no price of its own */
    CHECK_EQ(price_of(&p, &u, &femto), PRICE_ESTIMATED);
    check_amount(femto, "0.030000");
    price_free(&p);
}

static void test_totals(void)
{
    struct price_list p = {0};
    struct price_usage u = usage("gpt-4o", "2025-01-01", XRAY_MISSING, XRAY_MISSING);
    price_femto femto = 0;

    load(&p);
    CHECK_EQ(price_of(&p, &u, &femto), PRICE_NOTHING);
    u.total = 1000; /* 700 * 2.5 + 300 * 10 */
    CHECK_EQ(price_of(&p, &u, &femto), PRICE_ESTIMATED);
    check_amount(femto, "0.004750");
    u.out = 100; /* then 900 are input, which is no guess */
    CHECK_EQ(price_of(&p, &u, &femto), PRICE_EXACT);
    check_amount(femto, "0.003250");
    u.out = XRAY_MISSING;
    u.in = 900;
    CHECK_EQ(price_of(&p, &u, &femto), PRICE_EXACT);
    check_amount(femto, "0.003250");
    u.total = 10; /* less than a part of it */
    CHECK_EQ(price_of(&p, &u, &femto), PRICE_ESTIMATED);
    price_free(&p);
}

static void test_arithmetic(void)
{
    struct price_list p = {0};
    struct price_usage u = usage("gemini-1.5-flash-8b", "2025-01-01", 1, 0);
    price_femto sum = 0;
    price_femto femto = 0;

    load(&p);
    /* 0.0375 dollars per million: a token costs 37.5 nano-dollars, of which 13 tokens already round up. */
    for (int i = 0; i < 13; i++) {
        CHECK_EQ(price_of(&p, &u, &femto), PRICE_EXACT);
        check_amount(femto, "0.000000");
        price_add(&sum, femto);
    }
    check_amount(sum, "0.000000"); /* 487.5 nano-dollars */
    price_add(&sum, femto);
    check_amount(sum, "0.000001"); /* 525 */
    u.in = INT64_MAX;
    u.out = INT64_MAX;
    CHECK_EQ(price_of(&p, &u, &femto), PRICE_EXACT);
    check_amount(femto, "1729382256910.270464"); /* (2^63-1) * 0.1875 / 10^6 = 1729382256910.2704638... */
    sum = ~(price_femto)0 - 5;
    price_add(&sum, 10);
    CHECK(sum == ~(price_femto)0);
    price_free(&p);
}

static void check_amount_text(const char *text, bool good, int64_t want)
{
    int64_t nano = -1;

    CHECK_EQ(price_parse_amount(xray_s(text), &nano), good);
    CHECK_EQ(nano, want);
}

static void test_amounts(void)
{
    check_amount_text("0", true, 0);
    check_amount_text("2.50", true, 2500000000);
    check_amount_text("0.0375", true, 37500000);
    check_amount_text("0.000000001", true, 1);
    check_amount_text("1000000", true, INT64_C(1000000000000000));
    check_amount_text("1000000.1", false, -1);
    check_amount_text("99999999999999999999", false, -1);
    check_amount_text("0.0000000001", false, -1);
    check_amount_text("", false, -1);
    check_amount_text("-1", false, -1);
    check_amount_text("1e3", false, -1);
    check_amount_text(".5", false, -1);
    check_amount_text("5.", false, -1);
    check_amount_text("1.2.3", false, -1);
}

static void check_bad(const char *tsv, const char *want)
{
    struct price_list p = {0};
    char error[256] = "";

    CHECK(!price_parse(&p, xray_s(tsv), error));
    CHECK(strncmp(error, want, strlen(want)) == 0);
    price_free(&p);
}

static void test_bad_tables(void)
{
    check_bad("gpt-4o 2024-01-01 1 2 - -\n", "line 1: expected 6 columns");
    check_bad("# head\n\na\t2024-01-01\t1\t2\t-\n", "line 3: expected 6 columns");
    check_bad("a\t2024-13-01\t1\t2\t-\t-\n", "line 1: the second column is no date");
    check_bad("a\tyesterday\t1\t2\t-\t-\n", "line 1: the second column is no date");
    check_bad("a\t2024-01-01\t-1\t2\t-\t-\n", "line 1: a price is no number");
    check_bad("a(\t2024-01-01\t1\t2\t-\t-\n", "line 1: regular expression");
    check_bad("a\t2024-01-02\t1\t2\t-\t-\na\t2024-01-01\t1\t2\t-\t-\n", "line 2: the date is not later");
}

CHECK_MAIN(test_models, test_unknown, test_dates, test_cache, test_totals, test_arithmetic, test_amounts,
           test_bad_tables)
