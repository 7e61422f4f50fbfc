/* The long part of test_console: every sequence of three keys on every screen. */
#include "tests/unit/tui/test_console.c"
