/* Any text as a rule of who may send, and as an address: a rule that was taken stays as it is, and
 * an address that is a rule matches itself. Rule and address stand in a line each. */
#include "fuzz.h"

#include "ingest/sender.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice address = {(const char *)data, size};
    struct slice text = slice_split(&address, '\n');
    struct arena *a = arena_new(1 << 20);
    if (a == NULL)
        return 0;
    const char *sent = slice_cstr(a, address);
    struct slice rule = sender_rule(text, a);
    if (rule.p != NULL) {
        size_t slash = slice_find(rule, SLICE("/"), 0);
        if (!slice_eq(sender_rule(rule, a), rule))
            abort();
        if (!sender_matches(rule, slice_cstr(a, slice_sub(rule, 0, slash))))
            abort();
        bool matches = sent != NULL && sender_matches(rule, sent);
        FUZZ_PLANT(matches && slash < rule.n && slice_find(rule, SLICE(":"), 0) < rule.n);
    }
    arena_free(a);
    return 0;
}
