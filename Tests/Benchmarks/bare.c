/* The practical limit: libcurl's multi interface, one write and one SHA-256 update for each buffer while it is hot, and
   nothing else. What layerd is measured against.

   bare [-c CONNECTIONS] [-r RANGE_BYTES] [-f] [-k CA_FILE] < LIST
   Each line of LIST: URL SIZE DIGEST_HEX OUTPUT. -r splits files longer than RANGE_BYTES into ranges of that length;
   -f makes each file durable (fdatasync, then one fsync of the directory at the end). Exits 1 on any mismatch. */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER = 512 << 10, MAX_FILES = 4096 };

struct file {
    char url[1024], path[1024], digest[65];
    long long size, hashed, done_bytes;
    int fd;
    EVP_MD_CTX *hash;
    unsigned char *have; /* one flag for each range that is whole */
    long long ranges;
    int finished;
};

struct part {
    struct file *file;
    long long start, end, at;
    CURL *easy;
};

static struct file files[MAX_FILES];
static int file_count, connections = 8, durable;
static long long range_bytes;
static const char *ca_file;
static unsigned char *scratch;

static void fail(const char *what, const char *name) {
    fprintf(stderr, "bare: %s: %s\n", what, name);
    exit(1);
}

static size_t take(char *bytes, size_t one, size_t count, void *context) {
    struct part *part = context;
    size_t length = one * count, written = 0;
    if (part->at + (long long)length > part->end) fail("too long", part->file->url);
    if (part->file->ranges == 1) EVP_DigestUpdate(part->file->hash, bytes, length);
    while (written < length) {
        ssize_t n = pwrite(part->file->fd, bytes + written, length - written, part->at + written);
        if (n <= 0) fail("write", part->file->path);
        written += n;
    }
    part->at += length;
    return length;
}

static void finish(struct file *file) {
    unsigned char sum[32];
    char hex[65];
    EVP_DigestFinal_ex(file->hash, sum, NULL);
    for (int i = 0; i < 32; i++) sprintf(hex + 2 * i, "%02x", sum[i]);
    if (strcmp(hex, file->digest) != 0) fail("wrong digest", file->url);
    if (durable && fdatasync(file->fd) != 0) fail("fdatasync", file->path);
    close(file->fd);
    EVP_MD_CTX_free(file->hash);
    file->finished = 1;
}

/* Of a file in ranges: hashes what has become whole from the beginning, out of the page cache. */
static void advance(struct file *file) {
    while (file->hashed < file->size && file->have[file->hashed / range_bytes]) {
        long long end = (file->hashed / range_bytes + 1) * range_bytes;
        if (end > file->size) end = file->size;
        while (file->hashed < end) {
            long long want = end - file->hashed < BUFFER ? end - file->hashed : BUFFER;
            ssize_t n = pread(file->fd, scratch, want, file->hashed);
            if (n <= 0) fail("read", file->path);
            EVP_DigestUpdate(file->hash, scratch, n);
            file->hashed += n;
        }
    }
}

static void start(CURLM *multi, struct part *part, CURL *easy) {
    part->easy = easy;
    curl_easy_setopt(easy, CURLOPT_URL, part->file->url);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)BUFFER);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, part);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, part);
    curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    if (ca_file) curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
    char range[64];
    snprintf(range, sizeof range, "%lld-%lld", part->start, part->end - 1);
    curl_easy_setopt(easy, CURLOPT_RANGE, part->file->ranges > 1 ? range : NULL);
    curl_multi_add_handle(multi, easy);
}

static void read_list(void) {
    while (scanf("%1023s %lld %64s %1023s", files[file_count].url, &files[file_count].size, files[file_count].digest,
                 files[file_count].path) == 4) {
        struct file *file = &files[file_count++];
        if (file_count == MAX_FILES) fail("too many files", file->url);
        file->fd = open(file->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (file->fd < 0) fail("open", file->path);
        if (file->size > 0) (void)!fallocate(file->fd, FALLOC_FL_KEEP_SIZE, 0, file->size);
        file->hash = EVP_MD_CTX_new();
        EVP_DigestInit_ex(file->hash, EVP_sha256(), NULL);
        file->ranges = range_bytes > 0 ? (file->size + range_bytes - 1) / range_bytes : 1;
        if (file->ranges < 1) file->ranges = 1;
        file->have = calloc(file->ranges, 1);
    }
}

int main(int argc, char **argv) {
    for (int option; (option = getopt(argc, argv, "c:r:fk:")) != -1;) {
        if (option == 'c') connections = atoi(optarg);
        else if (option == 'r') range_bytes = atoll(optarg);
        else if (option == 'f') durable = 1;
        else if (option == 'k') ca_file = optarg;
        else return 2;
    }
    scratch = malloc(BUFFER);
    curl_global_init(CURL_GLOBAL_ALL);
    read_list();
    long long total = 0, next = 0, running = 0, done = 0;
    for (int i = 0; i < file_count; i++) total += files[i].ranges;
    struct part *parts = calloc(total, sizeof *parts);
    for (int i = 0, at = 0; i < file_count; i++)
        for (long long r = 0; r < files[i].ranges; r++, at++) {
            long long start = files[i].ranges > 1 ? r * range_bytes : 0;
            long long end = files[i].ranges > 1 ? start + range_bytes : files[i].size;
            parts[at] = (struct part){&files[i], start, end < files[i].size ? end : files[i].size, start, NULL};
        }
    CURLM *multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)connections);
    while (done < total) {
        while (running < connections && next < total) {
            start(multi, &parts[next++], curl_easy_init());
            running++;
        }
        int active, left;
        curl_multi_perform(multi, &active);
        for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));) {
            struct part *part;
            CURL *easy = message->easy_handle;
            curl_easy_getinfo(easy, CURLINFO_PRIVATE, &part);
            if (message->data.result != CURLE_OK) fail(curl_easy_strerror(message->data.result), part->file->url);
            if (part->at != part->end) fail("too short", part->file->url);
            curl_multi_remove_handle(multi, easy);
            curl_easy_cleanup(easy);
            struct file *file = part->file;
            if (file->ranges > 1) {
                file->have[part->start / range_bytes] = 1;
                advance(file);
            }
            file->done_bytes += part->end - part->start;
            if (file->done_bytes == file->size) finish(file);
            running--;
            done++;
        }
        if (done < total) curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    for (int i = 0; i < file_count; i++)
        if (!files[i].finished) fail("unfinished", files[i].url);
    if (durable && file_count > 0) {
        int directory = open(dirname(files[0].path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory < 0 || fsync(directory) != 0) fail("fsync", files[0].path);
    }
    return 0;
}
