/*
 * Any address as one that the mail feed wants asked: our token goes only to the server that the
 * tenant's settings name, as the library that sends the request understands the address. The first
 * byte picks the settings.
 */
#include "fuzz.h"

#include <curl/curl.h>
#include <string.h>

#include "ingest/mail_wire.h"

static const char *const bases[] = {"https://manage.office.com", "http://127.0.0.1:8080",
                                    "https://manage.office365.us:443"};

/* Scheme, host and port by the library; false: it would not ask there at all. */
static bool
split(const char *url, char *out[3])
{
    CURLU *u = curl_url();
    if (u == NULL)
        return false;
    bool good = curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
                curl_url_get(u, CURLUPART_SCHEME, &out[0], 0) == CURLUE_OK &&
                curl_url_get(u, CURLUPART_HOST, &out[1], 0) == CURLUE_OK &&
                curl_url_get(u, CURLUPART_PORT, &out[2], CURLU_DEFAULT_PORT) == CURLUE_OK;
    curl_url_cleanup(u);
    return good;
}

static void
same_place(const char *url, const char *base)
{
    char *x[3] = {NULL}, *y[3] = {NULL};
    if (split(url, x) && split(base, y))
        for (size_t i = 0; i < 3; i++)
            if (!slice_eq_nocase(slice_of(x[i]), slice_of(y[i])))
                abort();
    for (size_t i = 0; i < 3; i++) {
        curl_free(x[i]);
        curl_free(y[i]);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(1 << 20);
    if (a == NULL || size < 1) {
        arena_free(a);
        return 0;
    }
    const char *base = bases[data[0] % (sizeof bases / sizeof *bases)];
    struct slice url = {(const char *)data + 1, size - 1};
    const char *text = slice_cstr(a, url);
    if (text != NULL && mail_at_home(url, slice_of(base))) {
        if (strlen(text) != url.n)
            abort();
        same_place(text, base);
        FUZZ_PLANT(strstr(text, "@") != NULL);
    }
    arena_free(a);
    return 0;
}
