/* A writer that goes on when it is told to: each line on standard input is a command, and each is answered by
 * "ok" when what it did has been flushed, so that a test knows what a reader can see.
 *
 *     begin NAME   a run of pipeline NAME      step NAME    a step of it, begun and ended, with a candidate
 *     open NAME    a step that is only begun   end          the run ends
 *     probe        a run of pipeline "probe", begun and ended, beside the one that is open
 *     rotate       another segment: the writer is closed and opened anew */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xrayfile.h>

static void check(int r, const xray_error *err)
{
    if (r >= 0)
        return;
    fprintf(stderr, "live_writer: %s\n", err->message);
    exit(1);
}

static void add_step(xray_run run, const char *name)
{
    xray_step step = xray_step_begin(run, xray_s(name), xray_s("filter"), NULL);

    xray_step_set(step, XRAY_OUTPUT, xray_text(name));
    xray_step_reject(step, xray_s("item"), xray_s("dear"), XRAY_NO_ATTRS);
    xray_step_end(step, XRAY_SUCCESS);
}

int main(int argc, char **argv)
{
    xray_writer *writer = NULL;
    xray_error err = {0};
    xray_run run = 0;
    char line[256];

    if (argc != 2)
        return 2;
    check(xray_writer_open(&writer, argv[1], NULL, &err), &err);
    while (fgets(line, sizeof line, stdin) != NULL) {
        char command[16] = "";
        char name[64] = "x";

        sscanf(line, "%15s %63s", command, name);
        if (strcmp(command, "begin") == 0)
            run = xray_run_begin(writer, xray_s(name), NULL);
        else if (strcmp(command, "step") == 0)
            add_step(run, name);
        else if (strcmp(command, "open") == 0)
            xray_step_begin(run, xray_s(name), xray_s("llm"), NULL);
        else if (strcmp(command, "end") == 0)
            xray_run_end(run, XRAY_SUCCESS);
        else if (strcmp(command, "probe") == 0)
            xray_run_end(xray_run_begin(writer, xray_s("probe"), NULL), XRAY_SUCCESS);
        if (strcmp(command, "rotate") == 0) {
            check(xray_writer_close(writer, -1, &err), &err);
            check(xray_writer_open(&writer, argv[1], NULL, &err), &err);
        }
        check(xray_writer_flush(writer, -1, &err), &err);
        puts("ok");
        fflush(stdout);
    }
    check(xray_writer_close(writer, -1, &err), &err);
    return 0;
}
