/* What is known of one run, packed (xf_run_sum in runs.h): its texts by number, its integers, the record that is made of them. */
#include "store/runbuild.h"

#include "base/bytes.h"

/* Eight digits of four bytes at once: each half of a byte moves to a byte of its own, then '0' is added, or what
 * makes it a letter. A list of runs makes one text for each: digit by digit that was a fifth of all it took. */
static void put_digits(char out[8], const uint8_t bytes[4])
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t x = xf_get_be32(bytes);

    x = (x << 16 | x) & UINT64_C(0x0000ffff0000ffff);
    x = (x << 8 | x) & UINT64_C(0x00ff00ff00ff00ff);
    x = (x << 4 | x) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    x += ones * '0' + ((x + ones * 6) >> 4 & ones) * ('a' - '0' - 10);
    xf_put_be64((uint8_t *)out, x);
}

void xf_run_put_uuid(const uint8_t id[16], char out[36])
{
    char digits[32];

    for (size_t i = 0; i < 4; i++)
        put_digits(digits + 8 * i, id + 4 * i);
    memcpy(out, digits, 8);
    memcpy(out + 9, digits + 8, 4);
    memcpy(out + 14, digits + 12, 4);
    memcpy(out + 19, digits + 16, 4);
    memcpy(out + 24, digits + 20, 12);
    out[8] = out[13] = out[18] = out[23] = '-';
}

/* From what `tuples` has at its number. */
static void get_texts(const struct xf_dict *tuples, const struct xf_run_sum *run, uint32_t out[XF_RUN_TEXTS])
{
    memset(out, 0xff, XF_RUN_TEXTS * sizeof *out);
    if (run->texts != XF_NO_TEXT)
        memcpy(out + 1, xf_dict_get(tuples, run->texts).ptr, (XF_RUN_TEXTS - 1) * sizeof *out);
    out[XF_RT_EXT_ID] = run->ext_id;
}

uint32_t xf_run_text(const struct xf_dict *tuples, const struct xf_run_sum *run, enum xf_run_text which)
{
    uint32_t texts[XF_RUN_TEXTS];

    get_texts(tuples, run, texts);
    return texts[which];
}

static bool set_text(struct xf_run_builder *b, struct xf_run_sum *run, enum xf_run_text which, uint32_t text)
{
    uint32_t texts[XF_RUN_TEXTS];

    if (text == XF_NO_TEXT)
        return false;
    if (which == XF_RT_EXT_ID) {
        run->ext_id = text;
        return true;
    }
    get_texts(&b->tuples, run, texts);
    if (texts[which] == text)
        return true;
    texts[which] = text;
    run->texts = xf_dict_put(&b->tuples, texts + 1, (XF_RUN_TEXTS - 1) * sizeof *texts);
    return run->texts != XF_NO_TEXT;
}

bool xf_run_builder_text(struct xf_run_builder *b, struct xf_run_sum *run, enum xf_run_text which, xray_str text)
{
    if (text.ptr == NULL || (which != XF_RT_EXT_ID && text.len == 0))
        return true;
    if (which == XF_RT_EXT_ID) {
        char uuid[36];

        xf_run_put_uuid(run->id, uuid);
        run->bits &= (uint8_t)~XF_RUN_EXT_IS_ID;
        run->ext_id = XF_NO_TEXT;
        if (text.len == sizeof uuid && memcmp(text.ptr, uuid, sizeof uuid) == 0) {
            run->bits |= XF_RUN_EXT_IS_ID;
            return true;
        }
    }
    return set_text(b, run, which, xf_dict_put(&b->text, text.ptr, text.len));
}

bool xf_run_builder_parent(struct xf_run_builder *b, struct xf_run_sum *run, const uint8_t id[16])
{
    run->parent = xf_dict_put(&b->text, id, 16);
    return run->parent != XF_NO_TEXT;
}

