/* steplaw: where the best learning rate and batch size of language-model pre-training lie before anything was tried (H. Li et
 * al., "Predictable Scale: Part I, Step Law", 2025). */
#ifndef TUNE_STEPLAW_H
#define TUNE_STEPLAW_H

/* params: non-embedding parameters N; tokens: D. */
double steplaw_rate(double params, double tokens);
double steplaw_batch(double params, double tokens); /* in tokens */

#endif
