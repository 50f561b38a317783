/* Patterns: PCRE2 with limits (regex.h).
 *
 * Without limits one pattern on one text can take hours; with them it ends within
 * milliseconds with an error, which is passed on and never taken for "no match". */
#include "codec/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/fail.h"
#include "base/mem.h"

enum {
    HEAP_LIMIT_KIB = 64 * 1024,
    JIT_STACK_START = 32 * 1024,
    JIT_STACK_MAX = 1024 * 1024, /* beyond it the interpreter goes on, on the heap */
};

struct xf_regex {
    struct xf_regex *next;
    struct xf_regex_env *env;
    pcre2_code *code;
    bool jit;
    xray_str pattern, flags; /* behind this struct */
};

struct xf_regex_env {
    pcre2_general_context *memory;
    pcre2_compile_context *compile;
    pcre2_match_context *match;
    pcre2_jit_stack *stack; /* made with the first pattern that JIT compiles */
    pcre2_match_data *data; /* one pair: where is not asked */
    struct xf_regex *list;
};

static void *allocate(size_t size, void *ctx)
{
    (void)ctx;
    return xf_alloc(size);
}

static void release(void *p, void *ctx)
{
    (void)ctx;
    xf_free(p);
}

struct xf_regex_env *xf_regex_env_new(uint32_t match_limit)
{
    const uint32_t limit = match_limit != 0 ? match_limit : XF_MATCH_LIMIT;
    struct xf_regex_env *env = xf_alloc(sizeof *env);

    if (env == NULL)
        return NULL;
    env->memory = pcre2_general_context_create(allocate, release, NULL);
    if (env->memory != NULL) {
        env->compile = pcre2_compile_context_create(env->memory);
        env->match = pcre2_match_context_create(env->memory);
        env->data = pcre2_match_data_create(1, env->memory);
    }
    if (env->compile == NULL || env->match == NULL || env->data == NULL) {
        xf_regex_env_free(env);
        return NULL;
    }
    /* (*LIMIT_MATCH=...) in a pattern can lower these, never raise them. */
    pcre2_set_match_limit(env->match, limit);
    pcre2_set_depth_limit(env->match, limit);
    pcre2_set_heap_limit(env->match, HEAP_LIMIT_KIB);
    return env;
}

void xf_regex_env_free(struct xf_regex_env *env)
{
    if (env == NULL)
        return;
    while (env->list != NULL) {
        struct xf_regex *re = env->list;

        env->list = re->next;
        pcre2_code_free(re->code);
        xf_free(re);
    }
    pcre2_match_data_free(env->data);
    pcre2_jit_stack_free(env->stack);
    pcre2_match_context_free(env->match);
    pcre2_compile_context_free(env->compile);
    pcre2_general_context_free(env->memory);
    xf_free(env);
}

static uint32_t option_of(char flag)
{
    return flag == 'i'   ? PCRE2_CASELESS
           : flag == 's' ? PCRE2_DOTALL
           : flag == 'm' ? PCRE2_MULTILINE
                         : PCRE2_EXTENDED;
}

/* Everything in one piece: the struct, the pattern, the flags. */
static struct xf_regex *make(struct xf_regex_env *env, xray_str pattern, xray_str flags)
{
    struct xf_regex *re = xf_alloc(sizeof *re + pattern.len + flags.len + 1);
    char *text;

    if (re == NULL)
        return NULL;
    text = (char *)(re + 1);
    if (pattern.len > 0)
        memcpy(text, pattern.ptr, pattern.len);
    if (flags.len > 0)
        memcpy(text + pattern.len, flags.ptr, flags.len);
    re->env = env;
    re->pattern = xray_strn(text, pattern.len);
    re->flags = xray_strn(text + pattern.len, flags.len);
    return re;
}

static void use_jit(struct xf_regex *re)
{
    struct xf_regex_env *env = re->env;

    re->jit = pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE) == 0;
    if (re->jit && env->stack == NULL) {
        env->stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MAX, env->memory);
        if (env->stack != NULL) /* else it runs on 32 KiB of the machine's stack */
            pcre2_jit_stack_assign(env->match, NULL, env->stack);
    }
}

int xf_regex_new(struct xf_regex **out, struct xf_regex_env *env, xray_str pattern, xray_str flags,
                 char message[200], size_t *off)
{
    struct xf_regex *re = make(env, pattern, flags);
    uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
    int code = 0;

    if (re == NULL)
        return XRAY_ENOMEM;
    for (size_t i = 0; i < flags.len; i++)
        options |= option_of(flags.ptr[i]);
    re->code = pcre2_compile((PCRE2_SPTR)re->pattern.ptr, re->pattern.len, options, &code, off, env->compile);
    if (re->code == NULL) {
        xf_free(re);
        if (code == PCRE2_ERROR_HEAP_FAILED)
            return XRAY_ENOMEM;
        pcre2_get_error_message(code, (PCRE2_UCHAR *)message, 200);
        return XRAY_ESYNTAX;
    }
    use_jit(re);
    re->next = env->list;
    env->list = re;
    *out = re;
    return XRAY_OK;
}

int xf_regex_test(const struct xf_regex *re, xray_str text, xray_error *err)
{
    const struct xf_regex_env *env = re->env;
    const PCRE2_SPTR subject = text.len > 0 ? (PCRE2_SPTR)text.ptr : (PCRE2_SPTR) "";
    int r = pcre2_match(re->code, subject, text.len, 0, 0, env->data, env->match);

    if (r == PCRE2_ERROR_JIT_STACKLIMIT)
        r = pcre2_match(re->code, subject, text.len, 0, PCRE2_NO_JIT, env->data, env->match);
    if (r >= 0)
        return 1;
    if (r == PCRE2_ERROR_NOMATCH)
        return 0;
    if (r == PCRE2_ERROR_NOMEMORY)
        return xf_fail_memory(err);
    return xf_fail(err, XRAY_ELIMIT, XF_NO_POS, "pattern too expensive");
}

xray_str xf_regex_pattern(const struct xf_regex *re)
{
    return re->pattern;
}

xray_str xf_regex_flags(const struct xf_regex *re)
{
    return re->flags;
}
