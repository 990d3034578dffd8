/* Our headers are C; what C calls _Bool is bool here. */
#define _Bool bool
#include "common/json_reader.h"

#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <simdjson.h>

namespace dom = simdjson::dom;

/* Values and iterators travel through C as plain words. */
static_assert(sizeof(dom::element) == sizeof(json::w), "a struct json holds one element");
static_assert(std::is_trivially_copyable<dom::element>::value, "elements are copied as bytes");
static_assert(sizeof(dom::array::iterator) == 16 && sizeof(dom::object::iterator) == 16,
              "a struct json_iter holds two iterators and their kind");
static_assert(std::is_trivially_copyable<dom::array::iterator>::value &&
                  std::is_trivially_copyable<dom::object::iterator>::value,
              "iterators are copied as bytes");

enum { ITER_AT = 0, ITER_END = 2, ITER_KIND = 4 };
enum : uint64_t { ITER_NOTHING = 0, ITER_ARRAY = 1, ITER_OBJECT = 2 };

template <class T>
static T
load(const uint64_t *words)
{
    alignas(T) unsigned char bytes[sizeof(T)];
    std::memcpy(bytes, words, sizeof bytes);
    return *std::launder(reinterpret_cast<T *>(bytes));
}

template <class T>
static void
keep(uint64_t *words, const T &value)
{
    std::memcpy(words, static_cast<const void *>(&value), sizeof value);
}

static bool
absent(struct json v)
{
    return v.w[0] == 0;
}

static struct json
wrap(const dom::element &e)
{
    struct json v = {};
    keep(v.w, e);
    return v;
}

static enum json_reader_result
result_of(simdjson::error_code code)
{
    switch (code) {
    case simdjson::DEPTH_ERROR:
        return JSON_READER_DEPTH;
    case simdjson::MEMALLOC:
        return JSON_READER_MEMORY;
    default:
        return JSON_READER_SYNTAX;
    }
}

/* ---- the bytes of items: the places of all brackets, commas, colons and first characters of
 * values, as the parser's first stage found them and its second stage accepted them. */

struct places {
    const uint32_t *at;
    size_t next;
    const char *text;
};

/* Over one value. */
static void
places_skip(struct places &p)
{
    size_t depth = 0;
    do {
        char c = p.text[p.at[p.next++]];
        if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
    } while (depth > 0);
}

/* To the array's bracket. The first of a duplicate key, as json_reader_get. */
static bool
places_find(struct places &p, const dom::element &root, std::string_view name)
{
    dom::object object;
    if (root.get_object().get(object))
        return false;
    p.next = 1; /* behind the bracket */
    for (auto member : object) {
        p.next += 2; /* key, colon */
        if (member.key == name)
            return member.value.is_array();
        places_skip(p);
        p.next++; /* comma */
    }
    return false;
}

static bool
tell_items(const dom::parser &parser, const dom::element &root, const char *text,
           const struct json_reader_want &want)
{
    struct places p = {parser.implementation->structural_indexes.get(), 0, text};
    bool found = want.name == nullptr
                     ? root.is_array()
                     : places_find(p, root, std::string_view(want.name, want.name_n));
    if (!found)
        return true;
    struct json as_json = wrap(root);
    if (want.name != nullptr)
        as_json = json_reader_get(as_json, want.name, want.name_n);
    size_t n = json_reader_count(as_json);
    if (!want.items(want.ctx, as_json, n))
        return false;
    p.next++; /* behind the bracket */
    for (size_t i = 0; i < n; i++) {
        size_t from = p.at[p.next];
        places_skip(p);
        size_t end = p.at[p.next]; /* the comma or bracket behind it */
        while (end > from && std::strchr(" \t\r\n", text[end - 1]) != nullptr)
            end--;
        want.item(want.ctx, text + from, end - from);
        p.next++;
    }
    return true;
}

/* ---- parsing */

/* Bytes of strings that a document uses: they lie in the tape's order, so the last one ends them. */
static size_t
strings_used(const dom::document &doc, size_t words)
{
    static const uint64_t mask = simdjson::internal::JSON_VALUE_MASK;
    size_t end = 0;
    for (size_t i = 1; i < words; i++) {
        char type = static_cast<char>(doc.tape[i] >> 56);
        if (type == '"')
            end = static_cast<size_t>(doc.tape[i] & mask) + 1;
        else if (type == 'l' || type == 'u' || type == 'd')
            i++; /* its value is the next word */
    }
    if (end == 0)
        return 0;
    uint32_t length; /* the bytes and a NUL come behind it */
    std::memcpy(&length, doc.string_buf.get() + end - 1, sizeof length);
    return end - 1 + sizeof length + length + 1;
}

/* A document is given room for the worst of its length, ten times what most need; and a batch keeps
 * thousands of them to its end. */
