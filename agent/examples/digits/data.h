/* data: the handwritten digits, compiled into the program so that it runs from any directory. */
#ifndef DIGITS_DATA_H
#define DIGITS_DATA_H

#define DIGITS_PIXELS  64
#define DIGITS_CLASSES 10

struct digits {
    int n;
    double (*x)[DIGITS_PIXELS]; /* scaled to 0..1 */
    int *label;
};

/* Fills train (two thirds), valid and test (a sixth each) from a fixed shuffle: which image is where never depends on
 * the run's seed. 0, or -1 when memory is short or the embedded table is damaged. */
int digits_load(struct digits *train, struct digits *valid, struct digits *test);
void digits_release(struct digits *d);

#endif
