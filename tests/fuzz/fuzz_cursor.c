/* Any text as a stored cursor with its notes: what is taken is sorted, bounded, and the same when
 * it is written and read again. */
#include "fuzz.h"

#include "ingest/state.h"

static bool
same(const struct cursor *x, const struct source_notes *nx, const struct cursor *y,
     const struct source_notes *ny)
{
    if (x->since != y->since || x->closed != y->closed || x->until != y->until ||
        x->started != y->started || nx->n != ny->n)
        return false;
    for (size_t i = 0; i < nx->n; i++)
        if (!slice_eq(nx->list[i].key, ny->list[i].key) || nx->list[i].value != ny->list[i].value ||
            nx->list[i].until != ny->list[i].until)
            return false;
    return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    struct arena *a = arena_new((size_t)2 << 20);
    struct cursor at, back;
    struct source_notes notes, again;
    if (a == NULL)
        return 0;
    struct err e = state_cursor_read(text, a, &at, &notes);
    if (e.kind == ERR_STOP)
        abort();
    if (e.kind == ERR_NONE) {
        if (notes.n > SOURCE_NOTES_MAX)
            abort();
        for (size_t i = 0; i < notes.n; i++) {
            struct slice key = notes.list[i].key;
            if (key.n == 0 || key.n > SOURCE_NOTE_KEY_MAX ||
                (i > 0 && slice_cmp(notes.list[i - 1].key, key) >= 0))
                abort();
        }
        struct slice written = state_cursor_text(&at, &notes, a);
        e = written.p != NULL ? state_cursor_read(written, a, &back, &again) : ERR_OK;
        if (e.kind || (written.p != NULL && !same(&at, &notes, &back, &again)))
            abort();
        FUZZ_PLANT(notes.n > 0 && notes.list[0].value > 9); /* the seeds have one digit */
    }
    arena_free(a);
    return 0;
}
