/* What the public calls have in common. */
#ifndef XF_WRITER_CALL_H
#define XF_WRITER_CALL_H

#include "writer/front.h"
#include "writer/op.h"

/* Room for an operation whose parts have *len bytes, with its head written; *len is rounded up as the log wants it.
 * NULL: no memory for this class. The caller appends the parts and publishes *len bytes. */
static inline uint8_t *xf_op_begin(struct xf_slot *s, size_t *len, enum xf_class class, enum xf_op_kind kind, uint8_t a,
                                   uint16_t b)
{
    const size_t padded = (*len + 7) & ~(size_t)7;
    uint8_t *p = padded <= UINT32_MAX ? xf_log_reserve(s, padded, class) : NULL;
    const struct xf_op op = {.len = (uint32_t)padded, .kind = (uint8_t)kind, .a = a, .b = b};

    if (p == NULL)
        return NULL;
    *len = padded;
    return xf_op_put(p, &op, sizeof op);
}

static inline void xf_call_lost(xray_writer *w, enum xf_lost_kind kind)
{
    atomic_fetch_add_explicit(&w->lost[kind], 1, memory_order_relaxed);
}

/* A json-c tree is packed now, into the slot's scratch: it is the application's to change after the call. */
int xf_call_value(struct xf_slot *s, xray_value *value);

/* Records a candidate, whatever the rate of sampling. Counts one that is left out on purpose. */
int xf_call_candidate(struct xf_slot *s, const xray_candidate *c);
int xf_call_leave_out(struct xf_slot *s, const xray_candidate *c);

/* What the application wants to be told: the status of a disk that fails. */
static inline int xf_call_trouble(const xray_writer *w)
{
    return w->options.on_error == XRAY_ON_ERROR_RAISE ? atomic_load_explicit(&w->back->failing, memory_order_relaxed) : XRAY_OK;
}

/* Leaves; a synchronous writer applies what was appended, and answers with what came of it. */
static inline int xf_call_done(struct xf_slot *s, int r)
{
    if (s->writer->sync && r == XRAY_OK)
        r = xf_apply(s);
    if (r == XRAY_OK)
        r = xf_call_trouble(s->writer);
    xf_leave(s);
    return r;
}

#endif
