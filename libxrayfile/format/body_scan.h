/* Going once through all MessagePack of a body: references, canonical form, text (spec 1.2, 1.5, 6.3). */
#ifndef XF_FORMAT_BODY_SCAN_H
#define XF_FORMAT_BODY_SCAN_H

#include "xrayfile.h"

struct xf_body_scan { /* offsets in the body; 0: none, for no item of interest stands first */
    uint64_t part_end, value_end; /* references reach to parts and values below these */
    size_t odd;    /* first item that is not in its shortest form */
    size_t text;   /* first str that is not UTF-8 */
    size_t nested; /* first reference where none may stand */
    size_t broken; /* first reference, or ext 3, of a wrong length or number */
};

/* Regions of a payload body, in which not every reference may stand; all zero for other kinds. */
struct xf_body_regions {
    size_t parts_from, parts_to, values_from, values_to;
};

/* False if the bytes are not MessagePack. */
bool xf_body_scan(xray_str body, const struct xf_body_regions *regions, struct xf_body_scan *out);

#endif
