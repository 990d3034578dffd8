/* db_statement.c: text and book of prepared statements. Ref: libraries.md 2.6. */
#include "store/db.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "store/db_internal.h"

void *
db_must(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

/* ---- text */

static bool
in_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '"' || c == '$';
}

/* after_schema - does the text before `at` end in the word "schema" and blanks? */
static bool
after_schema(const char *sql, size_t at)
{
    size_t end = at;
    while (end > 0 && (sql[end - 1] == ' ' || sql[end - 1] == '\n'))
        end--;
    return end < at && end >= 6 && memcmp(sql + end - 6, "schema", 6) == 0 &&
           (end == 6 || !in_word(sql[end - 7]));
}

char *
db_text_of(const char *sql, const struct oid *tenant, bool script)
{
    enum { WORD = 6 }; /* "tenant" */
    size_t n = strlen(sql), places = 0;
    for (const char *p = sql; (p = strstr(p, "tenant")) != NULL; p += WORD)
        places++;
    char *out = db_must(malloc(n + places * (OID_TEXT + 2) + 1));
    if (tenant == NULL)
        return memcpy(out, sql, n + 1);
    struct oid_text name = oid_format(tenant);
    size_t to = 0;
    for (size_t i = 0; i < n;) {
        bool begins = strncmp(sql + i, "tenant", WORD) == 0 && (i == 0 || !in_word(sql[i - 1]));
        bool prefix = begins && sql[i + WORD] == '.';
        bool schema = begins && script && !in_word(sql[i + WORD]) && after_schema(sql, i);
        if (!prefix && !schema) {
            out[to++] = sql[i++];
            continue;
        }
        memcpy(out + to, "t_", 2);
        memcpy(out + to + 2, name.s, OID_TEXT);
        to += 2 + OID_TEXT;
        i += WORD;
    }
    out[to] = '\0';
    return out;
}

/* ---- book */

static const struct oid no_tenant;

void
db_book_init(struct db_book *b, size_t capacity)
{
    *b = (struct db_book){.capacity = capacity, .n_buckets = 64};
    while (b->n_buckets < capacity)
        b->n_buckets *= 2;
    b->buckets = db_must(calloc(b->n_buckets, sizeof *b->buckets));
}

void
db_book_clear(struct db_book *b)
{
    while (b->oldest != NULL)
        db_book_forget(b, b->oldest, false);
    b->n_drops = 0;
}

void
db_book_fini(struct db_book *b)
{
    db_book_clear(b);
    free(b->buckets);
    free(b->drops);
}

static struct db_prepared **
bucket_of(struct db_book *b, const char *sql, const struct oid *tenant)
{
    uint64_t low, h = (uint64_t)(uintptr_t)sql * UINT64_C(0x9e3779b97f4a7c15);
    memcpy(&low, tenant->b, sizeof low); /* the oid is random already */
    h = (h ^ low) * UINT64_C(0x9e3779b97f4a7c15);
    return &b->buckets[(h >> 32) & (b->n_buckets - 1)];
}

static void
unlink_use(struct db_book *b, struct db_prepared *p)
{
    *(p->older != NULL ? &p->older->newer : &b->oldest) = p->newer;
    *(p->newer != NULL ? &p->newer->older : &b->newest) = p->older;
}

static void
link_newest(struct db_book *b, struct db_prepared *p)
{
    p->older = b->newest;
    p->newer = NULL;
    *(b->newest != NULL ? &b->newest->newer : &b->oldest) = p;
    b->newest = p;
}

static struct db_prepared *
peek(struct db_book *b, const char *sql, const struct oid *tenant)
{
    struct db_prepared *p = *bucket_of(b, sql, tenant);
    while (p != NULL && (p->sql != sql || !oid_eq(&p->tenant, tenant)))
        p = p->next;
    return p;
}

struct db_prepared *
db_book_find(struct db_book *b, const char *sql, const struct oid *tenant)
{
    struct db_prepared *p = peek(b, sql, tenant != NULL ? tenant : &no_tenant);
    if (p != NULL) {
        unlink_use(b, p);
        link_newest(b, p);
    }
    return p;
}

struct db_prepared *
db_book_number(struct db_book *b, const char *sql, const struct oid *tenant, uint64_t number)
{
    struct db_prepared *p = peek(b, sql, tenant);
    return p != NULL && p->number == number ? p : NULL;
}

void
db_book_drop(struct db_book *b, uint64_t number)
{
    if (b->n_drops == b->drops_capacity) {
        b->drops_capacity = b->drops_capacity * 2 + 16;
        b->drops = db_must(realloc(b->drops, b->drops_capacity * sizeof *b->drops));
    }
    b->drops[b->n_drops++] = number;
}

void
db_book_forget(struct db_book *b, struct db_prepared *p, bool on_server)
{
    struct db_prepared **at = bucket_of(b, p->sql, &p->tenant);
    while (*at != p) {
        assert(*at != NULL);
        at = &(*at)->next;
    }
    *at = p->next;
    unlink_use(b, p);
    b->count--;
    if (on_server)
        db_book_drop(b, p->number);
    free(p);
}

static bool
make_room(struct db_book *b)
{
    if (b->count < b->capacity)
        return true;
    for (struct db_prepared *p = b->oldest; p != NULL; p = p->newer)
        if (p->state == PREPARED_READY) {
            db_book_forget(b, p, true);
            return true;
        }
    return false;
}

struct db_prepared *
db_book_add(struct db_book *b, const char *sql, const struct oid *tenant, uint64_t batch)
{
    if (!make_room(b))
        return NULL;
    struct db_prepared *p = db_must(calloc(1, sizeof *p));
    p->sql = sql;
    p->tenant = tenant != NULL ? *tenant : no_tenant;
    p->number = ++b->last_number;
    p->state = PREPARED_SENT;
    p->batch = batch;
    struct db_prepared **at = bucket_of(b, sql, &p->tenant);
    p->next = *at;
    *at = p;
    link_newest(b, p);
    b->count++;
    return p;
}

void
db_book_forget_tenant(struct db_book *b, const struct oid *tenant)
{
    for (struct db_prepared *p = b->oldest, *newer; p != NULL; p = newer) {
        newer = p->newer;
        if (!oid_eq(&p->tenant, tenant))
            continue;
        if (p->state == PREPARED_SENT)
            p->doomed = true; /* its answer is under way */
        else
            db_book_forget(b, p, true);
    }
}
