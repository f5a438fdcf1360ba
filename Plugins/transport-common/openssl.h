/* SPDX-License-Identifier: Apache-2.0
 * OpenSSL 3, loaded when something first needs TLS: see the README of transport-http for the reason. Its
 * objects are opaque pointers here, so its headers are not needed to build. */
#ifndef TRANSPORT_COMMON_OPENSSL_H
#define TRANSPORT_COMMON_OPENSSL_H

#include "text.h"

/** OSSL_PARAM (core.h). */
struct openssl_param {
    const char *key;
    unsigned type;
    void *data;
    size_t size;
    size_t returned;
};

/** The functions used. */
struct openssl {
    int (*OPENSSL_init_ssl)(uint64_t, const void *);
    const void *(*TLS_client_method)(void);
    const void *(*TLS_server_method)(void);
    void *(*SSL_CTX_new)(const void *);
    void (*SSL_CTX_free)(void *);
    long (*SSL_CTX_ctrl)(void *, int, long, void *);
    void (*SSL_CTX_set_verify)(void *, int, void *);
    int (*SSL_CTX_set_default_verify_paths)(void *);
    int (*SSL_CTX_load_verify_file)(void *, const char *);
    int (*SSL_CTX_use_certificate_chain_file)(void *, const char *);
    int (*SSL_CTX_use_PrivateKey_file)(void *, const char *, int);
    int (*SSL_CTX_check_private_key)(const void *);
    void (*SSL_CTX_set_default_passwd_cb)(void *, int (*)(char *, int, int, void *));
    uint64_t (*SSL_CTX_set_options)(void *, uint64_t);
    int (*SSL_CTX_set_cipher_list)(void *, const char *);
    int (*SSL_CTX_set_session_id_context)(void *, const uint8_t *, unsigned);
    int (*SSL_CTX_set_num_tickets)(void *, size_t);
    long (*SSL_CTX_set_timeout)(void *, long);
    int (*SSL_CTX_set_tlsext_ticket_key_evp_cb)(void *,
                                                int (*)(void *, uint8_t *, uint8_t *, void *, void *, int));
    void *(*SSL_load_client_CA_file)(const char *);
    void (*SSL_CTX_set_client_CA_list)(void *, void *);
    long (*SSL_CTX_callback_ctrl)(void *, int, void (*)(void));
    void (*SSL_CTX_set_alpn_select_cb)(
        void *, int (*)(void *, const uint8_t **, uint8_t *, const uint8_t *, unsigned, void *), void *);
    int (*SSL_CTX_set_alpn_protos)(void *, const uint8_t *, unsigned);
    void *(*SSL_new)(void *);
    void (*SSL_free)(void *);
    void (*SSL_set_bio)(void *, void *, void *);
    void (*SSL_set_connect_state)(void *);
    void (*SSL_set_accept_state)(void *);
    const char *(*SSL_get_servername)(const void *, int);
    void *(*SSL_get0_peer_certificate)(const void *);
    int (*i2d_X509)(const void *, uint8_t **);
    long (*SSL_ctrl)(void *, int, long, void *);
    int (*SSL_set1_host)(void *, const char *);
    void *(*SSL_get0_param)(void *);
    int (*SSL_do_handshake)(void *);
    int (*SSL_read)(void *, void *, int);
    int (*SSL_write)(void *, const void *, int);
    int (*SSL_shutdown)(void *);
    int (*SSL_get_error)(const void *, int);
    long (*SSL_get_verify_result)(const void *);
    int (*X509_VERIFY_PARAM_set1_ip_asc)(void *, const char *);
    const char *(*X509_verify_cert_error_string)(long);
    const void *(*EVP_aes_256_cbc)(void);
    int (*EVP_EncryptInit_ex)(void *, const void *, void *, const uint8_t *, const uint8_t *);
    int (*EVP_DecryptInit_ex)(void *, const void *, void *, const uint8_t *, const uint8_t *);
    int (*EVP_MAC_CTX_set_params)(void *, const struct openssl_param *);
    const void *(*BIO_s_mem)(void);
    void *(*BIO_new)(const void *);
    int (*BIO_read)(void *, void *, int);
    int (*BIO_write)(void *, const void *, int);
    long (*BIO_ctrl)(void *, int, long, void *);
    unsigned long (*ERR_get_error)(void);
    void (*ERR_clear_error)(void);
    const char *(*ERR_reason_error_string)(unsigned long);
};

/* OpenSSL's stable numbers (ssl.h, bio.h). */
enum {
    CTRL_MODE = 33,
    CTRL_SET_SESS_CACHE_MODE = 44,
    CTRL_SET_TLSEXT_SERVERNAME_CB = 53,
    CTRL_SET_TLSEXT_HOSTNAME = 55,
    CTRL_SET_MIN_PROTO_VERSION = 123,
    MODE_ENABLE_PARTIAL_WRITE = 1,
    MODE_ACCEPT_MOVING_WRITE_BUFFER = 2,
    MODE_RELEASE_BUFFERS = 0x10,
    TLS1_2 = 0x0303,
    TLS1_3 = 0x0304,
    OPTION_NO_TICKET = 1 << 14,
    OPTION_NO_COMPRESSION = 1 << 17,
    OPTION_SERVER_PREFERENCE = 1 << 22,
    OPTION_NO_RENEGOTIATION = 1 << 30,
    SESS_CACHE_OFF = 0,
    FILETYPE_PEM = 1,
    TLSEXT_OK = 0,
    TLSEXT_FATAL = 2,
    VERIFY_NONE = 0,
    VERIFY_PEER = 1,
    VERIFY_FAIL_IF_NO_PEER_CERT = 2,
    ERROR_WANT_READ = 2,
    ERROR_ZERO_RETURN = 6,
    BIO_CTRL_MEM_DATA = 3,
    PARAM_TEXT = 4,
    PARAM_OCTETS = 5,
    RECORD = 16384,
    INIT_NO_ATEXIT = 0x80000
};

/** Loads it. False: `*missing` names what is not there. */
bool openssl_load(struct openssl *api, const char **missing);

#endif
