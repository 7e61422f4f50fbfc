/* theme: what a cell means. Panels name roles; only term.c knows colours, so a screen reads the same in monochrome. */
#ifndef TUI_THEME_H
#define TUI_THEME_H

#include <stdint.h>

/* ROLE(enumerator, 256-colour fg, 8-colour fg, attributes when there is colour, attributes without): -1 is the default
 * colour. Chosen to keep 4.5:1 contrast on black and on white, and never red against green alone. */
#define THEME_ROLES(ROLE)                                                                                              \
    ROLE(PLAIN, -1, -1, 0, 0)                                                                                          \
    ROLE(DIM, 243, -1, A_DIM8, A_DIM)                                                                                  \
    ROLE(STRONG, -1, -1, A_BOLD, A_BOLD)                                                                               \
    ROLE(TITLE, -1, -1, A_BOLD, A_BOLD)                                                                                \
    ROLE(BORDER, 243, -1, A_DIM8, 0)                                                                                   \
    ROLE(KEY, 32, 6, A_BOLD, A_BOLD)                                                                                   \
    ROLE(LIVE, 35, 2, A_BOLD, A_BOLD)                                                                                  \
    ROLE(WARN, 172, 3, A_BOLD, A_BOLD)                                                                                 \
    ROLE(ERROR, 167, 1, A_BOLD, A_BOLD)                                                                                \
    ROLE(RUN, 68, 4, A_BOLD, 0)                                                                                        \
    ROLE(DONE, -1, -1, 0, 0)                                                                                           \
    ROLE(PAUSED, 136, 3, 0, 0)                                                                                         \
    ROLE(FAILED, 167, 1, 0, 0)                                                                                         \
    ROLE(LOST, 133, 5, 0, 0)                                                                                           \
    ROLE(WAIT, 243, -1, A_DIM8, A_DIM)                                                                                 \
    ROLE(PRUNED, 243, -1, A_DIM8, 0)                                                                                   \
    ROLE(MARK, 172, 3, A_BOLD, A_BOLD)                                                                                 \
    ROLE(SPARK, 68, 6, 0, 0)                                                                                           \
    ROLE(BEST, 35, 2, A_BOLD, A_BOLD)                                                                                  \
    ROLE(CURVE_A, 68, 4, A_BOLD, A_BOLD)                                                                               \
    ROLE(CURVE_B, 172, 3, 0, 0)                                                                                        \
    ROLE(CURVE_C, 35, 2, 0, 0)                                                                                         \
    ROLE(CURVE_D, 133, 5, 0, 0)                                                                                        \
    ROLE(CURVE_E, 37, 6, 0, 0)                                                                                         \
    ROLE(CURVE_F, 167, 1, 0, 0)                                                                                        \
    ROLE(CURVE_G, 101, -1, 0, 0)                                                                                       \
    ROLE(CURVE_H, 243, -1, A_DIM8, 0)

enum theme_role {
#define ROLE_ENUM(name, c256, c8, attr, mono) ST_##name,
    THEME_ROLES(ROLE_ENUM)
#undef ROLE_ENUM
        ST_COUNT
};

/* How a role looks; term.c alone turns it into what the terminal understands. */
#define LOOK_BOLD      1
#define LOOK_DIM       2
#define LOOK_UNDERLINE 4
#define LOOK_REVERSE   8
struct theme_look {
    short c256, c8; /* foreground, -1 the terminal's own */
    uint8_t color;  /* LOOK_ flags where there are colours */
    uint8_t mono;   /* where there are none */
};
const struct theme_look *theme_look(enum theme_role role);
const char *theme_role_name(enum theme_role role); /* "curve-a": what hypertop.conf calls it */
int theme_role_find(const char *name);             /* -1 when unknown */
void theme_set(enum theme_role role, struct theme_look look);
void theme_reset(void);       /* as compiled in */
unsigned theme_version(void); /* grows with every change */

/* A style is a role, with flags or-ed on. */
#define ST_REVERSE   0x100
#define ST_BOLD      0x200
#define ST_UNDERLINE 0x400
#define ST_FADED     0x800 /* stale, not allowed: dim whatever the role says */
typedef uint32_t style;
#define STYLE_ROLE(s) ((s)&0xff)

/* Cells of a heat map have no role but two levels, 0 the darkest: of the glyph and of what is behind it. The glyph may be
 * ink instead: black or white, whichever is read on that level. How many levels there are says canvas.heat. */
#define ST_HEAT  0x10000u
#define HEAT_INK 31
static inline style heat_style(int glyph, int behind)
{
    return ST_HEAT | (style)glyph << 17 | (style)behind << 22;
}
#define HEAT_GLYPH(s)  ((int)((s) >> 17 & 31))
#define HEAT_BEHIND(s) ((int)((s) >> 22 & 31))

#endif
