/* JSON text to MessagePack with a memory: agents send their whole history with every step, and an array element whose
 * text was packed before need not be parsed again. */
#ifndef XF_CODEC_JSONMEMO_H
#define XF_CODEC_JSONMEMO_H

#include "xrayfile.h"

struct xf_json_memo { /* all zero at first */
    struct xf_json_memo_entry *entries;
    xray_buffer packed; /* MessagePack of the elements known */
};

/* As xf_json_pack, with the same result. `memo` may be NULL. */
int xf_json_memo_pack(struct xf_json_memo *memo, const char *text, size_t len, bool lax, xray_buffer *out,
                      xray_error *err);
void xf_json_memo_done(struct xf_json_memo *memo);

#endif
