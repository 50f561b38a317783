/* See spelling.h. */
#include "common/spelling.h"

enum { LONGEST = 63 };

size_t spelling_distance(xray_str a, xray_str b)
{
    size_t row[LONGEST + 1];

    if (a.len > LONGEST || b.len > LONGEST)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t corner = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            const size_t change = corner + (a.ptr[i - 1] != b.ptr[j - 1]);
            const size_t step = (row[j - 1] < row[j] ? row[j - 1] : row[j]) + 1;

            corner = row[j];
            row[j] = change < step ? change : step;
        }
    }
    return row[b.len];
}
