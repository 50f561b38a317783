/* Rows as public records (rowview.h). */
#include "store/rowview.h"

#include "base/mem.h"

int xf_view_run_map(unsigned column)
{
    return column == XF_RUN_TAGS ? 0 : column == XF_RUN_METADATA ? 1 : column == XF_RUN_ATTRS ? 2 : -1;
}

int xf_view_step_map(unsigned column)
{
    return column == XF_STEP_TAGS ? 0 : column == XF_STEP_METADATA ? 1 : column == XF_STEP_ATTRS ? 2 : -1;
}

static void name_run(struct xf_view *v, const struct xf_spine *s, int64_t run)
{
    if (s->pipelines != NULL)
        v->pipeline = xf_slice_text(s->body, s->pipelines[run].s);
    if (s->versions != NULL)
        v->version = xf_slice_text(s->body, s->versions[run].s);
}

struct xf_view xf_view_run(const struct xf_spine *s, uint32_t row, uint32_t segment)
{
    struct xf_view v = {
        .columns = s->runs, .row = row, .base = s->body, .strings = s->strings, .segment = segment};

    name_run(&v, s, xf_view_int(&v, XF_RUN_RUN));
    return v;
}

struct xf_view xf_view_step(const struct xf_spine *s, uint32_t row, uint32_t segment)
{
    struct xf_view v = {
        .columns = s->steps, .row = row, .base = s->body, .strings = s->strings, .segment = segment};

    name_run(&v, s, xf_view_int(&v, XF_STEP_RUN));
    return v;
}

void xf_scratch_done(struct xf_scratch *scratch)
{
    xf_free(scratch->reasons);
    scratch->reasons = NULL;
    scratch->reason_cap = 0;
}

/* ---- cells as members of records ---------------------------------------------------- */

static xray_str text_at(const struct xf_view *v, unsigned column)
{
    return xf_slice_text(v->base, xf_view_slice(v, column));
}

static xray_ref ref_at(const struct xf_view *v, unsigned column)
{
    const struct xf_slice s = xf_view_slice(v, column);

    if (s.off == 0)
        return (xray_ref){NULL, 0, 0};
    return (xray_ref){v->base + s.off, s.len, v->segments != NULL ? v->segments[column] : v->segment};
}

static xray_ref map_at(const struct xf_view *v, unsigned column, int map)
{
    return v->maps != NULL ? v->maps[map] : ref_at(v, column);
}

xray_str xf_id_text(const uint8_t *base, struct xf_slice s, char room[40])
{
    static const char digits[] = "0123456789abcdef";
    xray_mp c = xray_mp_over(base + s.off, s.len);
    xray_mp_item item;
    size_t n = 0;

    if (s.off == 0 || !xray_mp_next(&c, &item))
        return xray_strn(NULL, 0);
    if (item.type != XRAY_MP_BIN)
        return item.bytes;
    for (size_t i = 0; i < item.bytes.len && i < 16; i++) {
        const uint8_t byte = (uint8_t)item.bytes.ptr[i];

        if (item.bytes.len == 16 && (i == 4 || i == 6 || i == 8 || i == 10))
            room[n++] = '-';
        room[n++] = digits[byte >> 4];
        room[n++] = digits[byte & 15];
    }
    return xray_strn(room, n);
}

static xray_str id_at(const struct xf_view *v, unsigned column, char room[40])
{
    return xf_id_text(v->base, xf_view_slice(v, column), room);
}

static int64_t end_of(int64_t given, int64_t start, int64_t duration)
{
    int64_t end;

    if (given != XRAY_MISSING || start == XRAY_MISSING || duration == XRAY_MISSING)
        return given;
    return __builtin_add_overflow(start, duration, &end) ? XRAY_MISSING : end;
}

static xray_outcome outcome_of(int64_t status)
{
    return status >= XRAY_SUCCESS && status <= XRAY_PARTIAL ? (xray_outcome)status : XRAY_RUNNING;
}

static uint32_t flags_of(int64_t flags)
{
    return flags != XRAY_MISSING ? (uint32_t)flags : 0;
}

bool xf_view_run_id(const struct xf_view *v, unsigned column, uint8_t out[16])
{
    const struct xf_slice s = xf_view_slice(v, column);
    xray_mp c = xray_mp_over(v->base + s.off, s.len);
    xray_str bin;

    if (s.off == 0 || !xf_mp_take_bin(&c, &bin) || bin.len != 16)
        return false;
    memcpy(out, bin.ptr, 16);
    return true;
}

/* ---- records ---------------------------------------------------------------------------- */

int xf_view_fill_run(const struct xf_view *v, struct xf_scratch *scratch, xray_run_record *out)
{
    const int64_t seq = xf_view_int(v, XF_RUN_SEQ), start = xf_view_int(v, XF_RUN_START);
    const int64_t duration = xf_view_int(v, XF_RUN_DUR);

    *out = (xray_run_record){
        .seq = seq != XRAY_MISSING ? (uint64_t)seq : 0,
        .outcome = outcome_of(xf_view_int(v, XF_RUN_STATUS)),
        .ext_id = id_at(v, XF_RUN_EXT_ID, scratch->ext_id),
        .pipeline = v->pipeline,
        .version = v->version,
        .project = text_at(v, XF_RUN_PROJECT),
        .session = text_at(v, XF_RUN_SESSION),
        .user = text_at(v, XF_RUN_USER),
        .error_type = text_at(v, XF_RUN_ERROR_TYPE),
        .start_ns = start,
        .end_ns = end_of(xf_view_int(v, XF_RUN_END), start, duration),
        .duration_ns = duration,
        .cost = xf_view_int(v, XF_RUN_COST),
        .flags = flags_of(xf_view_int(v, XF_RUN_FLAGS)),
        .error = ref_at(v, XF_RUN_ERROR),
        .tags = map_at(v, XF_RUN_TAGS, 0),
        .metadata = map_at(v, XF_RUN_METADATA, 1),
        .input = ref_at(v, XF_RUN_INPUT),
        .output = ref_at(v, XF_RUN_OUTPUT),
        .attrs = map_at(v, XF_RUN_ATTRS, 2),
    };
    out->has_parent_run = xf_view_run_id(v, XF_RUN_PARENT_RUN, out->parent_run);
    return XRAY_OK;
}

