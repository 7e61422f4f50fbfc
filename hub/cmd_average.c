/* cmd_average: the element-wise mean of checkpoints: snapshots of a run, or runs that share their start. Types are kept, sums are in
 * double; one checkpoint after the other is in memory beside the sums. What is no floating-point number has to be the same in all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/mem.h"
#include "hub/checkpoint_file.h"
#include "hub/cmd.h"
#include "proto/safe_text.h"

static int fail(int status, const char *text)
{
    struct buf b = {0};
    safe_text_buf(&b, text, strlen(text), -1);
    fprintf(stderr, "hypertop average: %s\n", buf_cstr(&b));
    buf_release(&b);
    return status;
}

/* Same names, types and shapes; the same bytes where there is nothing to average. */
static int fits(const struct checkpoint_file *first, const struct checkpoint_file *c, char **cause)
{
    for (size_t i = 0; i < first->n || i < c->n; i++) {
        const struct checkpoint_tensor *a = i < first->n ? &first->tensors[i] : NULL, *b = i < c->n ? &c->tensors[i] : NULL;
        int order = !a ? 1 : !b ? -1 : strcmp(a->name, b->name);
        if (order != 0)
            return cause_set(cause, "%s has no '%s', which %s has", (order < 0 ? c : first)->path, (order < 0 ? a : b)->name,
                             (order < 0 ? first : c)->path);
        if (strcmp(a->what, b->what) != 0)
            return cause_set(cause, "%s: '%s' is %s, in %s it is %s", c->path, a->name, b->what, first->path, a->what);
        if (a->type == NUMBER_OTHER && (a->bytes != b->bytes || memcmp(first->data + a->at, c->data + b->at, a->bytes) != 0))
            return cause_set(cause, "'%s' is %s, which has no mean, and differs between %s and %s", a->name, a->what, first->path, c->path);
    }
    return 0;
}

static void add(const struct checkpoint_file *c, double *sum)
{
    for (size_t t = 0; t < c->n; t++)
        for (size_t i = 0, n = c->tensors[t].type == NUMBER_OTHER ? 0 : checkpoint_count(&c->tensors[t]); i < n; i++)
            *sum++ += checkpoint_get(c, &c->tensors[t], i);
}

static int average(char **paths, int n, const char *out, char **cause)
{
    struct checkpoint_file first, c;
    size_t numbers = 0;
    if (checkpoint_read(&first, paths[0], cause) != 0)
        return -1;
    for (size_t t = 0; t < first.n; t++)
        numbers += first.tensors[t].type == NUMBER_OTHER ? 0 : checkpoint_count(&first.tensors[t]);
    int rc = numbers ? 0 : cause_set(cause, "%s: no floating-point numbers (F64, F32, F16, BF16; little-endian) to average", first.path);
    double *sum = mem_zero(numbers + 1, sizeof *sum), *at = sum;
    add(&first, sum);
    for (int i = 1; i < n && rc == 0; i++) {
        rc = checkpoint_read(&c, paths[i], cause);
        if (rc != 0)
            break;
        rc = fits(&first, &c, cause);
        if (rc == 0)
            add(&c, sum);
        checkpoint_release(&c);
    }
    for (size_t t = 0; t < first.n && rc == 0; t++)
        for (size_t i = 0, m = first.tensors[t].type == NUMBER_OTHER ? 0 : checkpoint_count(&first.tensors[t]); i < m; i++)
            checkpoint_put(&first, &first.tensors[t], i, *at++ / n);
    if (rc == 0)
        rc = checkpoint_write(&first, out, cause);
    if (rc == 0)
        printf("%s: the mean of %d checkpoints, %zu tensors, %zu numbers\n", out, n, first.n, numbers);
    free(sum);
    checkpoint_release(&first);
    return rc;
}

int cmd_average(int argc, char **argv)
{
    const char *out = NULL;
    bool force = false, open = true;
    char **paths = mem_zero((size_t)argc + 1, sizeof *paths), *cause = NULL;
    int n = 0, rc = 0;
    for (int i = 1; i < argc && rc == 0; i++) {
        if (open && strcmp(argv[i], "--") == 0)
            open = false;
        else if (open && strcmp(argv[i], "-f") == 0)
            force = true;
        else if (open && strcmp(argv[i], "-o") == 0)
            out = i + 1 < argc ? argv[++i] : "";
        else if (open && argv[i][0] == '-') {
            cause_set(&cause, "unknown option %s; usage: hypertop average CKPT... -o OUT [-f]", argv[i]);
            rc = 2;
        } else
            paths[n++] = argv[i];
    }
    if (rc == 0 && (n == 0 || !out || !*out)) {
        cause_set(&cause, "%s; usage: hypertop average CKPT... -o OUT [-f]", n ? "-o OUT is missing" : "which checkpoints?");
        rc = 2;
    }
    if (rc == 0 && !force && access(out, F_OK) == 0) {
        cause_set(&cause, "%s exists; -f replaces it", out);
        rc = 1;
    }
    if (rc == 0 && average(paths, n, out, &cause) != 0)
        rc = 1;
    if (rc != 0)
        fail(rc, cause ? cause : "failed");
    free(cause);
    free(paths);
    return rc;
}
