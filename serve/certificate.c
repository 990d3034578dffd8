#include "serve/certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/crypto.h"

enum { PEM_MAX = 256 * 1024, DAYS = 825, HOST_MAX = 256 };

static struct err
failed(const char *code, const char *path)
{
    return err_make(ERR_STOP, code, "%.100s: %s", path, strerror(errno));
}

static struct err
read_file(const char *path, struct arena *a, struct slice *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return failed("certificate.read", path);
    char *text = arena_alloc(a, PEM_MAX);
    ssize_t got = 0;
    size_t n = 0;
    if (text == NULL)
        errno = ENOMEM;
    else
        while ((got = read(fd, text + n, PEM_MAX - n)) > 0)
            n += (size_t)got;
    int reason = errno;
    close(fd);
    errno = reason;
    if (text == NULL || got < 0)
        return failed("certificate.read", path);
    if (n == 0 || n == PEM_MAX)
        return err_make(ERR_STOP, "certificate.read", "%.100s: empty or over %d bytes", path,
                        PEM_MAX);
    *out = (struct slice){text, n};
    return ERR_OK;
}

/* Under another name first, so that nobody reads half a file; private from its first byte on. */
static struct err
write_file(const char *path, struct slice text)
{
    char fresh[4096];
    int n = snprintf(fresh, sizeof fresh, "%s.%ld", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof fresh)
        return err_make(ERR_STOP, "certificate.write", "run.dir is too long");
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return failed("certificate.write", fresh);
    ssize_t wrote = write(fd, text.p, text.n);
    int reason = wrote < 0 ? errno : ENOSPC;
    bool whole = wrote >= 0 && (size_t)wrote == text.n && fsync(fd) == 0;
    close(fd);
    if (whole && rename(fresh, path) == 0)
        return ERR_OK;
    errno = whole ? errno : reason;
    struct err e = failed("certificate.write", path);
    (void)unlink(fresh);
    return e;
}

static struct err
make(const struct conf *c, const char *cert, const char *key, struct arena *a,
     struct certificate *out)
{
    char host[HOST_MAX] = "localhost";
    if (gethostname(host, sizeof host - 1) != 0)
        (void)snprintf(host, sizeof host, "localhost");
    const char *names[5] = {"localhost", "127.0.0.1", "::1", NULL, NULL};
    size_t n = 3;
    if (strcmp(host, "localhost") != 0)
        names[n++] = host;
    struct err e = crypto_self_signed(names, DAYS, a, &out->cert_pem, &out->key_pem);
    if (e.kind == ERR_NONE && mkdir(conf_text(c, "run.dir"), 0755) != 0 && errno != EEXIST)
        e = failed("certificate.write", conf_text(c, "run.dir"));
    /* the key first: where there is a certificate there is its key */
    if (e.kind == ERR_NONE)
        e = write_file(key, out->key_pem);
    if (e.kind == ERR_NONE)
        e = write_file(cert, out->cert_pem);
    out->made = e.kind == ERR_NONE;
    return e;
}

struct err
certificate_load(const struct conf *c, const char *region, struct arena *a, struct certificate *out)
{
    const char *cert = conf_text(c, "api.cert_file"), *key = conf_text(c, "api.key_file");
    const char *dir = conf_text(c, "run.dir");
    *out = (struct certificate){.made = false};
    if ((cert == NULL) != (key == NULL))
        return err_make(ERR_STOP, "conf.value",
                        "api.cert_file and api.key_file: set both or none of them");
    bool own = cert == NULL;
    if (own && dir == NULL)
        return err_make(ERR_STOP, "conf.value", "run.dir is empty: no place for a certificate");
    if (own) {
        cert = slice_printf(a, "%s/api-%s-cert.pem", dir, region).p;
        key = slice_printf(a, "%s/api-%s-key.pem", dir, region).p;
    }
    out->path = slice_of(cert);
    if (cert == NULL || key == NULL)
        return err_make(ERR_STOP, "certificate.read", "out of memory");
    if (own && (access(cert, F_OK) != 0 || access(key, F_OK) != 0))
        return make(c, cert, key, a, out);
    struct err e = read_file(cert, a, &out->cert_pem);
    return e.kind ? e : read_file(key, a, &out->key_pem);
}