/* The histogram; its form was checked when the block was decoded. */
static int fill_reasons(const struct xf_view *v, struct xf_scratch *scratch, xray_step_record *out)
{
    const struct xf_slice s = xf_view_slice(v, XF_STEP_REASONS);
    xray_mp c = xray_mp_over(v->base + s.off, s.len);
    uint32_t count;

    if (s.off == 0 || !xf_mp_take_array(&c, &count) || count < 2)
        return XRAY_OK;
    if (count / 2 > scratch->reason_cap) {
        xray_reason_count *room = xf_resize_array(scratch->reasons, count / 2, sizeof *room);

        if (room == NULL)
            return XRAY_ENOMEM;
        scratch->reasons = room;
        scratch->reason_cap = count / 2;
    }
    for (uint32_t i = 0; i < count / 2; i++) {
        int64_t index = 0, n = 0;
        xray_str code = {NULL, 0};

        if (v->strings != NULL) {
            xf_mp_take_int_here(&c, &index);
            code = v->strings[index];
        } else {
            xf_mp_take_str(&c, &code);
        }
        xf_mp_take_int_here(&c, &n);
        scratch->reasons[i] = (xray_reason_count){.code = code, .count = (uint64_t)n};
    }
    out->reasons = scratch->reasons;
    out->reason_count = count / 2;
    return XRAY_OK;
}

static void fill_values(const struct xf_view *v, xray_step_record *out)
{
    out->error = ref_at(v, XF_STEP_ERROR);
    out->input = ref_at(v, XF_STEP_INPUT);
    out->output = ref_at(v, XF_STEP_OUTPUT);
    out->reasoning = ref_at(v, XF_STEP_REASONING);
    out->filters = ref_at(v, XF_STEP_FILTERS);
    out->params = ref_at(v, XF_STEP_PARAMS);
    out->sampling = ref_at(v, XF_STEP_SAMPLING);
    out->tags = map_at(v, XF_STEP_TAGS, 0);
    out->metadata = map_at(v, XF_STEP_METADATA, 1);
    out->attrs = map_at(v, XF_STEP_ATTRS, 2);
}

int xf_view_fill_step(const struct xf_view *v, unsigned without, struct xf_scratch *scratch, xray_step_record *out)
{
    const int64_t parent = xf_view_int(v, XF_STEP_PARENT), start = xf_view_int(v, XF_STEP_START);
    const int64_t step = xf_view_int(v, XF_STEP_STEP), duration = xf_view_int(v, XF_STEP_DUR);

    *out = (xray_step_record){
        .pipeline = v->pipeline,
        .version = v->version,
        .raw_number = step,
        .number = step,
        .parent = parent > 0 ? parent : 0,
        .outcome = outcome_of(xf_view_int(v, XF_STEP_STATUS)),
        .name = text_at(v, XF_STEP_NAME),
        .type = text_at(v, XF_STEP_TYPE),
        .model = text_at(v, XF_STEP_MODEL),
        .provider = text_at(v, XF_STEP_PROVIDER),
        .error_type = text_at(v, XF_STEP_ERROR_TYPE),
        .sequence = xf_view_int(v, XF_STEP_SEQUENCE),
        .start_ns = start,
        .end_ns = end_of(xf_view_int(v, XF_STEP_END), start, duration),
        .duration_ns = duration,
        .candidates_in = xf_view_int(v, XF_STEP_IN),
        .candidates_out = xf_view_int(v, XF_STEP_OUT),
        .candidates_kept = xf_view_int(v, XF_STEP_KEPT),
        .tokens_in = xf_view_int(v, XF_STEP_TOK_IN),
        .tokens_out = xf_view_int(v, XF_STEP_TOK_OUT),
        .tokens_cache_read = xf_view_int(v, XF_STEP_TOK_CACHE_READ),
        .tokens_cache_write = xf_view_int(v, XF_STEP_TOK_CACHE_WRITE),
        .tokens_reasoning = xf_view_int(v, XF_STEP_TOK_REASONING),
        .tokens_total = xf_view_int(v, XF_STEP_TOK_TOTAL),
        .cost = xf_view_int(v, XF_STEP_COST),
        .flags = flags_of(xf_view_int(v, XF_STEP_FLAGS)),
    };
    if ((without & XRAY_STEP_IDS) == 0) {
        out->ext_id = id_at(v, XF_STEP_EXT_ID, scratch->ext_id);
        out->parent_ext = id_at(v, XF_STEP_PARENT_EXT, scratch->parent_ext);
    }
    if ((without & XRAY_STEP_VALUES) == 0)
        fill_values(v, out);
    return (without & XRAY_STEP_REASONS) == 0 ? fill_reasons(v, scratch, out) : XRAY_OK;
}
