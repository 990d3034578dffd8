#include "ingest/sender.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

enum { V4_BYTES = 4, V6_BYTES = 16, MAPPED_BITS = 96, TEXT_BYTES = INET6_ADDRSTRLEN };

struct network {
    int family;
    uint8_t bytes[V6_BYTES];
    size_t n;    /* of bytes */
    size_t bits; /* the length of the network */
};

static bool
read_address(struct slice text, struct network *out)
{
    static const uint8_t mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    char plain[TEXT_BYTES];
    if (text.n == 0 || text.n >= sizeof plain || memchr(text.p, '\0', text.n) != NULL)
        return false;
    memcpy(plain, text.p, text.n);
    plain[text.n] = '\0';
    out->family = strchr(plain, ':') != NULL ? AF_INET6 : AF_INET;
    if (inet_pton(out->family, plain, out->bytes) != 1)
        return false;
    out->n = out->family == AF_INET6 ? V6_BYTES : V4_BYTES;
    if (out->family == AF_INET6 && memcmp(out->bytes, mapped, sizeof mapped) == 0) {
        memmove(out->bytes, out->bytes + sizeof mapped, V4_BYTES);
        out->family = AF_INET;
        out->n = V4_BYTES;
    }
    out->bits = out->n * 8;
    return true;
}

static bool
read_rule(struct slice text, struct network *out)
{
    struct slice length = text, address = slice_split(&length, '/');
    int64_t bits = 0;
    if (!read_address(address, out))
        return false;
    if (address.n == text.n)
        return true;
    bool was_mapped = out->family == AF_INET && memchr(address.p, ':', address.n) != NULL;
    if (length.n == 0 || length.n > 3 || length.p[0] < '0' || !slice_int(length, &bits))
        return false;
    bits -= was_mapped ? MAPPED_BITS : 0;
    if (bits < 0 || bits > (int64_t)out->bits)
        return false;
    out->bits = (size_t)bits;
    return true;
}

static bool
same(const struct network *network, const struct network *address)
{
    size_t whole = network->bits / 8, rest = network->bits % 8;
    if (network->family != address->family || memcmp(network->bytes, address->bytes, whole) != 0)
        return false;
    unsigned mask = 0xff00U >> rest & 0xff;
    return rest == 0 || ((network->bytes[whole] ^ address->bytes[whole]) & mask) == 0;
}

struct slice
sender_rule(struct slice text, struct arena *a)
{
    struct network net;
    char plain[TEXT_BYTES];
    if (!read_rule(text, &net))
        return SLICE_NONE;
    for (size_t bit = net.bits; bit < net.n * 8; bit++)
        net.bytes[bit / 8] &= (uint8_t) ~(0x80U >> bit % 8);
    if (inet_ntop(net.family, net.bytes, plain, sizeof plain) == NULL)
        return SLICE_NONE;
    return net.bits == net.n * 8 ? slice_dup(a, slice_of(plain))
                                 : slice_printf(a, "%s/%zu", plain, net.bits);
}

bool
sender_matches(struct slice rule, const char *address)
{
    struct network net, from;
    return read_rule(rule, &net) && read_address(slice_of(address), &from) && same(&net, &from);
}
