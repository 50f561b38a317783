/* Tracing with the process's own writer, current runs, and scopes that end on every path: nothing is passed
 * around, and nothing can be forgotten. Where and how much is written, the configuration says: try
 *
 *     XRAY_DIR=traces scopes
 *     XRAY_DIR=traces XRAY_DETAIL=summary XRAY_REDACT=user,/@/ scopes
 *     XRAY_ENABLED=false scopes                                        */
#include <xrayfile.h>

#include <stdio.h>

struct offer {
    const char *id;
    double price;
};

static const struct offer offers[] = {{"B0BOT1", 27.5}, {"B0BOT4", 119.0}, {"B0BOT6", 14.2}};

/* Belongs to whatever run the caller is in. */
static size_t filter_price(double limit)
{
    XRAY_STEP_SCOPE(st, "filter_price", "filter");
    size_t kept = 0;

    if (limit <= 0) {
        xray_step_set(st, XRAY_ERROR, xray_text("LimitError: the limit is not positive"));
        return 0; /* the step ends here, as a failure */
    }
    for (size_t i = 0; i < sizeof offers / sizeof *offers; i++) {
        const struct offer *o = &offers[i];

        if (o->price > limit) {
            xray_step_reject(st, xray_s(o->id), xray_s("price_too_high"),
                             XRAY_ATTRS(xray_kv("price", xray_double(o->price)), xray_kv("limit", xray_double(limit))));
            continue;
        }
        xray_step_accept(st, xray_s(o->id));
        kept++;
    }
    return kept; /* and here, as a success */
}

static void answer(const char *user, double limit)
{
    const xray_run_options options = {.version = xray_s("1.0"), .user = xray_s(user)};
    XRAY_RUN_SCOPE(run, xray_default(), "offers", &options);

    xray_run_set(run, XRAY_INPUT, xray_double(limit));
    if (filter_price(limit) == 0)
        XRAY_SCOPE_OUTCOME(run, XRAY_PARTIAL);
}

int main(void)
{
    xray_error err;

    if (xray_default_status(&err) < 0) /* the program would go on without; this one is about traces */
        return fprintf(stderr, "scopes: %s\n", err.message), 1;
    answer("ann@example.org", 60);
    answer("bob@example.org", -1);
    filter_price(20); /* outside of any run: a run of its own */
    return 0;         /* at exit the writer is closed */
}
