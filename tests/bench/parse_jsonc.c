/* parse_jsonc - parses a file of JSON lines with json-c and keeps nothing.
 *
 * usage: parse_jsonc FILE
 *
 * What json-c needs for the same bytes is the floor under any importer built on it:
 * bench.sh prints the speed of xray-import beside this. */
#include <stdio.h>
#include <stdlib.h>

#include <json-c/json.h>

int main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    struct json_tokener *tokener = json_tokener_new();
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    unsigned long lines = 0;

    if (file == NULL || tokener == NULL) {
        fprintf(stderr, "usage: parse_jsonc FILE\n");
        return 2;
    }
    while ((len = getline(&line, &cap, file)) > 0) {
        struct json_object *object = json_tokener_parse_ex(tokener, line, (int)len);

        if (object == NULL) {
            fprintf(stderr, "parse_jsonc: line %lu: %s\n", lines + 1,
                    json_tokener_error_desc(json_tokener_get_error(tokener)));
            return 2;
        }
        json_object_put(object);
        json_tokener_reset(tokener);
        lines++;
    }
    printf("%lu lines\n", lines);
    free(line);
    json_tokener_free(tokener);
    fclose(file);
    return 0;
}
