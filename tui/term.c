#include "tui/term.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#undef columns
#undef lines

#include "base/cause.h"
#include "base/mem.h"
#include "tui/keymap.h"

/* Mouse buttons, drag, focus, SGR reports, bracketed paste: on and off. ncurses does not know them, so it
 * does not undo them. */
#define MODES_ON  "\033[?1000h\033[?1002h\033[?1006h\033[?1004h\033[?2004h"
#define MODES_OFF "\033[?2004l\033[?1004l\033[?1006l\033[?1002l\033[?1000l"
/* What a terminal needs that nobody put right: modes off, cursor shown, colours off, main screen. */
#define RESET_ALL MODES_OFF "\033[?25h\033[m\033(B\017\033[?1l\033>\033[?1049l"

static struct {
    SCREEN *screen;
    struct termios saved;
    bool open, ascii, modes, color, saved_valid;
    int colors;
    unsigned theme; /* what the pairs were painted from */
    int signal_fd;
    sigset_t old_mask;
    struct canvas shown; /* what ncurses was last told */
    bool shown_valid;
} t = {.signal_fd = -1};

static char fatal_bytes[256];
static size_t fatal_len;

/* ---- the way out ---- */

static void put_raw(const char *s)
{
    size_t n = strlen(s);
    while (n) {
        ssize_t k = write(STDOUT_FILENO, s, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return;
        s += k;
        n -= (size_t)k;
    }
}

/* Fixed bytes and tcsetattr: both are safe in a handler. Then the signal does what it would have done. */
static void fatal(int sig)
{
    ssize_t k = write(STDOUT_FILENO, fatal_bytes, fatal_len);
    (void)k;
    if (t.saved_valid)
        tcsetattr(STDIN_FILENO, TCSANOW, &t.saved);
    signal(sig, SIG_DFL);
    raise(sig);
}

static void at_exit(void)
{
    term_close();
}

static void catch_fatal(void)
{
    static const int list[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    struct sigaction a = {.sa_handler = fatal, .sa_flags = SA_RESETHAND};
    sigemptyset(&a.sa_mask);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        sigaction(list[i], &a, NULL);
}

static void catch_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    static const int list[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGWINCH, SIGCONT};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        sigaddset(&set, list[i]);
    sigprocmask(SIG_BLOCK, &set, &t.old_mask);
    t.signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    signal(SIGPIPE, SIG_IGN);
}

/* ---- the way in ---- */

/* A TERM that is worth asking terminfo about: letters, digits and + - . _ only. */
static const char *sane_term(void)
{
    const char *s = getenv("TERM");
    if (!s || !*s || strlen(s) > 60)
        return NULL;
    for (const char *p = s; *p; p++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-._", *p))
            return NULL;
    return s;
}

static SCREEN *try_term(const char *name)
{
    int status = 0;
    if (!name || setupterm(name, STDOUT_FILENO, &status) != OK || status != 1)
        return NULL;
    del_curterm(cur_term);
    return newterm(name, stdout, stdin);
}

/* TERM, its prefix families (tmux-256color, tmux), then what nearly every terminal understands. */
static SCREEN *open_screen(void)
{
    char name[64] = "";
    const char *term = sane_term();
    SCREEN *s = try_term(term);
    if (term)
        snprintf(name, sizeof name, "%s", term);
    while (!s && name[0]) {
        char *dash = strrchr(name, '-');
        if (!dash)
            break;
        *dash = '\0';
        s = try_term(name);
    }
    static const char *const last[] = {"xterm-256color", "xterm", "vt100"};
    for (size_t i = 0; !s && i < sizeof last / sizeof *last; i++)
        s = try_term(last[i]);
    return s;
}

/* UTF-8 when the locale says so; also when the environment asks for it in a locale that is not installed. */
static bool utf8_locale(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    if (setlocale(LC_ALL, "") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0) {
        setlocale(LC_NUMERIC, "C");
        return true;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *v = getenv(names[i]);
        if (!v || !*v)
            continue;
        if (strcasestr(v, "utf-8") || strcasestr(v, "utf8"))
            return setlocale(LC_ALL, "C.UTF-8") != NULL;
        break;
    }
    return false;
}

static int wanted_colors(const struct term_options *o)
{
    const char *no = getenv("NO_COLOR"), *c = o->color ? o->color : "auto";
    if (strcmp(c, "never") == 0 || (strcmp(c, "auto") == 0 && no && *no))
        return 0;
    if (!has_colors())
        return 0;
    if (strcmp(c, "16") == 0)
        return 8;
    int n = tigetnum("colors"); /* COLORS is 0 until start_color() */
    if (strcmp(c, "256") == 0 && n >= 256)
        return 256;
    return n > 65536 ? n : n >= 256 ? 256 : 8;
}

/* Where colours are RGB values the 256 are named by theirs. */
static int color_of(short c256)
{
    static const uint8_t cube[6] = {0, 95, 135, 175, 215, 255};
    if (COLORS <= 65536 || c256 < 16)
        return c256;
    if (c256 >= 232)
        return 0x010101 * (8 + 10 * (c256 - 232));
    int k = c256 - 16;
    return cube[k / 36] << 16 | cube[k / 6 % 6] << 8 | cube[k % 6];
}

/* ---- colours of heat maps ---- */

/* Viridis: lightness rises from level to level, also for eyes with a kind of colour blindness. In 256 colours the eight that
 * keep that promise; more would not. */
static const short heat_256[8] = {17, 53, 24, 30, 36, 78, 155, 227};
static const uint8_t heat_rgb[10][3] = {{68, 1, 84},    {72, 40, 120},  {62, 74, 137},  {49, 104, 142}, {38, 130, 142},
                                        {31, 158, 137}, {53, 183, 121}, {110, 206, 88}, {181, 222, 43}, {253, 231, 37}};

#define HEAT_PAIRS 64 /* the first pair of heat maps, behind those of the roles */

int term_heat(void)
{
    return t.colors > 256 ? 24 : t.colors == 256 ? 8 : 0;
}

static int heat_color(int level)
{
    int n = term_heat();
    if (n == 8)
        return color_of(heat_256[level]);
    double at = 9.0 * level / (n - 1);
    int k = at >= 9 ? 8 : (int)at, rgb = 0;
    for (int i = 0; i < 3; i++)
        rgb = rgb << 8 | (int)(heat_rgb[k][i] + (heat_rgb[k + 1][i] - heat_rgb[k][i]) * (at - k) + .5);
    return rgb;
}

static int heat_pair(int glyph, int behind)
{
    int n = term_heat();
    return HEAT_PAIRS + (glyph == HEAT_INK ? n : glyph < n ? glyph : n - 1) * n + (behind < n ? behind : n - 1);
}

static void paint_heat(void)
{
    int n = term_heat(), black = color_of(16), white = color_of(231);
    for (int b = 0; b < n; b++) {
        for (int f = 0; f < n; f++)
            init_extended_pair(heat_pair(f, b), heat_color(f), heat_color(b));
        init_extended_pair(heat_pair(HEAT_INK, b), 3 * b < n ? white : black, heat_color(b));
    }
}

static void paint_pairs(void)
{
    t.theme = theme_version();
    for (int i = 0; t.color && i < ST_COUNT; i++) {
        const struct theme_look *l = theme_look((enum theme_role)i);
        init_extended_pair(i + 1, t.colors >= 256 ? color_of(l->c256) : l->c8, -1);
    }
    if (t.color)
        paint_heat();
}

/* One pair a role, fixed for life: pairs are never allocated while drawing (alloc_pair crashes without
 * colours, and reuses pairs that are on the screen when it runs out). */
static void init_colors(const struct term_options *o)
{
    static SCREEN *started;
    t.colors = wanted_colors(o);
    t.color = t.colors > 0;
    if (t.color && started != t.screen) {
        start_color();
        use_default_colors();
        started = t.screen;
    }
    paint_pairs();
}

void term_colors(const char *color)
{
    struct term_options o = {.color = color};
    init_colors(&o);
    t.shown_valid = false;
}

void term_ring(void)
{
    beep();
}

/* Terminals known to show OSC 9 or OSC 777; others swallow an OSC, but not all of them. */
bool term_notifies(void)
{
    static const char *const names[] = {"iTerm.app", "WezTerm", "ghostty", "kitty", "rio"};
    const char *program = getenv("TERM_PROGRAM"), *term = getenv("TERM");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if ((program && strcasecmp(program, names[i]) == 0) || (term && strcasestr(term, names[i])))
            return true;
    return (term && (strncmp(term, "foot", 4) == 0 || strncmp(term, "rxvt", 4) == 0)) || getenv("KITTY_WINDOW_ID") ||
           getenv("WEZTERM_PANE");
}

/* Both forms, each by whoever knows it; text is printable characters without a semicolon by then. */
void term_notify(const char *title, const char *text)
{
    char safe[400], out[1000];
    size_t n = 0;
    for (const char *p = text; *p && n + 1 < sizeof safe; p++)
        safe[n++] = (unsigned char)*p < 0x20 || *p == 0x7f || *p == ';' ? ' ' : *p;
    safe[n] = '\0';
    if (!t.modes)
        return;
    snprintf(out, sizeof out, "\033]9;%s: %s\033\\\033]777;notify;%s;%s\033\\", title, safe, title, safe);
    put_raw(out);
}

static void name_fatal_bytes(void)
{
    const char *out = tigetstr("rmcup"), *keypad_off = tigetstr("rmkx");
    if (!out || out == (char *)-1)
        out = "";
    if (!keypad_off || keypad_off == (char *)-1)
        keypad_off = "";
    snprintf(fatal_bytes, sizeof fatal_bytes, "%s\033[?25h\033[m%.60s%.30s", t.modes ? MODES_OFF : "", out,
             keypad_off);
    fatal_len = strlen(fatal_bytes);
}

/* Terminals that would print our private modes as text do not get them. */
static bool understands_modes(void)
{
    const char *cup = tigetstr("cup"), *rmcup = tigetstr("rmcup"), *name = termname();
    if (!cup || cup == (char *)-1 || strncmp(cup, "\033[", 2) != 0)
        return false;
    return (rmcup && rmcup != (char *)-1) || strncmp(name, "screen", 6) == 0 || strncmp(name, "tmux", 4) == 0;
}

static bool can_place(void)
{
    const char *cup = tigetstr("cup");
    return cup && cup != (char *)-1;
}

int term_open(const struct term_options *o, char **cause)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return cause_set(cause,
                         "the console needs a terminal; use --plain, or hypertop ls --json in scripts");
    t.saved_valid = tcgetattr(STDIN_FILENO, &t.saved) == 0;
    t.ascii = !utf8_locale() || o->ascii;
    t.screen = open_screen();
    if (t.screen && !can_place()) {
        endwin();
        delscreen(t.screen);
        t.screen = NULL;
        return cause_set(cause, "TERM=%s cannot place the cursor, so there are no screens; use --plain",
                         getenv("TERM"));
    }
    if (!t.screen)
        return cause_set(cause,
                         "no terminfo entry for TERM=%s nor for xterm; install ncurses-base or use --plain",
                         getenv("TERM") ? getenv("TERM") : "");
    t.open = true;
    catch_signals();
    catch_fatal();
    init_colors(o);
    cbreak();
    noecho();
    nonl();
    intrflush(stdscr, FALSE);
    keypad(stdscr, TRUE); /* keypad application mode: its keys are in the input machine's table */
    leaveok(stdscr, FALSE);
    scrollok(stdscr, FALSE);
    idlok(stdscr, FALSE);
    typeahead(-1);
    t.modes = understands_modes();
    name_fatal_bytes();
    if (t.modes)
        put_raw(MODES_ON);
    static bool registered;
    if (!registered)
        atexit(at_exit);
    registered = true;
    canvas_init(&t.shown, t.ascii);
    t.shown_valid = false;
    return 0;
}

void term_close(void)
{
    if (!t.open)
        return;
    t.open = false;
    if (t.modes)
        put_raw(MODES_OFF);
    curs_set(1);
    endwin();
    delscreen(t.screen);
    t.screen = NULL;
    if (t.saved_valid)
        tcsetattr(STDIN_FILENO, TCSANOW, &t.saved);
    close(t.signal_fd);
    t.signal_fd = -1;
    sigprocmask(SIG_SETMASK, &t.old_mask, NULL);
    canvas_release(&t.shown);
}

bool term_ascii(void)
{
    return t.ascii;
}

void term_size(int *cols, int *rows)
{
    struct winsize w;
    *cols = COLS;
    *rows = LINES;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 && w.ws_row > 0) {
        *cols = w.ws_col;
        *rows = w.ws_row;
    }
    if (*cols > 1000)
        *cols = 1000;
    if (*rows > 500)
        *rows = 500;
    if (*cols != COLS || *rows != LINES) {
        resizeterm(*rows, *cols);
        t.shown_valid = false;
    }
}

