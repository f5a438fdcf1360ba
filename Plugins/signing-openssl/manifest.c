/* SPDX-License-Identifier: Apache-2.0
 * signing-openssl: the manifest. */
#include <jackfield/base.h>

JF_MANIFEST("{\"id\":\"signing-openssl\",\"version\":\"0.1.0\",\"abi\":\"1.1\","
            "\"summary\":\"Signs what the gateway wants to prove later, with Ed25519 of OpenSSL\","
            "\"facets\":[],\"provides\":[\"jf.signing/1\"],\"requires\":[],"
            "\"threads\":\"per-loop\","
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}}}");
