/* checkpoint_file: weights in the two open formats, NumPy's .npy (version 1 to 3) and safetensors: read whole, written as they were
 * with other numbers in them. Every length is checked against the file's; nothing in it is run. */
#ifndef HUB_CHECKPOINT_FILE_H
#define HUB_CHECKPOINT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum number_type { NUMBER_F64, NUMBER_F32, NUMBER_F16, NUMBER_BF16, NUMBER_OTHER };

struct checkpoint_tensor {
    char *name;  /* "" in .npy */
    char *what;  /* type and shape as the file says them, for comparing and for messages: "F32 [2,3]" */
    enum number_type type;
    size_t at, bytes; /* in the file */
};

struct checkpoint_file {
    char *path;
    char *data;
    size_t size;
    struct checkpoint_tensor *tensors; /* by name */
    size_t n;
};

int checkpoint_read(struct checkpoint_file *c, const char *path, char **cause);
int checkpoint_write(const struct checkpoint_file *c, const char *path, char **cause); /* whole or not at all */
void checkpoint_release(struct checkpoint_file *c);
/* Numbers of a tensor; not for NUMBER_OTHER. */
size_t checkpoint_count(const struct checkpoint_tensor *t);
double checkpoint_get(const struct checkpoint_file *c, const struct checkpoint_tensor *t, size_t i);
void checkpoint_put(struct checkpoint_file *c, const struct checkpoint_tensor *t, size_t i, double v);

#endif