int term_fd(void)
{
    return STDIN_FILENO;
}

int term_signal_fd(void)
{
    return t.signal_fd;
}

/* The keys that this TERM names otherwise than most do. */
static void name_keys(struct input *in)
{
    static const struct {
        const char *cap;
        int key;
    } caps[] = {{"kcuu1", KX_UP},    {"kcud1", KX_DOWN}, {"kcub1", KX_LEFT},   {"kcuf1", KX_RIGHT},
                {"khome", KX_HOME},  {"kend", KX_END},   {"kpp", KX_PGUP},     {"knp", KX_PGDN},
                {"kdch1", KX_DEL},   {"kich1", KX_INS},  {"kcbt", KX_BACKTAB}, {"kLFT", KX_SLEFT},
                {"kRIT", KX_SRIGHT}, {"kri", KX_SUP},    {"kind", KX_SDOWN},   {"kf1", KX_F1}};
    for (size_t i = 0; i < sizeof caps / sizeof *caps; i++) {
        const char *s = tigetstr(caps[i].cap);
        if (s && s != (char *)-1)
            input_name(in, s, caps[i].key);
    }
}

int term_read(struct input *in, int64_t mono)
{
    char bytes[4096];
    if (in->n_names == 0)
        name_keys(in);
    ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        return TERM_GONE;
    if (n > 0)
        input_feed(in, bytes, (size_t)n, mono);
    return TERM_NOTHING;
}

