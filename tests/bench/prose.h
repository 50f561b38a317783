/* prose.h - text for the generators with about the entropy of the real thing.
 *
 * Words come from a list in Zipf's proportions, and each word prefers a few
 * followers, so phrases recur as they do in English; code has indentation, a
 * limited stock of names, and numbers. Random letters would not compress at all,
 * a fixed text far too well. */
#ifndef XB_PROSE_H
#define XB_PROSE_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/random.h"

#define XB_WORDS 3600

struct xb_text {
    char *data;
    size_t len, cap;
};

struct xb_prose {
    char words[XB_WORDS][16];
};

static inline void xb_put(struct xb_text *t, const char *data, size_t len)
{
    if (len > t->cap - t->len) {
        t->cap = (t->cap + len) * 2 + 256;
        t->data = realloc(t->data, t->cap);
        if (t->data == NULL) {
            fprintf(stderr, "out of memory\n");
            exit(2);
        }
    }
    memcpy(t->data + t->len, data, len);
    t->len += len;
}

static inline void xb_puts(struct xb_text *t, const char *text)
{
    xb_put(t, text, strlen(text));
}

/* At most 1023 bytes at a time. */
__attribute__((format(printf, 2, 3))) static inline void xb_putf(struct xb_text *t, const char *format, ...)
{
    char line[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    xb_puts(t, line);
}

/* Appends `raw` as the inside of a JSON string. It holds no control characters but newlines and tabs. */
static inline void xb_put_escaped(struct xb_text *t, const char *raw, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (raw[i] == '\n')
            xb_put(t, "\\n", 2);
        else if (raw[i] == '\t')
            xb_put(t, "\\t", 2);
        else if (raw[i] == '"' || raw[i] == '\\') {
            const char pair[2] = {'\\', raw[i]};

            xb_put(t, pair, 2);
        } else
            xb_put(t, raw + i, 1);
    }
}

/* The common words are English; the long tail is made of syllables. */
static inline void xb_prose_init(struct xb_prose *p)
{
    static const char common[] = "the to a and of is in you for your that this be with it on not are can as "
                                 "we have or will from if an i by at "
                                 "please would do order was all has user no there but item any which so "
                                 "return when help need only one "
                                 "after more they like my into then reservation payment let other card "
                                 "account than been now its before use id "
                                 "should how what these time first check also number new their want "
                                 "information refund because file run find get "
                                 "method change date step each result total value same were test price "
                                 "cannot available must line list add two "
                                 "did both could error name data set see here does make between function "
                                 "address exchange since next confirm "
                                 "string flight call following using product tool provide output cancel "
                                 "current status correct again details "
                                 "still type once without options search request just remove code under back "
                                 "does over used may email delivered "
                                 "path where found given most show who version problem answer pending "
                                 "response case don't policy agent out about";
    static const char *const onset[] = {"b", "c", "d", "f",  "g",  "h",  "l",   "m",  "n",  "p",  "r",
                                        "s", "t", "v", "st", "tr", "pr", "con", "re", "de", "in", "un"};
    static const char *const core[] = {"a",  "e",  "i",  "o",  "u",  "ai", "ea",
                                       "er", "or", "an", "en", "al", "ic", "is"};
    static const char *const coda[] = {"",   "t",  "n",    "r",    "s",  "nt",  "ct", "ce",   "te",
                                       "ve", "ng", "tion", "ment", "ed", "ing", "ly", "able", "ate"};
    struct xb_random r = {.state = 7};
    uint32_t count = 0;

    for (const char *at = common; *at != '\0';) {
        const size_t len = strcspn(at, " ");

        snprintf(p->words[count++], sizeof p->words[0], "%.*s", (int)len, at);
        at += len + (at[len] == ' ');
    }
    while (count < XB_WORDS) {
        char *word = p->words[count++];
        const char *begin = onset[xb_below(&r, 22)], *middle = core[xb_below(&r, 14)];

        if (xb_chance(&r, 55))
            snprintf(word, sizeof p->words[0], "%s%s%s%s", begin, middle, onset[xb_below(&r, 14)],
                     core[xb_below(&r, 5)]);
        else
            snprintf(word, sizeof p->words[0], "%s%s", begin, middle);
        strncat(word, coda[xb_below(&r, 18)], sizeof p->words[0] - 1 - strlen(word));
    }
}

