/* An index beside a segment: written as a whole, read a section at a time
 * (format-spec/index-file.md). What it holds is a hint: nothing here reports a problem of the store. */
#ifndef XF_FILE_INDEX_H
#define XF_FILE_INDEX_H

#include "codec/zframe.h"
#include "file/segment.h"
#include "format/indexfile.h"

/* The index's name for a segment's: the caller frees it with xf_free. NULL: memory is out. */
char *xf_index_name(const char *segment_path);

/* An index that was bound. The beginning of the file is kept while it is asked for small sections: one read for all of them. */
struct xf_index_file {
    struct xf_index_head head;
    struct xf_header last; /* of the blocks covered, as it stands in the segment */
    xray_buffer front;
    uint64_t read_bytes;
};

/* Reads the head of the index of the segment at `path`, whose open descriptor is segment_fd and whose first byte is
 * at 0 of a file of file_size bytes. It is bound: the segment id, and the digest of the last header covered, which is read
 * from the segment. 1, 0: there is none that can be used (err says why), XRAY_ENOMEM. The caller releases front. */
int xf_index_bind(struct xf_index_file *out, const char *path, int segment_fd, const uint8_t segment_id[16],
                  uint64_t file_size, xray_error *err);

/* The stored bytes of a section, if they are in what is kept; else NULL. Not checked. */
const uint8_t *xf_index_front(const struct xf_index_file *f, enum xf_index_kind kind, size_t *len);

/* Checks stored bytes of a section and replaces *out by its raw bytes. 1, 0: they are not what the head says, XRAY_ENOMEM. */
int xf_index_decode(const struct xf_index_head *head, enum xf_index_kind kind, const uint8_t *stored, size_t len,
                    struct xf_zframe *z, xray_buffer *out, xray_error *err);

/* Opens the index anew, reads a section and does the same. *read_bytes grows by what was read. */
int xf_index_read(const struct xf_index_head *head, enum xf_index_kind kind, const char *path, int segment_fd,
                  struct xf_zframe *z, xray_buffer *stored, xray_buffer *out, uint64_t *read_bytes,
                  xray_error *err);

/* Building: the head's section table and `image` grow; a section is compressed where that saves a sixteenth. */
int xf_index_begin(struct xf_index_head *head, xray_buffer *image, xray_error *err);
int xf_index_add(struct xf_index_head *head, xray_buffer *image, enum xf_index_kind kind, const xray_buffer *raw,
                 struct xf_zframe *z, xray_error *err);
void xf_index_finish(const struct xf_index_head *head, xray_buffer *image);

/* The section of blocks (3.1): of the first `count` of a segment that begins at 0; and back: adds all but the
 * last to `seg`. 1, 0: they are not those of the head, or XRAY_ENOMEM. */
void xf_index_put_blocks(const struct xf_segment *seg, uint32_t count, xray_buffer *out);
int xf_index_take_blocks(struct xf_segment *seg, const struct xf_index_head *head, uint64_t first_pos,
                         const xray_buffer *raw, xray_error *err);

#endif
