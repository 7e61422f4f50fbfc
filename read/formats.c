/* formats: see formats.h. */
#include "read/formats.h"

#include <string.h>

/* clang-format off */
#define READ_FORMATS(F)                                                                                      \
    F(read_wandb) F(read_optuna_journal) F(read_optuna_db) F(read_mlflow_db) F(read_mlflow_store)            \
    F(read_ray_result) F(read_ray_progress) F(read_ray_state) F(read_smac) F(read_deepcave) F(read_bohb)     \
    F(read_trials_table) F(read_tfevents) F(read_hf) F(read_lightning) F(read_dvclive) F(read_csv) F(read_jsonl)
/* clang-format on */

#define FORMAT_DECLARE(f) extern const struct read_format f;
READ_FORMATS(FORMAT_DECLARE)
#undef FORMAT_DECLARE

const struct read_format *const read_formats[] = {
#define FORMAT_ROW(f) &f,
    READ_FORMATS(FORMAT_ROW)
#undef FORMAT_ROW
        NULL,
};

const struct read_format *read_format_named(const char *name)
{
    for (const struct read_format *const *f = read_formats; *f; f++)
        if (strcmp((*f)->name, name) == 0)
            return *f;
    return NULL;
}
