/* theme: the looks in force: what is compiled in, with the person's own colours. No terminal here. */
#include "tui/theme.h"

#include <string.h>

#define A_BOLD LOOK_BOLD
#define A_DIM  LOOK_DIM
#define A_DIM8 0 /* dim text where there are colours: the grey does it */

#define ROLE_LOOK(name, c256, c8, attr, mono) [ST_##name] = {c256, c8, attr, mono},
static const struct theme_look compiled[ST_COUNT] = {THEME_ROLES(ROLE_LOOK)};
static struct theme_look looks[ST_COUNT] = {THEME_ROLES(ROLE_LOOK)};
#undef ROLE_LOOK

static const char *const names[ST_COUNT] = {
#define ROLE_NAME(name, c256, c8, attr, mono) [ST_##name] = #name,
    THEME_ROLES(ROLE_NAME)
#undef ROLE_NAME
};
static unsigned version = 1;

const struct theme_look *theme_look(enum theme_role role)
{
    return &looks[role];
}

static char lower(char c)
{
    return c == '_' ? '-' : c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

const char *theme_role_name(enum theme_role role)
{
    static char out[32];
    size_t i = 0;
    for (; names[role][i] && i + 1 < sizeof out; i++)
        out[i] = lower(names[role][i]);
    out[i] = '\0';
    return out;
}

int theme_role_find(const char *name)
{
    for (int i = 0; i < ST_COUNT; i++)
        if (strcmp(theme_role_name((enum theme_role)i), name) == 0)
            return i;
    return -1;
}

void theme_set(enum theme_role role, struct theme_look look)
{
    looks[role] = look;
    version++;
}

void theme_reset(void)
{
    memcpy(looks, compiled, sizeof looks);
    version++;
}

unsigned theme_version(void)
{
    return version;
}
