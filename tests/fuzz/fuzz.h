/* What the fuzz targets share.
 *
 * A target is one file fuzz_NAME.c with LLVMFuzzerTestOneInput. Built with libFuzzer it
 * searches for new inputs (make fuzz); linked with replay.c it runs over the kept
 * inputs in corpus/NAME and mutations of them, in every `make check`. Each target ends
 * in a property: not crashing is not enough. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "xrayfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Stops with a message unless `held`. */
void fuzz_require(bool held, const char *what);

/* A file in memory that holds `data`; its path is valid until fuzz_file_done. */
struct fuzz_file {
    int fd;
    char path[64];
};

void fuzz_file_init(struct fuzz_file *f, const void *data, size_t len);
void fuzz_file_done(struct fuzz_file *f);

/* A directory of this process's own, in memory where there is such a place: thousands of files are made in it. Removed
 * at the end. */
const char *fuzz_directory(void);

/* The only file of it, read and removed; at most 4 MiB. */
void fuzz_take_segment(struct fuzz_file *out);

/* Reads everything that a store of the file shows, by every way of the public header, and
 * appends it to *out as NDJSON. Every line is required to be strict JSON. Returns the
 * status of opening it. */
int fuzz_read_all(const struct fuzz_file *f, size_t cache_bytes, xray_buffer *out);

#endif
