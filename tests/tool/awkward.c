/* awkward: a trainer that misbehaves in one way a trial, chosen by its parameter `mode`. For end-to-end tests. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hypertop.h"

static const char *const modes[] = {"fine", "nan", "escape", "binary", "exit", "crash", "flood", "silent"};

static void binary(void)
{
    unsigned char all[256 * 4];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (unsigned char)(i * 7);
    fwrite(all, 1, sizeof all, stdout);
    fwrite("\0\xff\xfe\n\x1b[2J\x1b]0;pwned\x07\n", 1, 18, stdout);
    fflush(stdout);
}

static void flood(ht_agent *ht)
{
    char name[32];
    for (int64_t i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "metric%d", (int)(i % 50));
        ht_log(ht, name, i, (double)i);
        if (i % 1000 == 0)
            printf("line %d of many\n", (int)i);
    }
}

int main(void)
{
    struct ht_options o = {.size = sizeof o, .program = "awkward"};
    ht_agent *ht = ht_open(&o);
    const char *mode = ht_choice(ht, "mode", modes, sizeof modes / sizeof *modes, 0);

    ht_log(ht, "loss", 1, 0.5);
    if (strcmp(mode, "nan") == 0) {
        ht_log(ht, "loss", 2, NAN);
        ht_log(ht, "loss", 3, INFINITY);
        ht_report(ht, 3, NAN);
    } else if (strcmp(mode, "escape") == 0) {
        ht_log(ht, "\x1b[31mloss\x07\r\xe2\x80\xae", 2, 1);
        ht_text(ht, 2, "\x1b]52;c;cHduZWQ=\x07note\x9b\x31m");
        printf("\x1b[?1049h\x1b[31mred\r\n");
        ht_report(ht, 2, 0.25);
    } else if (strcmp(mode, "binary") == 0) {
        binary();
        ht_report(ht, 2, 0.75);
    } else if (strcmp(mode, "flood") == 0) {
        flood(ht);
        ht_report(ht, 20000, 0.9);
    } else if (strcmp(mode, "exit") == 0) {
        fprintf(stderr, "no such file: data.bin\n");
        ht_close(ht);
        return 3;
    } else if (strcmp(mode, "crash") == 0) {
        fflush(NULL);
        kill(getpid(), SIGSEGV);
    } else if (strcmp(mode, "fine") == 0) {
        ht_report(ht, 2, 0.1);
    }
    ht_close(ht);
    return 0;
}