int term_signals(void)
{
    struct signalfd_siginfo s;
    int what = TERM_NOTHING;
    while (read(t.signal_fd, &s, sizeof s) == sizeof s) {
        if (s.ssi_signo == SIGWINCH)
            what |= TERM_RESIZED;
        else if (s.ssi_signo == SIGTSTP)
            what |= TERM_SUSPEND;
        else if (s.ssi_signo == SIGCONT)
            what |= TERM_RESIZED;
        else
            what |= TERM_QUIT;
    }
    return what;
}

bool term_busy(void)
{
    int waiting = 0;
    return ioctl(STDOUT_FILENO, TIOCOUTQ, &waiting) == 0 && waiting > 0;
}

/* ---- drawing ---- */

static attr_t flags_of(uint8_t look)
{
    return (look & LOOK_BOLD ? A_BOLD : 0) | (look & LOOK_DIM ? A_DIM : 0) |
           (look & LOOK_UNDERLINE ? A_UNDERLINE : 0) | (look & LOOK_REVERSE ? A_REVERSE : 0);
}

static attr_t look_of(style st, short *pair)
{
    int role = !(st & ST_HEAT) && STYLE_ROLE(st) < ST_COUNT ? (int)STYLE_ROLE(st) : ST_PLAIN;
    const struct theme_look *look = theme_look((enum theme_role)role);
    attr_t a = flags_of(t.color ? look->color : look->mono);
    *pair = t.color ? (short)(role + 1) : 0;
    if ((st & ST_HEAT) && term_heat())
        *pair = (short)heat_pair(HEAT_GLYPH(st), HEAT_BEHIND(st));
    if (st & ST_REVERSE)
        a |= A_REVERSE;
    if (st & ST_BOLD)
        a |= A_BOLD;
    if (st & ST_UNDERLINE)
        a |= A_UNDERLINE;
    if (st & ST_FADED)
        a = (a & ~A_BOLD) | A_DIM;
    return a;
}

