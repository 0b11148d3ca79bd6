// SPDX-License-Identifier: Apache-2.0
// The three hash functions of SIP digest authentication (RFC 7616, RFC 8760), from libcrypto.
#ifndef CALLMETER_CCRYPTO_SHIM_H
#define CALLMETER_CCRYPTO_SHIM_H

#include <openssl/evp.h>
#include <stddef.h>

// Fetching an algorithm costs more than hashing a short message, so it is fetched once per process.
static inline const EVP_MD *callmeter_fetch(const char *name) { return EVP_MD_fetch(NULL, name, NULL); }

// Hashes `length` bytes at `input` into `output` (room for the digest). Returns 1 when it worked.
static inline int callmeter_hash(const EVP_MD *algorithm, EVP_MD_CTX *context, const void *input, size_t length,
                                 void *output) {
    return EVP_DigestInit_ex(context, algorithm, NULL) == 1 && EVP_DigestUpdate(context, input, length) == 1 &&
           EVP_DigestFinal_ex(context, (unsigned char *)output, NULL) == 1;
}

// Hashes with function 0 (MD5), 1 (SHA-256) or 2 (SHA-512/256), on any thread. Function and context are kept per thread: both
// are costly to make, and a context must not be shared. Returns 1 when it worked.
static inline int callmeter_digest(int function, const void *input, size_t length, void *output) {
    static _Thread_local EVP_MD *functions[3];
    static _Thread_local EVP_MD_CTX *context;
    static const char *const names[3] = {"MD5", "SHA256", "SHA512-256"};
    if (function < 0 || function > 2) return 0;
    if (!context) context = EVP_MD_CTX_new();
    if (!functions[function]) functions[function] = EVP_MD_fetch(NULL, names[function], NULL);
    if (!context || !functions[function]) return 0;
    int worked = callmeter_hash(functions[function], context, input, length, output);
    // SHA-512 leaves its last block in the context, and with it what was hashed; the other two wipe theirs.
    unsigned char none[32];
    if (function == 2) callmeter_hash(functions[function], context, none, 0, none);
    return worked;
}

#endif
