#include "ingest/trouble.h"

#include <stdbool.h>
#include <string.h>

#include "common/slice.h"

enum { ID_LEAST = 16 }; /* a word with a digit that is so long is an id, or part of a secret */

/* "2019-12-02T10:15:04.123Z" */
static bool
is_time(struct slice word)
{
    bool date = false;
    for (size_t i = 0; i < word.n; i++) {
        if (word.p[i] == '\0' || strchr("0123456789-:.TZ", word.p[i]) == NULL)
            return false;
        date = date || word.p[i] == 'T';
    }
    return date;
}

static bool
names_somebody(struct slice word)
{
    bool digit = false, sign = slice_find(word, SLICE("://"), 0) < word.n;
    for (size_t i = 0; i < word.n; i++) {
        unsigned char c = (unsigned char)word.p[i];
        digit = digit || (c >= '0' && c <= '9');
        sign = sign || c == '@' || c == '\\' || c < ' ' || c >= 0x7f;
    }
    return sign || (digit && word.n >= ID_LEAST && !is_time(word));
}

struct err
trouble_for_log(const struct err *e)
{
    static const struct slice instead = {"...", 3};
    struct err out = *e;
    struct slice rest = slice_of(e->text);
    size_t n = 0;
    while (rest.n > 0) {
        bool last = slice_find(rest, SLICE(" "), 0) == rest.n;
        struct slice word = slice_split(&rest, ' ');
        size_t marks = word.n; /* "address: what is wrong" */
        while (marks > 0 && strchr(":,;.)", word.p[marks - 1]) != NULL)
            marks--;
        struct slice core = slice_sub(word, 0, marks);
        struct slice said = names_somebody(core) && core.n >= instead.n ? instead : core;
        memcpy(out.text + n, said.p, said.n);
        n += said.n;
        memcpy(out.text + n, word.p + marks, word.n - marks);
        n += word.n - marks;
        if (!last)
            out.text[n++] = ' ';
    }
    out.text[n] = '\0';
    return out;
}