/* Zipf: the density of rank k is proportional to 1/k, so its logarithm is uniform. */
static inline uint32_t xb_zipf(struct xb_random *r, uint32_t count)
{
    uint32_t octaves = 0;

    while ((count >> octaves) > 1)
        octaves++;

    const uint32_t octave = xb_below(r, octaves + 1);
    const uint32_t low = 1u << octave;
    uint32_t rank = low + xb_below(r, low);

    return rank > count ? xb_below(r, count) : rank - 1;
}

/* The word after `before`: mostly one of its 12 followers, the first of them most often. */
static inline uint32_t xb_next_word(struct xb_random *r, uint32_t before)
{
    if (xb_chance(r, 7))
        return xb_zipf(r, XB_WORDS);

    struct xb_random follower = {.state = before * UINT64_C(1000003) + xb_zipf(r, 12)};

    return xb_zipf(&follower, XB_WORDS);
}

/* Appends sentences of about `words` words altogether. */
static inline void xb_sentences(const struct xb_prose *p, struct xb_random *r, struct xb_text *out,
                                uint32_t words)
{
    uint32_t word = xb_zipf(r, XB_WORDS), left_in_sentence = xb_between(r, 6, 22);

    for (uint32_t i = 0; i < words; i++) {
        const size_t at = out->len;

        xb_puts(out, p->words[word]);
        if (left_in_sentence == 0 || i == 0)
            out->data[at] =
                (char)(out->data[at] >= 'a' && out->data[at] <= 'z' ? out->data[at] - 32 : out->data[at]);
        if (left_in_sentence == 0)
            left_in_sentence = xb_between(r, 6, 22);
        left_in_sentence--;
        if (left_in_sentence == 0 || i + 1 == words)
            xb_puts(out, xb_chance(r, 88) ? "." : "?");
        else if (xb_chance(r, 6))
            xb_puts(out, ",");
        if (i + 1 < words)
            xb_puts(out, " ");
        word = xb_next_word(r, word);
    }
}

/* One line of Python-like code; `names` is the file's own stock of names. */
static inline void xb_code_line(const struct xb_prose *p, struct xb_random *r, struct xb_text *out,
                                const uint16_t names[24])
{
    const char *a = p->words[names[xb_zipf(r, 24)]], *b = p->words[names[xb_zipf(r, 24)]];
    const char *c = p->words[names[xb_zipf(r, 24)]];
    const uint32_t number = xb_below(r, 40);

    switch (xb_below(r, 12)) {
    case 0:
        xb_putf(out, "\n    def %s_%s(self, %s):\n", a, b, c);
        break;
    case 1:
        xb_putf(out, "        if %s.%s is None:\n            return %s\n", a, b, c);
        break;
    case 2:
        xb_putf(out, "        self.%s = %s.get(\"%s\", %u)\n", a, b, c, number);
        break;
    case 3:
        xb_putf(out, "        for %s in self.%s:\n            %s.append(%s)\n", a, b, c, a);
        break;
    case 4:
        xb_putf(out, "        raise ValueError(f\"%s: {%s} is not a %s\")\n", a, b, c);
        break;
    case 5:
        xb_putf(out, "        return {\"%s\": %s, \"%s\": %u}\n", a, a, b, number);
        break;
    case 6:
        xb_putf(out, "        assert %s(%s) == %u\n", a, b, number);
        break;
    case 7:
        xb_putf(out, "        %s = self._%s(%s, %s=%u)\n", a, b, c, b, number);
        break;
    case 8:
        xb_puts(out, "        # ");
        xb_sentences(p, r, out, xb_between(r, 6, 14));
        xb_puts(out, "\n");
        break;
    case 9:
        xb_putf(out, "        %s, %s = %s.%s(\"%s\")\n", a, b, c, a, b);
        break;
    case 10:
        xb_putf(out, "from %s.%s import %s\n", a, b, c);
        break;
    default:
        xb_putf(out, "        %s += %s[%u:]\n", a, b, number);
        break;
    }
}

#endif
