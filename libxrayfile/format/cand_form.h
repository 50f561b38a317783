/* Forms of candidates. The same line of a program records the same verdict, reasons and keys of evidence again and
 * again, so what became of that once (a shape, and the columns of the values) is remembered, and the next record is
 * only compared with the bytes that led there. */
#ifndef XF_FORMAT_CAND_FORM_H
#define XF_FORMAT_CAND_FORM_H

#include "xrayfile.h"

#define XF_FORMS 16
#define XF_FORM_KEYS 8 /* of evidence; a form with more is not remembered */

/* A row record `c` (spec 10.3) taken apart; all spans borrow it. */
struct xf_cand {
    xray_str item;
    int64_t verdict;
    xray_str all_reasons;
    uint32_t reason_count;
    xray_mp reasons;     /* behind the array's header */
    unsigned fields;     /* XRAY_HAS_SCORE .. XRAY_HAS_TIME: which numbers are there */
    xray_str numbers[5]; /* score, threshold, rank_in, rank_out, weight */
    int64_t time;
    int64_t by, provenance;
    xray_str evidence;
};

struct xf_cand_form {
    uint32_t shape;
    unsigned fields;
    uint32_t key_count;
    uint32_t column[XF_FORM_KEYS]; /* of each key's values */
    uint32_t head_len, tail_len, key_end[XF_FORM_KEYS];
    /* Verdict and reasons; then by, provenance and the head of the evidence's map, or the nil in its place; then keys. */
    xray_buffer bytes;
};

struct xf_cand_forms { /* to be reset at first */
    struct xf_cand_form forms[XF_FORMS];
    uint8_t order[XF_FORMS]; /* the first `count` are remembered, those of late first */
    uint32_t count;
};

/* The parts that a form leaves open. */
struct xf_cand_values {
    xray_str numbers[5]; /* where fields has the bit */
    int64_t time;
    xray_str evidence[XF_FORM_KEYS];
};

/* The form of the record whose item was just taken from *c, or NULL (then *c has not moved). */
const struct xf_cand_form *xf_cand_form_match(struct xf_cand_forms *f, xray_mp *c, struct xf_cand_values *v);

/* Remembers what became of `cand`, in the place of the form that was not used for longest. `columns`: of its keys. */
void xf_cand_form_add(struct xf_cand_forms *f, const struct xf_cand *cand, uint32_t shape, const uint32_t *columns);

void xf_cand_forms_reset(struct xf_cand_forms *f); /* keeps the memory */
void xf_cand_forms_done(struct xf_cand_forms *f);

#endif