int64_t xf_run_sum_int(const struct xf_run_sum *run, enum xf_run_int which)
{
    switch (which) {
    case XF_RI_SEQ:
        return run->seq;
    case XF_RI_START:
        return run->start;
    case XF_RI_DUR:
        return run->dur;
    case XF_RI_END:
        return run->end;
    case XF_RI_STATUS:
        return run->status >= 0 ? run->status : XRAY_MISSING;
    case XF_RI_COST:
        return run->cost;
    case XF_RI_FLAGS:
        return (run->bits & XF_RUN_HAS_FLAGS) != 0 ? run->flags : XRAY_MISSING;
    case XF_RUN_INTS:
        break;
    }
    return XRAY_MISSING;
}

void xf_run_sum_set_int(struct xf_run_sum *run, enum xf_run_int which, int64_t value)
{
    if (value == XRAY_MISSING)
        return;
    switch (which) {
    case XF_RI_SEQ:
        run->seq = value;
        break;
    case XF_RI_START:
        run->start = value;
        break;
    case XF_RI_DUR:
        run->dur = value;
        break;
    case XF_RI_END:
        run->end = value;
        break;
    case XF_RI_STATUS: /* what is no outcome is one that is not known */
        run->status = value >= 0 && value < INT16_MAX ? (int16_t)value : INT16_MAX;
        break;
    case XF_RI_COST:
        run->cost = value;
        break;
    case XF_RI_FLAGS:
        run->flags = (uint32_t)value;
        run->bits |= XF_RUN_HAS_FLAGS;
        break;
    case XF_RUN_INTS:
        break;
    }
}

/* ---- its record ---- */

static xray_str text_of(const struct xf_dict *d, uint32_t i)
{
    return i != XF_NO_TEXT ? xf_dict_get(d, i) : xray_strn(NULL, 0);
}

xray_str xf_run_ext_id(const struct xf_run_list *list, const struct xf_run_sum *run, char uuid[36])
{
    if ((run->bits & XF_RUN_EXT_IS_ID) == 0)
        return text_of(&list->text, run->ext_id);
    xf_run_put_uuid(run->id, uuid);
    return xray_strn(uuid, 36);
}

static int64_t end_of(const struct xf_run_sum *run)
{
    int64_t end = run->end;

    if (end == XRAY_MISSING && run->start != XRAY_MISSING && run->dur != XRAY_MISSING &&
        __builtin_add_overflow(run->start, run->dur, &end))
        end = XRAY_MISSING;
    return end;
}

/* Of its last row. */
static const struct xf_part *last_part(const struct xray_store *s, const struct xf_run_list *list,
                                       const struct xf_run_sum *run)
{
    return &s->parts[run->last_place != XF_NO_PLACE ? list->places[run->last_place].segment : run->segment];
}

void xf_run_list_record(const struct xray_store *s, const struct xf_run_list *list, uint32_t index, char ext_id[36],
                        xray_run_record *out)
{
    const struct xf_run_sum *run = &list->runs[index];
    const struct xf_dict *text = &list->text;
    const bool ended = (run->bits & XF_RUN_ENDED) != 0;
    uint32_t texts[XF_RUN_TEXTS];

    get_texts(&list->tuples, run, texts);
    *out = (xray_run_record){
        .seq = run->seq != XRAY_MISSING ? (uint64_t)run->seq : 0,
        .segment = run->segment,
        .ended = ended,
        .abandoned = !ended && xf_part_is_over(last_part(s, list, run)),
        .outcome = run->status >= XRAY_SUCCESS && run->status <= XRAY_PARTIAL ? (xray_outcome)run->status
                                                                              : XRAY_RUNNING,
        .ext_id = xf_run_ext_id(list, run, ext_id),
        .pipeline = text_of(text, texts[XF_RT_PIPELINE]),
        .version = text_of(text, texts[XF_RT_VERSION]),
        .project = text_of(text, texts[XF_RT_PROJECT]),
        .session = text_of(text, texts[XF_RT_SESSION]),
        .user = text_of(text, texts[XF_RT_USER]),
        .error_type = text_of(text, texts[XF_RT_ERROR_TYPE]),
        .has_parent_run = run->parent != XF_NO_TEXT,
        .start_ns = run->start,
        .end_ns = end_of(run),
        .duration_ns = run->dur,
        .cost = run->cost,
        .flags = run->flags,
    };
    memcpy(out->id, run->id, 16);
    if (out->has_parent_run)
        memcpy(out->parent_run, xf_dict_get(text, run->parent).ptr, 16);
}
