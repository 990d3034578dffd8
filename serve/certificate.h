/*
 * certificate.h: the API's certificate and key: those of the configuration, or self-signed ones
 * that are made once and stay in the run directory.
 */
#ifndef WEIR_CERTIFICATE_H
#define WEIR_CERTIFICATE_H
#include "common/conf.h"
#include "common/err.h"
#include "common/slice.h"

struct certificate {
    struct slice cert_pem, key_pem;
    struct slice path; /* of the certificate, NUL-terminated */
    bool made;         /* just now */
};

/*
 * certificate_load - for a region's API.
 *
 * Owns:    everything lies in the arena.
 * Errors:  ERR_STOP "conf.value" (only one of api.cert_file and api.key_file is set),
 *          "certificate.read", "certificate.write": the text names the file; "crypto.cert".
 */
MUST_CHECK struct err certificate_load(const struct conf *c, const char *region, struct arena *a,
                                       struct certificate *out);

#endif
