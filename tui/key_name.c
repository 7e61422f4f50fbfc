/* key_name: one table of the keys that are not a character. */
#include "tui/key_name.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "tui/keymap.h"

static const struct {
    int key;
    const char *name;
} names[] = {
    {KX_TAB, "Tab"},          {KX_ENTER, "Enter"},   {KX_ESC, "Esc"},       {KX_BACKSPACE, "Backspace"},
    {' ', "Space"},           {KX_UP, "Up"},         {KX_DOWN, "Down"},     {KX_LEFT, "Left"},
    {KX_RIGHT, "Right"},      {KX_SUP, "Shift-Up"},  {KX_HOME, "Home"},     {KX_END, "End"},
    {KX_SDOWN, "Shift-Down"}, {KX_PGUP, "PgUp"},     {KX_PGDN, "PgDn"},     {KX_SLEFT, "Shift-Left"},
    {KX_INS, "Ins"},          {KX_DEL, "Del"},       {KX_SRIGHT, "Shift-Right"},
    {KX_BACKTAB, "Shift-Tab"}, {KX_F1, "F1"},        {KX_F2, "F2"},         {KX_F3, "F3"},
    {KX_F4, "F4"},            {KX_F5, "F5"},         {KX_F6, "F6"},         {KX_F7, "F7"},
    {KX_F8, "F8"},            {KX_F9, "F9"},         {KX_F10, "F10"},
};
#define N_NAMES (sizeof names / sizeof *names)

const char *key_name(int key, char out[KEY_NAME])
{
    for (size_t i = 0; i < N_NAMES; i++)
        if (names[i].key == key) {
            snprintf(out, KEY_NAME, "%s", names[i].name);
            return out;
        }
    if (key > 0 && key < 0x20) {
        snprintf(out, KEY_NAME, "Ctrl-%c", key + '@');
        return out;
    }
    char b[5] = "";
    if (key > 0x20 && key < KX_FIRST)
        b[utf8_encode(b, (uint32_t)key)] = '\0';
    snprintf(out, KEY_NAME, "%s", b);
    return out;
}

static int control(char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    return c >= '@' && c <= '_' ? KEY_CTRL(c) : KEY_NONE_;
}

int key_parse(const char *name)
{
    char shifted[KEY_NAME + 8];
    size_t n = strlen(name);
    if (strncasecmp(name, "S-", 2) == 0 && n > 3) {
        snprintf(shifted, sizeof shifted, "Shift-%.12s", name + 2);
        name = shifted;
        n = strlen(name);
    }
    for (size_t i = 0; i < N_NAMES; i++)
        if (strcasecmp(names[i].name, name) == 0)
            return names[i].key;
    if (n == 6 && strncasecmp(name, "Ctrl-", 5) == 0)
        return control(name[5]);
    if (n == 3 && strncasecmp(name, "C-", 2) == 0)
        return control(name[2]);
    if (n == 2 && name[0] == '^')
        return control(name[1]);
    uint32_t cp;
    size_t used = utf8_decode(name, n, &cp);
    return used && used == n && cp > 0x20 && cp != 0x7f && !(cp >= 0x80 && cp < 0xa0) ? (int)cp : KEY_NONE_;
}
