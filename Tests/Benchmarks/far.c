/* A long line: a TCP proxy that holds back what a client sends by a fixed time, and lets no connection have more than a
   fixed rate of what comes back. One request after another on a kept-alive connection pays the delay each time, as a
   round trip does; so does each flight of a TLS handshake.

   far LISTEN_PORT UPSTREAM_PORT DELAY_MS BYTES_PER_SECOND */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 128 << 10, HELD = 64 << 10, MAX_FD = 8192 };

struct line {
    int client, server;
    double due, allowance, last; /* seconds */
    int held, sent, client_ended, server_ended;
    int pending, pending_sent;
    char *hold, *piece;
};

static struct line *lines[MAX_FD]; /* by client descriptor */
static double delay, rate;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static struct sockaddr_in at(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void end(struct line *line) {
    lines[line->client] = NULL;
    close(line->client);
    close(line->server);
    free(line->hold);
    free(line->piece);
    free(line);
}

/* Moves what may be moved now; returns the seconds until more may, or -1 when the line is over. */
static double turn(struct line *line, double time) {
    double next = 1;
    if (!line->client_ended && line->held < HELD) {
        ssize_t n = recv(line->client, line->hold + line->held, HELD - line->held, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN)) return -1;
        if (n > 0) {
            if (line->held == 0) line->due = time + delay;
            line->held += n;
        }
    }
    if (line->held > 0) {
        if (time >= line->due) {
            ssize_t n = send(line->server, line->hold + line->sent, line->held - line->sent, MSG_NOSIGNAL);
            if (n < 0 && errno != EAGAIN) return -1;
            if (n > 0) line->sent += n;
            if (line->sent == line->held) line->sent = line->held = 0;
            else next = 0.001;
        } else if (line->due - time < next) next = line->due - time;
    }
    line->allowance += (time - line->last) * rate;
    line->last = time;
    /* A line that was idle may not make up for it: a hundredth of a second at most. */
    if (line->allowance > rate / 100) line->allowance = rate / 100;
    while (1) {
        if (line->pending_sent < line->pending) {
            ssize_t n = send(line->client, line->piece + line->pending_sent, line->pending - line->pending_sent, MSG_NOSIGNAL);
            if (n < 0 && errno == EAGAIN) return next < 0.005 ? next : 0.005;
            if (n <= 0) return -1;
            line->pending_sent += n;
            continue;
        }
        if (line->server_ended) return -1;
        if (line->allowance < 4096) {
            double wait = (rate / 200 - line->allowance) / rate;
            return wait < next ? (wait > 0.0005 ? wait : 0.0005) : next;
        }
        int want = line->allowance < PIECE ? (int)line->allowance : PIECE;
        ssize_t n = recv(line->server, line->piece, want, 0);
        if (n < 0 && errno == EAGAIN) return next;
        if (n < 0) return -1;
        if (n == 0) { line->server_ended = 1; continue; }
        line->allowance -= n;
        line->pending = n;
        line->pending_sent = 0;
    }
}

static void welcome(int listener, int upstream, int poll) {
    int client;
    while ((client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct sockaddr_in address = at(upstream);
        int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
        if (client >= MAX_FD || server < 0 || connect(server, (struct sockaddr *)&address, sizeof address) != 0) {
            close(client);
            if (server >= 0) close(server);
            continue;
        }
        fcntl(server, F_SETFL, O_NONBLOCK);
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct line *line = calloc(1, sizeof *line);
        *line = (struct line){.client = client, .server = server, .last = now()};
        line->hold = malloc(HELD);
        line->piece = malloc(PIECE);
        lines[client] = line;
        struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.fd = client};
        epoll_ctl(poll, EPOLL_CTL_ADD, client, &event);
        event.data.fd = client;
        epoll_ctl(poll, EPOLL_CTL_ADD, server, &event);
    }
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    delay = atof(argv[3]) / 1000;
    rate = atof(argv[4]);
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_in address = at(atoi(argv[1]));
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 512) != 0) {
        perror("far");
        return 1;
    }
    int poll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[64];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    puts("ready");
    fflush(stdout);
    double wait = 1;
    while (1) {
        int count = epoll_wait(poll, events, 64, wait >= 1 ? 1000 : (int)(wait * 1000) + 1);
        for (int i = 0; i < count; i++)
            if (events[i].data.fd == listener) welcome(listener, atoi(argv[2]), poll);
        wait = 1;
        double time = now();
        for (int i = 0; i < MAX_FD; i++) {
            if (!lines[i]) continue;
            double next = turn(lines[i], time);
            if (next < 0) end(lines[i]);
            else if (next < wait) wait = next;
        }
    }
}
