/* See version.h. */
#include "common/version.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <utf8proc.h>
#include <zstd.h>

void version_put(struct text *t, const char *tool)
{
    char pcre2[64] = "";
    uint32_t jit = 0;

    pcre2_config(PCRE2_CONFIG_VERSION, pcre2);
    pcre2[strcspn(pcre2, " ")] = '\0';
    pcre2_config(PCRE2_CONFIG_JIT, &jit);
    text_printf(t, "%s %s\n", tool, xray_version());
    text_printf(t, "trace file format: %d (reads %d)\n", XRAY_FORMAT_VERSION, XRAY_FORMAT_VERSION);
    text_printf(t, "zstd %s, pcre2 %s (JIT %s), utf8proc %s\n", ZSTD_versionString(), pcre2,
                jit != 0 ? "yes" : "no", utf8proc_version());
}
