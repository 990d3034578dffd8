#include "ingest/seen.h"

#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"

enum {
    FIRST = 256, /* slots: most tenants never need more, and a worker has 1,000 of them */
    MOST = 1 << 14,
    WORD_BYTES = 7, /* of the text, as one number of the field */
    LANES = 4,      /* words at a time: four chains of multiplications run beside each other */
};

/* ---- the hash */

static const uint64_t PRIME = (UINT64_C(1) << 61) - 1;

__extension__ typedef unsigned __int128 wide;

/* a * b + c, below 2^63; a below 2^63, b below 2^58, c below 2^62 */
static inline uint64_t
step(uint64_t a, uint64_t b, uint64_t c)
{
    wide product = (wide)a * b;
    return ((uint64_t)product & PRIME) + (uint64_t)(product >> 61) + c;
}

static inline uint64_t
word_at(const char *p)
{
    uint64_t word = 0;
    memcpy(&word, p, WORD_BYTES);
    return word;
}

/* One to one, and each bit depends on all: the polynomial of ids that count up would fill a table
 * in clusters. The constants are MurmurHash3's. */
static uint64_t
mixed(uint64_t h)
{
    h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 33;
}

/* Never 0, which means something else in the table. */
static uint64_t
hash_of(const struct seen_key *k, struct slice s)
{
    uint64_t w = 0, x = 0, y = 0, z = 0; /* not an array: they have to stay in registers */
    size_t i = 0;
    for (; i + LANES * WORD_BYTES <= s.n; i += LANES * WORD_BYTES) {
        w = step(w, k->lane, word_at(s.p + i));
        x = step(x, k->lane, word_at(s.p + i + WORD_BYTES));
        y = step(y, k->lane, word_at(s.p + i + 2 * WORD_BYTES));
        z = step(z, k->lane, word_at(s.p + i + 3 * WORD_BYTES));
    }
    uint64_t h = step(w, k->point, x % PRIME);
    h = step(step(h, k->point, y % PRIME), k->point, z % PRIME);
    for (; i < s.n; i += WORD_BYTES) {
        uint64_t word = 0;
        memcpy(&word, s.p + i, s.n - i < WORD_BYTES ? s.n - i : WORD_BYTES);
        h = step(h, k->point, word);
    }
    h = mixed(step(h, k->point, s.n) % PRIME);
    return h != 0 ? h : 1;
}

void
seen_key_make(struct seen_key *out)
{
    crypto_random(out, sizeof *out);
    out->lane >>= 6;
    out->point >>= 6;
}

struct seen_pair
seen_pair_of(const struct seen_key *k, struct slice native_id, struct slice payload)
{
    return (struct seen_pair){hash_of(k, native_id), hash_of(k, payload)};
}

/* ---- the tables */

static struct seen_pair *
table_find(const struct seen_table *t, uint64_t id)
{
    if (t->size == 0)
        return NULL;
    for (size_t i = id & (t->size - 1); t->slots[i].id != 0; i = (i + 1) & (t->size - 1))
        if (t->slots[i].id == id)
            return &t->slots[i];
    return NULL;
}

static void
table_put(struct seen_table *t, struct seen_pair pair)
{
    size_t i = pair.id & (t->size - 1);
    while (t->slots[i].id != 0)
        i = (i + 1) & (t->size - 1);
    t->slots[i] = pair;
    t->n++;
}

/* False: it may not, or there is no memory. */
static bool
table_double(struct seen_table *t)
{
    struct seen_table larger = {.size = t->size == 0 ? FIRST : t->size * 2};
    if (larger.size <= MOST)
        larger.slots = calloc(larger.size, sizeof *larger.slots);
    if (larger.slots == NULL)
        return false;
    for (size_t i = 0; i < t->size; i++)
        if (t->slots[i].id != 0)
            table_put(&larger, t->slots[i]);
    free(t->slots);
    *t = larger;
    return true;
}

void
seen_put(struct seen *s, struct seen_pair pair)
{
    struct seen_pair *known = table_find(&s->young, pair.id);
    if (known != NULL) {
        known->bytes = pair.bytes;
        return;
    }
    if (s->young.n == s->young.size * 3 / 4 && !table_double(&s->young)) {
        free(s->old.slots);
        s->old = s->young;
        s->young = (struct seen_table){.size = 0};
        if (!table_double(&s->young))
            return;
    }
    table_put(&s->young, pair);
}

/* An alert that went to other bytes and came back has to be sent: only the last bytes count. */
bool
seen_again(struct seen *s, struct seen_pair pair)
{
    struct seen_pair *known = table_find(&s->young, pair.id);
    if (known == NULL) {
        known = table_find(&s->old, pair.id);
        if (known == NULL || known->bytes != pair.bytes)
            return false;
        seen_put(s, pair);
        return true;
    }
    return known->bytes == pair.bytes;
}

void
seen_doubt(struct seen *s, uint64_t id)
{
    struct seen_pair *known[] = {table_find(&s->young, id), table_find(&s->old, id)};
    for (size_t i = 0; i < 2; i++)
        if (known[i] != NULL)
            known[i]->bytes = 0;
}

void
seen_fini(struct seen *s)
{
    free(s->young.slots);
    free(s->old.slots);
    *s = (struct seen){.young = {.size = 0}};
}
