/* A whole list of candidates at once, of which not all are kept (xray_step_set_candidates).
 *
 * Reservoir: algorithm R (Vitter, "Random sampling with a reservoir", ACM TOMS 11 (1985)). Each kept candidate's weight is the
 * number of those of its kind that it stands for, so sums over weights are unbiased (Horvitz and Thompson, 1952). */
#include "writer/call.h"

#include "base/buf.h"
#include "base/mem.h"

#define SMART_ALL 50      /* lists up to this are kept whole */
#define SMART_SAMPLE 20   /* defaults: of the rest, */
#define SMART_FIRST 3     /* and of each reason */
#define SAMPLE_DEFAULT 50

struct sample {
    const xray_candidate *list;
    size_t count;
    double *weights; /* of each; 0: not kept */
    size_t *pool;    /* those that the reservoir chooses from */
    size_t pool_count;
    uint64_t state;  /* of the random numbers */
};

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): the same numbers for a seed everywhere. */
static uint64_t random_number(struct sample *s)
{
    uint64_t z = s->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Below n, each with the same chance but for 2^-32 at most: n is below 2^32. */
static size_t random_below(struct sample *s, size_t n)
{
    return (size_t)((unsigned __int128)random_number(s) * n >> 64);
}

/* Keeps `size` of the pool. The first `size` places of the pool are the reservoir. */
static void draw(struct sample *s, size_t size)
{
    const size_t kept = size < s->pool_count ? size : s->pool_count;

    for (size_t i = kept; i < s->pool_count && kept > 0; i++) {
        const size_t j = random_below(s, i + 1);

        if (j < kept)
            s->pool[j] = s->pool[i];
    }
    for (size_t i = 0; i < kept; i++)
        s->weights[s->pool[i]] = (double)s->pool_count / (double)kept;
}

static void pool_all(struct sample *s)
{
    for (size_t i = 0; i < s->count; i++)
        s->pool[s->pool_count++] = i;
}

/* How often each reason was met. Reasons are few; beyond these all are one. */
struct firsts {
    struct {
        xray_str code;
        unsigned met;
    } reasons[64];
    size_t count;
};

static bool is_among_first(struct firsts *f, xray_str code)
{
    size_t i = 0;

    while (i < f->count && (f->reasons[i].code.len != code.len ||
                            (code.len > 0 && memcmp(f->reasons[i].code.ptr, code.ptr, code.len) != 0)))
        i++;
    if (i == f->count) {
        if (f->count == sizeof f->reasons / sizeof *f->reasons)
            return false;
        f->reasons[f->count++].code = code;
        f->reasons[i].met = 0;
    }
    return f->reasons[i].met++ < SMART_FIRST;
}

/* All that went on, the first few of each reason, and of the rest a sample. */
static void choose_smart(struct sample *s, size_t size)
{
    struct firsts firsts = {.count = 0};

    for (size_t i = 0; i < s->count; i++) {
        const xray_candidate *c = &s->list[i];
        const xray_str code = c->reason_count > 0 ? c->reasons[0].code : xray_strn(NULL, 0);

        if (c->verdict == XRAY_ACCEPT || c->verdict == XRAY_MODIFY || s->count <= SMART_ALL || is_among_first(&firsts, code))
            s->weights[i] = 1;
        else
            s->pool[s->pool_count++] = i;
    }
    draw(s, size != 0 ? size : SMART_SAMPLE);
}

static void choose(struct sample *s, xray_capture mode, size_t size)
{
    switch (mode) {
    case XRAY_CAPTURE_ALL:
        for (size_t i = 0; i < s->count; i++)
            s->weights[i] = 1;
        return;
    case XRAY_CAPTURE_SUMMARY:
        return;
    case XRAY_CAPTURE_SAMPLED:
        pool_all(s);
        draw(s, size != 0 ? size : SAMPLE_DEFAULT);
        return;
    case XRAY_CAPTURE_SMART:
        choose_smart(s, size);
        return;
    }
}

static int record(struct xf_slot *slot, const struct sample *s, size_t *kept)
{
    int first = XRAY_OK;

    for (size_t i = 0; i < s->count; i++) {
        xray_candidate c = s->list[i];
        int r;

        if (s->weights[i] > 1) {
            c.weight = s->weights[i] * ((c.fields & XRAY_HAS_WEIGHT) != 0 ? c.weight : 1);
            c.fields |= XRAY_HAS_WEIGHT;
        }
        r = s->weights[i] > 0 ? xf_call_candidate(slot, &c) : xf_call_leave_out(slot, &c);
        *kept += s->weights[i] > 0 && r == XRAY_OK;
        if (first == XRAY_OK)
            first = r;
    }
    return first;
}

/* What spec 7.4 has in the column `sampling`. */
static int tell(xray_step step, xray_capture mode, size_t seen, size_t kept, uint64_t seed)
{
    static const char *const modes[] = {"all", "summary", "sampled", "smart"};
    static const char *const methods[] = {"", "counts", "reservoir (algorithm R)", "accepted, first of each reason, reservoir (algorithm R)"};
    xray_buffer json = {0};
    int r;

    xf_buf_printf(&json, "{\"mode\":\"%s\",\"seen\":%zu,\"kept\":%zu,\"method\":\"%s\",\"seed\":%llu}", modes[mode], seen, kept,
                  methods[mode], (unsigned long long)seed);
    r = json.failed ? XRAY_ENOMEM : xray_step_set(step, XRAY_SAMPLING, xray_jsonn((const char *)json.data, json.len));
    xray_buffer_free(&json);
    return r;
}

static bool are_right(const xray_candidate *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (xray_verdict_name(list[i].verdict) == NULL)
            return false;
    return true;
}

int xray_step_set_candidates(xray_step step, const xray_candidate *list, size_t count, xray_capture mode, size_t sample_size,
                             uint64_t seed)
{
    struct sample s = {.list = list, .count = count, .state = seed};
    struct xf_slot *slot;
    size_t kept = 0;
    int r, told;

    if ((unsigned)mode > XRAY_CAPTURE_SMART || count > UINT32_MAX || !are_right(list, count))
        return XRAY_EMISUSE;
    s.weights = xf_alloc_array(count, sizeof *s.weights);
    s.pool = xf_alloc_array(count, sizeof *s.pool);
    if (s.weights == NULL || s.pool == NULL) {
        xf_free(s.weights);
        xf_free(s.pool);
        return XRAY_ENOMEM;
    }
    choose(&s, mode, sample_size);
    slot = xf_enter_step(step);
    r = slot != NULL ? xf_call_done(slot, record(slot, &s, &kept)) : XRAY_ECLOSED;
    if (slot != NULL && kept < count) {
        told = tell(step, mode, count, kept, seed);
        r = r < 0 ? r : told;
    }
    xf_free(s.weights);
    xf_free(s.pool);
    return r;
}
