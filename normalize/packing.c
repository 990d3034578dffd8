#include "normalize/packing.h"

#include <string.h>

enum { VARINT_MAX = 5 };

void
packing_put(struct packing_out *o, uint32_t v)
{
    do {
        uint8_t byte = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
        if (o->p != NULL)
            o->p[o->n] = byte;
        o->n++;
        v >>= 7;
    } while (v > 0);
}

void
packing_put_text(struct packing_out *o, struct slice s)
{
    packing_put(o, (uint32_t)s.n);
    if (o->p != NULL && s.n > 0)
        memcpy(o->p + o->n, s.p, s.n);
    o->n += s.n;
}

uint32_t
packing_get(struct packing_in *in, uint32_t most)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < VARINT_MAX; i++) {
        if (in->bad || in->n == 0)
            break;
        uint8_t byte = *in->p++;
        in->n--;
        v |= (uint64_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) != 0)
            continue;
        if (v <= most && (byte != 0 || i == 0)) /* one spelling of each number */
            return (uint32_t)v;
        break;
    }
    in->bad = true;
    return 0;
}

struct slice
packing_get_text(struct packing_in *in, uint32_t most)
{
    uint32_t n = packing_get(in, most);
    if (in->bad || n > in->n) {
        in->bad = true;
        return SLICE("");
    }
    struct slice s = {(const char *)in->p, n};
    in->p += n;
    in->n -= n;
    return s;
}
