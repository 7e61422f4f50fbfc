/* The long part of test_tuner: its properties over four times as many random spaces. */
#include "tests/unit/tune/test_tuner.c"
