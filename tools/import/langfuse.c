/* Langfuse: {"trace":{..},"observations":[..]}, as its export writes it. Values are JSON in texts there, and
 * the input tokens leave out what came from a cache, so that is added back. */
#include "import/shapes.h"

/* The sum of input tokens of all kinds. */
static void put_usage(struct import *im, const struct scope *sc, uint32_t usage)
{
    int64_t input = 0, sum = 0;
    bool any = false;

    scope_put_usage(im, sc, usage);
    for (uint32_t key = json_first(usage); key != json_end(im->tape, usage);
         key = json_at(im->tape, key + 1)->next) {
        const xray_str name = import_text(im, key);
        int64_t v;

        if (name.len >= 5 && memcmp(name.ptr, "input", 5) == 0 && import_int(im, key + 1, &v) && v > 0) {
            any = any || import_str_is(name, "input");
            sum += v;
        }
        if (import_str_is(name, "cache_read_input_tokens") ||
            import_str_is(name, "cache_creation_input_tokens"))
            sum += import_int(im, key + 1, &input) && input > 0 ? input : 0;
    }
    if (any)
        scope_int(sc, XRAY_TOKENS_IN, sum);
}

/* {"input":..,"output":..,"total":..}: the total. */
static void put_cost(struct import *im, const struct scope *sc, struct fields *f)
{
    const uint32_t cost = f->value[T_COST];
    uint32_t total;

    if (!import_is_object(im, cost))
        return;
    total = fields_find(im->tape, cost, "total");
    if (total != 0)
        scope_put(im, sc, T_COST, total, import_value(im, total));
    if (json_first(cost) != json_end(im->tape, cost))
        attrs_add_member(im, f->key[T_COST]);
    f->value[T_COST] = 0;
}

static xray_outcome outcome_of(struct import *im, const struct fields *f)
{
    if (import_str_is(import_string(im, f->value[T_STATUS]), "ERROR"))
        return XRAY_FAILURE;
    if (import_has(im, f->value[T_STATUS]) &&
        !import_str_is(import_string(im, f->value[T_STATUS]), "DEFAULT"))
        attrs_add_member(im, f->key[T_STATUS]);
    return import_has(im, f->value[T_END]) ? XRAY_SUCCESS : XRAY_RUNNING;
}

static void fill(struct import *im, struct open_run *run, struct fields *f, struct step_at_hand *step)
{
    const xray_outcome outcome = outcome_of(im, f);

    f->value[T_NAME] = f->value[T_TYPE] = 0;
    if (f->value[T_ERROR] != 0 && json_at(im->tape, f->value[T_ERROR])->len == 2)
        f->value[T_ERROR] = 0; /* "" */
    put_cost(im, &step->scope, f);
    if (import_is_object(im, f->value[T_USAGE])) {
        put_usage(im, &step->scope, f->value[T_USAGE]);
        f->value[T_USAGE] = 0;
    }
    scope_put_fields(im, &step->scope, f);
    attrs_put(im, &step->scope);
    end_step(im, run, step, outcome);
}

static xray_str type_of(struct import *im, const struct fields *f)
{
    const xray_str type = import_string(im, f->value[T_TYPE]);
    char *small = arena_take(&im->arena, type.len + 1);

    if (import_str_is(type, "GENERATION"))
        return xray_s("llm");
    if (import_str_is(type, "RETRIEVER"))
        return xray_s("retrieval");
    for (size_t i = 0; i < type.len; i++)
        small[i] = type.ptr[i] >= 'A' && type.ptr[i] <= 'Z' ? (char)(type.ptr[i] - 'A' + 'a') : type.ptr[i];
    return xray_strn(small, type.len);
}

/* `run`: NULL: the one it names. */
static void put_observation(struct import *im, struct open_run *run, uint32_t node)
{
    struct step_at_hand step;
    struct step_start start;
    struct fields f;

    fields_collect(&f, im->tape, node, SET_OBSERVATION);
    start = (struct step_start){ .id = import_string(im, f.value[T_ID]),
                                 .parent = import_string(im, f.value[T_PARENT]),
                                 .name = import_string(im, f.value[T_NAME]),
                                 .type = type_of(im, &f) };
    if (run == NULL)
        run = begin_run(im, &(struct run_start){ .id = import_string(im, f.value[T_RUN_ID]) });
    if (begin_step(im, run, &start, &step) != STEP_ENDED)
        fill(im, run, &f, &step);
    fields_done(&f);
}

static void put_list(struct import *im, struct open_run *run, uint32_t list)
{
    if (list == 0 || import_type(im, list) != JSON_ARRAY)
        return;
    for (uint32_t i = json_first(list); i != json_end(im->tape, list); i = json_at(im->tape, i)->next)
        if (import_is_object(im, i))
            put_observation(im, run, i);
}

void langfuse_observation(struct import *im, uint32_t node)
{
    im->json_in_strings = true;
    put_observation(im, NULL, node);
    im->json_in_strings = false;
}

void langfuse_document(struct import *im, uint32_t node)
{
    const uint32_t trace = fields_find(im->tape, node, "trace");
    const uint32_t list = fields_find(im->tape, node, "observations");
    struct run_start start = { 0 };
    struct open_run *run;
    struct scope sc;
    struct fields f;

    im->json_in_strings = true;
    fields_collect(&f, im->tape, trace, SET_TRACE);
    start.id = import_string(im, f.value[T_ID]);
    start.pipeline = import_string(im, f.value[T_PIPELINE]);
    start.version = import_string(im, f.value[T_VERSION]);
    run = begin_run(im, &start);
    sc = (struct scope){ .handle = run->handle, .again = run->described };
    scope_put_fields(im, &sc, &f);
    attrs_put(im, &sc);
    run->described = true;
    run->outcome = XRAY_SUCCESS;
    put_list(im, run, list); /* with inputs; those inside the trace have none */
    put_list(im, run, f.value[T_STEPS]);
    fields_done(&f);
    im->json_in_strings = false;
}