static void put_cell(int x, int y, const struct cell *e)
{
    cchar_t cc;
    short pair;
    attr_t a = look_of(e->st, &pair);
    wchar_t text[3] = {(wchar_t)e->cp, (wchar_t)e->mark, 0};
    if (setcchar(&cc, text, a, pair, NULL) != OK)
        return;
    if (mvadd_wch(y, x, &cc) ==
        ERR) { /* the last cell of the last line: written, but the cursor could not move on */
    }
}

static bool same(const struct cell *a, const struct cell *b)
{
    return a->cp == b->cp && a->mark == b->mark && a->st == b->st && a->width == b->width;
}

static void remember(const struct canvas *c)
{
    canvas_resize(&t.shown, c->cols, c->rows);
    memcpy(t.shown.cells, c->cells, (size_t)c->cols * (size_t)c->rows * sizeof *c->cells);
    t.shown_valid = true;
}

void term_show(const struct canvas *c)
{
    if (t.theme != theme_version()) {
        paint_pairs();
        t.shown_valid = false;
    }
    bool all = !t.shown_valid || t.shown.cols != c->cols || t.shown.rows != c->rows;
    if (all)
        erase();
    for (int y = 0; y < c->rows; y++)
        for (int x = 0; x < c->cols; x++) {
            const struct cell *e = canvas_at(c, x, y);
            if (e->width && (all || !same(e, canvas_at(&t.shown, x, y))))
                put_cell(x, y, e);
        }
    remember(c);
    if (c->cursor_x >= 0 && c->cursor_x < c->cols && c->cursor_y >= 0 && c->cursor_y < c->rows) {
        curs_set(1);
        move(c->cursor_y, c->cursor_x);
    } else {
        curs_set(0);
    }
    refresh();
}

void term_redraw(void)
{
    clearok(stdscr, TRUE);
    t.shown_valid = false;
}

void term_suspend(void)
{
    sigset_t stop, now;
    if (t.modes)
        put_raw(MODES_OFF);
    curs_set(1);
    endwin();
    if (t.saved_valid)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &t.saved);
    signal(SIGTSTP, SIG_DFL);
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    raise(SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &stop,
                &now); /* stops here; an orphaned process group is not stopped and goes on */
    sigprocmask(SIG_SETMASK, &now, NULL);
    reset_prog_mode();
    if (t.modes)
        put_raw(MODES_ON);
    term_redraw();
}

void term_reset_tty(void)
{
    struct termios s;
    put_raw(RESET_ALL);
    if (tcgetattr(STDIN_FILENO, &s) != 0)
        return;
    s.c_iflag |= ICRNL | IXON;
    s.c_oflag |= OPOST | ONLCR;
    s.c_lflag |= ICANON | ECHO | ECHOE | ECHOK | ISIG | IEXTEN;
    tcsetattr(STDIN_FILENO, TCSANOW, &s);
}
