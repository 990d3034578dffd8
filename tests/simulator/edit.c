#include "tests/simulator/edit.h"

static const struct edit *
edit_find(const struct edit *edits, size_t n, struct slice name)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(name, slice_of(edits[i].name)))
            return &edits[i];
    return NULL;
}

struct slice
edit_object(struct json object, const struct edit *edits, size_t n, struct arena *a)
{
    struct json_out *o = json_out_object(a);
    struct slice name;
    struct json value;
    for (struct json_iter it = json_items(object); json_next(&it, &name, &value);) {
        const struct edit *found = edit_find(edits, n, name);
        const char *key = slice_cstr(a, name);
        if (key == NULL || (found != NULL && found->value.p == NULL))
            continue;
        json_out_set_raw(o, key, found != NULL ? found->value : json_minify(value, a));
    }
    for (size_t i = 0; i < n; i++)
        if (edits[i].value.p != NULL && json_type(json_get(object, edits[i].name)) == JSON_ABSENT)
            json_out_set_raw(o, edits[i].name, edits[i].value);
    return json_out_print(o, a);
}

struct slice
edit_text(struct slice text, struct arena *a)
{
    struct json_out *list = json_out_array(a);
    json_out_add_text(list, text);
    struct slice out = json_out_print(list, a);
    return out.n > 2 ? slice_sub(out, 1, out.n - 2) : SLICE_NONE;
}
