// SPDX-License-Identifier: Apache-2.0
//
// The least that an import of accounts can cost on this machine: every row's 16-byte password under AES-256-GCM with a fresh
// nonce, and one insertion by a prepared statement into a table that keeps usernames unique, all in one transaction. No
// reading, no rules, no identifiers, no foreign keys, no other client served.
//
//     import-floor ROWS FILE    makes FILE anew; prints seconds of wall time and of processor time
//
// cc -O2 -o import-floor import-floor.c -lsqlite3 -lcrypto

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { NONCE = 12, TEXT = 16, TAG = 16, SEALED = 60 };

static sqlite3 *database;
static EVP_CIPHER_CTX *cipher;

static double seconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void check(int good, const char *what) {
    if (good) return;
    fprintf(stderr, "import-floor: %s: %s\n", what, database ? sqlite3_errmsg(database) : "failed");
    exit(1);
}

static void execute(const char *sql) { check(sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK, sql); }

static void start_cipher(void) {
    unsigned char key[32];
    check(RAND_bytes(key, sizeof key) == 1, "random bytes");
    cipher = EVP_CIPHER_CTX_new();
    check(cipher && EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key, NULL) == 1, "AES-256-GCM");
}

/* Writes nonce, ciphertext and tag; the key schedule is made once for all. */
static void seal(const char *password, uint64_t number, unsigned char *sealed) {
    int length;
    memset(sealed, 0, SEALED);
    memcpy(sealed, &number, sizeof number);
    check(EVP_EncryptInit_ex(cipher, NULL, NULL, NULL, sealed) == 1
              && EVP_EncryptUpdate(cipher, sealed + NONCE, &length, (const unsigned char *)password, TEXT) == 1
              && EVP_EncryptFinal_ex(cipher, sealed + NONCE + TEXT, &length) == 1
              && EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG, sealed + NONCE + TEXT) == 1,
          "sealing");
}

int main(int count, char **words) {
    long rows = count == 3 ? atol(words[1]) : 0;
    if (rows < 1) {
        fprintf(stderr, "usage: import-floor ROWS FILE\n");
        return 2;
    }
    unlink(words[2]);
    check(sqlite3_open(words[2], &database) == SQLITE_OK, "open");
    execute("PRAGMA journal_mode = WAL");
    execute("PRAGMA synchronous = NORMAL");
    execute("CREATE TABLE account (position INTEGER PRIMARY KEY, registrar INTEGER NOT NULL, username TEXT NOT NULL, "
            "secret BLOB NOT NULL, UNIQUE (registrar, username))");
    sqlite3_stmt *insertion;
    check(sqlite3_prepare_v2(database, "INSERT INTO account (registrar, username, secret) VALUES (1, ?, ?)", -1, &insertion,
                             NULL) == SQLITE_OK,
          "prepare");
    start_cipher();

    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    execute("BEGIN");
    for (long row = 0; row < rows; row++) {
        char username[32], password[TEXT + 1];
        unsigned char sealed[SEALED];
        int length = snprintf(username, sizeof username, "cm-test-%07ld", row);
        snprintf(password, sizeof password, "%016llx", (unsigned long long)(row + 1) * 0x9E3779B97F4A7C15u);
        seal(password, (uint64_t)row, sealed);
        sqlite3_bind_text(insertion, 1, username, length, SQLITE_STATIC);
        sqlite3_bind_blob(insertion, 2, sealed, sizeof sealed, SQLITE_STATIC);
        check(sqlite3_step(insertion) == SQLITE_DONE, "insertion");
        sqlite3_reset(insertion);
    }
    execute("COMMIT");
    wall = seconds(CLOCK_MONOTONIC) - wall;
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    sqlite3_finalize(insertion);
    sqlite3_close(database);
    printf("%.3f %.3f\n", wall, cpu);
    return 0;
}
