/* SPDX-License-Identifier: Apache-2.0
 * Loading OpenSSL 3. */
#include "openssl.h"

#include <dlfcn.h>

bool openssl_load(struct openssl *api, const char **missing) {
    void *library = dlopen("libssl.so.3", RTLD_NOW | RTLD_LOCAL);
    *missing = "libssl.so.3";
    if (library == NULL) return false;
#define LOAD(name)                                                                                           \
    do {                                                                                                     \
        void *symbol = dlsym(library, #name);                                                                \
        *missing = #name;                                                                                    \
        if (symbol == NULL) return false;                                                                    \
        memcpy(&api->name, &symbol, sizeof(symbol));                                                         \
    } while (0)
    LOAD(OPENSSL_init_ssl);
    LOAD(TLS_client_method);
    LOAD(TLS_server_method);
    LOAD(SSL_CTX_new);
    LOAD(SSL_CTX_free);
    LOAD(SSL_CTX_ctrl);
    LOAD(SSL_CTX_set_verify);
    LOAD(SSL_CTX_set_default_verify_paths);
    LOAD(SSL_CTX_load_verify_file);
    LOAD(SSL_CTX_use_certificate_chain_file);
    LOAD(SSL_CTX_use_PrivateKey_file);
    LOAD(SSL_CTX_check_private_key);
    LOAD(SSL_CTX_set_default_passwd_cb);
    LOAD(SSL_CTX_set_options);
    LOAD(SSL_CTX_set_cipher_list);
    LOAD(SSL_CTX_set_session_id_context);
    LOAD(SSL_CTX_set_num_tickets);
    LOAD(SSL_CTX_set_timeout);
    LOAD(SSL_CTX_set_tlsext_ticket_key_evp_cb);
    LOAD(SSL_load_client_CA_file);
    LOAD(SSL_CTX_set_client_CA_list);
    LOAD(SSL_CTX_callback_ctrl);
    LOAD(SSL_CTX_set_alpn_select_cb);
    LOAD(SSL_CTX_set_alpn_protos);
    LOAD(SSL_new);
    LOAD(SSL_free);
    LOAD(SSL_set_bio);
    LOAD(SSL_set_connect_state);
    LOAD(SSL_set_accept_state);
    LOAD(SSL_get_servername);
    LOAD(SSL_get0_peer_certificate);
    LOAD(i2d_X509);
    LOAD(SSL_ctrl);
    LOAD(SSL_set1_host);
    LOAD(SSL_get0_param);
    LOAD(SSL_do_handshake);
    LOAD(SSL_read);
    LOAD(SSL_write);
    LOAD(SSL_shutdown);
    LOAD(SSL_get_error);
    LOAD(SSL_get_verify_result);
    LOAD(X509_VERIFY_PARAM_set1_ip_asc);
    LOAD(X509_verify_cert_error_string);
    LOAD(EVP_aes_256_cbc);
    LOAD(EVP_EncryptInit_ex);
    LOAD(EVP_DecryptInit_ex);
    LOAD(EVP_MAC_CTX_set_params);
    LOAD(BIO_s_mem);
    LOAD(BIO_new);
    LOAD(BIO_read);
    LOAD(BIO_write);
    LOAD(BIO_ctrl);
    LOAD(ERR_get_error);
    LOAD(ERR_clear_error);
    LOAD(ERR_reason_error_string);
#undef LOAD
    // No exit handler: the host may end while other threads still run.
    api->OPENSSL_init_ssl(INIT_NO_ATEXIT, NULL);
    return true;
}