static void
shrink(dom::document &doc)
{
    size_t words = static_cast<size_t>(doc.tape[0] & simdjson::internal::JSON_VALUE_MASK);
    size_t bytes = strings_used(doc, words);
    std::unique_ptr<uint64_t[]> tape(new (std::nothrow) uint64_t[words]);
    std::unique_ptr<uint8_t[]> strings(new (std::nothrow) uint8_t[bytes]);
    if (!tape || !strings)
        return; /* it stays as large as it is */
    std::memcpy(tape.get(), doc.tape.get(), words * sizeof(uint64_t));
    std::memcpy(strings.get(), doc.string_buf.get(), bytes);
    doc.tape = std::move(tape);
    doc.string_buf = std::move(strings);
}

/* The parser's own tables and the padded copy are given back at once; a dom::document is all that
 * the elements point into. want: may be null. */
static enum json_reader_result
parse_into(dom::document &doc, const char *text, size_t n, size_t depth_max,
           const struct json_reader_want *want, struct json *root, const char **why)
{
    dom::parser parser;
    simdjson::padded_string padded(text, n);
    *why = "out of memory";
    if (n > 0 && padded.data() == nullptr)
        return JSON_READER_MEMORY;
    size_t capacity = n > dom::MINIMAL_DOCUMENT_CAPACITY ? n : dom::MINIMAL_DOCUMENT_CAPACITY;
    simdjson::error_code code = parser.allocate(capacity, depth_max);
    dom::element e;
    if (!code)
        code = parser.parse_into_document(doc, padded).get(e);
    if (code) {
        *why = simdjson::error_message(code);
        return result_of(code);
    }
    if (want == nullptr)
        shrink(doc);
    *root = wrap(e);
    *why = "out of memory";
    return want == nullptr || tell_items(parser, e, text, *want) ? JSON_READER_OK
                                                                 : JSON_READER_MEMORY;
}

enum json_reader_result
json_reader_parse(const char *text, size_t n, size_t depth_max, void **document, struct json *root,
                  const char **why)
{
    return json_reader_parse_items(text, n, depth_max, nullptr, document, root, why);
}

enum json_reader_result
json_reader_parse_items(const char *text, size_t n, size_t depth_max,
                        const struct json_reader_want *want, void **document, struct json *root,
                        const char **why)
{
    dom::document *doc = nullptr;
    enum json_reader_result result = JSON_READER_MEMORY;
    *why = "out of memory";
    try {
        doc = new (std::nothrow) dom::document;
        if (doc != nullptr)
            result = parse_into(*doc, text, n, depth_max, want, root, why);
    } catch (...) {
        result = JSON_READER_MEMORY; /* bad_alloc is all that can be thrown */
    }
    if (result != JSON_READER_OK) {
        delete doc;
        doc = nullptr;
    }
    *document = doc;
    return result;
}

/* ---- one parser, document after document */

namespace
{
struct kept {
    dom::parser parser;
    std::string padded;
};
} // namespace

void *
json_reader_keep(void)
{
    try {
        return new kept;
    } catch (...) {
        return nullptr;
    }
}

void
json_reader_drop(void *parser)
{
    delete static_cast<kept *>(parser);
}

enum json_reader_result
json_reader_again(void *parser, const char *text, size_t n, size_t depth_max, struct json *root,
                  const char **why)
{
    auto *k = static_cast<kept *>(parser);
    *why = "out of memory";
    try {
        static const size_t least = 16 * 1024;
        size_t capacity = n > least ? n : least;
        simdjson::error_code code = simdjson::SUCCESS;
        if (k->padded.size() < n + simdjson::SIMDJSON_PADDING)
            k->padded.resize(capacity + simdjson::SIMDJSON_PADDING);
        std::memcpy(&k->padded[0], text, n);
        std::memset(&k->padded[n], ' ', simdjson::SIMDJSON_PADDING);
        if (k->parser.capacity() < n || k->parser.max_depth() != depth_max)
            code = k->parser.allocate(capacity, depth_max);
        dom::element e;
        if (!code)
            code = k->parser.parse(k->padded.data(), n, false).get(e);
        if (code) {
            *why = simdjson::error_message(code);
            return result_of(code);
        }
        *root = wrap(e);
        return JSON_READER_OK;
    } catch (...) {
        return JSON_READER_MEMORY; /* bad_alloc is all that can be thrown */
    }
}

void
json_reader_free(void *document)
{
    delete static_cast<dom::document *>(document);
}

bool
json_reader_minify(struct json v, void (*take)(void *ctx, const char *p, size_t n), void *ctx)
{
    try {
        std::string text = simdjson::minify(load<dom::element>(v.w));
        take(ctx, text.data(), text.size());
        return true;
    } catch (...) {
        return false;
    }
}

enum json_type
json_reader_type(struct json v)
{
    if (absent(v))
        return JSON_ABSENT;
    switch (load<dom::element>(v.w).type()) {
    case dom::element_type::ARRAY:
        return JSON_ARRAY;
    case dom::element_type::OBJECT:
        return JSON_OBJECT;
    case dom::element_type::INT64:
        return JSON_INT;
    case dom::element_type::UINT64: /* beyond int64: as little use to us as a fraction */
    case dom::element_type::DOUBLE:
        return JSON_REAL;
    case dom::element_type::STRING:
        return JSON_TEXT;
    case dom::element_type::BOOL:
        return JSON_BOOL;
    case dom::element_type::NULL_VALUE:
        return JSON_NULL;
    }
    return JSON_ABSENT;
}

