/*
 * source_port.c: looks at a source that sends to us: identity's sensors, the SIEM agent.
 *
 * Nothing is sent and no connection is made to the listener, which would count it. The port is
 * bound for an instant when nobody has it; a worker that starts right then tries again by itself.
 * Ref: sources.md 5.1.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/tls.h"
#include "serve/source_report.h"
#include "serve/source_words.h"

enum { PEM_MAX = 256 * 1024, SOON_S = 30 * 86400 };

/* ---- port */

static socklen_t
address_of(const char *text, int port, struct sockaddr_storage *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        return sizeof *v4;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
        return 0;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons((uint16_t)port);
    return sizeof *v6;
}

/* 0, or why the port cannot be had. */
static int
try_port(const struct sockaddr_storage *at, socklen_t size, int type)
{
    int on = 1, bad = 0, fd = socket(at->ss_family, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    if (type == SOCK_STREAM) /* as the listener does: old connections are no hindrance */
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)at, size) != 0)
        bad = errno;
    close(fd);
    return bad;
}

static void
say_free(struct source_look *l, const char *address, int port)
{
    if (source_fresh(l->worker, clock_now(), conf_int(l->conf, "ingest.poll_s")))
        report_say(l->report, REPORT_OK, "port", NULL,
                   "a listener has port %d, on another host than this one", port);
    else if (l->on)
        report_say(l->report, REPORT_PROBLEM, "port",
                   slice_printf(l->arena, "weir run ingest --source %s --region R%s",
                                l->source->name, l->source->listens ? "" : " --listen")
                       .p,
                   "nobody listens at %s port %d of this host", address, port);
    else
        report_say(l->report, REPORT_OK, "port", NULL, "%s port %d is free on this host", address,
                   port);
}

static void
look_port(struct source_look *l)
{
    const char *address = conf_text(l->conf, "ingest.listen_address");
    int port = (int)l->of->port;
    struct sockaddr_storage at;
    socklen_t size = address_of(address, port, &at);
    int bad = size > 0 ? try_port(&at, size, SOCK_STREAM) : EADDRNOTAVAIL;
    if (bad == 0 && !l->of->tls)
        bad = try_port(&at, size, SOCK_DGRAM);
    if (bad == 0)
        say_free(l, address, port);
    else if (bad == EADDRINUSE && l->on)
        report_say(l->report, REPORT_OK, "port", NULL, "somebody listens at port %d of this host",
                   port);
    else if (bad == EADDRINUSE)
        report_say(l->report, REPORT_PROBLEM, "port",
                   "choose a port that no other tenant and no other program has",
                   "port %d of this host is in use", port);
    else
        report_say(l->report, REPORT_PROBLEM, "port",
                   bad == EACCES ? "ports below 1024 need CAP_NET_BIND_SERVICE, or choose a higher "
                                   "one in the settings"
                                 : "ingest.listen_address must be an address of this host",
                   "%s port %d: %s", address, port, strerror(bad));
}

/* ---- certificates */

static void
say_valid(struct source_look *l, const char *what, const char *renew, struct slice pem)
{
    int64_t from_s, until_s, now_s = clock_now() / CLOCK_SECOND;
    struct err e = tls_valid(pem, &from_s, &until_s);
    if (e.kind) {
        report_say(l->report, REPORT_PROBLEM, what, renew, "%s", e.text);
        return;
    }
    const struct clock_text from = clock_format(from_s * CLOCK_SECOND),
                            until = clock_format(until_s * CLOCK_SECOND);
    if (from_s > now_s || until_s <= now_s)
        report_say(l->report, REPORT_PROBLEM, what, renew, "valid only from %.10s to %.10s", from.s,
                   until.s);
    else if (until_s - now_s < SOON_S)
        report_say(l->report, REPORT_WARN, what, renew, "ends soon, on %.10s", until.s);
    else
        report_say(l->report, REPORT_OK, what, NULL, "valid until %.10s", until.s);
}

static struct slice
read_pem(const char *path, struct arena *a)
{
    FILE *f = fopen(path, "rb");
    char *text = f != NULL ? arena_alloc(a, PEM_MAX) : NULL;
    size_t n = text != NULL ? fread(text, 1, PEM_MAX, f) : 0;
    if (f != NULL)
        (void)fclose(f);
    return n > 0 && n < PEM_MAX ? (struct slice){text, n} : SLICE_NONE;
}

static void
look_tls(struct source_look *l)
{
    static const char renew[] = "renew ingest.listen_tls_cert_file, then restart the listener";
    const char *cert = conf_text(l->conf, "ingest.listen_tls_cert_file");
    const char *key = conf_text(l->conf, "ingest.listen_tls_key_file");
    struct tls_server *server = NULL;
    if (!l->of->tls) {
        report_say(l->report, REPORT_OK, "transport", NULL,
                   "UDP and TCP without TLS; \"tls\": true would protect the lines");
        return;
    }
    if (cert == NULL || key == NULL) {
        report_say(l->report, REPORT_PROBLEM, "certificate",
                   "set ingest.listen_tls_cert_file and ingest.listen_tls_key_file for the "
                   "listener",
                   "the settings want TLS, and there is no certificate for it");
        return;
    }
    struct err e = tls_server_new(cert, key, l->of->client_ca, &server);
    tls_server_free(server);
    if (e.kind)
        report_say(l->report, REPORT_PROBLEM, "certificate",
                   "the listener's user must be able to read both files, and they must belong "
                   "together",
                   "%s", e.text);
    else
        say_valid(l, "certificate", renew, read_pem(cert, l->arena));
    if (l->of->client_ca.n > 0)
        say_valid(l, "client CA", "put the new CA's PEM into client_ca of the settings",
                  l->of->client_ca);
    else
        report_say(l->report, REPORT_OK, "client CA", NULL,
                   "none: a sensor shows no certificate; see senders");
}

/* ---- who, and when last */

static void
look_senders(struct source_look *l)
{
    struct slice all = SLICE("");
    for (size_t i = 0; i < l->of->n_senders; i++)
        all = slice_printf(l->arena, "%.*s%s%.*s", SLICE_ARG(all), i > 0 ? ", " : "",
                           SLICE_ARG(l->of->senders[i]));
    if (all.n > 0)
        report_say(l->report, REPORT_OK, "senders", NULL, "%.*s", SLICE_ARG(all));
    else if (l->of->client_ca.n > 0)
        report_say(l->report, REPORT_OK, "senders", NULL,
                   "any address, with a certificate of the client CA");
    else
        report_say(l->report, REPORT_WARN, "senders",
                   "name the sensors' addresses in senders of the settings",
                   "anybody who reaches the port may send");
}

static void
look_lines(struct source_look *l)
{
    const struct source_probe *p = l->source->probe;
    const char *how = l->source->listens && p != NULL ? p->address : NULL;
    char ago[SOURCE_WORD];
    if (!l->on)
        return;
    if (l->worker == NULL || l->worker->succeeded == CLOCK_NONE)
        report_say(l->report, REPORT_WARN, "lines", how, "none was taken yet");
    else
        report_say(
            l->report, REPORT_OK, "lines", NULL, "the last one was taken %s ago, %lld in all",
            source_span(clock_now() - l->worker->succeeded, ago), (long long)l->worker->alerts);
}

void
source_port(struct source_look *l)
{
    look_port(l);
    look_tls(l);
    look_senders(l);
    look_lines(l);
}
