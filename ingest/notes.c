#include "ingest/notes.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

enum { NUMBERS = 2 * sizeof(int64_t) };

void
notes_free(struct notes *n)
{
    free(n->packed);
    *n = (struct notes){.n = 0};
}

bool
notes_eq(const struct notes *a, const struct notes *b)
{
    return a->bytes == b->bytes && (a->bytes == 0 || memcmp(a->packed, b->packed, a->bytes) == 0);
}

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "ingest.memory", "no memory for what a source remembers");
}

struct err
notes_list(const struct notes *n, struct arena *a, struct source_notes *out)
{
    struct source_note *list = arena_alloc(a, n->n * sizeof *list);
    if (list == NULL)
        return no_memory();
    const char *p = n->packed;
    for (size_t i = 0; i < n->n; i++) {
        size_t length = (unsigned char)*p++;
        list[i].key = (struct slice){p, length};
        memcpy(&list[i].value, p + length, sizeof list[i].value);
        memcpy(&list[i].until, p + length + sizeof list[i].value, sizeof list[i].until);
        p += length + NUMBERS;
    }
    *out = (struct source_notes){list, n->n};
    return ERR_OK;
}

static bool
is_key(struct slice key)
{
    for (size_t i = 0; i < key.n; i++)
        if (key.p[i] < ' ' || key.p[i] > '~')
            return false;
    return key.n > 0 && key.n <= SOURCE_NOTE_KEY_MAX;
}

/* A note on its way; place: what was said later is greater. */
struct item {
    struct source_note note;
    size_t place;
};

static int
by_key(const void *x, const void *y)
{
    const struct item *l = x, *r = y;
    int c = slice_cmp(l->note.key, r->note.key);
    return c != 0 ? c : (l->place > r->place) - (l->place < r->place);
}

/* Those that end last come first; equal ones by key, so that the same notes always stay. */
static int
by_end(const void *x, const void *y)
{
    const struct item *l = x, *r = y;
    if (l->note.until != r->note.until)
        return l->note.until > r->note.until ? -1 : 1;
    return slice_cmp(l->note.key, r->note.key);
}

/* Of sorted items the last one of each key, if its time is not over; how many are left. */
static size_t
keep_last(struct item *items, size_t n, int64_t now)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        bool last = i + 1 == n || !slice_eq(items[i].note.key, items[i + 1].note.key);
        if (last && items[i].note.until != CLOCK_NONE && items[i].note.until > now)
            items[kept++] = items[i];
    }
    return kept;
}

static struct err
pack(const struct item *items, size_t n, struct notes *out)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += 1 + items[i].note.key.n + NUMBERS;
    *out = (struct notes){.bytes = bytes, .n = n};
    if (n == 0)
        return ERR_OK;
    char *p = out->packed = malloc(bytes);
    if (p == NULL) {
        *out = (struct notes){.n = 0};
        return no_memory();
    }
    for (size_t i = 0; i < n; i++) {
        const struct source_note *note = &items[i].note;
        *p++ = (char)(unsigned char)note->key.n;
        memcpy(p, note->key.p, note->key.n);
        memcpy(p + note->key.n, &note->value, sizeof note->value);
        memcpy(p + note->key.n + sizeof note->value, &note->until, sizeof note->until);
        p += note->key.n + NUMBERS;
    }
    return ERR_OK;
}

struct err
notes_merge(const struct source_notes *known, const struct source_note *said, size_t n_said,
            int64_t now, struct arena *a, struct notes *out)
{
    *out = (struct notes){.n = 0};
    size_t n = known->n + n_said;
    if (n == 0)
        return ERR_OK;
    struct item *items = arena_alloc(a, n * sizeof *items);
    if (items == NULL)
        return no_memory();
    for (size_t i = 0; i < n; i++) {
        const struct source_note *note = i < known->n ? &known->list[i] : &said[i - known->n];
        if (!is_key(note->key))
            return err_make(ERR_REJECT, "ingest.note", "a note without a key that can be kept");
        items[i] = (struct item){*note, i};
    }
    qsort(items, n, sizeof *items, by_key);
    n = keep_last(items, n, now);
    if (n > SOURCE_NOTES_MAX) {
        qsort(items, n, sizeof *items, by_end);
        n = SOURCE_NOTES_MAX;
        qsort(items, n, sizeof *items, by_key);
    }
    return pack(items, n, out);
}