bool
json_reader_int(struct json v, int64_t *out)
{
    return json_reader_type(v) == JSON_INT && !load<dom::element>(v.w).get_int64().get(*out);
}

bool
json_reader_real(struct json v, double *out)
{
    return json_reader_type(v) == JSON_REAL && !load<dom::element>(v.w).get_double().get(*out);
}

bool
json_reader_bool(struct json v, bool *out)
{
    return json_reader_type(v) == JSON_BOOL && !load<dom::element>(v.w).get_bool().get(*out);
}

/* Members are searched in order, so the first of a duplicate key wins. */
struct json
json_reader_get(struct json object, const char *name, size_t n)
{
    struct json none = {};
    if (json_reader_type(object) != JSON_OBJECT)
        return none;
    dom::object o = load<dom::element>(object.w).get_object().value_unsafe();
    dom::element found;
    if (o.at_key(std::string_view(name, n)).get(found))
        return none;
    return wrap(found);
}

/* The library counts up to 2^24-1 only; beyond that every item is met. */
size_t
json_reader_count(struct json v)
{
    static const size_t saturated = 0xffffff;
    enum json_type type = json_reader_type(v);
    size_t n = 0;
    if (type == JSON_ARRAY)
        n = load<dom::element>(v.w).get_array().value_unsafe().size();
    else if (type == JSON_OBJECT)
        n = load<dom::element>(v.w).get_object().value_unsafe().size();
    if (n < saturated)
        return n;
    n = 0;
    struct slice name;
    struct json value;
    for (struct json_iter it = json_reader_items(v); json_reader_next(&it, &name, &value);)
        n++;
    return n;
}

bool
json_reader_text(struct json v, struct slice *out)
{
    if (json_reader_type(v) != JSON_TEXT)
        return false;
    std::string_view s = load<dom::element>(v.w).get_string().value_unsafe();
    *out = slice{s.data(), s.size()};
    return true;
}

struct json_iter
json_reader_items(struct json v)
{
    struct json_iter it = {};
    enum json_type type = json_reader_type(v);
    if (type == JSON_ARRAY) {
        dom::array a = load<dom::element>(v.w).get_array().value_unsafe();
        keep(it.w + ITER_AT, a.begin());
        keep(it.w + ITER_END, a.end());
        it.w[ITER_KIND] = ITER_ARRAY;
    } else if (type == JSON_OBJECT) {
        dom::object o = load<dom::element>(v.w).get_object().value_unsafe();
        keep(it.w + ITER_AT, o.begin());
        keep(it.w + ITER_END, o.end());
        it.w[ITER_KIND] = ITER_OBJECT;
    }
    return it;
}

static bool
next_item(struct json_iter *it, struct json *value)
{
    auto at = load<dom::array::iterator>(it->w + ITER_AT);
    if (!(at != load<dom::array::iterator>(it->w + ITER_END)))
        return false;
    *value = wrap(*at);
    ++at;
    keep(it->w + ITER_AT, at);
    return true;
}

static bool
next_member(struct json_iter *it, struct slice *name, struct json *value)
{
    auto at = load<dom::object::iterator>(it->w + ITER_AT);
    if (!(at != load<dom::object::iterator>(it->w + ITER_END)))
        return false;
    std::string_view key = at.key();
    *name = slice{key.data(), key.size()};
    *value = wrap(at.value());
    ++at;
    keep(it->w + ITER_AT, at);
    return true;
}

bool
json_reader_next(struct json_iter *it, struct slice *name, struct json *value)
{
    *name = slice{nullptr, 0};
    switch (it->w[ITER_KIND]) {
    case ITER_ARRAY:
        return next_item(it, value);
    case ITER_OBJECT:
        return next_member(it, name, value);
    default:
        return false;
    }
}

/* Members come in one order mostly: the search goes on behind the name that was found last. */
void
json_reader_pick(struct json object, const struct slice *names, size_t n, struct json *out)
{
    std::memset(out, 0, n * sizeof *out);
    if (json_reader_type(object) != JSON_OBJECT)
        return;
    size_t at = 0;
    dom::object members = load<dom::element>(object.w).get_object().value_unsafe();
    for (auto member : members) {
        for (size_t tries = 0; tries < n; tries++) {
            size_t i = at + tries < n ? at + tries : at + tries - n;
            if (member.key != std::string_view(names[i].p, names[i].n))
                continue;
            if (absent(out[i]))
                out[i] = wrap(member.value);
            at = i + 1 < n ? i + 1 : 0;
            break;
        }
    }
}

size_t
json_reader_list(struct json array, struct json *out, size_t most)
{
    if (json_reader_type(array) != JSON_ARRAY)
        return 0;
    size_t n = 0;
    dom::array items = load<dom::element>(array.w).get_array().value_unsafe();
    for (dom::element e : items) {
        if (n < most)
            out[n] = wrap(e);
        n++;
    }
    return n;
}
